"""How Schemathesis asks an API by its OpenAPI document, and what it checks of each answer."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from schemathesis.generation.hypothesis.builder import (
    HypothesisTestConfig,
    HypothesisTestMode,
    create_test,
)
from schemathesis.specs.openapi import checks as openapi_checks

#: of each endpoint, with each seed, so many requests, right and wrong ones
EXAMPLES = 15
SEEDS = (1, 2, 3)
ROUNDS = (
    (HypothesisTestMode.COVERAGE, 0),
    *((HypothesisTestMode.FUZZING, seed) for seed in SEEDS),
)
CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.unsupported_method,
    openapi_checks.missing_required_header,
    openapi_checks.negative_data_rejection,
    openapi_checks.positive_data_acceptance,
)


def asks(document, operation, phase, seed, ask):
    """Have ``ask`` called with cases of one operation."""
    cases = 0

    def counting(case):
        nonlocal cases
        cases += 1
        ask(case)

    config = HypothesisTestConfig(
        project=document.config,
        modes=[phase],
        seed=seed,
        settings=settings(
            max_examples=EXAMPLES,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
        explicit_setting_names={"max_examples", "database", "phases"},
    )
    create_test(
        operation=document[operation.path][operation.method], test_func=counting, config=config
    )()
    # What makes them is no public interface, and says nothing if it makes none.
    assert cases
