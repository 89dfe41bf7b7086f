"""``make recording``: docs/img/terminal.svg, a terminal in which Limner is started, draws and calls back.

The commands are typed into real terminals (a pty each), against a gateway of its own; nothing is staged but the names
of folder and ports, and pauses of the machine, which are shortened. Nothing is needed to look at it: rows of text, and
one animation in CSS, which stands still at its end for whoever wants no motion.
"""

from __future__ import annotations

import contextlib
import fcntl
import html
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import free_port

HOME = Path(__file__).parents[1]
PICTURE = HOME / "docs/img/terminal.svg"
COLUMNS, ROWS = 100, 24
CELL_PX, LINE_PX, EDGE_PX = 8.4, 18.0, 16.0
#: how fast a command is typed, and how long a result is looked at
TYPED_S, LOOKED_AT_S = 0.09, 3.0
#: no pause of the recording is longer
PAUSE_MOST_S = 0.8
LIMIT_S = 120.0
PROMPT = "northern lights over snowy mountains, a lake and a red tent"
INK, GROUND = "#d7dae0", "#16181d"
#: of SGR's numbers
COLOURS = {31: "#ff7a7a", 32: "#7ad88f", 33: "#e8c66a", 36: "#6cc7d9"}
_SEQUENCE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")

#: a piece of a row: its text and its style
Piece = tuple[str, str]
Row = tuple[Piece, ...]


@dataclass
class Screen:
    """What a terminal shows: rows of letters with styles; it knows what our commands send, and no more."""

    rows: list[list[Piece]] = field(default_factory=lambda: [[]])
    column: int = 0
    style: str = ""

    def feed(self, text: str) -> None:
        """Take what a program writes."""
        at = 0
        while at < len(text):
            if found := _SEQUENCE.match(text, at):
                self._obey(found[1], found[2])
                at = found.end()
                continue
            letter, at = text[at], at + 1
            if letter == "\n":
                self._down()
            elif letter == "\r":
                self.column = 0
            else:
                if self.column == COLUMNS:
                    self._down()
                row = self.rows[-1]
                row[self.column : self.column + 1] = [(letter, self.style)]
                self.column += 1

    def _down(self) -> None:
        self.rows.append([])
        self.column = 0

    def _obey(self, numbers: str, what: str) -> None:
        if what == "K":
            del self.rows[-1][self.column :]
        elif what == "m":
            for number in (int(one or 0) for one in numbers.split(";")):
                if number == 0:
                    self.style = ""
                elif number in (1, 2):
                    self.style = "font-weight:bold" if number == 1 else "opacity:.6"
                else:
                    self.style = f"fill:{COLOURS.get(number, INK)}"
        else:
            raise NotImplementedError(f"a terminal's {numbers}{what}")

    def shown(self) -> tuple[Row, ...]:
        """Return the last rows, letters of one style together."""
        return tuple(_joined(row) for row in self.rows[-ROWS:])


def _joined(row: list[Piece]) -> Row:
    pieces: list[Piece] = []
    for letter, style in row:
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + letter, style)
        else:
            pieces.append((letter, style))
    return tuple(pieces)


@dataclass
class Film:
    """Frames, and when each begins, s."""

    frames: list[tuple[float, tuple[Row, ...]]] = field(default_factory=list)
    now: float = 0.0

    def take(self, screen: Screen, after_s: float) -> None:
        """Take a frame, ``after_s`` after the last one."""
        self.now += min(after_s, PAUSE_MOST_S) if self.frames else 0.0
        shown = screen.shown()
        if not self.frames or self.frames[-1][1] != shown:
            self.frames.append((self.now, shown))

    def look(self, for_s: float = LOOKED_AT_S) -> None:
        """Leave the last frame for a while."""
        self.now += for_s


class Stage:
    """A folder in which commands are typed, and what is to be read instead of its path and ports."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="limner-recording-"))
        self.port, self.flower, self.hook = free_port(), free_port(), free_port()
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("LIMNER_")}
        self.environ |= {"PYTHONPATH": str(HOME), "TERM": "xterm-256color"}
        lines = [f"port = {self.port}", f"flower_port = {self.flower}"]
        (self.folder / "limner.toml").write_text("\n".join(lines) + "\n")
        self._real = {
            str(self.folder): "/home/you/limner",
            str(self.port): "8000",
            str(self.flower): "5555",
            str(self.hook): "9000",
        }

    def told(self, text: str) -> str:
        """Return a program's text with the names that a reader would see."""
        for real, shown in self._real.items():
            text = text.replace(real, shown)
        return text

    def start(self, line: str) -> tuple[subprocess.Popen[bytes], int]:
        """Run one of our commands on a terminal of its own; return it and the other end of that."""
        real = line.replace("9000", str(self.hook))
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = subprocess.Popen(
            ["bash", "-c", real.replace("limner ", f"exec {sys.executable} -m limner ", 1)],
            cwd=self.folder,
            env=self.environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        return process, ours


def said(terminal: int, last: str = "\0") -> Iterator[tuple[float, str]]:
    """Yield what comes on a terminal and how long it took to come, until its program ends or all that has ``last``."""
    ends, since, whole = time.monotonic() + LIMIT_S, time.monotonic(), ""
    while time.monotonic() < ends and not re.search(last, whole):
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return
        if not data:
            return
        now = time.monotonic()
        came = data.decode(errors="replace").replace("\r\n", "\n")
        whole += came
        yield now - since, came
        since = now


def typed(film: Film, screen: Screen, line: str) -> None:
    """Type a command at a prompt."""
    screen.feed("\x1b[32m$\x1b[0m ")
    film.take(screen, 0.3)
    for start in range(0, len(line), 3):
        screen.feed(line[start : start + 3])
        film.take(screen, TYPED_S)
    film.look(0.4)
    screen.feed("\n")


def filmed() -> Film:
    """Play the scenes, and return their film."""
    stage, film = Stage(), Film()
    running: list[subprocess.Popen[bytes]] = []
    try:
        screen = Screen()
        typed(film, screen, "limner up")
        up, terminal = stage.start("limner up")
        running.append(up)
        text = "".join(came for _, came in said(terminal, r"find/by.*\n\n"))
        # Whole, as it comes: what the processes log before it is no news.
        greeting = stage.told(text[text.index("\x1b[1mLimner is up.") :])
        screen.feed(re.sub(r"\n(\S+ +\||\x1b\[\d+m\w+ +\|).*", "", greeting))
        film.take(screen, PAUSE_MOST_S)
        film.look(2 * LOOKED_AT_S)

        screen = Screen()
        line = f'limner draw "{PROMPT}" --ar 3:2 --out tent.png'
        typed(film, screen, line)
        draw, terminal = stage.start(line)
        for took, came in said(terminal):
            screen.feed(stage.told(came))
            film.take(screen, took)
        draw.wait(LIMIT_S)
        film.look()

        screen.feed("\n")
        typed(
            film, screen, "limner listen --port 9000    # an application asks for a fox meanwhile"
        )
        listen, terminal = stage.start("limner listen --port 9000")
        running.append(listen)
        asked = False
        for took, came in said(terminal, r" done .*\n"):
            screen.feed(stage.told(came))
            film.take(screen, took)
            if not asked:
                asked = True
                hook = f"http://127.0.0.1:{stage.hook}/callbacks"
                ask, other = stage.start(f'limner draw "a fox" --no-wait --callback-url {hook}')
                ask.wait(LIMIT_S)
                os.close(other)
        film.look(2 * LOOKED_AT_S)
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
        shutil.rmtree(stage.folder, ignore_errors=True)
    return film


def svg(film: Film) -> str:
    """Return the film as a picture that moves: each row once, each frame its rows, side by side."""
    width, height = COLUMNS * CELL_PX + 2 * EDGE_PX, ROWS * LINE_PX + 2 * EDGE_PX
    known: dict[Row, int] = {}
    frames, steps = [], []
    for number, (begins, rows) in enumerate(film.frames):
        uses = [
            f'<use href="#r{known.setdefault(row, len(known))}" y="{place * LINE_PX:g}"/>'
            for place, row in enumerate(rows)
            if row
        ]
        frames.append(f'<g transform="translate({number * width:g})">{"".join(uses)}</g>')
        steps.append(
            f"{100 * begins / film.now:.3f}%{{transform:translateX({-number * width:g}px)}}"
        )
    last = f"translateX({-(len(film.frames) - 1) * width:g}px)"
    drawn = [
        f'<text id="r{number}" x="{EDGE_PX:g}" y="{EDGE_PX + 13:g}">{"".join(map(_span, row))}</text>'
        for row, number in known.items()
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" role="img" aria-labelledby="t">',
            '<title id="t">limner up, limner draw and limner listen in a terminal</title>',
            "<style>",
            "text{white-space:pre;font:14px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
            f"fill:{INK}}}",
            f"#film{{transform:{last}}}",
            "@media (prefers-reduced-motion:no-preference){#film{animation:film "
            f"{film.now:.1f}s steps(1,end) infinite}}}}",
            f"@keyframes film{{{''.join(steps)}100%{{transform:{last}}}}}",
            "</style>",
            f"<defs>{''.join(drawn)}</defs>",
            f'<rect width="100%" height="100%" rx="10" fill="{GROUND}"/>',
            f'<g id="film">{"".join(frames)}</g>',
            "</svg>",
            "",
        ]
    )


def _span(piece: Piece) -> str:
    text, style = html.escape(piece[0], quote=False), piece[1]
    # So that a row has its width in every font.
    fits = f'textLength="{len(piece[0]) * CELL_PX:.1f}"'
    return f"<tspan {fits}{f' style={chr(34)}{style}{chr(34)}' if style else ''}>{text}</tspan>"


if __name__ == "__main__":
    PICTURE.write_text(svg(filmed()), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.relative_to(HOME)}: {PICTURE.stat().st_size // 1024} KB\n")
