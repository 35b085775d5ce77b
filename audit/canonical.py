"""Canonical JSON (RFC 8785) for what we hash: text, whole numbers, true, false, null, lists, objects with ASCII keys."""
from __future__ import annotations

from typing import Any

import orjson

_LARGEST = 2**53
_PLAIN = frozenset({str, bool, type(None)})


def canonical(value: Any) -> bytes:
    """The one byte form of `value`. Raises TypeError for what has no certain form: floats, large numbers, odd keys.

    Within this subset sorted `orjson` output equals RFC 8785 (a test compares them): key order by UTF-16 and by bytes
    agree for ASCII, and only floats have more than one spelling.
    """
    _check(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _check(value: Any) -> None:
    if value.__class__ in _PLAIN or isinstance(value, str):
        return
    if isinstance(value, int):
        if not -_LARGEST < value < _LARGEST:
            raise TypeError("a whole number beyond 2^53 has no canonical form; write it as text")
        return
    if isinstance(value, list):
        for item in value:
            _check(item)
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise TypeError("keys are ASCII text")
            _check(item)
        return
    raise TypeError(f"{type(value).__name__} has no canonical form here")
