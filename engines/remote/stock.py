"""What an engine needs of its server, item by item; only ``limner engines check`` asks for it.

An engine whose server may lack nodes or files implements ``Stocked`` beside the contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is there, or is not."""

    there: bool
    text: str


@runtime_checkable
class Stocked(Protocol):
    """An engine that can say what it needs of its server, and what of it is there."""

    def stock(self) -> Sequence[Item]:
        """Ask the server.

        Raises:
            EngineError: it cannot be asked.
        """
        ...
