"""A picture written into the request, in every form that programs write it."""

from __future__ import annotations

import base64

import pytest

from limner.pictures.inline import decode, decoded_bytes, letters

DATA = bytes(range(256)) + b"\xfb\xff\xfe!"
PLAIN = base64.b64encode(DATA).decode()
SAFE = base64.urlsafe_b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.rstrip("="),
        SAFE,
        SAFE.rstrip("="),
        base64.encodebytes(DATA).decode(),
        "\r\n".join(PLAIN[at : at + 64] for at in range(0, len(PLAIN), 64)),
        " ".join((PLAIN[:7], PLAIN[7:])),
        "\t" + PLAIN + "\f\n",
        f"data:image/png;base64,{PLAIN}",
        f"DATA:image/PNG;BASE64,{SAFE.rstrip('=')}",
        f"data:image/jpeg;charset=utf-8;name=a.jpg;base64,{PLAIN}",
        f"data:image/svg+xml; base64, {PLAIN}",
        f"data:;base64,{PLAIN}",
        f"data:application/octet-stream;base64,{PLAIN}",
        "data:image/png;base64,"
        + PLAIN.replace("+", "%2B").replace("/", "%2f").replace("=", "%3D"),
        "data:image/png;base64," + PLAIN[:40] + "%0D%0A" + PLAIN[40:],
    ],
)
def test_each_common_form_is_read(text):
    assert decode(text) == DATA
    assert decoded_bytes(letters(text)) == len(DATA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "data:image/png;base64,",
        "data:image/png,abcd",
        "data:text/html;base64,abcd",
        "data:image/png;base64",
        "data:image/png;base64,ab%zz",
        "abcde",
        "ab=cd",
        "ab.cd",
        "abc%3D",
        "ａｂｃｄ",
        "\ud800",
    ],
)
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(ValueError, match="Must be"):
        letters(text)
