"""A server that behaves like ComfyUI 0.3: its routes, its socket, its one-at-a-time queue in memory.

Event orders are those of real runs. By hand: ``python -m tests.standins.comfyui --port 8188``; a killed
one has forgotten everything, like the real one. ``faults`` are words: silent, deaf (the socket stays
open and is never sent to), intruder (somebody else's kind-1 previews), broken-png, half-png, six-tuple,
old (own ids, no feature flags, an interrupt that asks for no id), no-socket, lost (a submitted prompt is
forgotten), slow-history, nodes-bad (200 with node_errors), oom, crash, unauthorized, unavailable, busy,
no-checkpoint, dropped-submit (queued, but the answer never comes), not-json.
"""

from __future__ import annotations

from tests.standins.comfyui.server import Comfy

__all__ = ["Comfy"]
