"""Verification finds every tampering, even by a superuser who has switched the triggers off."""
from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from accounts import tenancy
from audit import merkle
from audit.canonical import canonical
from audit.verify import organizations, verify
from tests.audit.logs import Log, number_all, tampering

_THIRD = "(SELECT entry FROM audit_leaf WHERE org = %(org)s AND seq = 3)"
_FIFTH = "(SELECT entry FROM audit_leaf WHERE org = %(org)s AND seq = 5)"
_SEARCH = "what searches see differs from the record"
_PLACE = "the envelope does not fit its place"
_OPENS = "does not open its commitment"
_ROOT = "the root of the tree does not follow from the entries"


@pytest.fixture
def clean(log: Log) -> Log:
    """Six numbered entries that verify."""
    log.write(3)
    number_all()
    log.write(3)
    number_all()
    assert log.numbers() == [1, 2, 3, 4, 5, 6]
    assert log.findings() == []
    return log


def tamper(log: Log, *statements: str) -> None:
    """Run the statements as the strongest attacker; each must change something."""
    with tampering() as attacker:
        for statement in statements:
            assert attacker.execute(statement, {"org": log.org}).rowcount > 0, statement


TAMPERINGS = {
    "record": ([f"UPDATE audit_entry SET record = replace(record, 'success', 'failure') WHERE id = {_THIRD}"], "the record was changed"),
    "record-and-hash": ([f"UPDATE audit_entry SET record = record || ' ', record_sha256 = sha256(convert_to(record || ' ', 'UTF8')) WHERE id = {_THIRD}"], "the record was changed"),
    "record-hash": ([f"UPDATE audit_entry SET record_sha256 = sha256('x') WHERE id = {_THIRD}"], "the record was changed"),
    "entry-time": ([f"UPDATE audit_entry SET occurred_at = occurred_at - interval '1 day' WHERE id = {_THIRD}"], _SEARCH),
    "entry-act": ([f"UPDATE audit_entry SET act = gen_random_uuid() WHERE id = {_THIRD}"], _SEARCH),
    "entry-log": ([f"UPDATE audit_entry SET org = gen_random_uuid() WHERE id = {_THIRD}"], "the entry is missing"),
    "entry-deleted": ([f"DELETE FROM audit_entry WHERE id = {_THIRD}"], "the entry is missing"),
    "envelope": (["UPDATE audit_leaf SET envelope = replace(envelope, '\"seq\":3', '\"seq\":4') WHERE org = %(org)s AND seq = 3"], "the envelope does not have the leaf's hash"),
    "leaf-hash": (["UPDATE audit_leaf SET leaf_sha256 = sha256('x') WHERE org = %(org)s AND seq = 3"], "the envelope does not have the leaf's hash"),
    "leaf-deleted": (["DELETE FROM audit_leaf WHERE org = %(org)s AND seq = 3"], "numbers 3 to 3 are missing"),
    "first-leaf-deleted": (["DELETE FROM audit_leaf WHERE org = %(org)s AND seq = 1"], "numbers 1 to 1 are missing"),
    "last-leaf-deleted": (["DELETE FROM audit_leaf WHERE org = %(org)s AND seq = 6"], "the tree says 6 entries, 5 are there"),
    "leaf-and-entry-deleted": ([f"DELETE FROM audit_entry WHERE id = {_THIRD}", "DELETE FROM audit_leaf WHERE org = %(org)s AND seq = 3"], "numbers 3 to 3 are missing"),
    "leaves-swapped": (["UPDATE audit_leaf SET seq = -1 WHERE org = %(org)s AND seq = 3", "UPDATE audit_leaf SET seq = 3 WHERE org = %(org)s AND seq = 5",
                        "UPDATE audit_leaf SET seq = 5 WHERE org = %(org)s AND seq = -1"], _PLACE),
    "leaf-of-another-entry": (["CREATE TEMP TABLE third AS SELECT entry FROM audit_leaf WHERE org = %(org)s AND seq = 3", "DELETE FROM audit_leaf WHERE org = %(org)s AND seq = 3",
                               "UPDATE audit_leaf SET entry = (SELECT entry FROM third) WHERE org = %(org)s AND seq = 5"], "the record was changed"),
    "recorded-at": (["UPDATE audit_leaf SET recorded_at = recorded_at + interval '1 second' WHERE org = %(org)s AND seq = 3"], _PLACE),
    "actor": (["UPDATE audit_leaf SET actor = gen_random_uuid() WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "no-actor": (["UPDATE audit_leaf SET actor = NULL WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "actor-type": (["UPDATE audit_leaf SET actor_type = 'operator' WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "action": (["UPDATE audit_leaf SET action = 'test.harmless' WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "category": (["UPDATE audit_leaf SET category = 'harmless' WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "outcome": (["UPDATE audit_leaf SET outcome = 'denied' WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "target": (["UPDATE audit_target SET target = gen_random_uuid() WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "target-type": (["UPDATE audit_target SET type = 'group' WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "target-number": (["UPDATE audit_target SET n = 30 WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "target-deleted": (["DELETE FROM audit_target WHERE org = %(org)s AND seq = 3"], _SEARCH),
    "target-added": (["INSERT INTO audit_target (org, type, target, seq, n) VALUES (%(org)s, 'person', gen_random_uuid(), 3, 1)"], _SEARCH),
    "counter": (["UPDATE audit_counter SET n = n + 1 WHERE org = %(org)s AND kind = 'actor'"], "the totals per actor or target"),
    "counter-deleted": (["DELETE FROM audit_counter WHERE org = %(org)s AND kind = 'person'"], "the totals per actor or target"),
    "counter-added": (["INSERT INTO audit_counter (org, kind, key, n) VALUES (%(org)s, 'actor', gen_random_uuid(), 1)"], "the totals per actor or target"),
    "root": (["UPDATE audit_tree SET root = sha256('x') WHERE org = %(org)s"], _ROOT),
    "range": (["UPDATE audit_tree SET range = ARRAY[sha256('x'), sha256('y')] WHERE org = %(org)s"], _ROOT),
    "size": (["UPDATE audit_tree SET size = 7 WHERE org = %(org)s"], "the tree says 7 entries, 6 are there"),
    "tree-deleted": (["DELETE FROM audit_tree WHERE org = %(org)s"], "the tree says 0 entries, 6 are there"),
    "day-begins-later": (["UPDATE audit_day SET first_seq = 2 WHERE org = %(org)s AND first_seq = 1"], "the days do not cover the numbers"),
    "day-ends-earlier": (["UPDATE audit_day SET last_seq = 5 WHERE org = %(org)s AND last_seq = 6"], "the days do not end at the last number"),
    "days-deleted": (["DELETE FROM audit_day WHERE org = %(org)s"], "the days do not end at the last number"),
    "opening-at-another-path": ([f"UPDATE audit_disclosure SET path = 'change.0.after' WHERE path = 'change.0.before' AND entry = {_THIRD}"], _OPENS),
    "opening-of-another-entry": ([f"DELETE FROM audit_disclosure WHERE entry = {_FIFTH}", f"UPDATE audit_disclosure SET entry = {_FIFTH} WHERE entry = {_THIRD}"], _OPENS),
    "opening-of-no-entry": ([f"UPDATE audit_disclosure SET entry = gen_random_uuid() WHERE path = 'why.text' AND entry = {_THIRD}"], "1 openings belong to no entry of this log"),
    "opening-of-another-person": ([f"UPDATE audit_disclosure SET subject = (SELECT actor FROM audit_leaf WHERE org = %(org)s AND seq = 3) WHERE path = 'why.text' AND entry = {_THIRD}"], _OPENS),
    "opening-altered": ([f"UPDATE audit_disclosure SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE path = 'why.text' AND entry = {_THIRD}"], _OPENS),
    "opening-cut": ([f"UPDATE audit_disclosure SET sealed = '' WHERE path = 'why.text' AND entry = {_THIRD}"], _OPENS),
    "key-renamed": (["UPDATE audit_subjectkey SET key = gen_random_uuid() WHERE org = %(org)s"], _OPENS),
    "key-name-deleted": (["DELETE FROM audit_subjectkey WHERE org = %(org)s"], _OPENS),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_every_tampering_is_found(clean: Log, name: str) -> None:
    statements, expected = TAMPERINGS[name]
    tamper(clean, *statements)
    assert [what for what in clean.findings() if expected in what], clean.findings()


def _rewrite(log: Log, seq: int, record: str | None = None, envelope: bytes | None = None) -> None:
    """Change an entry and everything that is computed from it, up to the leaf: only the tree is left to tell."""
    with tampering() as attacker:
        entry, text, said = attacker.execute("SELECT e.id, e.record, l.envelope FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry WHERE l.org = %s AND l.seq = %s",
                                             [log.org, seq]).fetchone()
        text = text.replace('"severity":"info"', '"severity":"low"') if record is None else record
        sha = hashlib.sha256(text.encode())
        made = canonical(orjson.loads(said) | {"record_sha256": sha.hexdigest()}) if envelope is None else envelope
        attacker.execute("UPDATE audit_entry SET record = %s, record_sha256 = %s WHERE id = %s", [text, sha.digest(), entry])
        attacker.execute("UPDATE audit_leaf SET envelope = %s, leaf_sha256 = %s WHERE entry = %s", [made.decode(), merkle.leaf_hash(made), entry])


def test_a_history_rewritten_up_to_its_leaves_does_not_fit_the_tree(clean: Log) -> None:
    _rewrite(clean, 3)
    assert clean.findings() == [_ROOT]


@pytest.mark.parametrize("record", ["", "[]", "{}", "no json", '{"actor":null}', '{"actor":{"type":"user","id":"x"},"action":"a","category":"c","decision":{"outcome":"success"}}'])
def test_a_record_that_is_none_is_a_finding_and_no_crash(clean: Log, record: str) -> None:
    _rewrite(clean, 3, record=record)
    assert {"the envelope or the record cannot be read", _ROOT} <= set(clean.findings())


@pytest.mark.parametrize("envelope", [b"", b"[]", b"{}", b"no json", b'{"seq":3}'])
def test_an_envelope_that_is_none_is_a_finding_and_no_crash(clean: Log, envelope: bytes) -> None:
    _rewrite(clean, 3, envelope=envelope)
    assert {"the envelope or the record cannot be read", _ROOT} <= set(clean.findings())


def test_a_leaf_without_an_entry_is_found(clean: Log) -> None:
    tamper(clean, "INSERT INTO audit_leaf (pos, org, seq, entry, envelope, leaf_sha256, recorded_at, actor_type, action, category, outcome)"
                  " SELECT -pos, org, 7, gen_random_uuid(), envelope, leaf_sha256, recorded_at, actor_type, action, category, outcome FROM audit_leaf WHERE org = %(org)s AND seq = 6")
    assert {"the entry is missing", "the tree says 6 entries, 7 are there"} <= set(clean.findings())


def test_what_was_changed_before_it_had_a_number_is_found(clean: Log) -> None:
    """The hash was kept at the moment of writing."""
    changed, removed = clean.write(2)
    with tampering() as attacker:
        attacker.execute("UPDATE audit_entry SET record = replace(record, 'success', 'failure') WHERE id = %s", [changed])
        attacker.execute("DELETE FROM audit_entry WHERE id = %s", [removed])
    number_all()
    assert clean.numbers() == [1, 2, 3, 4, 5, 6, 7, 8]
    with_numbers = {(f.seq, f.what) for f in verify(org=clean.org).findings}
    assert {(7, "the record was changed"), (8, "the entry is missing")} <= with_numbers


def test_an_entry_that_lost_its_place_in_the_queue_is_found(clean: Log) -> None:
    clean.write()
    tamper(clean, "DELETE FROM audit_pending WHERE org = %(org)s")
    assert clean.findings() == ["1 entries are neither numbered nor waiting"]


def test_an_entry_that_waits_for_long_is_found(clean: Log) -> None:
    clean.write()
    assert clean.findings() == []
    with tampering() as attacker:
        attacker.execute("UPDATE audit_pending SET occurred_at = %s WHERE org = %s", [datetime.now(UTC) - timedelta(minutes=6), clean.org])
    assert [what.split(" have")[0] for what in clean.findings()] == ["1 entries"]


def test_tampering_with_one_log_does_not_stain_another(clean: Log) -> None:
    other = Log()
    try:
        other.write(2)
        number_all()
        tamper(clean, "DELETE FROM audit_leaf WHERE org = %(org)s AND seq = 3")
        assert clean.findings() != []
        assert other.findings() == []
    finally:
        other.forget()


def test_the_result_names_the_root_anybody_can_recompute(clean: Log) -> None:
    envelopes = [row[0].encode() for row in clean.rows("SELECT envelope FROM audit_leaf WHERE org = %s ORDER BY seq", [clean.org])]
    result = verify(org=clean.org)
    assert (result.entries, result.root) == (6, merkle.tree_root([merkle.leaf_hash(e) for e in envelopes]).hex())


def test_an_empty_log_is_clean() -> None:
    result = verify(org=uuid.uuid4())
    assert (result.entries, result.root, result.findings) == (0, merkle.EMPTY_ROOT.hex(), [])


def test_every_log_is_listed_only_to_the_installation(clean: Log) -> None:
    assert clean.org not in organizations()
    with tenancy.installation("a test of the list of logs"):
        assert clean.org in organizations()
