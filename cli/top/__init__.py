"""``limner top``: the whole gateway on one screen, read anew every second.

``look`` reads it, ``sections`` puts it into rows, ``screen`` fits these to the terminal. Anywhere else
than on a terminal, one snapshot is printed.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from cli import show
from cli.top.controls import Controls
from cli.top.keys import Keys
from cli.top.look import Observer
from cli.top.sections import body, sections
from limner.errors import StoreDown
from limner.printing import console, document, line

if TYPE_CHECKING:
    from rich.console import Console

REFRESH_S = 1.0


def top(options: argparse.Namespace) -> int:
    """Show the gateway, and pause and resume what is chosen, until `q` is pressed; without a terminal, show it once."""
    store = show.open_store()
    observer = Observer(store)
    out = console()
    if options.json:
        document(body(observer.look()))
    elif out is None or out.is_dumb_terminal:
        _once(observer)
    else:
        _live(out, observer, Controls(store.levers, show.actor()))
    return 0


def _once(observer: Observer) -> None:
    for number, section in enumerate(sections(observer.look())):
        if number:
            line()
        show.table([section.head, *section.rows])


def _live(out: Console, observer: Observer, controls: Controls) -> None:
    from rich.live import Live

    from cli.top.screen import screen

    snapshot, trouble = observer.look(), ""
    with (
        _ended_by_signals() as check,
        Keys() as keys,
        Live(console=out, screen=True, auto_refresh=False) as live,
    ):
        while True:
            check()
            live.update(screen(snapshot, trouble, controls.line, *out.size), refresh=True)
            key = keys.pressed_within(REFRESH_S)
            if key and controls.press(key, snapshot):
                return
            try:
                snapshot, trouble = observer.look(), ""
            except StoreDown as error:
                trouble = error.message


@contextmanager
def _ended_by_signals() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C and SIGTERM end us as an error would, so that the terminal is left as it was.

    Gives a function that ends us if a signal came whose error was lost: Python drops those that are raised
    in a destructor.
    """
    came: list[int] = []

    def end(number: int, _frame: object = None) -> NoReturn:
        came.append(number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    def check() -> None:
        if came:
            end(came[0])

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
