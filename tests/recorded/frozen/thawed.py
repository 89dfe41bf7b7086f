"""A frozen store on a server of today, with the code of today on it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask

from api import create_app
from limner.pictures.image_store import Images
from limner.settings import Settings
from limner.store import Store
from limner.store.outbox import Claim, Next
from tests.api.drawing import a_picture
from tests.builders import MESSAGES, an_engine
from tests.callback_doubles import a_poster, done, take
from tests.conftest import MovingClock
from tests.recorded.frozen.scene import dump
from tests.recorded.marks import PUBLIC_URL
from tests.workers.conftest import Workshop
from workers.posting.letters import Letter, Letters

FILES = sorted(Path(__file__).parent.glob("*.json"))
PICTURE = a_picture(7, side=64)
#: the engine that the scene's drawings were made on
ENGINE = an_engine(fast=9, relaxed=9, seconds=0.0, steps=1)


class Thawed:
    """What a release left, an API and workers, and a clock that stands where it stood."""

    def __init__(self, path: Path, redis_url: str, folder: Path) -> None:
        self.file = json.loads(path.read_text(encoding="utf-8"))
        self.jobs: dict[str, str] = self.file["jobs"]
        self.noted: dict[str, Any] = self.file["noted"]
        self.clock = MovingClock(self.file["now_ms"])
        self.redis_url = redis_url
        self.store = Store(redis_url, clock=self.clock)
        self._fill()
        self.settings = Settings(redis_url=redis_url, data_dir=folder, public_url=PUBLIC_URL)
        self.app = self._app()
        self.letters = Letters(self.store, self.settings, lambda: self.clock.now_ms / 1000)

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Any:
        """Ask the API, and return status and body."""
        answer = self.app.test_client().open(path, method=method, headers=headers, json=body)
        return answer.status_code, answer.get_json(silent=True)

    def workshop(self) -> Workshop:
        """Return a worker on the same clock."""
        store = Store(self.redis_url, clock=self.clock)
        return Workshop(store, Images.of(self.settings, store.folders), [ENGINE])

    def post(self) -> list[dict[str, Any]]:
        """Deliver all that can be delivered now, to receivers that take it; return the bodies in order."""
        bodies = []
        self.store.outbox.tick(a_poster())
        while claims := take(self.store):
            for claim in claims:
                taken: Claim | None = claim
                while taken:
                    letter = self.letters.write(taken)
                    assert isinstance(letter, Letter), letter
                    bodies.append(json.loads(letter.body))
                    result = done(self.store, taken, go_on=True)
                    taken = result.taken if isinstance(result, Next) else None
        return bodies

    def kept(self) -> dict[str, list[Any]]:
        """Return each key's type and value as they are now."""
        return {
            key: [kind, value]
            for key, kind, value, _ttl in json.loads(json.dumps([*dump(self.store)]))
        }

    def close(self) -> None:
        """Let go of everything."""
        self.letters.close()
        self.store.close()

    def hang_pictures(self) -> None:
        """Put a picture where each of the release's lay: they are not in Redis."""
        images = Images.of(self.settings, self.store.folders)
        # Makes the folder, with what says that it is ours.
        images.put("drawings", b"", "png", datetime.fromtimestamp(self.clock.now_ms / 1000, UTC))
        said = json.dumps(self.file["keys"])
        for key in set(re.findall(rf"{PUBLIC_URL}/images/([\w/]+\.\w+)", said)):
            path = self.settings.data_dir / "images" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PICTURE)

    def _app(self) -> Flask:
        return create_app(
            self.settings,
            self.store,
            MESSAGES,
            now=lambda: datetime.fromtimestamp(self.clock.now_ms / 1000, UTC),
            clock=lambda: self.clock.now_ms / 1000,
        )

    def _fill(self) -> None:
        redis: Any = self.store.redis
        redis.flushall()
        writers = {
            "string": redis.set,
            "hash": lambda key, value: redis.hset(key, mapping=value),
            "list": lambda key, value: redis.rpush(key, *value),
            "set": lambda key, value: redis.sadd(key, *value),
            "zset": lambda key, value: redis.zadd(key, dict(value)),
        }
        for key, kind, value, ttl_ms in self.file["keys"]:
            writers[kind](key, value)
            if ttl_ms >= 0:
                redis.pexpire(key, ttl_ms)
