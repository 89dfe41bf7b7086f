"""Operators: who they are, what they may, and that their tokens are nobody else's."""

from __future__ import annotations

import hashlib

import pytest

from limner.errors import ConfigError
from limner.store.operators import Operator, Role
from tests.contract.lanes_view import everything

WHO = "cli:root"


def test_a_token_is_its_operators_until_it_is_replaced_or_removed(store):
    token = store.operators.add(WHO, "olga", Role.VIEW)
    assert store.operators.by_token(token) == Operator("olga", Role.VIEW)
    assert store.operators.by_token("limop_wrong") is None

    store.operators.change(WHO, "olga", Role.STEER)
    assert store.operators.by_token(token) == Operator("olga", Role.STEER)
    newer = store.operators.rotate_token(WHO, "olga")
    assert store.operators.by_token(token) is None
    assert store.operators.by_token(newer) == Operator("olga", Role.STEER)

    store.operators.add(WHO, "otto", Role.VIEW)
    assert [one.name for one in store.operators.all()] == ["olga", "otto"]
    store.operators.remove(WHO, "olga")
    assert store.operators.by_token(newer) is None
    assert store.operators.all() == [Operator("otto", Role.VIEW)]


def test_tokens_of_clients_and_operators_open_nothing_of_each_other(store):
    operators = store.operators.add(WHO, "olga", Role.STEER)
    clients = store.clients.add("olga").token
    assert store.operators.by_token(clients) is None
    assert store.clients.by_token(operators) is None


def test_only_the_hash_of_a_token_is_stored(store):
    token = store.operators.add(WHO, "olga", Role.STEER)
    kept = str(everything(store))
    assert hashlib.sha256(token.encode()).hexdigest() in kept
    assert token not in kept


@pytest.mark.parametrize("name", ["", "a b", "ol/ga", "x" * 65])
def test_a_name_is_made_of_letters_and_digits(store, name):
    with pytest.raises(ConfigError, match="operator name"):
        store.operators.add(WHO, name, Role.VIEW)


def test_there_is_one_of_a_name_and_none_to_change_that_is_not_there(store):
    store.operators.add(WHO, "olga", Role.VIEW)
    lines = store.levers.audit(9)
    with pytest.raises(ConfigError, match="already"):
        store.operators.add(WHO, "olga", Role.STEER)
    for change in (
        lambda: store.operators.change(WHO, "otto", Role.VIEW),
        lambda: store.operators.rotate_token(WHO, "otto"),
        lambda: store.operators.remove(WHO, "otto"),
    ):
        with pytest.raises(ConfigError, match="'otto'"):
            change()
    assert store.levers.audit(9) == lines


def test_every_change_of_an_operator_is_in_the_audit_trail(store):
    store.operators.add(WHO, "olga", Role.VIEW)
    store.operators.change(WHO, "olga", Role.STEER)
    store.operators.rotate_token(WHO, "olga")
    store.operators.remove(WHO, "olga")
    lines = [(line.what, line.before, line.after) for line in reversed(store.levers.audit(9))]
    assert lines == [
        ("operator olga", {"role": ""}, {"role": "view", "token": "new"}),
        ("operator olga", {"role": "view"}, {"role": "steer"}),
        ("operator olga", {"role": "steer"}, {"role": "steer", "token": "new"}),
        ("operator olga", {"role": "steer"}, {"role": "", "token": ""}),
    ]
