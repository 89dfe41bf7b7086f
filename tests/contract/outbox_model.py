"""What the outbox owes after each step, reckoned beside it in plain Python.

For ``test_outbox_machine.py``: the machine does something to the outbox and to this model, and then
compares all that can be seen of both. Places are not reckoned, only bounded: which job is handed out
next is the outbox's own affair, and everything else about it is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from limner.store.outbox import Claim

HOUR_MS = 3_600_000
AGE_MAX_MS = 92 * HOUR_MS
TRANSITIONS_KEPT = 5
#: kind of an event → the job's status then, as ``emit`` of ``callback_doubles.py`` has it
STATUS = {"T": "submitted", "P": "drawing", "X": "done"}


@dataclass
class Said:
    """One event as it happened."""

    seq: int
    kind: str
    #: differs from event to event
    progress: str
    at_ms: int


@dataclass
class Fate:
    """How one client's receiver does."""

    fails: int = 0
    opens: int = 0
    open_until: int = 0
    ok: int = 0
    pace: int = 0

    def learn(self, health: str, took_ms: int, now: int) -> bool:
        """Learn from one answer; return whether the breaker opens."""
        if health == "ok":
            proven = self.fails < 2 and now - self.ok <= 600_000 and self.pace <= 2000
            if not (proven and self.fails == 0 and now - self.ok < 1000 and took_ms <= 1000):
                pace = int(self.pace * 0.7 + took_ms * 0.3) if self.pace else took_ms
                self.fails = self.opens = self.open_until = 0
                self.ok, self.pace = now, pace
        elif health == "bad":
            self.fails += 1
            if self.fails >= 5 and self.open_until <= now:
                self.opens += 1
                self.open_until = now + min(10_000 * 2 ** (self.opens - 1), 300_000)
                return True
        return False


@dataclass
class JobModel:
    """One job's outbox."""

    client: str
    dest: str
    fate: Fate
    #: the statuses that its caller wants to be told of; None: all
    tells: str | None = None
    #: every event there was, by seq
    said: dict[int, Said] = field(default_factory=dict)
    #: what a watcher is told, oldest first
    story: list[Said] = field(default_factory=list)
    #: what went to watchers only
    unwanted: set[int] = field(default_factory=set)
    queue: list[Said] = field(default_factory=list)
    resending: list[int] = field(default_factory=list)
    #: seq and why, oldest first
    dead: list[tuple[int, str]] = field(default_factory=list)
    log: list[int] = field(default_factory=list)
    acked: list[int] = field(default_factory=list)
    #: dead letters that were resent and taken
    resent: set[int] = field(default_factory=set)
    ended: bool = False
    gone: bool = False
    #: the end, once it was taken
    last: int = 0
    seq: int = 0
    #: highest live seq ever handed out
    sent: int = 0
    #: highest seq that a watcher saw
    shown: int = 0
    token: str = ""
    until: int = 0
    flying: tuple[int, bool] | None = None
    #: the lease ended, once, before it was given back
    lapsed: bool = False
    tried: int = 0
    retried: int = 0
    rests: int = 0
    not_before: int = 0
    kicked: bool = False

    @property
    def fate_name(self) -> str:
        """The name under which the outbox keeps what it knows of the receiver."""
        return f"{self.client} {self.dest}"

    def head(self) -> tuple[int, bool] | None:
        """Return the event to hand out next: its seq, and whether it is a resent one."""
        if self.queue:
            return self.queue[0].seq, False
        return (self.resending[0], True) if self.resending else None

    # -- what happens -------------------------------------------------------------------------

    def emit(self, kind: str, progress: str, now: int, *, parked: bool, due: bool) -> int:
        """Something happened; returns the seq that the job has afterwards."""
        if self.ended:
            return self.seq
        event = Said(self.seq + 1, kind, progress, now)
        self.ended = kind == "X"
        wanted = self.ended or self.tells is None or STATUS[kind] in self.tells.split()
        if self.gone:
            self._say(event, wanted)
            if wanted:
                self._bury(event, "gone")
            return self.seq
        flying = self.flying if self.until > now else None
        if self.queue and self.queue[-1].kind == "P" and (self.queue[-1].seq, False) != flying:
            if self.queue[-1].seq > max(self.sent, self.shown):
                event.seq = self.queue[-1].seq
            self.queue.pop()
        if not wanted:
            self._say(event, wanted)
            return self.seq
        head_flies = bool(flying and not flying[1] and self.queue)
        while kind == "T" and len(self.queue) >= TRANSITIONS_KEPT:
            self._bury(self.queue.pop(int(head_flies)), "superseded")
            if not head_flies:
                self._new_head()
        self._say(event, wanted)
        self.queue.append(event)
        if len(self.queue) == 1:
            self._new_head()
        if self.until <= now and not parked and (kind != "P" or not due):
            self._kick(now)
        return self.seq

    def show(self, seen: int) -> list[Said]:
        """A watcher that has seen so much looks; returns what it is told."""
        newer = [event for event in self.story if event.seq > seen]
        if self.seq > max([seen, *(event.seq for event in newer)]):
            # Its story is lost: the present state is all there is.
            newer.append(self.said[self.seq])
        if newer and not self.ended:
            self.shown = max(self.shown, newer[-1].seq)
        return newer

    def expire(self, now: int) -> None:
        """Give up what is too old, as a poster that looks at the job does."""
        while self.queue and self.queue[0].at_ms + AGE_MAX_MS <= now:
            self._bury(self.queue.pop(0), "expired")
            self._new_head()

    def resend(self, only: int, now: int) -> int:
        """Dead letters are asked for again, or the end; returns how many."""
        asked = [seq for seq, _ in self.dead] or ([self.last] if self.last else [])
        new = [s for s in asked if s not in self.resending and only in (0, s)]
        self.resending += new
        if new:
            self.retried = 0
            if not self.queue and self.not_before <= now:
                self.rests = 0
        return len(new)

    def hand(self, taken: Claim, until: int) -> None:
        """A poster holds the job's next event."""
        self.token, self.until, self.lapsed = taken.token, until, False
        self.flying = self.head()
        assert self.flying is not None
        if not self.flying[1]:
            self.sent = self.flying[0]

    def fences(self, taken: Claim) -> bool:
        """Return whether a report on this lease comes too late."""
        if not self.flying or taken.token != self.token:
            return True
        seq, resent = self.flying
        heads = self.resending if resent else [event.seq for event in self.queue]
        return taken.event.seq != seq or heads[:1] != [seq]

    def done(self, seq: int, verdict: str, why: str, delay: int, quiet: int, now: int) -> bool:
        """One attempt ended; returns whether the job may go on at once with what is next."""
        resent = self.flying == (seq, True)
        kind = self.said[seq].kind
        hushed = False
        if verdict == "retry" and kind == "P" and len(self.queue) > 1:
            verdict, hushed = "drop", quiet > 0
        if verdict == "retry":
            self.tried, self.retried = self.tried + (not resent), self.retried + resent
            self.rests, self.not_before = now + delay, now + quiet
        elif verdict != "later":
            self._told(seq, resent, verdict, why)
            if hushed:
                self.rests = self.not_before = now + quiet
        return self.head() is not None and verdict not in ("retry", "later") and not hushed

    def give_back(self) -> None:
        """The poster lets go of the job."""
        self.token, self.until, self.flying, self.lapsed = "", 0, None, False

    # -- the parts of these -------------------------------------------------------------------

    def _told(self, seq: int, resent: bool, verdict: str, why: str) -> None:
        event = self.said[seq]
        self.rests = self.not_before = 0
        self.kicked = False
        if resent:
            self.resending.pop(0)
            self.retried = 0
        else:
            self.queue.pop(0)
            self.tried = 0
        if verdict == "ok":
            self.gone = False
            self.last = seq if event.kind == "X" else self.last
            if resent:
                self.resent.add(seq)
                self.dead = [letter for letter in self.dead if letter[0] != seq]
            else:
                self.acked.append(seq)
        elif verdict == "dead" and not resent:
            self._bury(event, why)
        elif verdict == "gone":
            for given_up in ([] if resent else [event]) + self.queue:
                self._bury(given_up, "gone")
            self.queue, self.resending, self.gone = [], [], True

    def _say(self, event: Said, wanted: bool) -> None:
        before = self.said.get(event.seq)
        assert before is None or before.kind == "P", "one seq told two things"
        self.said[event.seq] = event
        self.seq = event.seq
        if not wanted:
            self.unwanted.add(event.seq)
        if self.story and self.story[-1].kind == "P":
            self.story.pop()
        self.story.append(event)

    def _bury(self, event: Said, why: str) -> None:
        if event.kind != "P":
            self.dead.append((event.seq, why))

    def _new_head(self) -> None:
        self.tried, self.kicked = 0, False

    def _kick(self, now: int) -> None:
        if self.rests > now and not self.kicked and self.not_before <= now:
            self.kicked, self.rests = True, 0
