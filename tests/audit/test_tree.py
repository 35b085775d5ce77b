"""The tree as it is read from tiles and leaves: roots and proofs equal those of the plain algorithm, at every size."""
from __future__ import annotations

import hashlib
import random
import uuid

import pytest
from django.db import connections, transaction

from accounts import tenancy
from audit import merkle, sequencer, tiles, tree
from audit.tree import Reader
from tests.audit.logs import Log, number_all, tampering


@pytest.fixture(scope="module")
def hashes() -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(70_000)]


def fill(log: Log, hashes: list[bytes], sizes: list[int]) -> None:
    """Leaves of nothing, grown to these sizes one after the other as the sequencer does it."""
    before = 0
    for size in sizes:
        fresh = hashes[before:size]
        with tampering() as attacker, attacker.cursor().copy("COPY audit_leaf (pos, org, seq, entry, envelope, leaf_sha256, recorded_at, actor_type, action, category, outcome) FROM STDIN") as copy:
            start = random.getrandbits(60)
            copy.write("".join(f"{start + n}\t{log.org}\t{before + n + 1}\t{uuid.uuid4()}\t-\t\\\\x{leaf.hex()}\t2026-01-01\tx\tx\tx\tsuccess\n" for n, leaf in enumerate(fresh)))
        with transaction.atomic(using=sequencer.ALIAS), connections[sequencer.ALIAS].cursor() as cursor:
            tiles.grow(cursor, [(str(log.org), before, fresh)])
        before = size


def same(log: Log, hashes: list[bytes], size: int, indexes: list[int]) -> None:
    leaves = hashes[:size]
    with tenancy.scope(org=log.org):
        reader = Reader(org=log.org, size=size)
        assert reader.root() == merkle.tree_root(leaves)
        for index in indexes:
            assert reader.inclusion(index) == merkle.inclusion_proof(index, leaves)
            assert reader.consistency(index + 1) == merkle.consistency_proof(index + 1, leaves)


def test_every_proof_of_small_trees(log: Log, hashes: list[bytes]) -> None:
    fill(log, hashes, [1, 7, 255, 256, 257, 600, 1030])
    for size in (1, 2, 3, 7, 8):
        same(log, hashes, size, list(range(size)))
    for size in (255, 256, 257, 511, 512, 513, 1024, 1030):
        same(log, hashes, size, [0, 1, 100, 254, size // 2, size - 1])


def test_proofs_of_a_tree_with_three_levels_of_tiles(log: Log, hashes: list[bytes]) -> None:
    fill(log, hashes, [300, 65_400, 65_536, 65_540, 70_000])
    for size in (65_535, 65_536, 65_537, 70_000):
        same(log, hashes, size, [0, 255, 256, 65_500, size - 1])
    with tenancy.scope(org=log.org):
        reader = Reader(org=log.org, size=70_000)
        reader.root()
        assert len(reader._tiles) < 12  # a few rows, not the log


def test_a_cover_is_whole_and_folds_to_the_root(log: Log, hashes: list[bytes]) -> None:
    fill(log, hashes, [900])
    with tenancy.scope(org=log.org):
        reader = Reader(org=log.org, size=900)
        for low, high in ((0, 900), (0, 1), (3, 3), (5, 700), (255, 257), (899, 900)):
            cover = reader.cover(low, high)
            assert [index for index, _level, _hash in cover] == [low + sum(1 << level for _i, level, _h in cover[:n]) for n in range(len(cover))]
            assert sum(1 << level for _index, level, _hash in cover) == high - low
            assert all(index % (1 << level) == 0 and node == merkle.tree_root(hashes[index:index + (1 << level)]) for index, level, node in cover)


def test_what_is_not_in_the_tree_is_refused(log: Log, hashes: list[bytes]) -> None:
    fill(log, hashes, [5])
    with tenancy.scope(org=log.org):
        for ask in (lambda: Reader(org=log.org, size=5).inclusion(5), lambda: Reader(org=log.org, size=5).consistency(0), lambda: Reader(org=log.org, size=9).root(), lambda: Reader(org=log.org, size=5).node(3, 0)):
            with pytest.raises(LookupError):
                ask()


def test_tiles_outlive_the_leaves(log: Log, hashes: list[bytes]) -> None:
    fill(log, hashes, [700])
    with transaction.atomic(using=sequencer.ALIAS), connections[sequencer.ALIAS].cursor() as cursor:
        tiles.keep_partial(cursor, str(log.org), 700)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_leaf WHERE org = %s", [log.org])
    same(log, hashes, 700, [0, 255, 512, 699])
    fill_more = hashes[700:800]
    with tampering() as attacker, attacker.cursor().copy("COPY audit_leaf (pos, org, seq, entry, envelope, leaf_sha256, recorded_at, actor_type, action, category, outcome) FROM STDIN") as copy:
        start = random.getrandbits(60)
        copy.write("".join(f"{start + n}\t{log.org}\t{701 + n}\t{uuid.uuid4()}\t-\t\\\\x{leaf.hex()}\t2026-01-01\tx\tx\tx\tsuccess\n" for n, leaf in enumerate(fill_more)))
    with transaction.atomic(using=sequencer.ALIAS), connections[sequencer.ALIAS].cursor() as cursor:
        tiles.grow(cursor, [(str(log.org), 700, fill_more)])
    same(log, hashes, 800, [0, 699, 700, 767, 768, 799])


def test_a_log_from_before_tiles_gets_them(log: Log, hashes: list[bytes]) -> None:
    fill(log, hashes, [66_000])
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_tile WHERE org = %s", [log.org])
        attacker.execute("INSERT INTO audit_tree (org, size, root, range, recorded_at) VALUES (%s, 66000, %s, '{}', now())", [log.org, merkle.tree_root(hashes[:66_000])])
        with attacker.cursor() as cursor:
            assert tiles.complete(cursor) >= 1
            assert tiles.complete(cursor) == 0
    same(log, hashes, 66_000, [0, 65_535, 65_536, 65_999])


def test_the_sequencer_writes_tiles(log: Log) -> None:
    log.write(300)
    log.write(250)
    number_all()
    with tenancy.scope(org=log.org):
        found = log.rows("SELECT level, n, length(hashes) FROM audit_tile WHERE org = %s ORDER BY 1, 2", [log.org])
        assert found == [(0, 0, 8192), (0, 1, 8192), (1, 0, 64)]
        assert tree.Reader(org=log.org, size=550).root() == bytes(log.rows("SELECT root FROM audit_tree WHERE org = %s", [log.org])[0][0])


def test_tiles_are_not_removed_by_the_sequencer(log: Log, hashes: list[bytes]) -> None:
    fill(log, hashes, [256])
    with pytest.raises(Exception, match=r"permission denied|append-only"), connections[sequencer.ALIAS].cursor() as cursor:
        cursor.execute("DELETE FROM audit_tile WHERE org = %s", [log.org])
