"""Whether DashScope is there and takes the key; for both of its ways."""

from __future__ import annotations

from engines.hosted.account import Account
from engines.remote.session import Answered

#: it is there, and the key was not the reason
_ALIVE = (400, 404, 405)


def ask(account: Account) -> None:
    """Ask for the account's newest task, which costs nothing.

    Raises:
        EngineError: it is away, or refuses the key.
    """
    try:
        account.ask("/tasks/", params={"page_no": 1, "page_size": 1})
    except Answered as error:
        if error.answer.status not in _ALIVE:
            raise
