"""Log each warning once when it is raised and once when it is cleared; called with each tick.

``/readyz`` and ``/metrics`` show warnings to whoever asks; this is for those who only read logs.
"""

from __future__ import annotations

import logging

from limner.log import event
from limner.store import Store
from limner.store.metrics.warning import warnings
from limner.store.server import server_facts

log = logging.getLogger(__name__)


def watch(store: Store) -> None:
    """Read the metrics, and log which warnings changed since any process last looked.

    Raises:
        StoreDown: Redis is down.
    """
    found = warnings(store.numbers.read(), server_facts(store.redis, store.replicas))
    now = {warned.name: warned for warned in found}
    came, gone = store.reports.settle(now)
    for name in came:
        told = now[name]
        event(
            log,
            "warning.raised",
            level=logging.WARNING,
            code=told.code.value,
            subject=told.subject,
            why=told.sentence(openly=True),
        )
    for name in gone:
        code, _, subject = name.partition("|")
        event(log, "warning.cleared", code=code, subject=subject)
