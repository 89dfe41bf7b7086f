"""The schemas as functions: whatever comes in, a request or a refusal comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.errors import InvalidRequest, RequestError
from limner.job import Status
from limner.ratios import CELL_SIZE_PX
from limner.request import Request
from schemas.limner.imagine import ImagineSchema, OriginImagineSchema
from schemas.limner.listing import Listing, ListingSchema
from schemas.wire import unknown_names

IMAGINE, ORIGIN, LISTING = ImagineSchema(), OriginImagineSchema(), ListingSchema()
TAG = "0123456789abcdef0123456789abcdef"
GOOD = {"promptEn": "a lighthouse", "fast": True, "tag": TAG}

ANY_TEXT = st.text(st.characters(), max_size=40)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ANY_TEXT
    | st.sampled_from(
        ["true", "1e999", "-0", "3:2", "0:0", "http://[", "data:,", "data:image/;base64,A"]
    ),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


def bodies(names):
    """Bodies with anything in the known fields, mostly on top of what is required."""
    fields = st.dictionaries(st.sampled_from(sorted(names)), ANYTHING)
    return st.builds(lambda base, more: base | more, st.sampled_from([GOOD, {}]), fields)


@settings(max_examples=300)
@given(bodies(IMAGINE.names) | st.dictionaries(ANY_TEXT, ANYTHING))
def test_imagine_reads_or_refuses_and_never_breaks(body):
    check(IMAGINE, body)


@settings(max_examples=100)
@given(bodies(ORIGIN.names) | st.dictionaries(ANY_TEXT, ANYTHING))
def test_origin_imagine_reads_or_refuses_and_never_breaks(body):
    check(ORIGIN, body)


def check(schema, body):
    errors: Mapping[str, Sequence[str]] = {}
    try:
        request = schema.read(body)
    except RequestError as error:
        errors = error.errors
    if errors:
        assert all(isinstance(name, str) for name in errors)
        assert all(isinstance(s, str) and s for said in errors.values() for s in said)
        json.dumps(errors)
    else:
        assert Request.from_json(request.to_json()) == request
        request.to_json().encode()
        assert request.ar is None or request.ar in CELL_SIZE_PX


@given(st.dictionaries(st.sampled_from(sorted(LISTING.names)) | ANY_TEXT, ANY_TEXT))
def test_the_list_reads_or_refuses_and_never_breaks(query):
    try:
        asked = LISTING.read(query)
    except RequestError as error:
        json.dumps(error.errors)
    else:
        assert 1 <= asked.limit <= 100


def test_a_read_request_says_everything_in_our_own_words():
    request = IMAGINE.read(GOOD | {"isNiji": "1", "isTile": "false", "ar": "16:9", "chaos": "7"})

    assert request == Request(
        prompt_en="a lighthouse",
        lane="fast",
        tag=TAG,
        niji=True,
        ar="7:4",
        ar_requested="16:9",
        chaos=7.0,
    )


def test_an_origin_request_is_marked_as_one():
    assert ORIGIN.read(GOOD | {"fast": 0}) == Request(
        prompt_en="a lighthouse", lane="relaxed", tag=TAG, origin=True
    )


def test_one_schema_reads_many_requests_without_mixing_them():
    first = IMAGINE.read(GOOD | {"imageList": ["https://pictures.example/a.png"], "iw": 1})

    assert IMAGINE.read(GOOD).references == ()
    assert len(first.references) == 1


def test_the_list_is_read_with_its_defaults():
    assert LISTING.read({}) == Listing(tag=None, status=None, words=None, cursor=None, limit=20)
    assert LISTING.read({"status": "0", "limit": "5"}).status is Status.DRAWING


def test_a_query_names_the_parameter_that_is_wrong():
    with pytest.raises(InvalidRequest) as refused:
        LISTING.read({"statsu": "0"})

    assert refused.value.errors == {"statsu": ["Unknown field. Did you mean status?"]}


def test_an_enormous_unknown_name_is_neither_compared_nor_repeated():
    errors = unknown_names({"x" * 10_000_000}, {"chaos"})

    assert errors == {"x" * 64: ["Unknown field."]}
