"""Why settings were not reloaded, as it is told to whoever asked and in the log."""

from __future__ import annotations

import logging

import pytest

from limner.errors import ConfigError
from stack.not_reloaded import NotReloaded, tell_not_reloaded

log = logging.getLogger("tests.not_reloaded")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConfigError("port", "must be a number"), "port: must be a number"),
        (NotReloaded("everything stops"), "everything stops"),
        (
            FileNotFoundError(2, "No such file", "limner.toml"),
            "[Errno 2] No such file: 'limner.toml'",
        ),
    ],
    ids=["a setting", "a refusal", "the system"],
)
def test_what_an_operator_can_mend_is_told_as_it_is_and_without_a_traceback(caplog, error, why):
    assert tell_not_reloaded(log, error) == why

    (record,) = caplog.records
    assert (record.message, record.limner_fields["why"]) == ("gateway.not_reloaded", why)
    assert record.exc_info is None


def test_a_bug_is_told_with_its_kind_and_the_log_has_its_traceback(caplog):
    error = KeyError("a bug of ours")

    assert tell_not_reloaded(log, error) == "KeyError: 'a bug of ours' (the log tells more)"

    (record,) = caplog.records
    assert record.limner_fields["why"] == "KeyError: 'a bug of ours'"
    assert record.exc_info[1] is error
