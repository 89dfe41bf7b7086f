"""How many files and connections this process may hold: as many as it is allowed to, from its start on.

Three hundred drawings over an OpenAI-style server are four connections each, and the usual soft limit is 1,024.
"""

from __future__ import annotations

import contextlib
import resource

#: beyond it some libraries walk through all descriptors that there might be
MOST = 65_536


def raise_limit() -> int:
    """Raise the soft limit to the hard one, never above ``MOST`` and never down; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # A kernel may have a lower bound of its own: then the old limit has to do.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
