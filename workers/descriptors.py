"""Raise the limit of open files and connections to what this process is allowed, at its start.

Three hundred drawings on an OpenAI-style server take four connections each; the usual soft limit is 1,024.
"""

from __future__ import annotations

import contextlib
import resource

#: beyond it some libraries loop over every possible descriptor
MOST = 65_536


def raise_limit() -> int:
    """Raise the soft limit to the hard one, never above ``MOST`` and never down; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # The kernel may have a lower limit of its own: then the old one has to do.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
