"""The table of moves and the list of reasons: whole, told once, and the only ones there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import limner
from limner.callback.policy import Kind
from limner.errors import EngineError, LimnerError
from limner.job import Status
from limner.moves import MOVES, Cause
from limner.reasons import PAID_FOR, Reason

LUA = sorted(Path(limner.__file__).parent.rglob("*.lua"))
STORE = sorted((Path(limner.__file__).parent / "store").rglob("*.py"))
#: the one library that writes a status
MOVER = "lib_moves"
#: what takes a cause as its second argument
_CAUSED = re.compile(r"\b(?:may|move|end_job|give_up|wait_again|row_of)\(\w+, ([^,)]+)")
_LITERAL = re.compile(r"'((?:\\.|[^'\\])*)'" r'|"((?:\\.|[^"\\])*)"')
_READ = re.compile(r"redis\.call\('HM?GET',(?:[^()]|\([^()]*\))*\)")
#: what an event keeps of the record
_KEPT = re.compile(r"local CHANGING = \{[^}]*\}")
_FIELDS_OF_ANYBODY = re.compile(r"'HM?SET(?:NX)?', (?:record|job_key\(\w+\)), (?!')")


def code_of(text: str) -> str:
    """Return a script without its comments."""
    return re.sub(r"--.*", "", text)


def literals(code: str) -> list[str]:
    return [one or other for one, other in _LITERAL.findall(code)]


def writes_a_status(text: str) -> bool:
    """Whether a script names the status but to read it, or writes fields that somebody else named."""
    code = _KEPT.sub("", _READ.sub("", code_of(text)))
    return "status" in literals(code) or bool(_FIELDS_OF_ANYBODY.search(code))


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.stem)
def test_one_library_alone_writes_a_status(path):
    assert writes_a_status(path.read_text(encoding="utf-8")) == (path.stem == MOVER)


@pytest.mark.parametrize(
    "line",
    [
        "redis.call('HSET', record, 'status', 'done')",
        "local record = {'status', 'waiting', 'seq', '0'}",
        'redis.call("HSET", job_key(id), "progress", 1, "status", after)',
        "redis.call('HSET', job_key(id), ARGV[i], ARGV[i + 1])",
        "redis.call('HSET', record, unpack(fields))",
    ],
)
def test_whoever_else_writes_one_is_found(line):
    assert writes_a_status(line)


def test_no_python_writes_to_a_jobs_record():
    calls = re.compile(r"\.h(?:set|mset|setnx|incrby)\((?:[^()]|\([^()]*\))*\)")
    found = [call for path in STORE for call in calls.findall(path.read_text(encoding="utf-8"))]
    assert calls.search('self._redis.hset(f"limner:job:{job_id}", mapping=dict(status="done"))')
    assert not [call for call in found if "job:" in call]


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.stem)
def test_no_script_has_a_reason_of_its_own(path):
    sentences = {reason.sentence for reason in Reason}
    code = _CAUSED.sub("", code_of(path.read_text(encoding="utf-8")))
    assert not {*Reason, *sentences, PAID_FOR} & set(literals(code))


def test_the_causes_that_scripts_name_are_those_of_the_table():
    named = {
        cause
        for path in LUA
        for second in _CAUSED.findall(code_of(path.read_text(encoding="utf-8")))
        for cause in literals(second)
    }
    # Named by the worker, in Python.
    assert named | {Cause.FINISHED} == set(Cause) == {move.cause for move in MOVES}


def test_a_cause_has_one_outcome_for_each_status():
    assert len({(move.before, move.cause) for move in MOVES}) == len(MOVES)


def test_nothing_leaves_the_end():
    assert not [m for m in MOVES if m.before and m.before.ended and m.after is not m.before]


def test_every_status_is_reached_and_whatever_has_not_ended_may_fail():
    assert {m.after for m in MOVES if m.after is not m.before} == set(Status)
    assert {m.before for m in MOVES if m.before and m.after is Status.FAILED} == {
        status for status in Status if not status.ended
    }


def test_what_changes_a_status_is_told_and_its_end_above_all():
    for move in MOVES:
        if move.before is move.after:
            assert move.told in (None, Kind.PROGRESS), move
        elif move.after.ended:
            assert move.told is Kind.TERMINAL, move
        else:
            # The first status is the answer to the POST.
            assert move.told is (Kind.TRANSITION if move.before else None), move


def test_a_job_fails_for_a_reason_and_for_nothing_else():
    for move in MOVES:
        said = move.after is Status.FAILED and move.cause is not Cause.FAILED
        assert (move.reason is not None) == said, move


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_a_code_for_programs_and_a_sentence_for_people(reason):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason)
    assert re.fullmatch(r"[A-Z].+\.", reason.sentence)


def kinds(of: type[LimnerError]) -> list[type[LimnerError]]:
    return [of, *(kind for sub in of.__subclasses__() for kind in kinds(sub))]


@pytest.mark.parametrize(
    "kind", [k for k in kinds(EngineError) if "reason" in vars(k)], ids=lambda k: k.__name__
)
def test_an_engines_error_says_what_its_reason_says(kind):
    assert kind.summary() == kind.reason.sentence
