"""The faces: the protocols that the gateway speaks.

A face has a room in ``api/faces/`` and one in ``schemas/``, both by its name, and is registered by one line
here. What it needs from others is found by name: ``api.faces.<name>.FACE``, and, if its callbacks have a shape
of their own, ``schemas.<name>.callback``.
"""

from __future__ import annotations

#: the gateway's own
LIMNER = "limner"
#: in the order in which they are asked whether an address is theirs
FACES = (
    LIMNER,
    "mjproxy",
    "openai",
    "replicate",
    "mcp",
    "sdapi",
)
