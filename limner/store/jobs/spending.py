"""What clients' drawings cost, and the refusal by a budget; used by ``Jobs``, and by whoever tells operators."""

from __future__ import annotations

from collections.abc import Mapping

from limner.client import Budgets
from limner.errors import BudgetSpent
from limner.job import from_ms
from limner.money import shown
from limner.plural import counted

#: how the scripts' counter is called, of client and engine
SPENT = "spent"


def refusal(
    budgets: Budgets, currency: str, period: str, what: str, ends_ms: str, left_ms: str
) -> BudgetSpent:
    """Return the refusal by the budget that accept.lua names."""
    if what == SPENT:
        money = budgets.cost_per_day if period == "day" else budgets.cost_per_month
        most = shown(money or 0, currency)
    else:
        drawings = budgets.per_day if period == "day" else budgets.per_month
        most = counted(drawings or 0, "drawing")
    return BudgetSpent(most, period, from_ms(ends_ms), int(left_ms) / 1000)


def by_client(counts: Mapping[str, Mapping[tuple[str, ...], int]]) -> dict[str, dict[str, int]]:
    """Return what each client's drawings have ever cost, by engine, out of the gateway's counters; millionths."""
    found: dict[str, dict[str, int]] = {}
    for (client, engine), amount in sorted(counts.get(SPENT, {}).items()):
        found.setdefault(client, {})[engine] = amount
    return found


def by_engine(counts: Mapping[str, Mapping[tuple[str, ...], int]]) -> dict[str, int]:
    """Return what each engine's drawings have ever cost; millionths."""
    found: dict[str, int] = {}
    for (_client, engine), amount in counts.get(SPENT, {}).items():
        found[engine] = found.get(engine, 0) + amount
    return found
