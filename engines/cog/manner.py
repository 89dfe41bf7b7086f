"""The operator's options for a cog engine, as ``build`` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CogManner:
    """The operator's options for this container."""

    #: role → the model's own name for that input, where it is none of the usual ones
    names: Mapping[str, str] = field(default_factory=dict)
    #: inputs that every prediction gets
    inputs: Mapping[str, Any] = field(default_factory=dict)
    #: words added to every prompt except in style raw
    suffix: str = ""
    negative: str = ""
    #: how many times larger than the cell to draw, before scaling down
    scale: float = 2.0
    #: several cells in one prediction, if the model draws several; otherwise each in its own
    batch: bool = True
