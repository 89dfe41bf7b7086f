"""What a process holds at once: bounded for each client and for all, and always given back."""

from __future__ import annotations

import pytest

from api.places import Places
from limner.errors import Crowded, TooManyAtOnce


def test_one_client_holds_no_more_than_its_share_and_others_still_have_theirs():
    places = Places(each=2, most=3)
    places.held("ann")
    places.held("ann")

    with pytest.raises(TooManyAtOnce):
        places.held("ann")
    places.held("bob")


def test_all_together_hold_no_more_than_there_is():
    places = Places(each=2, most=3)
    for client in ("ann", "bob", "cas"):
        places.held(client)

    with pytest.raises(Crowded):
        places.held("dee")


def test_what_is_refused_takes_nothing():
    places = Places(each=2, most=2)
    held = places.held("ann")
    with pytest.raises(TooManyAtOnce):
        held.grow(2)
    with pytest.raises(Crowded):
        places.held("bob", 2)

    assert places.taken == 1
    held.grow(1)
    assert places.taken == 2


def test_what_has_grown_is_given_back_whole_and_once():
    places = Places(each=10, most=10)
    other = places.held("ann", 3)
    held = places.held("ann")
    held.grow(4)

    held.close()
    held.close()

    assert places.taken == 3
    other.close()
    places.held("ann", 10)


def test_a_block_gives_back_also_if_it_fails():
    places = Places(each=1, most=1)

    with pytest.raises(RuntimeError), places.hold("ann"):
        raise RuntimeError

    with places.hold("ann"):
        assert places.taken == 1
