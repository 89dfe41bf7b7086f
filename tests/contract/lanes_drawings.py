"""What ``lanes_model.py`` knows of drawings that are over: they are stopped once, and cost what they must."""

from __future__ import annotations

from collections import Counter

from tests.contract.lanes_model import CLIENTS, ENDED, RUNNING, Asked, View

#: ends at the wish of whoever asked: also a drawing that only its worker could reach is stopped
UNWANTED = ("cancelled", "deadline_passed")


def check_drawings(view: View, before: View | None, jobs: list[Asked], prices: dict[str, int]):
    """Hold a view against every rule of drawings; ``prices``: of the engines, in millionths."""
    if before:
        # Without the view of before, it is not known what cost how much.
        stopped: Counter[tuple[str, str]] = Counter()
        for asked in jobs:
            if asked.id in before.records:
                stopped.update(_told_to_stop(view, before, asked))
                _costs_what_it_must(view, before, asked)
        assert _cancels(view) - _cancels(before) == stopped, "a drawing runs for nobody"
        _counters_add_up(view, jobs)
    for asked in jobs:
        _is_reserved_while_it_may_cost(view.records[asked.id], prices)
    _budgets_add_up(view, jobs)


def _cancels(view: View) -> Counter[tuple[str, str]]:
    return Counter((engine, handle) for engine, told in view.cancels.items() for handle in told)


def _is_over(record: dict[str, str], was: dict[str, str]) -> bool:
    """Whether a drawing is over since the last look: its job ended, or no longer has it."""
    if was["status"] in ENDED:
        return False
    return record["status"] in ENDED or ("handle" in was and "handle" not in record)


def _told_to_stop(view: View, before: View, asked: Asked) -> list[tuple[str, str]]:
    record, was = view.records[asked.id], before.records[asked.id]
    handle = was.get("handle", "{}")
    # Of one that is being handed over, only its worker knows how it is called.
    if not _is_over(record, was) or handle == "{}" or was.get("token") == asked.done_with:
        return []
    unwanted = record["status"] in ENDED and record["reason_code"] in UNWANTED
    return [(was["engine"], handle)] if unwanted or was["attach"] == "1" else []


def _costs_what_it_must(view: View, before: View, asked: Asked) -> None:
    record, was = view.records[asked.id], before.records[asked.id]
    by_hand = "token" in was and was["token"] == asked.done_with
    costs = int(record.get("spent", 0)) - int(was.get("spent", 0))
    must = 0
    if by_hand and asked.said is not None and record.get("attach") != "1":
        must = asked.said
    elif _is_over(record, was) and "handle" in was:
        must = int(was.get("reserved", 0))
    assert costs == must, "a drawing cost something else than was said, or its price"
    if costs:
        asked.paid[was["engine"]] += costs


def _is_reserved_while_it_may_cost(record: dict[str, str], prices: dict[str, int]) -> None:
    reserved = int(record.get("reserved", 0))
    if record["status"] in ENDED:
        assert "reserved" not in record, "money is reserved for what has ended"
    elif record["status"] in RUNNING:
        assert reserved == prices[record["engine"]]
    else:
        assert reserved in (0, *prices.values())


def _counters_add_up(view: View, jobs: list[Asked]) -> None:
    found: Counter[str] = Counter()
    for asked in jobs:
        for engine, money in asked.paid.items():
            found[f"spent|{asked.client}|{engine}"] += money
    assert {n: sum_ for n, sum_ in view.numbers.items() if n.startswith("spent|")} == +found


def _budgets_add_up(view: View, jobs: list[Asked]) -> None:
    for client in CLIENTS:
        mine = [asked for asked in jobs if asked.client == client]
        records = [view.records[asked.id] for asked in mine]
        money = sum(int(r.get(name, 0)) for r in records for name in ("reserved", "spent"))
        budget = view.budgets[client]
        assert int(budget.get("month_spent", 0)) == money, "a budget is not what its jobs cost"
        counted = sum(asked.budgeted for asked in mine)
        assert int(budget.get("month_used", 0)) == counted, "a budget is not as many jobs"
