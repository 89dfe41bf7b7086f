"""Fields that imagine does not know: refused by name, with the nearest known one suggested."""

from __future__ import annotations

import pytest

from tests.api.asking import IMAGINE, a_body


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("callbackUrl", "callBackUrl"),
        ("prompten", "promptEn"),
        ("nij", "isNiji"),
        ("chaoss", "chaos"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_known_name(caller, sent, meant):
    assert caller.wrong(**{sent: "x"}) == {sent: [f"Unknown field. Did you mean {meant}?"]}


def test_an_unknown_field_that_resembles_none_is_refused_by_name(caller):
    assert caller.wrong(zzzzzz=1) == {"zzzzzz": ["Unknown field."]}


def test_a_thousand_unknown_fields_get_a_short_answer(caller):
    body = a_body(**{f"{n}" * 50_000: 1 for n in range(10)}, **{f"x{n}": 1 for n in range(1000)})

    response = caller("POST", IMAGINE, json=body)

    assert response.status_code == 422
    assert len(response.text) < 2000
