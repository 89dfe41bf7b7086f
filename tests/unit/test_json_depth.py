"""How deeply JSON is nested, told from its text."""

from __future__ import annotations

import json
import tracemalloc

import hypothesis.strategies as st
import pytest
from hypothesis import given

from limner.json_depth import is_deep, is_dense

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='[]{}"\\,:a'),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"\\'), inner, max_size=3)
    ),
    max_leaves=20,
)


def depth(value) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES)
def test_it_is_the_depth_of_what_the_parser_makes_of_it(value):
    text = json.dumps(value).encode()

    assert not is_deep(text, depth(value))
    assert depth(value) == 0 or is_deep(text, depth(value) - 1)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"[{}," * 100_000])
def test_text_that_never_closes_is_deep_at_once(text):
    assert is_deep(text, 64)


def test_brackets_within_texts_cost_little_room():
    text = b'"' + b"[" * 1_000_000 + b'"'
    tracemalloc.start()
    try:
        assert not is_deep(text, 64)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [b'"' + b'\\"' * 2_000_000, b'"\\' * 2_000_000, b'"' * 4_000_001, b'"a' * 2_000_000 + b"\\"],
    ids=["never closed", "escaped ends", "quotes", "ends in an escape"],
)
def test_broken_texts_take_a_look_each_and_not_the_square_of_it(text):
    # At the square of their length these would take hours, and the test's time-out end it.
    assert is_deep(b"[" * 65 + text, 64)


def test_a_text_with_many_values_is_dense_and_one_with_few_is_not():
    assert is_dense(b"[" + b"0," * 100 + b"0]", 100)
    assert is_dense(b"[" * 101, 100)
    assert is_dense(b'{"a":' * 101, 100)
    assert not is_dense(b"[" + b"0," * 99 + b"0]", 100)
    assert not is_dense(b'"' + b"x" * 10_000 + b'"', 0)
