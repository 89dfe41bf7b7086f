"""Draw one job, from its message to its pictures: the plain functions behind the task ``imagine``.

Called by ``workers.app``. ``draftsman`` leads a job through the steps, each a file: ``slot`` →
``prepare`` → ``run`` → ``deliver``, and ``endings`` for every other way out. The engine yields what
it sees; what is written, told and tried again is decided here. Every store call waits for Redis to
come back (``patience``); every write carries the job's token.
"""

from __future__ import annotations

from workers.drawing.draftsman import Draftsman, PictureIO
from workers.drawing.endings import GivenBack, JobFailed
from workers.drawing.slot import ClaimedJob

__all__ = ["ClaimedJob", "Draftsman", "GivenBack", "JobFailed", "PictureIO"]
