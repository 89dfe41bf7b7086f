"""What becomes of questions to servers that are asked beside engines: a translator, a moderation."""

from __future__ import annotations

from limner.errors import LimnerError


class PeerSilent(LimnerError):
    """The server gave no answer that can be used."""
