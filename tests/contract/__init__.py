"""Valkey and every script, and every engine against a stand-in for its server."""

import pytest

# They are no tests' files themselves: without this, what fails in them says not why.
pytest.register_assert_rewrite("tests.contract.applied_suite", "tests.contract.engine_suite")
