"""What the keys of ``limner top`` do: pause and resume what is chosen, and quit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cli.top.keys import BACKSPACE, ENTER, ESCAPE, NEXT, PREVIOUS
from cli.top.look import Snapshot
from limner.errors import ConfigError, StoreDown
from limner.request import Lane
from limner.store.levers import Levers, Subject

Verb = Literal["pause", "resume"]
HINT = "p pauses, r resumes, q quits"
_VERBS: dict[str, Verb] = {"p": "pause", "r": "resume"}
_DONE = {"pause": "paused", "resume": "resumed"}


@dataclass(frozen=True, slots=True)
class Thing:
    """A lane, an engine or a client that can be paused or resumed."""

    subject: Subject
    name: str

    def __str__(self) -> str:
        return f"{self.subject} {self.name}"


@dataclass(slots=True)
class _Choice:
    """Something is being chosen."""

    verb: Verb
    things: tuple[Thing, ...]
    typed: str = ""
    place: int = 0

    @property
    def fitting(self) -> list[Thing]:
        return [thing for thing in self.things if self.typed in str(thing)]

    @property
    def chosen(self) -> Thing | None:
        fitting = self.fitting
        return fitting[self.place % len(fitting)] if fitting else None

    @property
    def line(self) -> str:
        fitting = self.fitting
        typed = f" [{self.typed}]" if self.typed else ""
        if not fitting:
            return f"{self.verb}{typed}: none has that in its name. Esc leaves"
        place = self.place % len(fitting) + 1
        return f"{self.verb}{typed} {self.chosen} ({place} of {len(fitting)})? ←→ type Enter Esc"


class Controls:
    """Takes keys, one after the other, and pulls the levers."""

    def __init__(self, levers: Levers, who: str) -> None:
        self._levers = levers
        self._who = who
        self._choice: _Choice | None = None
        self._outcome = ""

    @property
    def line(self) -> str:
        """What is being asked, or has been done, or which keys there are."""
        return self._choice.line if self._choice else self._outcome or HINT

    def press(self, key: str, snapshot: Snapshot) -> bool:
        """Do what a key stands for; True: quit."""
        if self._choice:
            self._choose(self._choice, key)
            return False
        self._outcome = ""
        verb = _VERBS.get(key.lower())
        if verb:
            things = tuple(_things(verb, snapshot))
            self._choice = _Choice(verb, things) if things else None
            self._outcome = "" if things else f"There is nothing to {verb}."
        return key.lower() == "q"

    def _choose(self, choice: _Choice, key: str) -> None:
        match key:
            case _ if key == ESCAPE:
                self._choice = None
            case _ if key in NEXT:
                choice.place += 1
            case _ if key in PREVIOUS:
                choice.place -= 1
            case _ if key in BACKSPACE:
                choice.typed, choice.place = choice.typed[:-1], 0
            case _ if key in ENTER:
                if choice.chosen:
                    self._choice, self._outcome = None, self._do(choice.verb, choice.chosen)
            case _ if len(key) == 1 and key.isprintable():
                choice.typed, choice.place = choice.typed + key, 0

    def _do(self, verb: Verb, thing: Thing) -> str:
        pull = self._levers.halt if verb == "pause" else self._levers.resume
        try:
            changed = pull(self._who, thing.subject, thing.name)
        except (StoreDown, ConfigError) as error:
            return f"The {thing} is not {_DONE[verb]}: {error.message}"
        return (
            f"The {thing} is {_DONE[verb]}."
            if changed
            else f"The {thing} was {_DONE[verb]} already."
        )


def _things(verb: Verb, snapshot: Snapshot) -> Iterator[Thing]:
    """Yield what can be paused, or resumed, in the order of the tables."""
    halted = snapshot.numbers.halted
    wanted = verb == "resume"
    for lane in Lane:
        if (lane in halted.lanes) is wanted:
            yield Thing("lane", lane)
    for engine in snapshot.numbers.engines:
        if bool(engine.halt) is wanted:
            yield Thing("engine", engine.name)
    for client in sorted({*snapshot.loads, *halted.clients}):
        if (client in halted.clients) is wanted:
            yield Thing("client", client)
