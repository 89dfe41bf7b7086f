"""The domain's tables as Lua, for every script that uses ``domain``.

Made from ``limner/moves.py``, ``limner/reasons.py``, ``limner/job.py`` and ``limner/version.py``, so that nothing
is written twice. Called by the scripts' loader. ``lib_moves.lua`` reads what is made here::

    MOVES    "<status before, or none> <cause>" → "<status after> <who> <kind of event, or ->"
    WHY      cause → {reason code, sentence}, where the cause says why a job failed
    RUNNING  status → true, of a job that an engine has
    ENDED    status → true, of a job that nothing changes any more
    SCHEMA   the schema of the data that this Limner writes
"""

from __future__ import annotations

from collections.abc import Mapping

from limner.job import Status
from limner.moves import MOVES, Move
from limner.version import SCHEMA


def library() -> str:
    """Return the tables as Lua text, the same in every process."""
    tables = {
        "MOVES": {_move_key(move): _text(_move_value(move)) for move in MOVES},
        "WHY": {move.cause.value: _why(move) for move in MOVES if move.reason},
        "RUNNING": {status.value: "true" for status in Status if status.running},
        "ENDED": {status.value: "true" for status in Status if status.ended},
    }
    return f"-- Made by limner/store/domain.py.\nlocal SCHEMA = {SCHEMA}\n" + "".join(
        f"local {name} = {_table(rows)}\n" for name, rows in tables.items()
    )


def _move_key(move: Move) -> str:
    return f"{move.before.value if move.before else 'none'} {move.cause.value}"


def _move_value(move: Move) -> str:
    return f"{move.after.value} {move.who.value} {move.told.value if move.told else '-'}"


def _why(move: Move) -> str:
    assert move.reason is not None
    sentence = move.sentence or move.reason.sentence
    return f"{{{_text(move.reason.value)}, {_text(sentence)}}}"


def _table(rows: Mapping[str, str]) -> str:
    return (
        "{" + "".join(f"\n    [{_text(name)}] = {value}," for name, value in rows.items()) + "\n}"
    )


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
