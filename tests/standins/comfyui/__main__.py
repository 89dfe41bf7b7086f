"""Serve until Ctrl-C: ``python -m tests.standins.comfyui --port 8188``."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading

from tests.standins.comfyui.server import Comfy


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--seconds", type=float, default=2.0, help="that a drawing takes")
    parser.add_argument("--steps", type=int, default=5, help="of each sampler")
    parser.add_argument("faults", nargs="*")
    chosen = parser.parse_args()
    with Comfy(
        chosen.port, tuple(chosen.faults), seconds=chosen.seconds, steps=chosen.steps
    ) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
