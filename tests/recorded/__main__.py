"""Record the scenes that have no recording yet: ``python -m tests.recorded FOLDER``.

For new scenes, before the code changes. A recording that exists is left as it is: see the package.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limner.settings import redis_socket
from limner.store import Store
from stack import embedded
from tests.conftest import answers, wait_until
from tests.recorded.house import Step, a_house
from tests.recorded.marks import Marks
from tests.recorded.recording import as_text
from tests.recorded.scenes import SCENES


@contextmanager
def a_server() -> Iterator[str]:
    """Run a server of our own, and yield its URL."""
    folder = Path(tempfile.mkdtemp(prefix="limner-recorded-"))
    server = embedded.start(folder)
    try:
        url = redis_socket.socket_url(folder)
        store = Store(url)
        wait_until(lambda: answers(store), what="the embedded server")
        store.close()
        yield url
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def record(redis_url: str, scene: list[tuple[str, dict[str, Any]]]) -> list[Step]:
    """Play a scene, and return its steps with what was told."""
    marks, steps = Marks(), []
    with tempfile.TemporaryDirectory() as folder, a_house(redis_url, Path(folder)) as house:
        for verb, arguments in scene:
            told = house.play(verb, marks.shown(arguments))
            steps.append({"do": verb, "with": arguments, "told": marks.hidden(told, house.ids)})
    return steps


def main() -> None:
    """Write each scene that has no file."""
    parser = argparse.ArgumentParser(prog="python -m tests.recorded")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    missing = {
        name: scene for name, scene in SCENES.items() if not (folder / f"{name}.json").exists()
    }
    folder.mkdir(exist_ok=True)
    with a_server() as url:
        for name, scene in missing.items():
            (folder / f"{name}.json").write_text(as_text(record(url, scene)), encoding="utf-8")
            print(f"recorded {name}")  # noqa: T201
    for name in sorted(SCENES.keys() - missing.keys()):
        print(f"left {name} as it is")  # noqa: T201


if __name__ == "__main__":
    main()
