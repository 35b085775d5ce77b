"""Exports of the log: what is in the bundle, that it proves what it says, and that it is the same when made again."""
from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from accounts import exporting, tenancy
from audit import disclosure, pruning, recording
from audit.export import evidence, files, filters, run
from audit.models import Export, SigningRequest
from audit.record import ActorRef, EntryDraft, Why
from tests.audit.exports import again, ask, bundle, carry_out, entries, exported, history, kept_apart, sign, verified
from tests.audit.logs import Log, number_all, tampering
from tests.audit.past import agree, month, trust, write
from tests.audit.signing import state
from tests.cast import World
from tests.situations import arrange


@pytest.fixture
def damaged(world: World) -> Iterator[None]:
    """The log of this test's organization is damaged by it; other tests verify every log."""
    yield
    Log(org=world.north.organization.id).forget()


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    with kept_apart(settings, tmp_path):
        yield


def manifest(row: Export) -> dict[str, Any]:
    return json.loads((bundle(row) / "manifest.json").read_bytes())


def lines(row: Export) -> list[dict[str, Any]]:
    return [json.loads(line) for chunk in row.chunks for line in gzip.decompress((bundle(row) / chunk["file"]).read_bytes()).splitlines()]


def content(row: Export, *names: str) -> dict[str, bytes]:
    """The bytes that must be the same when an export is made again."""
    root = bundle(row)
    return {name: (root / name).read_bytes() for name in files.names(root) if name.startswith(("events/", "disclosures/", "reading/", "proof/gaps", "proof/boundary", *names))}


def holds(row: Export) -> None:
    done = verified(bundle(row))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_whole_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "CHUNK", 7)
    history(world.north, 20)
    row = exported(world.north)
    said = manifest(row)
    assert said["completeness"] == "range"
    assert said["entries"]["count"] == said["last"] == said["size"] == len(lines(row))
    assert [chunk["count"] for chunk in said["chunks"]][:-1] == [7] * (len(said["chunks"]) - 1)
    assert said["disclosed"]["count"] >= 20 * 6
    holds(row)
    events = [json.loads(line)["event"] for line in (bundle(row) / "custody.jsonl").read_bytes().splitlines()]
    assert events == ["requested", "begun", "sealed"]
    assert "can record a false event as it happens" in (bundle(row) / "CERTIFICATE.md").read_text()
    assert (files.folder(row.id).stat().st_mode & 0o777) == 0o700
    assert not files.work(row.id).exists()
    assert len(entries(row.org, "audit.export_requested")) == len(entries(row.org, "audit.export_begun")) == len(entries(row.org, "audit.export_sealed")) == 1
    assert "A lawsuit" not in json.dumps(entries(row.org, "audit.export_requested"))  # free text is a commitment


def test_two_people_get_the_same_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "CHUNK", 5)
    history(world.north, 12)
    today = datetime.now(UTC).date()
    first = exported(world.north, "legal", until=(today + timedelta(days=1)).isoformat(), time_zone="UTC", administrator=str(world.north.person("owner").account_id))
    history(world.contoso, 2, about="member")
    second = ask(world.north, "owner", until=(today + timedelta(days=1)).isoformat(), time_zone="UTC", administrator=f"owner@{world.north.slug}.example")
    with_pin(second, first)
    second = carry_out(second)
    assert content(first) == content(second)
    assert len(content(first)) >= 8
    assert first.id != second.id


def with_pin(row: Export, like: Export) -> None:
    """The other export was begun at the same size: what is pinned is what counts, not when it is carried out."""
    for _ in range(20):
        sign()
        exporting.turn(row.id, row.org)
        if again(row).state == "running":
            break
    with tenancy.scope(org=row.org):
        mine = Export.objects.get(id=row.id)
        values = {"size": like.size, "root": like.root, "epoch": like.epoch, "first": like.first, "last": like.last}
    arrange(lambda: Export.objects.filter(id=mine.id).update(**values))


@pytest.mark.parametrize(("form", "kind"), [
    ({"administrator": "owner"}, "actor"), ({"about": "worker"}, "target"), ({"about": "worker", "administrator": "owner"}, "attested"), ({"actions": ["membership.suspended"]}, "attested"),
    ({"outcomes": ["denied"]}, "attested"), ({"about": "auditor"}, "target"), ({"of_matter": "no such matter"}, "attested"), ({"since": "2031-01-01"}, "range"), ({"until": "2001-01-01", "about": "worker"}, "target")])
def test_filters_and_what_they_prove(world: World, form: dict[str, Any], kind: str) -> None:
    """Also those that match nothing make a bundle that verifies."""
    for _ in range(3):
        history(world.north, 2)
        history(world.north, 1, actor="administrator", about="guest")
    given = {name: str(world.north.person(value).account_id) if name in {"administrator", "about"} else value for name, value in form.items()}
    row = exported(world.north, **given)
    said = manifest(row)
    assert said["completeness"] == kind
    holds(row)
    expected = {"actor": 7, "target": 6}.get(kind) if not set(form) & {"since", "until"} and form.get("about") != "auditor" else None
    if expected:
        assert said["entries"]["count"] >= expected - 1
    if kind == "range" or form.get("about") == "auditor" or "until" in form or "of_matter" in form:
        assert said["entries"] == {"count": 0, "first_seq": None, "last_seq": None}


def test_an_entry_removed_from_a_filtered_export_is_missed(world: World) -> None:
    """The proof that nobody else gives: one person's export with one entry taken out, everything else put right, does not verify."""
    history(world.north, 4)
    history(world.north, 2, about="guest")
    row = exported(world.north, about=str(world.north.person("worker").account_id))
    holds(row)
    root = bundle(row)
    path = root / row.chunks[0]["file"]
    kept = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(kept[:1] + kept[2:]), mtime=0))
    done = verified(root)
    assert done.returncode == 1, done.stdout


def test_the_boundary_proves_a_range_of_one_person(world: World) -> None:
    """Entries before and after the range are the fence: the counters run from the one to the other."""
    history(world.north, 6)
    history(world.north, 3, about="guest")
    row = ask(world.north, about=str(world.north.person("worker").account_id))
    for _ in range(20):
        sign()
        exporting.turn(row.id, row.org)
        if again(row).state == "running":
            break
    seqs = [n for (n,) in _seqs(row.org, world.north.person("worker").account_id)]
    arrange(lambda: Export.objects.filter(id=row.id).update(first=seqs[2], last=seqs[3], next=seqs[2]))
    with tenancy.scope(org=row.org):
        row = carry_out(row)
    assert row.state == "sealed"
    edges = [json.loads(line)["envelope"]["seq"] for line in (bundle(row) / "proof/boundary.jsonl").read_bytes().splitlines()]
    assert edges == [seqs[1], seqs[4]]
    assert manifest(row)["entries"]["count"] == 2
    holds(row)


def _seqs(org: UUID, target: UUID) -> list[tuple[int]]:
    with tenancy.scope(org=org), connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM audit_target WHERE org = %s AND type = 'person' AND target = %s ORDER BY seq", [org, target])
        return cursor.fetchall()


def test_withheld_and_erased_values(world: World) -> None:
    history(world.north, 3)
    history(world.north, 2, about="guest")
    org = world.north.organization.id
    with tenancy.scope(org=org), transaction.atomic(), recording.opened(org=org, now=datetime.now(UTC)) as act:
        disclosure.erase(org=org, subject=world.north.person("guest").account_id)
        act.write([EntryDraft(org=org, action="privacy.subject_erased", category="privacy", outcome="success", actor=ActorRef(type="operator"))])
    row = exported(world.north, withhold="why.private_note = attorney-client privilege\nchange.*.before = trade secret")
    said = manifest(row)["disclosed"]
    assert [(one["path"], one["ground"]) for one in said["withheld"]] == [("why.private_note", "attorney-client privilege"), ("change.*.before", "trade secret")]
    assert said["withheld"][0]["count"] == 5
    assert said["erased"] >= 2 * 4 - 4
    text = b"".join(gzip.decompress(data) for name, data in content(row).items() if name.startswith("disclosures/"))
    assert b"counsel says yes" not in text
    assert b"asked on the phone" in text
    assert b"counsel says yes" not in (bundle(row) / "reading/events.csv").read_bytes()
    assert b"[withheld]" in (bundle(row) / "reading/events.csv").read_bytes()
    assert b"[erased]" in (bundle(row) / "reading/events.csv").read_bytes()
    holds(row)


def test_no_values_and_no_reading_copies(world: World) -> None:
    history(world.north, 2)
    row = exported(world.north, disclosures="none", csv=False, ocsf=False, loadfile=False)
    names = files.names(bundle(row))
    assert not [name for name in names if name.startswith(("disclosures/", "reading/"))]
    assert manifest(row)["disclosed"] == {"paths": [], "count": 0, "withheld": [], "erased": 0}
    holds(row)


HOSTILE = ["=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "<script>alert(1)</script>", "a\u202eb", 'quo"te,and comma', "two\nlines", "þ®\x14", "ＦＵＬＬ", "＝1"]


def test_hostile_text_in_reading_copies(world: World) -> None:
    person = world.north.person("worker").account_id
    for text in HOSTILE:
        history(world.north, 1, why=Why(text=text, ticket=text if text.isprintable() else "", subject=person))
    row = exported(world.north)
    rows = list(csv.DictReader(io.StringIO((bundle(row) / "reading/events.csv").read_bytes().decode(), newline="")))
    assert len(rows) == row.matched
    for cell in (cell for one in rows for cell in one.values()):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝")), cell
        assert not any((ord(c) < 32 and c not in "\n\r\t") or c == "\u202e" for c in cell)
    found = [one["message"] for one in rows if one["message"]]
    assert "<script>alert(1)</script>" in found
    assert 'quo"te,and comma' in found
    assert "two\nlines" in found
    data = (bundle(row) / "reading/loadfile.dat").read_bytes().decode("utf-8-sig").split("\r\n")[:-1]
    assert len(data) == row.matched + 1
    assert all(line.count("\x14") == 15 and line.count("þ") == 32 for line in data)
    events = [json.loads(line) for line in gzip.decompress((bundle(row) / "reading/ocsf.jsonl.gz").read_bytes()).splitlines()]
    assert len(events) == row.matched
    assert rows[0]["bates"].endswith("-0000000001")
    holds(row)


def test_the_next_export_of_a_matter_continues_the_one_before(world: World) -> None:
    history(world.north, 3)
    first = exported(world.north, matter="Smith v. Jones")
    assert not (bundle(first) / "proof/consistency.json").exists()
    history(world.north, 3)
    second = exported(world.north, matter="SMITH V. JONES")
    assert json.loads((bundle(second) / "proof/consistency.json").read_bytes())["export"] == str(first.id)
    holds(second)
    assert verified(bundle(second), "--previous", str(bundle(first))).returncode == 0
    third = exported(world.north, matter="another")
    assert not (bundle(third) / "proof/consistency.json").exists()


@pytest.mark.parametrize("what", ["record", "envelope", "gone", "record gone", "gone later"])
def test_an_entry_that_was_changed_ends_the_export(world: World, damaged: None, what: str) -> None:
    """The number is named, the failure is an entry."""
    history(world.north, 5)
    number_all()
    org = world.north.organization.id
    row = ask(world.north)
    while what == "gone later" and again(row).state == "asked":
        sign()
        exporting.turn(row.id, row.org)
    with tampering() as attacker:
        entry = attacker.execute("SELECT entry FROM audit_leaf WHERE org = %s AND seq = 3", [org]).fetchone()[0]
        before = attacker.execute("SELECT record FROM audit_entry WHERE id = %s", [entry]).fetchone()[0], attacker.execute("SELECT envelope FROM audit_leaf WHERE entry = %s", [entry]).fetchone()[0]
        if what == "record":
            attacker.execute("UPDATE audit_entry SET record = replace(record, 'success', 'failure') WHERE id = %s", [entry])
        elif what == "envelope":
            attacker.execute("UPDATE audit_leaf SET envelope = replace(envelope, '\"v\":1', '\"v\":2') WHERE entry = %s", [entry])
        elif what == "record gone":
            attacker.execute("DELETE FROM audit_entry WHERE id = %s", [entry])
        else:
            attacker.execute("DELETE FROM audit_leaf WHERE entry = %s", [entry])
    assert before
    row = carry_out(row)
    assert (row.state, row.error) in {("failed", "entry_mismatch"), ("failed", "not_signed")}
    if what != "gone":  # of a tile that is not full, what comes after a missing leaf does not fit
        assert (row.error, row.error_seq) == ("entry_mismatch", 4 if what == "gone later" else 3)
    assert entries(org, "audit.export_failed")[0]["decision"]["outcome"] == "failure"


def test_a_record_that_is_gone_is_not_left_out_in_silence(world: World, damaged: None) -> None:
    """Of a filtered export nobody could tell that an entry is missing: it fails, and names the entry."""
    history(world.north, 3)
    number_all()
    with tampering() as attacker:
        seq, entry = attacker.execute("SELECT seq, entry FROM audit_leaf WHERE org = %s AND action = 'membership.suspended' ORDER BY seq DESC LIMIT 1", [world.north.organization.id]).fetchone()  # type: ignore[misc]
        attacker.execute("DELETE FROM audit_entry WHERE id = %s", [entry])
    row = carry_out(ask(world.north, actions=["membership.suspended"]))
    assert (row.state, row.error, row.error_seq) == ("failed", "entry_mismatch", seq)


def test_a_number_that_is_missing_is_named() -> None:
    """In a full tile the other leaves fit all the same: the numbers themselves tell."""
    def whole(seqs: list[int], low: int, *pruned: tuple[int, int]) -> None:
        evidence.check_whole(chunk=evidence.Chunk(seqs=array("Q", seqs)), low=low, pruned=[{"first": first, "last": last} for first, last in pruned])

    whole([1, 2, 3], 1)
    whole([1, 5, 6], 1, (2, 4))
    whole([5], 2, (2, 3), (4, 4))
    for seqs, low, pruned, missing in (([1, 2, 4], 1, (), 3), ([2], 1, (), 1), ([1, 5], 1, ((2, 3),), 4), ([1, 5], 1, ((3, 4),), 2)):
        with pytest.raises(evidence.Mismatch) as caught:
            whole(seqs, low, *pruned)
        assert caught.value.seq == missing


def test_a_file_that_was_changed_after_it_was_written_is_not_sealed(world: World) -> None:
    history(world.north, 3)
    row = ask(world.north)
    while not again(row).chunks:
        sign()
        exporting.turn(row.id, row.org)
    path = bundle(row) / again(row).chunks[0]["file"]
    path.write_bytes(path.read_bytes() + b"x")
    row = carry_out(row)
    assert (row.state, row.error, row.error_seq) == ("failed", "entry_mismatch", 1)


@pytest.mark.parametrize("moment", ["pinned", "written", "sealed"])
def test_who_stops_it_while_a_step_runs_has_stopped_it(world: World, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """What the step was about to write is of no use, and nothing of it stays."""
    history(world.north, 3)
    row = ask(world.north)

    def ready() -> bool:
        found = again(row)
        return {"pinned": "epoch" in found.waiting, "written": found.state == "running", "sealed": "sums" in found.waiting}[moment]

    while not ready():
        sign()
        exporting.turn(row.id, row.org)
    sign()
    where, name = (evidence, "stream") if moment == "written" else (run.epochs, "answer")
    real = getattr(where, name)

    def stopped(*given: Any, **named: Any) -> Any:
        with tampering() as somebody:
            somebody.execute("UPDATE audit_export SET state = 'stopped' WHERE id = %s", [row.id])
        return real(*given, **named)

    monkeypatch.setattr(where, name, stopped)
    before = again(row)
    assert exporting.turn(row.id, row.org) == "done"
    after = again(row)
    assert (after.state, after.chunks, after.size, after.files) == ("stopped", before.chunks, before.size, [])
    assert entries(row.org, "audit.export_sealed") == [] and len(entries(row.org, "audit.export_begun")) == (moment != "pinned")


def test_the_tree_that_is_shown_has_the_request_in_it(world: World) -> None:
    """An older statement does not do: what was asked for, and by whom, is part of what is proved."""
    history(world.north, 3)
    older = state(world.north.organization.id)
    with tenancy.scope(org=world.north.organization.id):
        request = SigningRequest.objects.filter(org=world.north.organization.id, kind="epoch").order_by("-asked_at").first()
    assert request is not None
    row = ask(world.north)
    arrange(lambda: Export.objects.filter(id=row.id).update(waiting={"epoch": str(request.id)}))
    row = carry_out(row)
    assert row.state == "sealed" and row.size is not None and row.size > older.size
    assert "audit.export_requested" in {json.loads(line)["record"]["action"] for line in _text(row).splitlines()}


def _text(row: Export) -> bytes:
    return b"".join(gzip.decompress((bundle(row) / chunk["file"]).read_bytes()) for chunk in row.chunks)


def test_an_export_says_what_was_removed(world: World) -> None:
    """Months that went, by what two people agreed: every kind of export verifies, and says how many entries are no longer there."""
    trust()
    org, actor, person = world.north, uuid4(), uuid4()
    old = Log(org=org.organization.id, actor=actor, person=person)
    number_all()
    with tenancy.scope(org=old.org):
        start = filters.size(org=old.org) + 1
    write(old, month(2002), 7)
    agree(old, 7)
    write(old, datetime.now(UTC), 2)
    number_all()
    with tenancy.installation("the schedule prunes"):
        assert pruning.run(now=datetime.now(UTC)) >= 7
    number_all()
    try:
        for form, gone in (({}, 7), ({"administrator": str(actor)}, 7), ({"about": str(person)}, 7), ({"actions": ["test.changed"]}, 7)):
            row = exported(org, **form)
            done = verified(bundle(row))
            assert done.returncode == 0, done.stdout
            said = manifest(row)
            assert [(one["first"], one["last"], one["count"]) for one in json.loads((bundle(row) / "proof/pruned.json").read_bytes())] == [(start, start + 6, 7)]
            assert f"{gone} entries of the range were removed by retention; their hashes still are in the tree." in done.stdout
            assert any("retention was over" in text for text in said["limits"]) and "retention was over" in (bundle(row) / "CERTIFICATE.md").read_text()
            assert "audit.pruned" in {line["record"]["action"] for line in lines(row)} or form
            if form.get("administrator") or form.get("about"):
                assert said["entries"]["count"] == (3 if "administrator" in form else 2) and "without a hole (7 of them were removed by retention)" in done.stdout
        # what is still there cannot be passed off as removed, nor what is gone as never there
        for name, data in (("removed", [{**json.loads((bundle(row) / "proof/pruned.json").read_bytes())[0], "last": start + 7, "count": 8}]), ("never", [])):
            folder = shutil.copytree(bundle(row), bundle(row).parent / name)
            (folder / "proof/pruned.json").write_text(json.dumps(data))
            assert "FAIL  sums" in verified(folder).stdout
        later = exported(org, since=datetime.now(UTC).date().isoformat(), matter="M")
        assert verified(bundle(later)).returncode == 0
    finally:
        with tampering() as attacker:
            attacker.execute("DELETE FROM audit_policy WHERE org = %s", [old.org])


def test_dates_are_days_of_a_time_zone(world: World) -> None:
    history(world.north, 1)
    number_all()
    today = datetime.now(UTC).date()
    with tenancy.scope(org=world.north.organization.id):
        def count(**data: Any) -> int:
            return exporting.preview(data=data, organization=world.north.organization).count

        whole = count()
        assert count(since=today.isoformat(), until=today.isoformat(), time_zone="UTC") == whole
        assert count(since=(today + timedelta(days=1)).isoformat(), time_zone="UTC") == 0
        assert count(until=(today - timedelta(days=1)).isoformat(), time_zone="UTC") == 0
        far = [count(since=today.isoformat(), until=today.isoformat(), time_zone=zone) for zone in ("Pacific/Kiritimati", "Pacific/Niue")]
        assert sorted(far) != [whole, whole] or 10 <= datetime.now(UTC).hour < 11
