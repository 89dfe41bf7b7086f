"""Have a job's words translated for an engine that understands English only; used by ``prepare``."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from limner import tracing
from limner.job import Job
from limner.language import is_english
from limner.log import event
from limner.prompt import prompt_of
from limner.store import Store
from limner.translation import Translation
from workers.drawing.grant import Grant
from workers.drawing.keeper import Drawing
from workers.drawing.patience import Patience
from workers.drawing.translators import NotTranslated, Translator

log = logging.getLogger(__name__)

#: how soon a drawing that is told to stop stops waiting for its translation
LOOK_S = 0.05


class Wording:
    """Finds the words that engines get; without a translator, those of the caller."""

    def __init__(self, store: Store, patience: Patience, translator: Translator | None) -> None:
        self._store = store
        self._patience = patience
        self._translator = translator

    def worded(self, grant: Grant) -> Job | None:
        """Return the job with its translation, if its words need one; None: told to stop meanwhile.

        What was translated before, for an earlier submission of the job, is not translated again. Without a
        translation, the caller's own words are drawn, and the job says why.
        """
        job = grant.job
        if grant.understands:
            return self._untranslated(grant)
        # "As it stands" is what its caller asked for.
        if self._translator is None or job.request.origin or job.request.operation == "describe":
            return job
        # An engine that understands the caller's own words left an empty one.
        if job.translation not in (None, Translation()) and not job.translation.failed:
            return job
        said = prompt_of(job.request)
        foreign = [not is_english(text) for text in (said.words, said.negative)]
        if not any(foreign):
            return job
        made: list[Translation] = []
        texts = [
            text if wanted else None
            for text, wanted in zip((said.words, said.negative), foreign, strict=True)
        ]
        with tracing.step("translate"):
            thread = threading.Thread(
                target=lambda: made.append(self._made(self._translator, job, texts)), daemon=True
            )
            thread.start()
            if not _awaited(thread, grant.drawing):
                return None
        kept = made[0]
        self._patience.store(
            lambda: self._store.lanes.translated(job.id, grant.drawing.token, kept)
        )
        return replace(job, translation=kept)

    def _untranslated(self, grant: Grant) -> Job:
        """Return the job in its caller's words; those that another engine got before are shown no more."""
        job, nothing = grant.job, Translation()
        if job.translation and job.translation != nothing:
            self._patience.store(
                lambda: self._store.lanes.translated(job.id, grant.drawing.token, nothing)
            )
        return replace(job, translation=None)

    def _made(
        self, translator: Translator | None, job: Job, texts: list[str | None]
    ) -> Translation:
        """Return the translation of the words and of what must not be in the picture, as far as they need one."""
        assert translator is not None
        try:
            prompt, negative = (text and translator.translate(text) for text in texts)
        except NotTranslated as error:
            why = error.message
        # Whatever breaks in it, the job is drawn.
        except Exception as error:  # noqa: BLE001
            why = f"a bug: {type(error).__name__}"
        else:
            event(log, "words.translated", job=job.id)
            return Translation(prompt or None, negative or None)
        event(log, "words.not_translated", level=logging.WARNING, job=job.id, why=why)
        return Translation(failed=f"the translator failed ({why})")


def _awaited(thread: threading.Thread, drawing: Drawing) -> bool:
    """Wait for a thread; False: the drawing is told to stop, and nobody waits for it any more."""
    while thread.is_alive():
        if drawing.is_set():
            return False
        thread.join(LOOK_S)
    return True
