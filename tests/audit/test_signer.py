"""The signer: signs what grew, and nothing that was rewritten, shortened or restored, whoever did it."""
from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from accounts import tenancy
from audit import ROOT, epochs, keys, merkle, notes, totals
from audit.models import Epoch, LogKey, RootCheckpoint, SignerState
from audit.notes import Checkpoint, Verifier
from audit.signer import ALIAS, Memory, Refused, Signer
from audit.tree import Reader
from tests.audit.logs import Log, login, number_all, tampering
from tests.audit.signing import only, release, state, step
from tests.plugin_services import ROOT as REPOSITORY

pytestmark = pytest.mark.usefixtures("signing")


@pytest.fixture
def stated(log: Log) -> Log:
    """A log of five entries that the signer has stated."""
    log.write(5)
    number_all()
    only(log.org)
    state(log.org)
    return log


def refused() -> str:
    return SignerState.objects.get(id=1).refused


def test_a_statement_and_its_proofs(stated: Log) -> None:
    with tenancy.scope(org=stated.org):
        said = epochs.latest(org=stated.org)
        assert said is not None
        body = json.loads(said.text)
        verifiers = [Verifier.parse(v) for v in LogKey.objects.filter(type__in=("ed25519", "mldsa44")).values_list("vkey", flat=True)]
        own = [Verifier(body["log"], v.kind, v.public) if v.kind == notes.ED25519 else v for v in verifiers]
        text, signers = notes.verify(said.note, own)
        head = Checkpoint.parse(text)
        assert len(signers) == 2 and (head.origin, head.size, head.root.hex()) == (body["log"], 5, body["root"])
        assert head.root == Reader(org=stated.org, size=5).root()
        proof = epochs.proof(index=said.index)
        root_head = epochs.root_checkpoint()
        assert root_head is not None and len(notes.verify(root_head.note, verifiers)[1]) == 2
        assert merkle.verify_inclusion(index=proof["index"], size=proof["size"], leaf=merkle.leaf_hash(said.text.encode()), proof=[bytes.fromhex(h) for h in proof["proof"]], root=bytes(root_head.root))
        assert str(stated.org) not in said.text and "example" not in body["log"].split("/")[-1]
        ring = keys.ring(now=datetime.now(UTC))
        assert Memory(ring).of(ring.root) == (1, bytes(root_head.root)) and Memory(ring).of(body["log"]) == (5, head.root)


def test_no_proof_of_what_was_not_stated_or_not_signed(stated: Log) -> None:
    stated.write()
    number_all()
    with tenancy.scope(org=stated.org):
        assert epochs.inclusion(org=stated.org, seq=5) is not None and epochs.inclusion(org=stated.org, seq=6) is None and epochs.tlog_proof(org=stated.org, seq=6) is None
        said = epochs.latest(org=stated.org)
        assert said is not None and epochs.proof(index=said.index)
        with tampering() as attacker:
            attacker.execute("UPDATE audit_rootcheckpoint SET root = %s", [b"\3" * 32])
        with pytest.raises(epochs.NotSigned, match="does not have the root that was signed"):
            epochs.proof(index=said.index)


def test_totals_come_from_the_same_moment(stated: Log) -> None:
    with tenancy.scope(org=stated.org):
        request = epochs.ask(kind="epoch", org=stated.org, body={"totals": [["actor", str(stated.actor)], ["person", str(stated.person)], ["actor", str(uuid.uuid4())]]}, now=datetime.now(UTC))
    stated.write(2)
    step()
    with tenancy.scope(org=stated.org):
        answer = epochs.wait(request, seconds=1)
        said = epochs.at(index=answer["index"])
        assert [p["n"] for p in answer["totals"]] == [7, 7, 0] and answer["size"] == 7
        assert all(totals.verify(p, bytes.fromhex(json.loads(said.text)["totals"])) for p in answer["totals"])


def test_entries_name_the_newest_head(stated: Log) -> None:
    stated.write()
    number_all()
    with tenancy.scope(org=stated.org):
        head = epochs.root_checkpoint()
        assert head is not None
        envelope = json.loads(stated.rows("SELECT envelope FROM audit_leaf WHERE org = %s AND seq = 6", [stated.org])[0][0])
        assert envelope["prev_checkpoint"] == {"sha256": hashlib.sha256(notes.parse(head.note)[0].encode()).hexdigest(), "size": head.size}
    assert stated.findings() == []


def test_a_log_is_stated_once_a_minute_at_most(stated: Log) -> None:
    signer = Signer()
    now = datetime.now(UTC)
    stated.write()
    number_all()
    assert signer.step(now=now + timedelta(seconds=10)) == 0
    assert signer.step(now=now + timedelta(seconds=70)) == 1
    assert signer.step(now=now + timedelta(seconds=200)) == 0  # nothing new
    assert Epoch.objects.using(ALIAS).count() == 2


def test_a_shorter_log_is_refused(stated: Log) -> None:
    """A truncated tail, or an older database: the memory holds a larger size."""
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_leaf WHERE org = %s AND seq > 3", [stated.org])
        leaves = [bytes(r[0]) for r in attacker.execute("SELECT leaf_sha256 FROM audit_leaf WHERE org = %s ORDER BY seq", [stated.org])]
        size, peaks = merkle.append(0, [], leaves)
        attacker.execute("UPDATE audit_tree SET size = %s, root = %s, range = %s WHERE org = %s", [size, merkle.root(peaks), peaks, stated.org])
        attacker.execute("DELETE FROM audit_epoch")
        attacker.execute("DELETE FROM audit_rootcheckpoint")
    signer = Signer()
    assert signer.step(now=datetime.now(UTC)) == 0
    assert "it has 3 entries and had 5 when it was signed last" in refused()


def test_a_rewritten_history_is_refused(stated: Log) -> None:
    """Longer than before, consistent in itself, and not a continuation."""
    with tampering() as attacker:
        attacker.execute("UPDATE audit_leaf SET leaf_sha256 = %s WHERE org = %s AND seq = 2", [b"\1" * 32, stated.org])
    stated.write(3)
    number_all()
    with tampering() as attacker:
        leaves = [bytes(r[0]) for r in attacker.execute("SELECT leaf_sha256 FROM audit_leaf WHERE org = %s ORDER BY seq", [stated.org])]
        size, peaks = merkle.append(0, [], leaves)
        attacker.execute("UPDATE audit_tree SET size = %s, root = %s, range = %s WHERE org = %s", [size, merkle.root(peaks), peaks, stated.org])
    signer = Signer()
    assert signer.step(now=datetime.now(UTC) + timedelta(minutes=2)) == 0
    assert "its first 5 entries are not those that were signed" in refused()
    with pytest.raises(epochs.NotSigned, match="not those that were signed"):
        state(stated.org)


def test_a_root_that_does_not_follow_is_refused(stated: Log) -> None:
    stated.write()
    number_all()
    with tampering() as attacker:
        attacker.execute("UPDATE audit_tree SET root = %s WHERE org = %s", [b"\2" * 32, stated.org])
    Signer().step(now=datetime.now(UTC) + timedelta(minutes=2))
    assert "its root does not follow from its leaves" in refused()


def test_a_refused_log_holds_up_no_other(stated: Log) -> None:
    other = Log()
    other.write()
    with tampering() as attacker:
        attacker.execute("UPDATE audit_leaf SET leaf_sha256 = %s WHERE org = %s AND seq = 2", [b"\1" * 32, stated.org])
    stated.write()
    step(now=datetime.now(UTC) + timedelta(minutes=2))
    with tenancy.scope(org=other.org):
        assert epochs.latest(org=other.org) is not None
    assert epochs.opaque(stated.org) in refused() and epochs.opaque(other.org) not in refused()
    other.forget()


def test_an_older_root_log_is_refused(stated: Log) -> None:
    stated.write()
    state(stated.org)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_rootcheckpoint WHERE size = 2")
        attacker.execute("DELETE FROM audit_epoch WHERE pos = 1")
    stated.write(4)
    number_all()
    signer = Signer()
    signer.memory.logs[signer.ring.root][0] = 3
    with pytest.raises(Refused, match="was an older database restored"):
        signer.step(now=datetime.now(UTC) + timedelta(minutes=2))


def test_a_lost_memory_is_not_guessed(stated: Log) -> None:
    keys.folder().joinpath("memory.json").unlink()
    stated.write()
    number_all()
    with pytest.raises(Refused, match="memory is gone"):
        Signer().step(now=datetime.now(UTC))
    assert Signer().adopt() == 2
    assert Signer().step(now=datetime.now(UTC) + timedelta(minutes=2)) == 1


def test_killed_between_remembering_and_publishing(stated: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """It remembers more than it said; the next one goes on from there and signs nothing else for the same size."""
    stated.write()
    number_all()
    signer = Signer()
    monkeypatch.setattr(signer, "_write", lambda *_a: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        signer.step(now=datetime.now(UTC) + timedelta(minutes=2))
    assert Memory(signer.ring).of(epochs.origin(stated.org, of=signer.ring.host))[0] == 6 and Epoch.objects.using(ALIAS).count() == 1
    assert Signer().step(now=datetime.now(UTC) + timedelta(minutes=2)) == 1
    sizes = [(e.size, bytes(e.root)) for e in Epoch.objects.using(ALIAS).order_by("pos")]
    assert len({size for size, _root in sizes}) == len(sizes) == 2


def test_one_signer_at_a_time(stated: Log) -> None:
    assert Signer().held()
    with login("signer") as other:
        assert other.execute("SELECT pg_try_advisory_lock(7741001)").fetchone() == (False,)
    release()
    with login("signer") as other:
        assert other.execute("SELECT pg_try_advisory_lock(7741001)").fetchone() == (True,)
        assert not Signer().held()


@pytest.mark.parametrize("text", ["", "localhost:8000/root\n5\nAAAA\n", "0" * 64 + "  file", "0" * 64 + " file\n", "0" * 64 + "  file\nsteward/key/v1\n", "0" * 63 + "g  file\n", "0" * 64 + "  ../file\n\n"])
def test_the_signer_signs_nothing_but_lists_of_hashes(stated: Log, text: str) -> None:
    with tenancy.scope(org=stated.org):
        request = epochs.ask(kind="sums", org=stated.org, body={"text": text}, now=datetime.now(UTC))
    step()
    with tenancy.scope(org=stated.org), pytest.raises(epochs.NotSigned, match="no list of hashes"):
        epochs.wait(request, seconds=1)


def test_stock_openssl_verifies_a_list_of_hashes(stated: Log, tmp_path: Path) -> None:
    text = f"{hashlib.sha256(b'x').hexdigest()}  events/events-000001.jsonl.gz\n"
    with tenancy.scope(org=stated.org):
        request = epochs.ask(kind="sums", org=stated.org, body={"text": text}, now=datetime.now(UTC))
    step()
    with tenancy.scope(org=stated.org):
        signature = base64.b64decode(epochs.wait(request, seconds=1)["signature"])
        pem = next(k["pem"] for k in keys.published() if k["type"] == "ed25519")
    for name, content in (("sums", text.encode()), ("sig", signature), ("key.pem", pem.encode())):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "sums", "-sigfile", "sig"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "sums").write_bytes(text.replace("1.jsonl", "2.jsonl").encode())
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_new_keys_are_endorsed_by_the_old(stated: Log, capsys: pytest.CaptureFixture[str]) -> None:
    before = keys.published()
    call_command("rotate_log_key")
    after = keys.published()
    fresh = [k for k in after if k["vkey"] not in {b["vkey"] for b in before}]
    assert sorted(k["type"] for k in fresh) == ["ed25519", "mldsa44"] and {k["until"] for k in after if k["type"] == "ed25519"} == {None, fresh[0]["from"]}
    for key in fresh:
        elder = Verifier.parse(key["endorsed_by"]["vkey"])
        assert elder.vkey in {b["vkey"] for b in before}
        assert elder.signed(keys.endorsement(key["vkey"], key["from"]), base64.b64decode(key["endorsed_by"]["signature"]))
    ed = [Verifier.parse(k["vkey"]) for k in after if k["type"] == "ed25519"]
    with tenancy.scope(org=stated.org):
        newest, heads = epochs.latest(org=stated.org), list(RootCheckpoint.objects.order_by("size"))
        assert newest is not None
    assert len(notes.verify(heads[-1].note, ed)[1]) == 2 and len(notes.verify(newest.note, [Verifier(json.loads(newest.text)["log"], v.kind, v.public) for v in ed])[1]) == 2
    assert notes.verify(heads[0].note, ed)[1] == [ed[1]]  # the old one still verifies
    stated.write()
    step(now=datetime.now(UTC) + timedelta(minutes=2))
    with tenancy.scope(org=stated.org):
        last = epochs.root_checkpoint()
        assert last is not None and notes.verify(last.note, ed)[1] == [ed[0]]


def test_nobody_but_the_signer_reads_its_keys_or_writes_for_it(stated: Log) -> None:
    assert keys.folder().stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in keys.folder().iterdir()} == {0o600}
    for role in ("default", "sequencer"):
        with login(role) as other:
            for attempt in ("INSERT INTO audit_rootcheckpoint (size, root, note, text_sha256, at) VALUES (99, 'x', 'x', 'x', now())", "DELETE FROM audit_epoch", "UPDATE audit_logkey SET vkey = 'x'", "UPDATE audit_signingrequest SET answer = '{}'"):
                with pytest.raises(Exception, match="permission denied"):
                    other.execute(attempt)
    with login("signer") as signer:
        for attempt in ("UPDATE audit_epoch SET note = 'x'", "DELETE FROM audit_rootcheckpoint", "INSERT INTO audit_leaf (pos) VALUES (1)", "SELECT * FROM audit_entry", "SELECT * FROM audit_disclosure", "SELECT * FROM accounts_account"):
            with pytest.raises(Exception, match=r"permission denied|append-only"):
                signer.execute(attempt)
        with pytest.raises(Exception, match="row-level security"):
            signer.execute("INSERT INTO audit_tile (org, level, n, hashes) VALUES (%s, 0, 0, 'x')", [stated.org])
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_epoch")
        assert cursor.fetchone() == (0,)  # no scope, nothing to see


def test_a_damaged_folder_is_said(stated: Log) -> None:
    path = keys.folder() / "keys.json"
    path.chmod(0o644)
    with pytest.raises(keys.NoKeys, match="can be read by others"):
        Signer()
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(keys.NoKeys, match="is damaged"):
        Signer()


def test_the_process_signs_and_ends_when_told(stated: Log) -> None:
    """`manage.py signer` as it runs beside the others: signs what is asked for, and SIGTERM ends it."""
    release()
    with subprocess.Popen([sys.executable, "manage.py", "signer"], cwd=REPOSITORY, env={**os.environ, "STEWARD_SIGNER_DIR": str(keys.folder())}, stderr=subprocess.DEVNULL) as process:
        try:
            stated.write()
            number_all()
            with tenancy.scope(org=stated.org):
                said = epochs.at(index=epochs.wait(epochs.ask(kind="epoch", org=stated.org, body={}, now=datetime.now(UTC)), seconds=30)["index"])
            assert said.size == 6
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_the_root_log_grows_with_tiles(log: Log) -> None:
    """More statements than fit into one tile: proofs of the first still hold."""
    log.write()
    number_all()
    only(log.org)
    signer = step()
    made = signer._checked(log.org, [], datetime.now(UTC))
    for number in range(3):
        signer._write({uuid.uuid4(): {**made, "text": f"{made['text']}{number}{n}", "org": log.org} for n in range(120)}, datetime.now(UTC))
        signer._sign_root(datetime.now(UTC))
    with tenancy.scope(org=log.org):
        head = epochs.root_checkpoint()
        assert head is not None and head.size == 361
        for index in (0, 1, 255, 256, 360):
            proof = epochs.proof(index=index)
            assert merkle.verify_inclusion(index=index, size=361, leaf=merkle.leaf_hash(proof["statement"].encode()), proof=[bytes.fromhex(h) for h in proof["proof"]], root=bytes(head.root))
        assert Reader(org=ROOT, size=361).consistency(1)
