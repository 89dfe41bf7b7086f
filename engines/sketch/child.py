"""A painting process: reads orders from standard input, replies with pictures.

``children.py`` starts it as ``python -m engines.sketch.child <parent's pid>``. It exits when the pipe
closes or its parent changes, even in the middle of a picture: a thread watches both.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import sys
import threading
from typing import Any

from engines.sketch import wire

#: how often to check for the parent, in case a forked copy of it keeps the pipe open
LOOK_S = 1.0

#: use only the CPU time that the gateway does not need
NICENESS = 5

Frame = tuple[dict[str, Any], bytes]


def main(parent: int) -> None:
    """Process orders until the parent is gone."""
    # Ctrl-C reaches the whole process group; only the parent decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # a stray print must not fall between two frames
    answers = os.dup(1)
    os.dup2(2, 1)
    orders: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(parent, orders), daemon=True).start()
    # Loading is over soon, and a job waits for it: on a busy machine it would take seconds as a nice process.
    from engines.sketch import describe, painter  # noqa: F401

    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    while True:
        header, _ = orders.get()
        frame = memoryview(_answer(header))
        try:
            while frame:
                frame = frame[os.write(answers, frame) :]
        except OSError:
            os._exit(0)


def _listen(parent: int, orders: queue.SimpleQueue[Frame]) -> None:
    """Put the frames from the pipe into ``orders``; end the whole process when the pipe closes."""

    def read(count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            while not select.select([0], [], [], LOOK_S)[0]:
                if os.getppid() != parent:
                    raise EOFError
            part = os.read(0, count - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    try:
        while True:
            orders.put(wire.unpack(read))
    finally:
        os._exit(0)


def _answer(header: dict[str, Any]) -> bytes:
    """Paint one order; a failure is a reply too, which the parent interprets."""
    from engines.sketch.describe import described
    from engines.sketch.order import Order
    from engines.sketch.painter import UnreadablePicture, notes, paint_encoded

    try:
        order = Order.from_json(header["order"])
        if order.operation == "describe":
            return wire.pack({"notes": notes(order), "prompts": described(order.references[0])})
        picture = paint_encoded(order, header["cell"], header["shrink"])
        said = notes(order) if header.get("notes") else None
    except UnreadablePicture as error:
        return wire.pack({"failed": "reference", "why": str(error)})
    except MemoryError:
        return wire.pack({"failed": "memory", "why": ""})
    except Exception as error:  # noqa: BLE001 -- the process must outlive any one picture
        return wire.pack({"failed": "painter", "why": f"{type(error).__name__}: {error}"})
    return wire.pack({"notes": said}, picture)


if __name__ == "__main__":
    main(int(sys.argv[1]))
