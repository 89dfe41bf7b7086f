"""A callback URL that was accepted is dialled, however its host was typed."""

from __future__ import annotations

import socket

import hypothesis.strategies as st
import pytest
from hypothesis import assume, example, given, settings

from limner.egress.address import DialPolicy
from limner.egress.target import UrlRefused, parse_target
from net.outgoing import Outgoing
from tests.callback_doubles import Receiver

#: what people, input methods and word processors put into hosts
ODD = "aA9-_.xn。．｡ａＺ０：ßΣςÜİıéñßſKΩ例テ𝐚☃💩\u00ad\u200b\u200c\u200d\u0301\u3000\u00a0א٣①%"
HOSTS = st.one_of(
    st.text(st.sampled_from(ODD), min_size=1, max_size=12),
    st.text(min_size=1, max_size=6),
    st.from_regex(r"(xn--)?[a-z0-9-]{1,8}(\.|。)[a-zü]{1,4}", fullmatch=True),
)


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as made:
        yield made


@pytest.fixture(scope="module")
def names():
    """Every name leads to loopback; the names that were asked for."""
    asked: list[str] = []
    getaddrinfo = socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        # As the real one does with a name.
        host.encode("idna")
        asked.append(host)
        return getaddrinfo("127.0.0.1", port, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        yield asked


@pytest.fixture(scope="module")
def outgoing():
    made = Outgoing(DialPolicy.parse("127.0.0.1:*"))
    yield made
    made.close()


@given(host=HOSTS, rest=st.sampled_from(["", "/", "/ü?x=%zz[]", "?例=1"]), good=st.none())
@settings(max_examples=400)
@example(host="ｅｘａｍｐｌｅ。ｃｏｍ", rest="/hook", good=True)
@example(host="BÜCHER.example", rest="/hook", good=True)
@example(host="ΛΟΓΟΣ.gr", rest="/hook", good=True)
@example(host="☃.example", rest="/hook", good=True)
@example(host="a_b.example.", rest="/hook", good=True)
@example(host="[v1.a]", rest="/hook", good=False)
@example(host="xn--a", rest="/hook", good=False)
def test_a_host_is_refused_at_once_or_dialled_in_ascii(receiver, names, outgoing, host, rest, good):
    # These end the host, and the port is then part of the path.
    assume(not set(host) & set("/?#"))
    url = f"http://{host}:{receiver.port}{rest}"
    try:
        target = parse_target(url)
    except UrlRefused:
        assert not good
        return
    assert good is not False
    assert target.host.isascii()
    heard = len(receiver.heard)
    outcome = outgoing.post(url, b"{}", {}, 20.0)

    assert outcome.status == 200
    assert receiver.heard[heard].headers["host"] == f"{target.bracketed}:{receiver.port}"
    assert all(name.isascii() for name in names)


def test_every_spelling_of_a_host_goes_over_one_connection(receiver, names, outgoing):
    before = len(names)
    for host in ("bücher.test", "BÜCHER。TEST", "ＢÜＣＨＥＲ．ｔｅｓｔ。", "xn--bcher-kva.test."):
        assert outgoing.post(f"http://{host}:{receiver.port}/", b"{}", {}, 20.0).status == 200

    assert names[before:] == ["xn--bcher-kva.test"]
