"""One thread per process that checks engines' health and capabilities, and stops drawings there.

Without it the head of a lane would be sent to a dead engine again and again, each time reported as a
submission and a return; with it one job is sent once the engine reports that it is healthy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping

from limner.applied import levels_of
from limner.engine import Engine, Handle, lacks
from limner.errors import EngineDown, LimnerError, StoreDown
from limner.log import event
from limner.settings import EngineSettings
from limner.store import Store

log = logging.getLogger(__name__)

PROBE_S = 2.0
#: an engine found down is paused for a little longer than until the next probe
REST_S = 5.0
#: an engine's nodes and models may change while it runs
CAPABILITIES_S = 300.0


class Probe:
    """The probing thread of one lane worker."""

    def __init__(
        self,
        store: Store,
        engines: Mapping[str, Engine],
        settings: Iterable[EngineSettings] = (),
    ) -> None:
        self._store = store
        self._engines = engines
        self._versions = {engine.name: engine.versions for engine in settings}
        self._asked_s: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)

    def start(self) -> None:
        """Start probing."""
        self._thread.start()

    def end(self) -> None:
        """Stop probing; a call in progress is left to finish."""
        self._ended.set()

    def ask_again(self) -> None:
        """Read all engines' capabilities anew: the store may not know them."""
        self._asked_s.clear()

    def look(self) -> None:
        """Probe every engine that is down, and those whose capabilities have not been read lately.

        Drawings that their callers cancelled are stopped here, too: no worker watches them any more.
        """
        for name, state in self._store.engines.states_of(self._engines).items():
            try:
                self._look_at(name, state)
            except StoreDown:
                raise
            except LimnerError as error:
                event(log, "engine.unprobed", level=logging.WARNING, engine=name, why=error.message)
            # A bug in one driver must not end the probing of the others.
            except Exception:  # noqa: BLE001
                event(log, "engine.unprobed", level=logging.ERROR, engine=name, error=True)

    def _look_at(self, name: str, state: str) -> None:
        engine = self._engines[name]
        while (handle := self._store.engines.cancelled_on(name)) is not None:
            if not self._cancel(name, handle):
                break
        if state == "down":
            health = engine.health()
            event(log, "engine.probed", engine=name, state=health.state, why=health.why)
            well = health.state != "down"
            self._store.engines.probed(name, well, health.why, REST_S)
        elif self._is_stale(name):
            self._ask(name, engine)

    def _ask(self, name: str, engine: Engine) -> None:
        """Read an engine's capabilities; one that does not answer would seem to have none."""
        health = engine.health()
        if health.state == "down":
            # Until somebody has asked, nothing shows that it is not there: no job need find it out. Later, an
            # answer missed by chance must not stop an engine that draws.
            if name not in self._asked_s:
                event(log, "engine.probed", engine=name, state=health.state, why=health.why)
                self._store.engines.probed(name, False, health.why, REST_S, first=True)
            return
        able = engine.capabilities()
        levels = levels_of(able, self._versions.get(name, ()))
        self._store.engines.abilities(name, lacks(able), levels)
        self._asked_s[name] = time.monotonic()

    def _cancel(self, name: str, handle: Handle) -> bool:
        """Stop one drawing; False if the engine cannot be reached and has to be asked again later."""
        try:
            self._engines[name].cancel(handle)
            event(log, "drawing.cancelled", engine=name)
        except EngineDown:
            self._store.engines.cancel_later(name, handle)
            return False
        except LimnerError as error:
            event(
                log, "engine.cancel_failed", level=logging.WARNING, engine=name, why=error.message
            )
        return True

    def _is_stale(self, engine: str) -> bool:
        asked_s = self._asked_s.get(engine)
        return asked_s is None or time.monotonic() - asked_s > CAPABILITIES_S

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.look()
            except StoreDown:
                pass
            # Nor must a bug of ours.
            except Exception:  # noqa: BLE001
                event(log, "probe.failed", level=logging.ERROR, error=True)
            self._ended.wait(PROBE_S)
