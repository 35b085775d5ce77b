"""What is hashed has one byte form, the one RFC 8785 gives."""
from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.canonical import canonical

_keys = st.text(st.characters(max_codepoint=127), max_size=8)
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | _text
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4), max_leaves=20)


@given(_values)
def test_equals_an_independent_implementation(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(_values)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_reads_back_as_it_was(value: object) -> None:
    assert json.loads(canonical(value)) == value


def test_known_answer() -> None:
    value = {"b": [1, True, None], "a": "é\u2028\"\\\n\u0007€😀", "B": {"z": -0, "y": {}}}
    assert canonical(value) == '{"B":{"y":{},"z":0},"a":"é\u2028\\"\\\\\\n\\u0007€😀","b":[1,true,null]}'.encode()


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), {"é": 1}, {1: "x"}, datetime.now(UTC), b"x", {"a": [{"b": 0.1}]}, ("a",), {"set"}])
def test_refuses_what_has_no_certain_form(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_refuses_half_a_character() -> None:
    with pytest.raises(TypeError):
        canonical("\ud800")
