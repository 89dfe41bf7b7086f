"""Have a test event posted to a job's receiver, and wait for what came of it; used by the view of callbacks.

A worker of the queue ``callbacks`` posts it: the receiver is tried from where its callbacks come from.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from api import waiting
from api.access.guard import caller
from api.house import house
from limner.errors import JobConflict, TooManyAtOnce
from limner.job import Job
from limner.refusals import RefusalCode
from limner.store.trials import Trial

#: longer than the attempt itself may take
WAIT_S = 15.0
LOOKS_S = 0.1
#: no worker took it up in time
NOBODY: Mapping[str, Any] = {"delivered": False, "error": "no_worker"}


def tried(job: Job) -> Mapping[str, Any]:
    """Return the outcome of a test event to where the job's callbacks go.

    Raises:
        JobConflict: it has no callbacks.
        HungUp: the caller did not wait for it.
        TooManyAtOnce, Crowded: another test of the client is on its way, or too many requests wait.
    """
    here, client = house(), caller()
    url = job.request.callback_url or client.callback_url or here.settings.callback_url
    if url is None:
        message = "The job has no callback URL, so nobody can be told."
        raise JobConflict(message, RefusalCode.NO_CALLBACK_URL)
    trial = Trial(here.job_id(), client.name, url)
    with closing(waiting.place(client.name)):
        if not here.store.trials.ask(trial):
            raise TooManyAtOnce
        ends = time.monotonic() + WAIT_S
        while (found := here.store.trials.answered(trial.id)) is None:
            if time.monotonic() > ends:
                return NOBODY
            time.sleep(LOOKS_S)
        return found
