"""Exports of the log on the pages, through the API and from the command line; and what goes wrong on the way."""
from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts import approvals, door, exporting, tenancy
from accounts.models import Membership, Plan
from accounts.powers import BY_SLUG
from accounts.reasons import Refused, StepUpNeeded
from audit.export import archive, evidence, files
from audit.models import Export
from tests.api.calls import Api
from tests.audit.exports import FORM, again, ask, bundle, carry_out, entries, exported, history, kept_apart, sign, verified
from tests.browse import client_for
from tests.cast import World
from tests.commands import manage, manage_here
from tests.plugin_services import ROOT
from tests.situations import arrange


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    with kept_apart(settings, tmp_path):
        yield


PAGE = {"purpose": "A lawsuit", "disclosures": "all", "csv": "on", "about_kind": "person", "ocsf_version": "1.8.0"}


def test_the_way_through_the_pages(world: World) -> None:
    """Look, start, follow, take away: each download is an entry."""
    history(world.north, 3)
    org = world.north
    client = client_for(org.person("legal"))
    base = f"/o/{org.slug}/audit/exports/"
    assert "Nothing was exported yet" in client.get(base).content.decode()
    looked = client.post(base + "new/", {**PAGE, "do": "look"})
    page = looked.content.decode()
    assert looked.status_code == 200
    assert "entries match now" in page
    assert "no entry of this range is missing" in page
    digest = page.split('name="digest" value="')[1][:64]
    changed = client.post(base + "new/", {**PAGE, "purpose": "Another", "do": "start", "digest": digest})
    assert (changed.status_code, "changed since you looked" in changed.content.decode()) == (412, True)
    started = client.post(base + "new/", {**PAGE, "do": "start", "digest": digest, "key": "once"})
    again_ = client.post(base + "new/", {**PAGE, "do": "start", "digest": digest, "key": "once"})
    assert started.status_code == again_.status_code == 302
    with tenancy.scope(org=org.organization.id):
        row = Export.objects.get(org=org.organization.id)  # one, although it was sent twice
    assert started["Location"] == again_["Location"] == f"{base}{row.id}/"
    assert "It waits until" in client.get(started["Location"]).content.decode()
    row = carry_out(row)
    page = client.get(f"{base}{row.id}/").content.decode()
    assert "Ready" in page
    assert "verify.py" in page
    one = client.get(f"{base}{row.id}/files/proof/checkpoint")
    assert b"".join(one.streaming_content) == (bundle(row) / "proof/checkpoint").read_bytes()
    assert (one["Content-Disposition"], one["X-Content-Type-Options"]) == ('attachment; filename="checkpoint"', "nosniff")
    facts = entries(row.org, "audit.export_downloaded")[0]["facts"]
    assert facts["file"] == "proof/checkpoint"
    assert len(facts["sha256"]) == 64


def test_all_in_one_and_parts_of_it(world: World) -> None:
    """The tar has every file, and any part of it is the same bytes."""
    row = exported(world.north)
    client = client_for(world.north.person("legal"))
    address = f"/o/{world.north.slug}/audit/exports/{row.id}/files/{archive.name(row)}"
    found = client.get(address)
    whole = b"".join(found.streaming_content)
    assert len(whole) == int(found["Content-Length"])
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        names = {member.name.split("/", 1)[1]: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]
    assert names == {name: (bundle(row) / name).read_bytes() for name in files.names(bundle(row))}
    for start, end in ((0, 1), (511, 513), (512, 700), (len(whole) - 1030, len(whole)), (1000, 30_000)):
        part = client.get(address, headers={"Range": f"bytes={start}-{end - 1}"})
        assert (part.status_code, part["Content-Range"]) == (206, f"bytes {start}-{end - 1}/{len(whole)}")
        assert b"".join(part.streaming_content) == whole[start:end]
    assert b"".join(client.get(address, headers={"Range": "bytes=-5"}).streaming_content) == whole[-5:]
    assert client.get(address, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    assert client.get(address, headers={"Range": "lines=1-2"}).status_code == 200
    assert client.get(address, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status_code == 200
    before = len(entries(row.org, "audit.export_downloaded"))
    assert client.head(address).status_code == 200
    assert len(entries(row.org, "audit.export_downloaded")) == before


def test_links_carry_no_authority(world: World) -> None:
    row = exported(world.north)
    path = f"/o/{world.north.slug}/audit/exports/{row.id}/"
    for name, status in (("auditor", 404), ("member", 404), ("people-manager", 404)):
        client = client_for(world.north.person(name))
        assert client.get(path).status_code == client.get(path + "files/manifest.json").status_code == status
        assert client.post(path, {"do": "stop"}).status_code == status
    assert client_for(world.contoso.person("owner")).get(path).status_code == 404
    assert client_for(world.contoso.person("owner")).get(f"/o/{world.contoso.slug}/audit/exports/{row.id}/files/manifest.json").status_code == 404
    stale = client_for(world.north.person("legal"), tier=0).get(path + "files/manifest.json")
    assert stale.status_code == 302
    assert "/files/manifest.json" not in (stale["Location"].split("?")[0])
    owner = client_for(world.north.person("owner"))
    for name in ("../work", "events/", "nothing", "../../secret.key", "%2e%2e/x", "manifest.json/"):
        assert owner.get(path + "files/" + name).status_code == 404, name
    assert len(entries(row.org, "audit.export_downloaded")) == 0


def test_no_step_up_no_export(world: World) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id), pytest.raises(StepUpNeeded):
        door.perform(power=BY_SLUG["export-audit"], actor=org.actor("legal", tier=1), data=FORM, now=datetime.now(UTC))
    client = client_for(org.person("legal"), tier=0)
    page = client.post(f"/o/{org.slug}/audit/exports/new/", {**PAGE, "do": "look"}).content.decode()
    sent = client.post(f"/o/{org.slug}/audit/exports/new/", {**PAGE, "do": "start", "digest": page.split('name="digest" value="')[1][:64]})
    assert sent.status_code == 302
    with tenancy.scope(org=org.organization.id):
        assert not Export.objects.filter(org=org.organization.id).exists()
    resumed = client.get(f"/o/{org.slug}/audit/exports/new/?resume=1").content.decode()
    assert "A lawsuit" in resumed
    assert "match now" in resumed


@pytest.mark.parametrize(("wrong", "words"), [
    ({"since": "2026-11-02", "until": "2026-11-01"}, "The last day is before the first day"), ({"since": "tomorrow"}, "is not a date"), ({"since": "0001-01-01"}, "is not a date"),
    ({"until": "9999-12-31"}, "is not a date"), ({"time_zone": "Mars/Base"}, "no time zone"),
    ({"matter": "x" * 10_000}, "at most 200 characters"), ({"purpose": ""}, "required"), ({"purpose": "a\x00b"}, ""), ({"about": "nobody@nowhere.example"}, "Nobody in this organization"),
    ({"administrator": "no-id"}, "Nobody in this organization"), ({"withhold": "password = because"}, "is not a path and a ground"), ({"withhold": "why.text"}, "is not a path and a ground"),
    ({"token": "7"}, "This is no id"), ({"prefix": "a b"}, "letters and digits"), ({"outcomes": "happy"}, "valid choice"), ({"about_kind": "planet"}, "valid choice"), ({"ocsf_version": "0.1"}, "valid choice")])
def test_wrong_input_is_a_form_error(world: World, wrong: dict[str, str], words: str) -> None:
    client = client_for(world.north.person("legal"))
    answer = client.post(f"/o/{world.north.slug}/audit/exports/new/", {**PAGE, **wrong, "do": "start"})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    api = Api(world, "legal").call("post", "/audit/exports/", {"purpose": "x", **{name: [value] if name == "outcomes" else value for name, value in wrong.items()}})
    assert api.status_code == 422, api.content


def test_the_api(world: World) -> None:
    history(world.north, 2)
    api = Api(world, "legal")
    made = api.call("post", "/audit/exports/", {"purpose": "A lawsuit", "matter": "M"}, **{"Idempotency-Key": "k"})
    assert made.status_code == 200, made.content
    assert api.call("post", "/audit/exports/", {"purpose": "A lawsuit", "matter": "M"}, **{"Idempotency-Key": "k"})["Location"] == made["Location"]
    shown = api.call("get", made["Location"]).json()
    assert (shown["state"], shown["files"]) == ("asked", [])
    with tenancy.scope(org=world.north.organization.id):
        row = carry_out(Export.objects.get(id=shown["id"]))
    shown = api.call("get", made["Location"]).json()
    assert (shown["state"], shown["entries"]) == ("sealed", row.matched)
    assert [one["id"] for one in api.call("get", "/audit/exports/").json()["exports"]] == [shown["id"]]
    taken = api.call("get", f"/audit/exports/{row.id}/file/?name=manifest.json", Range="bytes=0-9")
    assert (taken.status_code, b"".join(taken.streaming_content)) == (206, (bundle(row) / "manifest.json").read_bytes()[:10])
    assert api.call("get", f"/audit/exports/{row.id}/file/?name=../secret.key").status_code == 404
    assert api.call("get", f"/audit/exports/{uuid4()}/").status_code == 404
    assert api.call("post", f"/audit/exports/{row.id}/stop/", {}).status_code == 409
    weak = Api(world, "legal", sensitive=False)
    assert weak.call("get", f"/audit/exports/{row.id}/file/?name=manifest.json").json()["code"] == "step_up"
    assert Api(world, "auditor").call("get", f"/audit/exports/{row.id}/").status_code == 404


def test_a_second_person_where_the_organization_asks_for_one(world: World) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["set-audit-export-policy"], actor=org.actor("owner"), data={"second_person": True, "days": 3}, now=datetime.now(UTC))
        receipt = door.perform(power=BY_SLUG["export-audit"], actor=org.actor("legal"), data=FORM, now=datetime.now(UTC))
        assert receipt.plan_id
        assert not Export.objects.exists()
        plan = Plan.objects.get(id=receipt.plan_id)
        with pytest.raises(Refused):
            approvals.decide(plan_id=plan.id, actor=org.actor("legal"), requester=approvals.requester(plan), power=BY_SLUG["export-audit"], approve=True, note="", now=datetime.now(UTC))
    assert "waits for a second person" in client_for(org.person("legal")).get(f"/o/{org.slug}/audit/exports/").content.decode()
    with tenancy.scope(org=org.organization.id):
        history(org, 2)  # the log grows while the plan waits: the plan stays good
        approvals.decide(plan_id=plan.id, actor=org.actor("owner"), requester=approvals.requester(plan), power=BY_SLUG["export-audit"], approve=True, note="", now=datetime.now(UTC))
        row = Export.objects.get()
        assert timedelta(days=2) < row.expires_at - datetime.now(UTC) <= timedelta(days=3)
        loosened = door.perform(power=BY_SLUG["set-audit-export-policy"], actor=org.actor("owner"), data={"second_person": False, "days": 3}, now=datetime.now(UTC))
        assert loosened.plan_id  # what a second person protects is not taken away by one
    assert "waits for a second person" not in client_for(org.person("legal")).get(f"/o/{org.slug}/audit/exports/").content.decode()
    row = carry_out(row)
    said = json.loads((bundle(row) / "manifest.json").read_bytes())
    assert said["approved_by"] == [str(org.person("owner").account_id)]
    assert "approved" in [json.loads(line)["event"] for line in (bundle(row) / "custody.jsonl").read_bytes().splitlines()]


def test_the_requester_loses_the_role_midway(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "CHUNK", 2)
    history(world.north, 8)
    row = ask(world.north)
    while not again(row).chunks:
        sign()
        exporting.turn(row.id, row.org)
    arrange(lambda: Membership.objects.filter(id=world.north.person("legal").id).update(role=world.north.roles["member"]))
    exporting.turn(row.id, row.org)
    row = again(row)
    assert (row.state, row.error) == ("stopped", "requester_lost_role")
    assert entries(row.org, "audit.export_stopped")[0]["facts"] == {"reason": "requester_lost_role"}
    exporting.expire(now=datetime.now(UTC))
    assert not files.folder(row.id).exists()
    assert "no longer has the right" in client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/audit/exports/{row.id}/").content.decode()


def test_stop_and_expiry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "CHUNK", 2)
    history(world.north, 8)
    row = ask(world.north)
    while not again(row).chunks:
        sign()
        exporting.turn(row.id, row.org)
    client = client_for(world.north.person("administrator"))
    assert client.post(f"/o/{world.north.slug}/audit/exports/{row.id}/", {"do": "stop"}).status_code == 302
    assert exporting.turn(row.id, row.org) == "done"
    assert again(row).state == "stopped"
    assert client.post(f"/o/{world.north.slug}/audit/exports/{row.id}/", {"do": "stop"}).status_code == 422
    done = exported(world.north)
    stray = files.make_folder(uuid4())
    exporting.expire(now=datetime.now(UTC) + timedelta(days=13))
    assert files.folder(done.id).exists()
    assert not stray.exists()
    assert exporting.expire(now=datetime.now(UTC) + timedelta(days=15)) >= 2
    assert exporting.expire(now=datetime.now(UTC) + timedelta(days=15)) == 0
    assert not files.folder(done.id).exists()
    assert again(done).state == "expired"
    assert len(entries(done.org, "audit.export_expired")) == 2
    assert client.get(f"/o/{world.north.slug}/audit/exports/{done.id}/files/manifest.json").status_code == 404


def test_two_administrators_and_two_workers_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two exports, each carried out by two workers: nothing is written twice, both verify."""
    monkeypatch.setattr(evidence, "CHUNK", 3)
    history(world.north, 12)
    rows = [ask(world.north, "owner"), ask(world.north, "administrator")]
    sign()
    stop = threading.Event()

    def work() -> None:
        try:
            while not stop.is_set():
                for row in rows:
                    exporting.turn(row.id, row.org)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 60
    while any(again(row).state != "sealed" for row in rows) and time.monotonic() < end:
        sign()
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join(20)
    for row in rows:
        done = verified(bundle(again(row)))
        assert done.returncode == 0, done.stdout
        assert len(entries(row.org, "audit.export_sealed")) == 2


_WORKER = """
import os, sys, uuid
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
import django; django.setup()
from pathlib import Path
from django.conf import settings
from audit.export import evidence
from accounts import exporting
settings.DATA = Path(sys.argv[3])
evidence.CHUNK = int(sys.argv[4])
export, org = uuid.UUID(sys.argv[1]), uuid.UUID(sys.argv[2])
while True:
    went = exporting.turn(export, org)
    print(went, flush=True)
    if went == "done":
        break
"""


def _worker(row: Export, data: Path, *, limit: int | None = None) -> subprocess.Popen[str]:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen([sys.executable, "-c", _WORKER, str(row.id), str(row.org), str(data), "400"], cwd=ROOT, env=os.environ.copy(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=limited)


def _begun(world: World, count: int) -> Export:
    """An export that is pinned, and everything before it numbered."""
    for _ in range(count // 400):
        history(world.north, 400)
    row = ask(world.north)
    for _ in range(20):
        sign()
        if again(row).state == "running":
            break
        exporting.turn(row.id, row.org)
    return again(row)


def test_kill_9_in_the_middle(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real processes, killed at different moments: the last one goes on, and the bytes are those of one that was never disturbed."""
    monkeypatch.setattr(evidence, "CHUNK", 400)
    row = _begun(world, 2400)
    for pause in (0.0, 0.03, 0.08, 0.15, 0.02):
        process = _worker(row, tmp_path)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stderr.close()  # type: ignore[union-attr]
    killed = len(again(row).chunks)
    assert 0 < killed
    row = carry_out(row)
    assert row.state == "sealed"
    done = verified(bundle(row))
    assert done.returncode == 0, done.stdout
    assert sum(chunk["count"] for chunk in row.chunks) == row.matched == row.last
    assert not [path for path in bundle(row).rglob("*.part")]
    twin = ask(world.north, "owner")
    for _ in range(20):
        sign()
        if again(twin).state == "running":
            break
        exporting.turn(twin.id, twin.org)
    arrange(lambda: Export.objects.filter(id=twin.id).update(size=row.size, root=row.root, epoch=row.epoch, first=row.first, last=row.last))
    twin = carry_out(again(twin))
    for name in files.names(bundle(row)):
        if name.startswith(("events/", "disclosures/", "reading/", "proof/gaps")):
            assert (bundle(row) / name).read_bytes() == (bundle(twin) / name).read_bytes(), name


def test_a_full_disk(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file may grow beyond some kilobytes: it fails and says why; with room again it goes on."""
    monkeypatch.setattr(evidence, "CHUNK", 400)
    row = _begun(world, 800)
    process = _worker(row, tmp_path, limit=20_000)
    out, err = process.communicate(timeout=60)
    row = again(row)
    assert (row.state, row.error) == ("failed", "disk_full"), (out, err)
    page = client_for(world.north.person("legal")).get(f"/o/{world.north.slug}/audit/exports/{row.id}/").content.decode()
    assert "There is no room for its files" in page
    assert "Go on with it" in page
    assert "Go on with it" not in client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/audit/exports/{row.id}/").content.decode()
    assert client_for(world.north.person("legal")).post(f"/o/{world.north.slug}/audit/exports/{row.id}/", {"do": "resume"}).status_code == 302
    row = carry_out(again(row))
    assert row.state == "sealed"
    assert verified(bundle(row)).returncode == 0
    assert [line["event"] for line in row.custody] == ["requested", "begun", "taken up again", "sealed"]


@pytest.mark.parametrize(("path", "budget"), [("", 22), ("new/", 18), ("{id}/", 18)])
def test_queries_do_not_grow(world: World, path: str, budget: int) -> None:
    row = exported(world.north)
    client = client_for(world.north.person("legal"))
    address = f"/o/{world.north.slug}/audit/exports/{path.format(id=row.id)}"
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        assert client.get(address).status_code == 200
    for _ in range(4):
        ask(world.north)
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) <= len(few) + 1
    assert len(few) <= budget, [q["sql"][:100] for q in few]


def test_the_command(world: World, tmp_path: Path) -> None:
    """Where no signer runs it signs itself, and says so; the folder verifies."""
    history(world.north, 3)
    sign()
    out, who = tmp_path / "out", f"legal@{world.north.slug}.example"
    call = ["export_audit", "--org", world.north.slug, "--as", who, "--purpose", "A lawsuit", "--matter", "M"]
    done = manage(*call, "--out", str(out), "--target", f"worker@{world.north.slug}.example", "--withhold", "why.private_note=privilege", STEWARD_SIGNER_DIR=str(tmp_path / "signer"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("exported: 3 entries")
    assert len(done.stdout.splitlines()) == 1
    checked = verified(out)
    assert checked.returncode == 0, checked.stdout
    assert entries(world.north.organization.id, "audit.export_downloaded")[0]["context"]["via"] == "cli"
    small = manage(*call, "--out", str(tmp_path / "two"), "--no-reading-copies", "--no-disclosures", "--outcome", "denied", STEWARD_SIGNER_DIR=str(tmp_path / "signer"))
    assert small.returncode == 0, small.stderr
    assert not (tmp_path / "two/reading").exists()
    assert verified(tmp_path / "two").returncode == 0
    for wrong, status in ((["--out", str(out)], 2), (["--out", str(tmp_path / "x"), "--from", "yesterday"], 2), (["--out", str(tmp_path / "x"), "--from", "2026-02-02", "--to", "2026-01-01"], 2),
                          (["--out", str(tmp_path / "x"), "--actor", "nobody@nowhere.example"], 2), (["--out", str(tmp_path / "x"), "--matter", "m" * 10_000], 2), (["--out", "/proc/none"], 2),
                          (["--out", str(tmp_path / "x"), "--as", f"auditor@{world.north.slug}.example"], 1), (["--out", str(tmp_path / "x"), "--as", "nobody@x.example"], 2),
                          (["--out", str(tmp_path / "x"), "--org", "nowhere"], 2), (["--out", str(tmp_path / "x"), "--withhold", "password=x"], 2), ([], 2)):
        failed = manage_here(*call, *wrong)
        assert (failed.returncode, len(failed.stderr.strip().splitlines()), failed.stdout) == (status, 1, ""), (wrong, failed.stderr)
