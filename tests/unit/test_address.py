"""Which addresses are public, what the allow-list opens, and what it never does."""

from __future__ import annotations

import ipaddress

import pytest

from limner.egress.address import AddressNotAllowed, DialPolicy


def words(text: str) -> list[str]:
    return text.split()


PUBLIC = words("""
8.8.8.8 1.1.1.1 93.184.216.34 172.15.255.255 172.32.0.0 100.63.255.255 100.128.0.0 192.0.1.1
192.31.195.255 192.31.197.0 192.52.192.1 192.175.49.1 2620:4f:7fff::1 2620:4f:8001::1 2001:200::1
11.0.0.0 9.255.255.255 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700:4700::1111
2a00:1450:4001:82a::200e 2400:cb00::1
""")
PRIVATE = words("""
127.0.0.1 127.255.255.255 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255
192.168.0.1 100.64.0.1 100.127.255.255 198.18.0.1 198.19.255.255 192.0.0.1 192.0.0.8 192.0.2.1
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.88.99.1
::1 :: ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1 ::ffff:0:127.0.0.1 ::ffff:10.0.0.1
64:ff9b::7f00:1 64:ff9b:1::7f00:1 2002:7f00:1:: 2001:0:7f00:1:: 5f00::1 3fff::1 2001:db8::1
fe80::1 fec0::1 fc00::1 fd12:3456::1 ff02::1 100::1 4000::1 2001:10::1 2001:20::1
192.31.196.0 192.31.196.255 192.52.193.1 192.175.48.1 100:0:0:1::1 2620:4f:8000::1 2001:1ff:ffff::1
""")
NEVER = words("""
169.254.169.254 169.254.170.2 169.254.0.1 100.100.100.200 192.0.0.192 168.63.129.16
fd00:ec2::254 fd20:ce::254 fd00:c1::a9fe:a9fe fd00:42::42 fe80::1 febf::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::
64:ff9b:1::a9fe:a9fe ::169.254.169.254 ::ffff:0:169.254.169.254 2001:0:0:0:0:0:5601:5601
""")


def allowed(policy: DialPolicy, *addresses: str, host: str = "host", port: int = 443) -> bool:
    try:
        policy.check(host, port, addresses)
    except AddressNotAllowed:
        return False
    return True


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address):
    assert allowed(DialPolicy(), address)


@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_all_others_are_not(address):
    assert not allowed(DialPolicy(), address)


@pytest.mark.parametrize("address", NEVER)
def test_no_allow_list_opens_what_gives_credentials_away(address):
    everything = DialPolicy.parse("0.0.0.0/0, ::/0, host:*, host=0.0.0.0/0:*, host=::/0")

    assert not allowed(everything, address)


@pytest.mark.parametrize("address", [a for a in PRIVATE if a not in NEVER])
def test_the_allow_list_opens_the_rest(address):
    assert allowed(DialPolicy.parse("0.0.0.0/0, ::/0"), address)


@pytest.mark.parametrize(
    "address", ["64:ff9b::100.100.100.201", "::168.63.129.17", "2002:c000:c1::", "fd00:ec3::254"]
)
def test_what_stands_beside_those_is_opened(address):
    assert allowed(DialPolicy.parse("::/0"), address)


@pytest.mark.parametrize(
    "name", ["metadata.google.internal", "metadata", "metadata.goog", "instance-data"]
)
def test_names_of_metadata_services_are_refused_whatever_they_resolve_to(name):
    assert not allowed(DialPolicy.parse(f"{name}:*"), "8.8.8.8", host=name)


def test_a_refusal_says_nothing_of_the_network():
    with pytest.raises(AddressNotAllowed, match=r"^address not allowed$"):
        DialPolicy().check("host", 443, ["10.0.0.1"])


def test_one_forbidden_address_in_an_answer_refuses_the_host():
    assert not allowed(DialPolicy(), "8.8.8.8", "10.0.0.1")
    assert not allowed(DialPolicy())


def test_each_part_of_a_rule_must_hold():
    policy = DialPolicy.parse(
        "10.20.0.0/16:8443, recv.lan=192.168.1.5/32, localhost:*, [fd00::1]:80"
    )

    assert allowed(policy, "10.20.3.4", port=8443)
    assert not allowed(policy, "10.20.3.4", port=443)
    assert not allowed(policy, "10.21.3.4", port=8443)
    assert allowed(policy, "192.168.1.5", host="recv.lan", port=9)
    assert not allowed(policy, "192.168.1.6", host="recv.lan")
    assert not allowed(policy, "192.168.1.5", host="other.lan")
    assert allowed(policy, "127.0.0.1", "::1", host="localhost", port=5000)
    assert not allowed(policy, "127.0.0.1", host="localhost.evil.example")
    assert allowed(policy, "fd00::1", port=80)
    assert not allowed(policy, "fd00::1", port=81)


def test_our_own_services_stay_closed_to_callbacks_even_on_allowed_loopback():
    policy = DialPolicy(
        DialPolicy.parse("127.0.0.0/8, ::1, 0.0.0.0").rules, own_ports=frozenset({8000})
    )

    for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0"):
        assert not allowed(policy, address, port=8000)
    assert allowed(policy, "127.0.0.1", port=9000)


@pytest.mark.parametrize(
    "text", ["10.0.0.0/33", "a b", "host:99999", "host:x", "=10.0.0.0/8", "h=", "h=nonsense", "a/b"]
)
def test_a_wrong_allow_list_says_what_is_wrong(text):
    with pytest.raises(ValueError, match="'"):
        DialPolicy.parse(text)


def test_our_table_is_never_more_generous_than_the_standard_library():
    """Python's own table has had holes, so ours must close at least what it closes."""
    for first in range(256):
        for second in (0, 64, 100, 168, 254, 255):
            address = ipaddress.ip_address(f"{first}.{second}.1.1")
            if not address.is_global or address.is_multicast:
                assert not allowed(DialPolicy(), str(address)), address
