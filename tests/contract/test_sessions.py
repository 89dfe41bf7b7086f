"""Sessions of the console: who gets one, what ends it, and how many there are."""

from __future__ import annotations

import hashlib

import pytest

from limner.client import Wrong
from limner.errors import ConfigError
from limner.store import Store
from limner.store.operators import Role
from limner.store.sessions import IDLE_S, KEPT_S, SESSIONS_MOST, TICKET_S, Entered, Holder
from tests.contract.lanes_view import everything

SOURCE = "203.0.113.7"
DAY_S = 86_400


@pytest.fixture
def token(store: Store) -> str:
    return store.clients.add("ann").token


def entered(store: Store, token: str) -> str:
    found = store.sessions.enter_by_token(token, SOURCE)
    assert isinstance(found, Entered), found
    return found.secret


def test_a_clients_token_and_an_operators_each_open_a_session_of_their_kind(store, token):
    operators = store.operators.add("test", "olga", Role.VIEW)

    ann = store.sessions.find(entered(store, token))
    olga = store.sessions.find(entered(store, operators))

    assert (ann.kind, ann.name, ann.role) == (Holder.CLIENT, "ann", None)
    assert (olga.kind, olga.name, olga.role) == (Holder.OPERATOR, "olga", Role.VIEW)


def test_a_wrong_token_opens_nothing_and_is_slowed_by_its_address(store, clock, token):
    tries = [store.sessions.enter_by_token("lim_guess", SOURCE) for _ in range(11)]

    assert all(isinstance(one, Wrong) for one in tries)
    assert [one.wait_s > 0 for one in tries] == [False] * 10 + [True]
    assert entered(store, token)


def test_neither_tokens_nor_secrets_nor_tickets_are_stored(store, token):
    secret = entered(store, token)
    ticket = store.sessions.new_ticket(Holder.CLIENT, "ann")

    kept = str(everything(store))

    assert hashlib.sha256(secret.encode()).hexdigest() in kept
    assert hashlib.sha256(ticket.encode()).hexdigest() in kept
    assert not [one for one in (token, secret, ticket) if one in kept]


@pytest.mark.parametrize("holder", list(Holder))
def test_a_session_ends_when_its_token_is_replaced_and_the_new_one_opens_another(store, holder):
    if holder is Holder.CLIENT:
        secret = entered(store, store.clients.add("ann").token)
        fresh = store.clients.rotate_token("ann")
    else:
        secret = entered(store, store.operators.add("test", "ann", Role.STEER))
        fresh = store.operators.rotate_token("test", "ann")

    assert store.sessions.find(secret) is None
    assert store.sessions.find(entered(store, fresh)).name == "ann"


def test_a_disabled_clients_session_ends_and_it_may_not_enter(store, token):
    secret = entered(store, token)
    store.clients.change("ann", disabled=True)

    assert store.sessions.find(secret) is None
    assert store.sessions.enter_by_token(token, SOURCE) == Wrong(0.0, False, True)
    with pytest.raises(ConfigError):
        store.sessions.new_ticket(Holder.CLIENT, "ann")


def test_a_removed_operators_session_ends(store):
    secret = entered(store, store.operators.add("test", "olga", Role.STEER))
    store.operators.remove("test", "olga")

    assert store.sessions.find(secret) is None


def test_an_operators_new_role_holds_in_its_sessions_at_once(store):
    secret = entered(store, store.operators.add("test", "olga", Role.STEER))
    store.operators.change("test", "olga", Role.VIEW)

    assert store.sessions.find(secret).role is Role.VIEW


def test_a_session_that_is_left_has_ended_and_others_go_on(store, token):
    one, other = entered(store, token), entered(store, token)
    store.sessions.end(one)
    store.sessions.end(one)

    assert store.sessions.find(one) is None
    assert store.sessions.find(other)


def test_a_session_that_is_not_used_ends_and_one_that_is_used_ends_by_its_age(store, clock, token):
    idle, used = entered(store, token), entered(store, token)
    for _ in range(KEPT_S // DAY_S):
        clock.pass_s(DAY_S)
        assert store.sessions.find(used)

    assert store.sessions.find(idle) is None
    clock.pass_s(1)
    assert store.sessions.find(used) is None


def test_redis_keeps_a_session_in_use_and_its_holders_list_until_their_own_times(
    store, clock, token
):
    secret = entered(store, token)
    (session,) = store.redis.scan_iter("limner:session:*")
    sessions = "limner:sessions:client:ann"

    def hours_left() -> list[int]:
        """In how many whole hours Redis forgets them, unless they are used."""
        return [round(store.redis.pttl(key) / 3_600_000) for key in (session, sessions)]

    whole = [IDLE_S // 3600, KEPT_S // 3600]
    assert hours_left() == whole
    for key in (session, sessions):
        store.redis.expire(key, 3600)
    assert store.sessions.find(secret)
    assert hours_left() == whole

    for _ in range(KEPT_S // DAY_S - 1):
        clock.pass_s(DAY_S)
        assert store.sessions.find(secret)
    assert hours_left() == [24, KEPT_S // 3600]


def test_after_the_clock_was_set_back_a_session_lasts_no_longer_than_others(store, clock, token):
    secret = entered(store, token)
    clock.pass_s(-30 * DAY_S)
    assert store.sessions.find(secret)

    clock.pass_s(IDLE_S + 1)

    assert store.sessions.find(secret) is None


def test_of_too_many_sessions_the_one_that_was_used_longest_ago_makes_room(store, clock, token):
    secrets = []
    for _ in range(SESSIONS_MOST):
        secrets.append(entered(store, token))
        clock.pass_s(1)
    store.sessions.find(secrets[0])
    clock.pass_s(1)

    entered(store, token)

    assert store.sessions.find(secrets[0])
    assert store.sessions.find(secrets[1]) is None
    assert store.redis.zcard("limner:sessions:client:ann") == SESSIONS_MOST
    assert len(list(store.redis.scan_iter("limner:session:*"))) == SESSIONS_MOST


def test_a_ticket_lets_its_bearer_in_once(store, token):
    ticket = store.sessions.new_ticket(Holder.CLIENT, "ann")

    first = store.sessions.enter_by_ticket(ticket, SOURCE)
    second = store.sessions.enter_by_ticket(ticket, SOURCE)

    assert store.sessions.find(first.secret).name == "ann"
    assert isinstance(second, Wrong)


def test_a_newer_ticket_replaces_the_older_one_of_the_same_holder_only(store, token):
    store.operators.add("test", "ann", Role.STEER)
    older, other = (store.sessions.new_ticket(kind, "ann") for kind in Holder)
    newer = store.sessions.new_ticket(Holder.CLIENT, "ann")

    assert isinstance(store.sessions.enter_by_ticket(older, SOURCE), Wrong)
    assert store.sessions.enter_by_ticket(newer, SOURCE).kind is Holder.CLIENT
    assert store.sessions.enter_by_ticket(other, SOURCE).kind is Holder.OPERATOR


def test_a_ticket_is_good_for_a_quarter_of_an_hour_and_not_past_its_holders_token(store, token):
    ticket = store.sessions.new_ticket(Holder.CLIENT, "ann")
    (key,) = store.redis.scan_iter("limner:ticket:*")
    assert 0 < store.redis.ttl(key) <= TICKET_S

    store.clients.rotate_token("ann")

    assert isinstance(store.sessions.enter_by_ticket(ticket, SOURCE), Wrong)


@pytest.mark.parametrize("kind", list(Holder))
def test_there_is_no_ticket_for_nobody(store, kind):
    with pytest.raises(ConfigError, match="nobody"):
        store.sessions.new_ticket(kind, "nobody")


def test_a_command_enters_by_name_and_its_session_ends_with_the_holders_token(store, token):
    secret = store.sessions.enter_here(Holder.CLIENT, "ann").secret
    found = store.sessions.find(secret)
    assert (found.kind, found.name) == (Holder.CLIENT, "ann")

    store.clients.rotate_token("ann")
    assert store.sessions.find(secret) is None

    again = store.sessions.enter_here(Holder.CLIENT, "ann").secret
    store.sessions.end(again)
    assert store.sessions.find(again) is None


def test_a_command_takes_no_link_from_a_person(store, token):
    ticket = store.sessions.new_ticket(Holder.CLIENT, "ann")
    store.sessions.enter_here(Holder.CLIENT, "ann")

    assert isinstance(store.sessions.enter_by_ticket(ticket, SOURCE), Entered)


def test_nobody_enters_by_the_name_of_a_holder_who_may_not(store, token):
    with pytest.raises(ConfigError, match="no client called 'bob'"):
        store.sessions.enter_here(Holder.CLIENT, "bob")
    with pytest.raises(ConfigError, match="no operator called 'ann'"):
        store.sessions.enter_here(Holder.OPERATOR, "ann")
    store.clients.change("ann", disabled=True)
    with pytest.raises(ConfigError, match="who may enter"):
        store.sessions.enter_here(Holder.CLIENT, "ann")


def test_commands_leave_no_more_sessions_than_one_holder_may_have(store, clock, token):
    first = store.sessions.enter_here(Holder.CLIENT, "ann").secret
    clock.pass_s(1)
    for _ in range(SESSIONS_MOST):
        store.sessions.enter_here(Holder.CLIENT, "ann")

    assert store.redis.zcard("limner:sessions:client:ann") == SESSIONS_MOST
    assert store.sessions.find(first) is None
