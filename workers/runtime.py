"""The parts of one worker process: store, engines, keeper, draftsman, dispatcher; built at start.

Called by ``workers.app`` from Celery's signals; does not know Celery itself.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable
from typing import Any

import engines
from limner.engine import Engine
from limner.ids import new_id
from limner.message import LazyMessages, Messages
from limner.pictures.image_store import Images
from limner.plural import counted
from limner.request import Lane
from limner.settings import Settings
from limner.store import Store
from net.reach import Reach
from stack.image_watch import ImageWatch
from workers.drawing import ClaimedJob, Draftsman, PictureIO
from workers.drawing.keeper import Keeper, Times
from workers.drawing.lane_worker import LaneWorker
from workers.drawing.probe import Probe
from workers.drawing.references import Fetch
from workers.drawing.translators import translator_of
from workers.posting.dispatcher import Dispatcher
from workers.posting.trial_poster import TrialPoster
from workers.pruner import Pruner
from workers.spool import SpoolKeeper
from workers.watch import watch

log = logging.getLogger(__name__)

#: how long a stopping process waits for POSTs in flight
POSTS_GRACE_S = 5.0


class LaneRuntime:
    """A process that draws the jobs of one lane, or of both."""

    def __init__(self, settings: Settings, lanes: list[Lane], app: Any) -> None:
        self.store = Store.of(settings)
        self.messages = LazyMessages(lambda: Messages.render(app), self.store.ping)
        self.engines: dict[str, Engine] = {e.name: engines.load(e) for e in settings.engines}
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._worker = LaneWorker(name, tuple(lanes), self.engines, self.messages)
        self._settings = settings
        self._keeper = Keeper(self.store, self._worker, Times.of(settings), self._announce)
        self._probe = Probe(self.store, self.engines, settings.engines)
        self._images = Images.of(settings, self.store.folders)
        self._image_watch = ImageWatch(self._images, self.store)
        self._fetchers = Fetchers(self.store, settings)
        self._retired = False
        translator = translator_of(settings.translate)
        # As of the draftsman: a translation comes before the submission.
        self._begins = translator is None
        self.draftsman = Draftsman(
            self.store,
            self._worker,
            self._keeper,
            PictureIO(self._images, self._fetchers, settings.image_format),
            settings.engines,
            translator,
        )

    def start(self, alive: Callable[[], None] = lambda: None) -> None:
        """Register the engines with the store, and start the heartbeat; ``alive()`` is called in each of its rounds.

        Raises:
            StoreUnfit: the data are of a newer Limner.
            StoreDown: Redis is down; call it again.
        """
        self.store.schema.settle()
        self._keeper.start(alive)
        self._probe.start()
        self._image_watch.start()

    def _announce(self) -> None:
        if self._retired:
            # Whoever comes after this process may have other settings, and they count.
            return
        self.store.engines.register(self._settings.engines)
        self._probe.ask_again()

    def claim(self, lane: Lane, named: str) -> ClaimedJob | None:
        """Take the job of a lane whose turn it is, for a message that names any.

        Called in the consumer's thread, which hears of nothing else meanwhile: it asks the store once, and
        renders no messages.

        Raises:
            StoreDown: Redis is down.
        """
        token = new_id()
        claimed = self.store.lanes.claim(
            lane, token, self._worker.name, named, self.messages.at_hand, begin=self._begins
        )
        return ClaimedJob(claimed[0], token, claimed[1]) if claimed else None

    def drain(self) -> None:
        """Hand over every drawing, because the process is about to stop."""
        self.draftsman.drain()

    def retire(self) -> None:
        """Start nothing more, and finish every drawing: another process has taken this one's place."""
        self._retired = True
        self._keeper.retire()
        self._probe.end()
        self.draftsman.retire()

    def end(self) -> None:
        """Release everything, once the drawings have ended."""
        self._keeper.end()
        self._probe.end()
        self._image_watch.end()
        self.draftsman.close()
        self._fetchers.close()
        for engine in self.engines.values():
            engine.close()
        for lane in self._worker.lanes:
            self.store.lanes.leave(self._worker.name, lane)
        self.store.close()


class CallbackRuntime:
    """A process that posts callbacks and periodically looks after the lanes."""

    def __init__(self, settings: Settings, app: Any) -> None:
        self.store = Store.of(settings)
        self.messages = LazyMessages(lambda: Messages.render(app), self.store.ping)
        self._settings = settings
        self._images = Images.of(settings, self.store.folders)
        self._image_watch = ImageWatch(self._images, self.store)
        self._spool = SpoolKeeper(self.store, self._images, settings.preview_keep_days * 86_400)
        self._pruner = Pruner(self._images, self.store, settings)
        self._dispatcher = Dispatcher(self.store, settings)
        self._tester = TrialPoster(self.store, settings)

    def start(self, alive: Callable[[], None] = lambda: None) -> None:
        """Start posting; ``alive()`` is called in each of the ticker's rounds.

        Raises:
            StoreUnfit: the data are of a newer Limner.
            StoreDown: Redis is down; call it again.
        """
        self.store.schema.settle()
        self._dispatcher.start(alive)
        self._tester.start()
        self._image_watch.start()
        self._pruner.start()

    def drain(self) -> None:
        """Start no new POSTs."""
        self._pruner.stop()
        self._tester.stop()
        self._dispatcher.stop(POSTS_GRACE_S)

    def retire(self) -> None:
        """Start no new POSTs, and finish those in flight: another process has taken this one's place.

        Called in a signal's handler, so ``end`` waits for them: POSTs that were cut off would be sent again.
        """
        self._pruner.stop()
        self._tester.stop()
        self._dispatcher.retire()

    def end(self) -> None:
        """Release everything, once the POSTs have ended that ``drain`` has not given up."""
        self._pruner.end()
        self._image_watch.end()
        self._tester.stop()
        self._dispatcher.stop()
        self.store.close()

    def tick(self) -> str:
        """Look after the lanes and callers' inline pictures; return a line for operators.

        Raises:
            StoreUnfit: the data are of a newer Limner, or are being migrated.
            StoreDown: Redis is down.
        """
        # They may have been emptied, or come back as an older Limner left them.
        self.store.schema.settle(wait_s=0)
        sent = self.store.lanes.sweep(self.messages())
        watch(self.store)
        self.store.history.note()
        dropped = self._spool.tick()
        again = f"{counted(sent, 'message')} sent again"
        return f"{again}, {counted(dropped, 'inline picture')} dropped"


class Fetchers:
    """Fetches each client's reference images from what that client may reach."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._reach = Reach(settings)

    def __call__(self, client: str) -> Fetch:
        """Return the fetch function of ``client``."""
        return self._reach.of(self._store.clients.get(client)).fetch

    def close(self) -> None:
        """Close the pooled connections."""
        self._reach.close()
