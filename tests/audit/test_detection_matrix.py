"""The detection matrix (docs: who could change what, and what tells): a test for each row, against the real database and against bundles."""
from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from accounts import tenancy
from accounts.models import Organization
from audit import merkle, receipts, tiles
from audit.canonical import canonical
from audit.export import verify as bundles
from audit.signer import Signer
from portal import database
from tests.audit import forgeries
from tests.audit.bundles import WITNESS, Synthetic, save
from tests.audit.bundles import Signer as Key
from tests.audit.exports import exported, history, kept_apart
from tests.audit.logs import Log, login, number_all, tampering
from tests.audit.signing import only, state, step
from tests.cast import World

LOG = Synthetic(24)


@pytest.fixture(autouse=True)
def signing(settings: Any, tmp_path: Path) -> Iterator[None]:
    with kept_apart(settings, tmp_path):
        yield


@pytest.fixture
def stated(log: Log) -> Log:
    """A log of 40 entries that the signer has stated."""
    log.write(40)
    number_all()
    only(log.org)
    state(log.org)
    assert log.findings() == []
    return log


def failed(folder: Path, **options: object) -> set[str]:
    report = bundles.verify(str(folder), **options)
    return {name for name in bundles.CHECKS if report.failed(name)}


def refused(log: Log) -> str:
    """What the signer says to a log as it is now."""
    signer = Signer()
    signer.step(now=datetime.now(UTC) + timedelta(hours=1))
    return str(log.rows("SELECT refused FROM audit_signerstate")[0][0])


def recompute(attacker: psycopg.Connection, log: Log) -> None:
    """Everything above the leaves, made to fit them: what an attacker with the database can do, and without the signer's memory cannot make good."""
    leaves = [bytes(row[0]) for row in attacker.execute("SELECT leaf_sha256 FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org])]
    size, peaks = merkle.append(0, [], leaves)
    attacker.execute("UPDATE audit_tree SET size = %s, root = %s, range = %s WHERE org = %s", [size, merkle.root(peaks), peaks, log.org])
    attacker.execute("DELETE FROM audit_tile WHERE org = %s", [log.org])
    tiles.grow(attacker.cursor(), [(str(log.org), 0, leaves)])
    attacker.execute("UPDATE audit_day SET last_seq = %s WHERE org = %s", [size, log.org])
    for kind, column in (("actor", log.actor), ("person", log.person)):
        attacker.execute("UPDATE audit_counter SET n = %s WHERE org = %s AND kind = %s AND key = %s", [size, log.org, kind, column])


def rewrite(log: Log, seq: int) -> None:
    """An entry of the past becomes another, and everything that follows from it."""
    with tampering() as attacker:
        entry, record, envelope = attacker.execute("SELECT e.id, e.record, l.envelope FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry WHERE l.org = %s AND l.seq = %s", [log.org, seq]).fetchone()
        record = record.replace('"severity":"info"', '"severity":"low"')
        made = canonical(json.loads(envelope) | {"record_sha256": hashlib.sha256(record.encode()).hexdigest()})
        attacker.execute("UPDATE audit_entry SET record = %s, record_sha256 = sha256(convert_to(%s, 'UTF8')) WHERE id = %s", [record, record, entry])
        attacker.execute("UPDATE audit_leaf SET envelope = %s, leaf_sha256 = %s WHERE entry = %s", [made.decode(), merkle.leaf_hash(made), entry])
        recompute(attacker, log)


# app role edits or deletes


@pytest.mark.parametrize("role", ["default", "sequencer", "signer"])
@pytest.mark.parametrize("table", ["audit_entry", "audit_leaf", "audit_target"])
def test_a_serving_role_has_no_way(stated: Log, role: str, table: str) -> None:
    with login(role) as connection_:
        connection_.execute("SELECT set_config('steward.reach', 'installation', false)")
        for statement in (f"UPDATE {table} SET org = org", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection_.execute(statement)
    assert stated.findings() == []


# owner or superuser edits a row


def test_even_the_owner_meets_the_trigger(stated: Log) -> None:
    with login("owner") as connection_:
        for table in ("audit_entry", "audit_leaf", "audit_epoch", "audit_rootcheckpoint"):
            with pytest.raises(psycopg.Error) as refusal:
                connection_.execute(f"DELETE FROM {table}")
            assert refusal.value.sqlstate == "AU002"


@pytest.mark.parametrize("column", ["record = replace(record, 'success', 'failure')", "occurred_at = occurred_at - interval '1 hour'"])
def test_a_superuser_edits_a_record(stated: Log, column: str) -> None:
    with tampering() as attacker:
        attacker.execute(f"UPDATE audit_entry SET {column} WHERE id = (SELECT entry FROM audit_leaf WHERE org = %s AND seq = 20)", [stated.org])
    assert stated.findings()


# row deleted from the middle


def test_a_row_deleted_from_the_middle(stated: Log) -> None:
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_entry WHERE id = (SELECT entry FROM audit_leaf WHERE org = %s AND seq = 20)", [stated.org])
        attacker.execute("DELETE FROM audit_leaf WHERE org = %s AND seq = 20", [stated.org])
    assert "numbers 20 to 20 are missing" in stated.findings()


def test_a_row_deleted_and_everything_moved_up(stated: Log) -> None:
    """Renumbered and recomputed to the root: what was signed tells."""
    with tampering() as attacker:
        for table, column in (("audit_disclosure", "entry"), ("audit_entry", "id")):
            attacker.execute(f"DELETE FROM {table} WHERE {column} = (SELECT entry FROM audit_leaf WHERE org = %s AND seq = 40)", [stated.org])
        attacker.execute("DELETE FROM audit_target WHERE org = %s AND seq = 40", [stated.org])
        attacker.execute("DELETE FROM audit_leaf WHERE org = %s AND seq = 40", [stated.org])
        recompute(attacker, stated)
    assert stated.findings() == ["40 entries were signed, 39 are there: the end of the log is missing", "the totals are not those that were signed"]


# tail truncated or database restored from backup


def test_a_truncated_tail_is_refused_by_the_signer(stated: Log) -> None:
    with tampering() as attacker:
        for table in ("audit_target", "audit_leaf"):
            attacker.execute(f"DELETE FROM {table} WHERE org = %s AND seq > 30", [stated.org])
        attacker.execute("DELETE FROM audit_entry e WHERE org = %s AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.entry = e.id)", [stated.org])
        attacker.execute("DELETE FROM audit_disclosure d WHERE org = %s AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.entry = d.entry)", [stated.org])
        recompute(attacker, stated)
        attacker.execute("TRUNCATE audit_epoch, audit_rootcheckpoint")  # an older backup has no newer statements
        attacker.execute("DELETE FROM audit_tile WHERE org = '00000000-0000-4000-8000-000000000002'")
        attacker.execute("INSERT INTO audit_signingrequest (id, kind, org, body, asked_at, error) VALUES (%s, 'epoch', %s, '{}', now(), '')", [uuid.uuid4(), stated.org])
    assert stated.findings() == []  # in itself it is sound: only who remembers can tell
    assert "it has 30 entries and had 40 when it was signed last" in refused(stated)


def test_a_truncated_tail_against_an_export_in_hand(tmp_path: Path) -> None:
    earlier = LOG.save(tmp_path / "earlier")
    assert failed(LOG.save(tmp_path / "later", size=20), previous=str(earlier)) == {"consistency"}


# history rewritten and re-signed with the stolen log key


def test_a_rewritten_history_is_found_and_refused(stated: Log) -> None:
    rewrite(stated, 20)
    assert stated.findings() == ["at 40 entries the tree is not the one that was signed"]
    stated.write()
    number_all()
    assert "its first 40 entries are not those that were signed" in refused(stated)


def test_a_rewritten_history_signed_with_the_stolen_key(tmp_path: Path) -> None:
    rewritten = forgeries.altered(LOG, 5, forgeries.said(LOG.entries[4], record=LOG.entries[4].record.replace(b'"user"', b'"job"')))
    earlier, later = LOG.save(tmp_path / "earlier", size=20), rewritten.save(tmp_path / "later", previous=20)
    assert failed(later) == set()
    assert failed(later, previous=str(earlier)) == {"consistency"}
    asked = bundles.Policy(f"log {LOG.signers[0].vkey()}\nwitness w {Key().vkey(WITNESS, 4)}\nquorum w\n")
    assert failed(later, policy=asked) == {"witnesses"}  # a witness that saw the other one does not sign this one


# two views shown to two parties


def test_two_views(tmp_path: Path) -> None:
    witness = Key()
    one = LOG.save(tmp_path / "one", witness=witness)
    two = forgeries.altered(LOG, 9, forgeries.said(LOG.entries[8], record=LOG.entries[8].record.replace(b'"user"', b'"job"'))).save(tmp_path / "two")
    assert failed(one) == failed(two) == set()
    assert failed(two, previous=str(one)) == failed(one, previous=str(two)) == {"consistency"}  # the two parties compare
    asked = bundles.Policy(f"log {LOG.signers[0].vkey()}\nwitness w {witness.vkey(WITNESS, 4)}\nquorum w\n")
    assert (failed(one, policy=asked), failed(two, policy=asked)) == (set(), {"witnesses"})


# event deleted before it was sequenced


def test_deleted_before_it_had_a_number(stated: Log) -> None:
    """The one window that the tree does not cover: the receipt in the hands of whoever acted does."""
    [entry] = stated.write()
    with tenancy.scope(org=stated.org):
        promise = receipts.issue(org=stated.org, entries=[entry], now=datetime.now(UTC))
    assert promise is not None
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_pending WHERE entry = %s", [entry])
    assert stated.findings() == ["1 entries are neither numbered nor waiting"]
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_disclosure WHERE entry = %s", [entry])
        attacker.execute("DELETE FROM audit_entry WHERE id = %s", [entry])
    assert stated.findings() == []
    with tenancy.installation("a promise is checked"):
        assert receipts.check(receipt=promise, now=datetime.now(UTC) + timedelta(minutes=2)).state == "broken"


# event never written


def test_no_entry_no_write(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id), pytest.raises(Exception, match="no audit entry is open"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_organization SET name = 'silently' WHERE id = %s", [world.north.organization.id])
    with tenancy.scope(org=world.north.organization.id):
        assert Organization.objects.get(id=world.north.organization.id).name != "silently"


# back-dating


def test_back_dating_in_the_database(stated: Log) -> None:
    with tampering() as attacker:
        envelope = attacker.execute("SELECT envelope FROM audit_leaf WHERE org = %s AND seq = 40", [stated.org]).fetchone()[0]
        made = canonical(json.loads(envelope) | {"recorded_at": "2001-01-01T00:00:00.000000Z"})
        attacker.execute("UPDATE audit_leaf SET envelope = %s, leaf_sha256 = %s, recorded_at = '2001-01-01' WHERE org = %s AND seq = 40", [made.decode(), merkle.leaf_hash(made), stated.org])
        recompute(attacker, stated)
    assert "the envelope does not fit its place" in stated.findings()


@pytest.mark.parametrize("way", ["a date", "time that runs backwards", "checkpoints that run backwards", "a checkpoint nobody signed"])
def test_back_dating_in_a_bundle(way: str, tmp_path: Path) -> None:
    forge, check = forgeries.WAYS[way]
    assert check in failed(save(tmp_path, LOG.seal(forge(LOG))))


# trigger disabled by DDL


@pytest.mark.parametrize("table", ["audit_entry", "audit_leaf"])
def test_a_trigger_that_was_switched_off(table: str) -> None:
    with tampering() as attacker:
        attacker.execute(f"ALTER TABLE {table} DISABLE TRIGGER audit_never")
    try:
        assert [what for what in database.differences(using="default") if table in what]
    finally:
        with tampering() as attacker:
            attacker.execute(f"ALTER TABLE {table} ENABLE TRIGGER audit_never")
    assert not [what for what in database.differences(using="default") if table in what]


# a real export


def test_a_real_export_of_one_person_with_one_entry_removed(world: World, tmp_path: Path) -> None:
    """Taken from the bundle, its place filled with its own hash, sealed anew with the log's key: the numbers of that person have a hole."""
    history(world.north, 9)
    row = exported(world.north, about=str(world.north.person("worker").account_id))
    from audit.export import files as written

    folder = written.bundle(row.id)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["completeness"], failed(folder)) == ("target", set())
    _leave_out(folder, manifest)
    assert "complete" in failed(folder)
    assert failed(folder) - {"signature"} == {"complete"}


def _leave_out(folder: Path, manifest: dict[str, Any]) -> None:
    import gzip

    chunk = manifest["chunks"][0]
    lines = gzip.decompress((folder / chunk["file"]).read_bytes()).splitlines(True)
    envelope = lines[3][len(b'{"envelope":'):lines[3].index(b',"record":')]
    seq, gone = json.loads(envelope)["seq"], json.loads(lines[3])["record"]["event_id"]
    content = b"".join(lines[:3] + lines[4:])
    gaps = [json.loads(line) for line in gzip.decompress((folder / "proof/gaps.jsonl.gz").read_bytes()).splitlines()]
    gaps = sorted([*gaps, [seq - 1, 0, merkle.leaf_hash(envelope).hex()]])
    name = "disclosures/disclosures-000001.jsonl.gz"
    openings = [line for line in gzip.decompress((folder / name).read_bytes()).splitlines(True) if gone.encode() not in line]
    for path, data in ((chunk["file"], content), ("proof/gaps.jsonl.gz", b"".join(canonical(g) + b"\n" for g in gaps)), (name, b"".join(openings))):
        (folder / path).write_bytes(gzip.compress(data, mtime=0))
    chunk |= {"count": chunk["count"] - 1, "content_sha256": hashlib.sha256(content).hexdigest(), "sha256": hashlib.sha256((folder / chunk["file"]).read_bytes()).hexdigest()}
    manifest["entries"]["count"] -= 1
    manifest["disclosed"]["count"] = len(openings)
    for item in manifest["files"]:
        item["sha256"] = hashlib.sha256((folder / item["file"]).read_bytes()).hexdigest()
    (folder / "manifest.json").write_bytes(canonical(manifest) + b"\n")
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and not p.name.startswith("SHA256SUMS"))
    (folder / "SHA256SUMS").write_text("".join(f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names))


def test_a_real_export_passes_with_this_installations_keys(world: World) -> None:
    from io import StringIO

    from django.core.management import call_command

    from audit.export import files as written

    history(world.north, 4)
    folder = written.bundle(exported(world.north).id)
    for change, status in ((None, 0), ("CERTIFICATE.md", 1)):
        if change:
            (folder / change).write_text("changed")
        out = StringIO()
        with pytest.raises(SystemExit) as end:
            call_command("verify_audit", "--bundle", str(folder), stdout=out)
        assert (end.value.code, out.getvalue().splitlines()[-1].startswith("verdict: ")) == (status, True)
    err = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("verify_audit", "--bundle", str(folder / "nothing"), stderr=err)
    assert (end.value.code, err.getvalue()) == (2, "steward: this is no export bundle: there is no such folder\n")
    assert step()
