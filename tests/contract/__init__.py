"""Valkey and every script, and every engine against a stand-in for its server."""

import pytest

# They are no tests' files themselves: without this, what fails in them does not say why.
SUITES = ("applied_suite", "engine_suite", "busy_house")
MODELS = (
    "lanes_model",
    "lanes_drawings",
    "lanes_hands",
    "outbox_hands",
    "outbox_model",
    "outbox_view",
)
pytest.register_assert_rewrite(*(f"tests.contract.{name}" for name in SUITES + MODELS))
