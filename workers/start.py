"""``python -m workers.start worker …`` and ``… beat …``: Celery's own worker and beat, without its command line.

That loads every command that Celery and Flower have, an interactive shell among them, which takes as long as
all of ours. The options are Celery's, by the same names. Run by the commands of ``stack.processes``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process until it ends; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    # Until Celery has handlers of its own.
    except KeyboardInterrupt:
        from limner.exits import INTERRUPTED

        return INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("workers.start", allow_abbrev=False)
    kinds = parser.add_subparsers(required=True)
    worker = kinds.add_parser("worker", allow_abbrev=False)
    worker.add_argument("-Q", "--queues", required=True)
    worker.add_argument("-n", "--hostname", required=True)
    worker.add_argument("--concurrency", type=int, required=True)
    worker.add_argument("-E", "--task-events", action="store_true", default=None)
    worker.set_defaults(run=_worker)
    beat = kinds.add_parser("beat", allow_abbrev=False)
    beat.add_argument("--schedule", required=True)
    beat.set_defaults(run=_beat)
    return parser


def _worker(options: argparse.Namespace) -> int:
    # Not above: beat has no use for it, and Ctrl-C while it is loaded is one as well.
    from celery.utils.nodenames import default_nodename, host_format

    from workers.app import app

    worker = app.Worker(
        queues=options.queues,
        # %h is this machine's name.
        hostname=host_format(default_nodename(options.hostname)),
        concurrency=options.concurrency,
        task_events=options.task_events,
        pool_cls="threads",
        # Nobody listens to what workers would tell each other.
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _beat(options: argparse.Namespace) -> int:
    from workers.bare import app

    app.Beat(schedule=options.schedule, loglevel="WARNING", quiet=True).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
