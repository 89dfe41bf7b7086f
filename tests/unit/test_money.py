"""Money is counted in millionths of one currency, read from what people and hosts write, and shown as it is."""

from __future__ import annotations

import pytest

from limner.money import micros, micros_said, shown, units


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (0.1, 100_000),
        ("0.04", 40_000),
        (3, 3_000_000),
        ("1e-6", 1),
        (0.0000004, 0),
        (1_000_000, 10**12),
    ],
)
def test_an_amount_is_what_is_written(written, amount):
    assert micros(written) == amount


@pytest.mark.parametrize("written", ["", "much", "nan", "inf", -0.01, True, None, [], 1_000_001])
def test_what_is_no_amount_is_refused(written):
    with pytest.raises(ValueError, match="must be"):
        micros(written)


def test_a_host_that_says_nonsense_has_said_nothing():
    assert [micros_said(cost) for cost in (None, float("nan"), -1.0, 0.0, 0.02)] == [
        *(None, None, None, 0, 20_000)
    ]


def test_amounts_are_shown_with_cents_or_finer_and_sums_do_not_drift():
    assert shown(40_000, "EUR") == "0.04 EUR"
    assert shown(1_500_000) == "1.50"
    assert shown(1) == "0.000001"
    assert units(sum(micros(0.1) for _ in range(10))) == 1.0
