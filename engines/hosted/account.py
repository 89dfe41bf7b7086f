"""The requests to a host, with the account's key: submissions, polls, cancellations and pictures.

A submission costs money, so it gets a connection of its own: a pooled one might break just then, and
nobody could tell whether it was started. The key goes to the base URL's origin and, by https, to the
host's own domains: some hosts answer with URLs that are to be polled as given.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engines.hosted.host import HostedCall
from engines.remote.cells import from_base64
from engines.remote.session import (
    DRAWING_MAX_BYTES,
    Answer,
    Answered,
    Judge,
    NoAnswer,
    Remote,
)
from engines.remote.spent import lost_on_the_way
from limner.errors import BadResult, EngineDown, EngineError, JobLost
from net.cut import Cut

#: how long connecting takes at most; health must answer within 3 s
CONNECT_S, PROBE_CONNECT_S, PROBE_READ_S = 5.0, 1.5, 1.4
PICTURE_S = 10.0
#: longer words than these are no ids and URLs of ours to store in a job's record
ID_MAX, URL_MAX = 200, 2000
#: the host's own origins besides the base URL's; more are forgotten
ORIGINS_MAX = 8
#: a host's name or address
_NAME = re.compile(r"[a-z0-9._:-]+")


class SubmissionLost(JobLost):
    """Nobody can tell whether it was started."""

    def __init__(self) -> None:
        super().__init__(self.summary(), charged=True)


class Account:
    """One account at a host. Safe to use from many threads."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        judge: Judge | None = None,
        domains: tuple[str, ...] = (),
        submit_s: float = 30.0,
    ) -> None:
        """Make it; ``domains``: where the host's answers may lead with the key, subdomains included.

        ``judge``: what an error status means, if the usual meaning is not right (see ``Remote``).
        """
        self._headers, self._judge = dict(headers), judge
        self._domains, self._submit_s = domains, submit_s
        self._home = Remote(url, headers=headers, connect_s=CONNECT_S, judge=judge)
        self._probe = Remote(
            url, headers=headers, connect_s=PROBE_CONNECT_S, read_s=PROBE_READ_S, judge=judge
        )
        self._elsewhere: dict[str, Remote] = {}
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        """Where requests go, without a trailing slash."""
        return self._home.base_url

    def submit(self, call: HostedCall) -> dict[str, Any]:
        """Send a request that costs money, and return the answer's object; empty if it has none.

        Raises:
            SubmissionLost: it may have been started.
            EngineError: it was not.
        """
        try:
            return self._home.request(
                "POST",
                call.path,
                json=call.body,
                headers=dict(call.headers),
                read_s=self._submit_s,
                cut=Cut(),
                judge=self._judge_submission,
            ).table()
        except (NoAnswer, BadResult):
            raise SubmissionLost from None

    def draw(self, call: HostedCall, cut: Cut, silent_s: float) -> Answer:
        """Send a request whose answer is the drawing; ``silent_s``: how long no byte of it may come.

        Raises:
            NoAnswer: it may have been drawn.
            EngineError: it was turned away.
        """
        return self._home.request(
            "POST",
            call.path,
            json=call.body,
            headers=dict(call.headers),
            read_s=silent_s,
            cut=cut,
            most_bytes=DRAWING_MAX_BYTES,
            judge=self._judge_drawing,
        )

    def ask(self, path: str, *, params: Mapping[str, Any] | None = None) -> Answer:
        """GET what tells about the host itself, quickly: for health and abilities."""
        return self._probe.request("GET", path, params=params)

    def look(
        self,
        where: str,
        read_s: float,
        *,
        params: Mapping[str, Any] | None = None,
        judge: Judge | None = None,
    ) -> Answer | None:
        """GET a path or one of the host's URLs; None: the host does not know it.

        ``judge``: for this request, in place of the account's own.

        Raises:
            EngineError: the host could not be asked, or answered with another error.
        """
        remote, path = self._at(where)
        try:
            return remote.request("GET", path, params=params, read_s=read_s, judge=judge)
        except Answered as error:
            if error.answer.status in (404, 410):
                return None
            raise

    def send(self, method: str, where: str, body: Any = None) -> Answer | None:
        """Make a request that costs nothing, to a path or one of the host's URLs; None if it was refused.

        For cancellations: that something is over, or unknown, is no error.

        Raises:
            EngineDown: the host was not reached, or does not want to be asked now.
            Refused: it does not take the key.
        """
        remote, path = self._at(where)
        try:
            return remote.request(method, path, json=body, judge=_judge_what_is_free)
        except Answered:
            return None

    def picture(self, where: str) -> bytes:
        """Return the picture at a URL, or in a data URL.

        Raises:
            BadResult: it is not there.
            EngineDown: its host was not reached.
        """
        if where.startswith("data:"):
            return from_base64(where)
        return self._home.download(where, read_s=PICTURE_S)

    def is_ours(self, url: Any) -> bool:
        """Return whether a URL that the host gave may be asked with our key."""
        if not isinstance(url, str) or len(url) > URL_MAX:
            return False
        try:
            parts = urlsplit(url)
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        # What else may stand there, libraries read in different ways: "https://else.where\\.host.com/"; blanks
        # they leave out, and then the path would begin elsewhere.
        if not _NAME.fullmatch(name) or not url.startswith(_origin(url)):
            return False
        if _origin(url) == _origin(self._home.base_url):
            return not parts.username
        known = any(name == domain or name.endswith(f".{domain}") for domain in self._domains)
        return known and parts.scheme == "https" and not parts.username and parts.port is None

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            remotes = [self._home, self._probe, *self._elsewhere.values()]
            self._elsewhere.clear()
        for remote in remotes:
            remote.close()

    def _at(self, where: str) -> tuple[Remote, str]:
        """Return who is asked, and for which path."""
        if where.startswith("/"):
            return self._home, where
        if not self.is_ours(where):
            raise BadResult("The engine's answer leads to a host that is not its own.")
        origin = _origin(where)
        with self._lock:
            remote = self._elsewhere.get(origin)
            if remote is None:
                if len(self._elsewhere) >= ORIGINS_MAX:
                    self._elsewhere.pop(next(iter(self._elsewhere))).close()
                remote = Remote(
                    origin, headers=self._headers, connect_s=CONNECT_S, judge=self._judge
                )
                self._elsewhere[origin] = remote
        return remote, where[len(origin) :] or "/"

    def _judge_drawing(self, answer: Answer) -> EngineError | None:
        return lost_on_the_way(answer) or (self._judge(answer) if self._judge else None)

    def _judge_submission(self, answer: Answer) -> EngineError | None:
        if lost_on_the_way(answer):
            return SubmissionLost()
        return self._judge(answer) if self._judge else None


def _judge_what_is_free(answer: Answer) -> EngineError | None:
    """Return ``Answered`` for what a host refuses to do, and another error for what it may do later."""
    if answer.status in (401, 402, 403):
        return None
    if answer.status in (408, 429) or answer.status >= 500:
        return EngineDown(f"it answered with HTTP {answer.status}")
    return Answered(answer)


def id_in(told: Mapping[str, Any], name: str = "id") -> str:
    """Return the id in the answer to a submission.

    Raises:
        SubmissionLost: there is none, though the host has accepted it.
    """
    value = told.get(name)
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value):
        raise SubmissionLost
    if len(str(value)) > ID_MAX or not _is_plain(str(value)):
        raise SubmissionLost
    return str(value)


def _is_plain(text: str) -> bool:
    """Return whether an id can stand in a path as it is."""
    return text.isascii() and all(one.isalnum() or one in "-_.:" for one in text) and text[0] != "."


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
