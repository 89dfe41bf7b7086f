"""Refuse what an operator does not want drawn: words of a list, and what a moderation endpoint flags.

Asked by ``check_words`` of ``api/choices.py`` whenever a job is accepted, whatever the face, for follow-ups as well.
Nothing is checked again in a worker.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import g

from api.concurrency import THREADS, Concurrency
from api.places import Places
from limner.forbidden import ForbiddenWords, ModerationDown, WordsForbidden
from limner.json_peer import PeerSilent
from limner.log import event
from limner.prompt import parse_prompt
from limner.request import Request
from limner.settings import ForbiddenSettings

log = logging.getLogger(__name__)

#: most requests of one client, and of all, that wait for the endpoint at once in a process, each in a thread
CLIENT_ASKS, ASKS = 50, 200


class WordCheck:
    """The list and the endpoint of one process."""

    def __init__(self, settings: ForbiddenSettings, concurrency: Concurrency = THREADS) -> None:
        self._words = ForbiddenWords.of(settings.words)
        self._moderation = settings.moderation
        if self._moderation:
            # With urllib3, whose TLS is of no use to greenlets if it is loaded before gevent has patched ours.
            from net.json_peer import JsonPeer

            self._peer = JsonPeer(self._moderation.url, self._moderation.key)
        self._asks = Places(CLIENT_ASKS, ASKS)
        # A look-up of a name blocks its thread, and a deadline is its thread's.
        self._apart = concurrency.apart(ASKS)

    def __bool__(self) -> bool:
        """Whether anything is forbidden here."""
        return bool(self._words or self._moderation)

    def check(self, request: Request, client: str, names: tuple[str, str]) -> None:
        """Return if what the request wants drawn, and what not, is allowed.

        ``names``: what the client calls these two.

        Raises:
            WordsForbidden: it is not; the error names the field as the face of the request calls it.
            ModerationDown: the endpoint does not answer, and its silence refuses.
            TooManyAtOnce, Crowded: too many wait for the endpoint.
        """
        texts = (request.prompt_en, request.negative or "")
        # An engine gets the words without the flags between them.
        drawn = parse_prompt(request.prompt_en).words if self._words else ""
        for name, text in ((names[0], texts[0]), (names[0], drawn), (names[1], texts[1])):
            if found := self._words.found(text):
                event(log, "words.refused", client=client, listed=True)
                sentence = f"Has a word that is not allowed here: {found}."
                raise WordsForbidden({name: [sentence]}, request.prompt_en, found)
        words = "\n".join(text for text in texts if text.strip())
        # A request of several jobs asks once.
        allowed: set[str] = g.setdefault("allowed_words", set())
        if self._moderation and words and words not in allowed:
            if self._is_flagged(words, client):
                event(log, "words.refused", client=client, listed=False)
                sentence = "Is not allowed here: the moderation flagged it."
                raise WordsForbidden({names[0]: [sentence]}, request.prompt_en)
            allowed.add(words)

    def _is_flagged(self, words: str, client: str) -> bool:
        asked = self._moderation
        assert asked is not None
        body: dict[str, Any] = {"input": words} | ({"model": asked.model} if asked.model else {})
        try:
            with self._asks.hold(client):
                return _flagged(self._apart(self._peer.ask, body, asked.timeout_s))
        except PeerSilent as error:
            event(
                log,
                "moderation.missed",
                level=logging.WARNING,
                why=error.message,
                then=asked.silent,
            )
            if asked.silent == "pass":
                return False
            raise ModerationDown from None


def _flagged(answer: Any) -> bool:
    """Return whether any result of an answer is flagged.

    Raises:
        PeerSilent: it is no answer of a moderation endpoint.
    """
    results = answer.get("results") if isinstance(answer, Mapping) else None
    if not isinstance(results, list) or not results:
        raise PeerSilent("no results in the answer")
    flags = [one.get("flagged") if isinstance(one, Mapping) else None for one in results]
    if not all(isinstance(flag, bool) for flag in flags):
        raise PeerSilent("no verdict in the answer")
    return any(flags)
