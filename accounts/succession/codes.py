"""Sealed recovery codes: three are made, two different ones are needed. What is kept is an Argon2id hash; one code alone is told nothing."""
from __future__ import annotations

import secrets
from functools import cache as remembered
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.core.cache import cache

from accounts.models import RecoveryCode

NUMBERS = (1, 2, 3)
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which people mistake for each other."""
_LETTERS, _GROUPS = 5, 4
PER_PERSON, PER_ORGANIZATION, WITHIN = 5, 20, 3600
"""Attempts within an hour. The organization's limit is higher than a person's, so that one alone does not shut the others out."""


def mint(number: int) -> str:
    """One code, as it is written on paper. The digit in front says which of the three it is; the rest is random, 100 bits."""
    groups = ["".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS)) for _ in range(_GROUPS)]
    return "-".join([str(number), *groups])


def read(text: str) -> tuple[int, str] | None:
    """Which of the three a code says it is, and its form for comparison; None for what is none. Case, spaces and dashes do not matter."""
    plain = "".join(c for c in text.upper() if c.isalnum())
    if len(plain) != 1 + _LETTERS * _GROUPS or plain[0] not in "123" or not set(plain[1:]) <= set(_ALPHABET):
        return None
    return int(plain[0]), plain


def sealed(text: str) -> str:
    """What is kept of a code."""
    found = read(text)
    assert found is not None
    return make_password(found[1])


@remembered
def _nothing() -> str:
    return make_password(secrets.token_urlsafe(32))


def allowed(*, organization_id: UUID, membership_id: UUID) -> bool:
    """Count an attempt; False when there were too many."""
    counts = []
    for key in (f"recovery-codes:{organization_id}", f"recovery-codes:{organization_id}:{membership_id}"):
        cache.add(key, 0, WITHIN)
        counts.append(cache.incr(key))
    return counts[0] <= PER_ORGANIZATION and counts[1] <= PER_PERSON


def fit(*, organization_id: UUID, first: str, second: str) -> bool:
    """Whether these are two different codes of the organization. Two hashes are compared in any case, so the time says nothing about either."""
    held = dict(RecoveryCode.objects.filter(organization_id=organization_id).values_list("number", "hash"))
    found = [read(text) for text in (first, second)]
    right = [check_password(code[1] if code else "", held.get(code[0] if code else 0, _nothing())) for code in found]
    return all(right) and len({code[0] for code in found if code}) == 2
