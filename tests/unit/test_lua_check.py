"""luacheck reads every script as the server gets it, and what it finds is told of the file that it lies in."""

from __future__ import annotations

import shutil

import pytest

from limner.store import scripts
from tests import lua_check

needs_luacheck = pytest.mark.skipif(not shutil.which("luacheck"), reason=lua_check.MISSING)

LIBRARY = """-- Made up.
local function twice(number)
    return number * 2
end
local function thrice(number)
    return number * 3
end
"""


def found(**bodies: str) -> list[str]:
    """What is found in scripts of these texts that have one library, `outbox`."""
    loaded = {name: [("outbox", LIBRARY), (name, body)] for name, body in bodies.items()}
    return [str(finding) for finding in lua_check.check(loaded)]


@needs_luacheck
@pytest.mark.parametrize(
    ("body", "where", "code"),
    [
        ("return twice(thrice(1)) + unheard_of", "1:27", "W113"),
        ("total = twice(thrice(1))", "1:1", "W111"),
        ("local twice = thrice(twice(1))\nreturn twice", "1:7", "W411"),
        (
            "local function add(twice) return twice end\nreturn add(thrice(twice(1)))",
            "1:20",
            "W431",
        ),
        ("local left = 1\nreturn twice(thrice(1))", "1:7", "W211"),
        ("do return twice(thrice(1)) end\nredis.call('TIME')", "2:1", "W511"),
        ("redis = twice(thrice(1))", "1:1", "W121"),
        ("return twice(thrice(1)) + os.time()", "1:27", "W113"),
        ("return twice(thrice(1)) -- " + "x" * 120, "1:121", "W631"),
        ("return twice(thrice(1)", "1:22", "E011"),
    ],
)
def test_a_fault_of_a_script_is_found_in_its_own_line(body, where, code):
    (finding,) = found(finish=body)
    assert finding.startswith(f"limner/store/lanes/finish.lua:{where}: ({code})")


@needs_luacheck
def test_what_a_fault_refers_to_is_told_of_its_own_file_too():
    (finding,) = found(finish="local twice = thrice(twice(1))\nreturn twice")
    assert finding.endswith("at limner/store/outbox/lib_outbox.lua:2")


@needs_luacheck
def test_a_library_is_used_in_parts_and_what_no_script_uses_is_found_once():
    assert found(finish="return twice(1)", begin="return thrice(1)") == []

    (finding,) = found(finish="return twice(1)", begin="return twice(2)")
    assert finding.startswith("limner/store/outbox/lib_outbox.lua:5:16: (W211)")


def test_every_library_is_checked_with_some_script():
    names = [name for name in scripts.paths() if not name.startswith("lib_")]
    loaded = {name: scripts.parts(name) for name in names}
    assert lua_check.unloaded(loaded) == []
    assert "limner/store/lib_base.lua: no script uses it" in lua_check.unloaded({})


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_without_luacheck_only_ci_fails(monkeypatch, capsys, ci, status):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv("LUACHECK_OPTIONAL", raising=False)

    assert lua_check.main() == status
    assert lua_check.MISSING in capsys.readouterr().err
