"""Totals: every counter has a proof, every absent one too, and no other number can be proved."""
from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import totals
from audit.totals import Counter, Totals

counters = st.dictionaries(st.tuples(st.sampled_from(["actor", "person", "membership"]), st.uuids()), st.integers(1, 2**40), max_size=60)


def made(of: dict[tuple[str, uuid.UUID], int]) -> Totals:
    return Totals([Counter(kind, identity, n) for (kind, identity), n in of.items()])


@settings(max_examples=60, deadline=None)
@given(counters, st.uuids())
def test_what_is_there_and_what_is_not(of: dict[tuple[str, uuid.UUID], int], stranger: uuid.UUID) -> None:
    trie = made(of)
    for (kind, identity), n in of.items():
        proof = trie.prove(kind, identity)
        assert proof["n"] == n and totals.verify(proof, trie.root)
        assert not totals.verify(proof | {"n": n + 1}, trie.root) and not totals.verify(proof | {"id": str(stranger)}, trie.root)
        assert not totals.verify({**{k: v for k, v in proof.items() if k != "nonce"}, "n": 0, "other": None}, trie.root)
    absent = trie.prove("role", stranger)
    assert absent["n"] == 0 and totals.verify(absent, trie.root)
    assert not totals.verify(absent | {"n": 1, "nonce": "00" * 16}, trie.root)


def test_the_root_is_what_the_page_says() -> None:
    """Computed once more, as docs/audit-bundle.md writes it, without the code under test."""
    of = {("actor", uuid.UUID(int=n)): n + 1 for n in range(7)}
    leaves = {}
    for (kind, identity), n in of.items():
        key = hashlib.sha256(f"{kind}:{identity}".encode()).digest()
        leaves[key] = hashlib.sha256(b"\0" + key + hashlib.sha256(n.to_bytes(8, "big") + totals.nonce_of(key, n)).digest()).digest()

    def trie(keys: list[bytes], d: int) -> bytes:
        if not keys:
            return bytes(32)
        if len(keys) == 1:
            return leaves[keys[0]]
        side: dict[str, list[bytes]] = {"0": [], "1": []}
        for key in keys:
            side[f"{int.from_bytes(key, 'big'):0256b}"[d]].append(key)
        return hashlib.sha256(b"\1" + trie(side["0"], d + 1) + trie(side["1"], d + 1)).digest()

    assert made(of).root == trie(list(leaves), 0)
    assert made({}).root == bytes(32)


def test_an_absent_counter_cannot_be_shown_where_another_path_ends() -> None:
    trie = made({("actor", uuid.UUID(int=n)): 1 for n in range(40)})
    there = uuid.UUID(int=3)
    stranger = next(trie.prove("actor", uuid.UUID(int=n)) for n in range(100, 200) if trie.prove("actor", uuid.UUID(int=n))["other"])
    assert not totals.verify(stranger | {"id": str(there)}, trie.root)


def test_a_counter_that_is_there_cannot_be_denied_with_its_own_leaf() -> None:
    trie = made({("actor", uuid.UUID(int=n)): n + 1 for n in range(20)})
    proof = trie.prove("actor", uuid.UUID(int=3))
    key = totals.key_of("actor", uuid.UUID(int=3))
    inner = totals.inner_of(4, bytes.fromhex(proof["nonce"]))
    assert totals.verify(proof, trie.root)
    assert not totals.verify({"kind": "actor", "id": proof["id"], "n": 0, "siblings": proof["siblings"], "other": {"key": key.hex(), "inner": inner.hex()}}, trie.root)


def test_who_learned_one_count_cannot_try_out_the_next() -> None:
    """The number that blinds a count is another one for each count, and follows from the installation's secret."""
    key = totals.key_of("actor", uuid.UUID(int=3))
    found = {totals.nonce_of(key, n) for n in range(5)}
    assert len(found) == 5 and {len(nonce) for nonce in found} == {16}
    with override_settings(AUDIT_KEY=b"another" * 5):
        assert not found & {totals.nonce_of(key, n) for n in range(5)}


@pytest.mark.parametrize("wrong", [{}, {"kind": "actor"}, {"kind": "actor", "id": "x", "n": "a", "siblings": []}, {"kind": "actor", "id": "x", "n": 1, "nonce": "zz", "siblings": []}, {"kind": "actor", "id": "x", "n": -1, "nonce": "", "siblings": []},
                                   {"kind": "actor", "id": "x", "n": 0, "siblings": ["00" * 32] * 300}, {"kind": "actor", "id": "x", "n": 0, "siblings": 5}])
def test_a_broken_proof_is_no_proof(wrong: dict[str, Any]) -> None:
    assert not totals.verify(wrong, bytes(range(32)))
