"""Money: amounts of the operator's currency, counted in millionths of it.

Whole numbers, because sums of floats drift. Which currency it is, only the operator knows (``currency`` in the
settings): it is shown, and nothing is ever converted.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

MICROS = 1_000_000
#: the largest price, cost or budget, in whole units; sums of many stay exact in Lua's numbers
AMOUNT_MOST = 1_000_000


def micros(raw: Any) -> int:
    """Return an amount in millionths; a text or a number, from 0 to ``AMOUNT_MOST``.

    Raises:
        ValueError: it is none; the message is one clause.
    """
    try:
        # A float is meant as it is written: 0.1 is a tenth.
        given = Decimal(str(raw).strip())
    except InvalidOperation:
        given = Decimal("NaN")
    if isinstance(raw, bool) or not given.is_finite():
        raise ValueError("must be an amount of money, such as 0.04")
    if not 0 <= given <= AMOUNT_MOST:
        raise ValueError(f"must be from 0 to {AMOUNT_MOST}")
    return int((given * MICROS).to_integral_value(ROUND_HALF_EVEN))


def micros_said(cost: float | None) -> int | None:
    """Return what a host says that a drawing cost; None: it says nothing, or nothing that can be true."""
    if cost is None:
        return None
    try:
        return micros(cost)
    except ValueError:
        return None


def units(amount: int) -> float:
    """Return an amount as a number in JSON: the nearest one, which reads as it is."""
    return amount / MICROS


def shown(amount: int, currency: str = "") -> str:
    """Return an amount for people: two digits after the point, or as many more as it needs."""
    whole, rest = divmod(abs(amount), MICROS)
    digits = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole}.{digits} {currency}".strip()
