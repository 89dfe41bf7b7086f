"""Hosts as people and their input methods type them: one ASCII form, or refused at once."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest

from limner.egress.address import DialPolicy
from limner.egress.target import UrlRefused, after_host, parse_target


@pytest.mark.parametrize(
    ("typed", "dialled"),
    [
        ("EXAMPLE.com", "example.com"),
        ("example.com.", "example.com"),
        # Full-width letters and the dots of other scripts
        ("ｅｘａｍｐｌｅ．ｃｏｍ", "example.com"),
        ("ＥＸＡＭＰＬＥ。ＣＯＭ。", "example.com"),
        ("example｡com", "example.com"),
        # Names in any language, in any case, composed or not
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"),
        ("مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"),
        ("faß.de", "xn--fa-hia.de"),
        ("ΛΟΓΟΣ.gr", "xn--oxapmbu.gr"),
        ("λογος.gr", "xn--oxapmbp.gr"),
        ("İstanbul.example", "xn--istanbul-o0e.example"),
        ("☃.example", "xn--n3h.example"),
        ("💩.la", "xn--ls8h.la"),
        ("क्\u200dष.example", "xn--11b2ezcw70k.example"),
        ("münchen-tor.de", "xn--mnchen-tor-9db.de"),
        ("bücher_neu.example", "xn--bcher_neu-q9a.example"),
        # Letters that only look like others, and what is not seen at all
        ("\u212aiosk.example", "kiosk.example"),
        ("℡.example", "tel.example"),
        ("ⅷ.example", "viii.example"),
        ("exa\u00admple.com", "example.com"),
        ("exam\u200bple.com", "example.com"),
        ("\ufeffexample.com", "example.com"),
        # Encoded already
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("xn--ls8h.la", "xn--ls8h.la"),
        ("ｘｎ--bcher-kva.example", "xn--bcher-kva.example"),
        ("r3---sn-ab.example", "r3---sn-ab.example"),
        ("my_service", "my_service"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        # Addresses
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1.", "192.0.2.1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[::ffff:7f00:1]", str(IPv6Address("::ffff:127.0.0.1"))),
        ("1.2.3.4.example", "1.2.3.4.example"),
    ],
)
def test_a_host_is_mapped_as_browsers_map_it(typed, dialled):
    assert parse_target(f"http://{typed}/").host == dialled
    # What was mapped is not mapped to anything else.
    assert parse_target(parse_target(f"http://{typed}/").destination + "/").host == dialled


@pytest.mark.parametrize(
    "typed",
    [
        # Odd forms of addresses, whoever types them
        *("127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0x7f000001", "1.2.3", "256.1.1.1", "0x"),
        *("1.2.3.4.5", "foo.1", "foo.0x4", "09.1.1.1", "1.2.3.08", "１２７.0.0.1", "127。0。0。1"),
        *("①②⑦.⓪.⓪.①", "٣.1.1.1", "例え.１２３", "１０．０．０．１"),
        *("[fe80::1%eth0]", "[fe80::1%25eth0]", "[::1", "::1]", "[]", "[1.2.3.4]", "[v1.fe80]"),
        *("[::1]x", "x[::1]", "[::１]", "[：：1]", "2001:db8::1", "[::ffff:1.2.3]"),
        # Characters that no name has, as they are or as they are mapped
        *("ho st", "a,b", "a%20b", "%65xample.com", "a^b", "a|b", "a<b", "a`b", "exam!ple", "a*b"),
        *(
            "ex\u3000ample",
            "exam\u00a0ple",
            "a℀b",
            "ａ／ｂ",
            "ａ＠ｂ",
            "ａ：80",
            "ａ？b",
            "ａ＃b",
            "ａ％b",
        ),
        *("bü\ufffdcher", "bü\ue000cher", "bü\u2028cher", "\u0301a.example", "a\u200db.example"),
        "नी\u200dती.example",
        *("bü!cher.example", "\u202eexample.com", "0א.example", "aא.example"),
        # Labels that are none
        *(
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a...",
            "a。。b",
            "\u00ad.example",
            "-a.example",
            "a-.example",
        ),
        *(
            "-ü.example",
            "ü-.example",
            "a" * 64 + ".example",
            "ü" * 64 + ".example",
            "a." * 127 + "a",
        ),
        *("ü" * 1900, "\u00ad" * 300),
        # Encoded by somebody, but not so
        *("xn--", "xn--.example", "xn--a.example", "xn--a-.example", "xn--bcher-kva-.example"),
        *("xn--ü.example", "xn--example-.example", "xn--99999999.example"),
        *("xn--BCHER-KVA0.example", "xn--ab-.example", "xn--xn--bcher-kva-.example"),
    ],
)
def test_what_is_no_host_is_refused_at_once(typed):
    with pytest.raises(UrlRefused):
        parse_target(f"http://{typed}/")


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com：8080/", "http：//example.com/", "ｈｔｔｐ://example.com/"),
        *("http://example.com:８０/", "http://example.com:٨٠/", "http://example.com:+80/"),
        *("http://example.com:80:80/", "http://example.com:8 0/", "http://example.com:-1/"),
        *("http:／／example.com/", "http:example.com", "http:/example.com", "http:///example.com"),
        "http://example.com:" + "0" * 5000 + "80/",
    ],
)
def test_other_parts_that_an_input_method_changed_are_refused_at_once(url):
    with pytest.raises(UrlRefused):
        parse_target(url)


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://a:/", 80), ("https://a:/", 443), ("http://a:080/", 80), ("http://[::1]:/", 80)],
)
def test_a_port_may_be_written_as_browsers_take_it(url, port):
    assert parse_target(url).port == port


def test_a_name_is_as_long_as_dns_takes_it_and_no_longer():
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(name) == 253
    assert parse_target(f"http://{name}./").host == name
    with pytest.raises(UrlRefused):
        parse_target(f"http://{name}b/")


def test_a_name_that_grows_too_long_in_ascii_is_refused():
    # Each label is 63 characters in ASCII, and so is 255 altogether.
    typed = ".".join(["ü" * 57] * 4)
    assert parse_target(f"http://{typed[:-2]}/").host.count("xn--") == 4
    with pytest.raises(UrlRefused):
        parse_target(f"http://{typed}/")


def test_a_url_is_as_long_as_we_keep_it_and_no_longer():
    url = "http://a/" + "b" * (2048 - len("http://a/"))
    assert parse_target(url).port == 80
    with pytest.raises(UrlRefused):
        parse_target(url + "b")


def test_ports_of_mail_databases_caches_and_container_engines_are_refused_and_no_others():
    def refused(port):
        try:
            parse_target.__wrapped__(f"http://a:{port}/")
        except UrlRefused:
            return True
        return False

    mail, dns, shells = [25, 110, 143, 465, 587, 993, 995], [53], [22, 23]
    stores = [2379, 3306, 5432, 5984, 6379, 6380, 9200, 9300, 11211, 27017]
    engines = [2375, 2376]
    assert [port for port in range(1, 65_536) if refused(port)] == sorted(
        mail + dns + shells + stores + engines
    )
    assert refused(0)
    assert refused(65_536)


@pytest.mark.parametrize(
    ("url", "rest"),
    [
        ("http://a", ""),
        ("http://a/b?c=/d:8", "/b?c=/d:8"),
        ("http://a?x", "?x"),
        ("http://a:80/ü//b", "/ü//b"),
        ("http://[::1]:80/b", "/b"),
    ],
)
def test_what_stands_behind_the_host_is_left_as_it_is(url, rest):
    parse_target(url)
    assert after_host(url) == rest


def test_an_allow_list_reads_names_as_callback_urls_do():
    policy = DialPolicy.parse("ＢÜＣＨＥＲ。example=10.0.0.0/8")
    policy.check(parse_target("http://bücher.example/").host, 80, ["10.1.2.3"])
