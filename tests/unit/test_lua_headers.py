"""Every Lua script and library says at its top which kinds of keys it reads and writes, and says it rightly.

What is right is derived from the text (``tests/lua_keys.py``): of each file its own use, not that of the
libraries it calls. Followed are ``key(…)`` and ``job_key(…)`` through locals, tables, loops, parameters and
functions that return keys; which branch is taken is not looked at. A command either reads or writes, save
that what is popped is read as well: HINCRBY, HSETNX and ZREM answer from what is stored, and count as writes.
"""

from __future__ import annotations

import re
import textwrap

import pytest

from limner.store import scripts
from tests.lua_keys import QUEUE, Keys

TEXTS = {name: path.read_text(encoding="utf-8") for name, path in scripts.paths().items()}
BASE = """
local function key(...) return PREFIX .. table.concat({...}, ':') end
local function job_key(id) return PREFIX .. 'job:' .. id end
local function within(hash, field) redis.call('HSET', hash, field, 1) end
local function outer(set) if redis.call('EXISTS', set) == 1 then within(set, 'x') end end
local LANES = {'fast', 'relaxed'}
"""


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys(TEXTS)


def header(text: str) -> str:
    """The comment that a file begins with."""
    return re.match(r"(?:--.*\n)*", text)[0]


def line(what: str, kinds: set[str]) -> str:
    """What the header has to say."""
    said = f"{what}: {' '.join(sorted(kinds)) or 'nothing itself'}"
    return textwrap.fill(said, 110, initial_indent="-- ", subsequent_indent="--   ") + "\n"


@pytest.mark.parametrize("name", TEXTS)
def test_a_script_says_which_keys_it_reads_and_writes(name, keys):
    said = line("Reads", keys.reads[name]) + line("Writes", keys.writes[name])
    assert header(TEXTS[name]).endswith(f"--\n{said}")


@pytest.mark.parametrize(
    ("body", "reads", "writes"),
    [
        ("return redis.call('HGET', key('out', id), 'sent')", {"out"}, set()),
        ("redis.call('HSET', job_key(id), 'seq', 1)", set(), {"job"}),
        ("return redis.call('LPOP', key('outq', id))", {"outq"}, {"outq"}),
        ("redis.call('DEL', key('out', id), key('dead', id))", set(), {"out", "dead"}),
        ("local a, b = key('out', id), key('dead', id)\nredis.call('DEL', b)", set(), {"dead"}),
        ("redis.call('DEL', key(old and 'dead' or 'out', id))", set(), {"dead", "out"}),
        ("for _, k in ipairs({'x', 'y'}) do redis.call('GET', key(k, id)) end", {"x", "y"}, set()),
        ("local S = {a = 'x', b = 'y'}\nredis.call('GET', key(S[at], id))", {"x", "y"}, set()),
        ("local function of(id) return key('x', id) end\nredis.call('GET', of(1))", {"x"}, set()),
        ("within(key('host', id), 'tried')", set(), {"host"}),
        ("outer(key('host', id))", {"host"}, {"host"}),
        ("for _, lane in ipairs(LANES) do redis.call('LLEN', lane) end", {QUEUE}, set()),
        ("redis.call('RPUSH', ARGV[4], ARGV[5])", set(), {QUEUE}),
        ("-- redis.call('GET', key('x'))\nreturn redis.call('TIME')", set(), set()),
        ("if redis.call('GET', key('x')) == 'key(' then return key('y') end", {"x"}, set()),
        (
            "local function a(id) local s = key('x', id)\n redis.call('GET', s) end\n"
            "local function b(id) local s = key('y', id)\n redis.call('DEL', s) end",
            {"x"},
            {"y"},
        ),
    ],
)
def test_what_a_script_touches_is_derived_from_its_text(body, reads, writes):
    keys = Keys({"lib_base": BASE, "finish": body})
    assert (keys.reads["finish"], keys.writes["finish"]) == (reads, writes)
    assert keys.reads["lib_base"] | keys.writes["lib_base"] == set()


def test_a_key_that_cannot_be_followed_is_an_error():
    with pytest.raises(ValueError, match="finish: what key is made_elsewhere"):
        Keys({"lib_base": BASE, "finish": "redis.call('GET', made_elsewhere())"})


def test_a_command_that_nobody_has_sorted_is_an_error():
    with pytest.raises(ValueError, match="finish: does COPY read or write"):
        Keys({"lib_base": BASE, "finish": "redis.call('COPY', key('x'), key('y'))"})
