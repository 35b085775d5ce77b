"""Import and export: strict reading, a verdict per row, batches that can be taken up, export equals import."""
from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import tenancy
from accounts.models import Account, Membership, Plan
from audit.models import Entry
from portal import importing, people_csv
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange


def send(world: World, data: bytes, name: str = "people-manager", tier: int = 2) -> tuple:
    client = client_for(world.north.person(name), tier=tier)
    answer = client.post(f"/o/{world.north.slug}/people/import/", {"file": SimpleUploadedFile("people.csv", data)})
    return client, answer


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty"), (b"name\nAda\n", "email"), (b"email,colour\na@b.example,red\n", "colour"), (b"email\n", "no rows"), (b"email\na@b.example,extra\n", "Line 2"),
    ("email,display_name\na@b.example,J\xf6rg\n".encode("latin-1"), "Line 2 is not UTF-8"), (b'email\n"a@b.example\n', "quotation"), (b"email\na@b\x00\n", "not a text file"),
    (b"email,display_name\na@b.example,bell\x07\n", "control character"), (b"email,email\na@b.example,b@b.example\n", "twice"),
    (b"email,display_name\na@b.example," + b"x" * 3000 + b"\n", "2,000 characters"), (b"email\n" + b"a" * (5 * 1024 * 1024 + 1), "5 MB"), (b"email\n" + b"a@b.example\n" * 10_001, "10,000 rows")])
def test_files_that_cannot_be_read(world: World, data: bytes, words: str) -> None:
    _client, answer = send(world, data)
    assert answer.status_code == 422
    assert words in answer.content.decode() or words == "empty"
    with tenancy.installation("look"):
        assert not Plan.objects.filter(organization=world.north.organization).exists()


def test_a_verdict_per_row_then_the_import(world: World) -> None:
    slug = world.north.slug
    rows = ["email,display_name,role,groups,title", f"new@{slug}.example,New Person,,,Engineer", f"NEW@{slug.upper()}.EXAMPLE,Twice,,,", f"worker@{slug}.example,,,,Lead", f"member@{slug}.example,,,,",
            f"guest@{slug}.example,Other Name,,,", f"boss@{slug}.example,,owner,,", f"x@{slug}.example,,wizard,,", f"y@{slug}.example,,,Nobody,", "not an address,,,,", f"owner@{slug}.example,,,,Chief", "ﬁne@exämple.example,مريم 🎉,,,"]
    client, answer = send(world, "\ufeff".encode() + "\r\n".join(rows).encode())
    page = client.get(answer.headers["Location"])
    plan_id = answer.headers["Location"].rstrip("/").rsplit("/", 1)[1]
    with tenancy.scope(org=world.north.organization.id):
        found, counts, _digest = importing.dry_run(actor=world.north.actor("people-manager"), plan=Plan.objects.get(id=plan_id), now=Plan.objects.get(id=plan_id).created_at)
    assert [(r["verdict"], r["codes"]) for r in found] == [
        ("create", []), ("error", ["duplicate_row"]), ("change", []), ("skip", ["nothing_to_change"]), ("error", ["not_managed", "nothing_to_change"]), ("error", ["rank"]), ("error", ["unknown_role"]),
        ("error", ["unknown_group"]), ("error", ["invalid_value"]), ("error", ["rank"]), ("create", [])]
    assert counts == {"create": 2, "change": 1, "skip": 1, "error": 7}
    assert client.get(answer.headers["Location"] + "?failures=1").content.decode().count("\r\n") == 8
    digest = page.context["digest"]
    assert client.post(answer.headers["Location"], {"digest": "0" * 64}).status_code == 412
    with tenancy.installation("look"):
        before = Entry.objects.filter(org=world.north.organization.id).count()
        assert not Account.objects.filter(email_key=f"new@{slug}.example").exists()
    for _twice in range(2):
        assert client.post(answer.headers["Location"], {"digest": digest}).status_code in {200, 302}
    with tenancy.installation("look"):
        assert Plan.objects.get(id=plan_id).state == "done"
        assert Membership.objects.get(account__email_key=f"new@{slug}.example").status == "invited"
        assert Membership.objects.get(id=world.north.person("worker").id).title == "Lead"
        assert Membership.objects.get(id=world.north.person("owner").id).title == ""
        assert Entry.objects.filter(org=world.north.organization.id).count() == before + 3 + 2  # three rows, confirmed, finished


def test_an_import_is_taken_up_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 4)
    monkeypatch.setattr(importing, "IN_REQUEST", 0)
    rows = "email\n" + "".join(f"p{n}@{world.north.slug}.example\n" for n in range(10))
    client, answer = send(world, rows.encode())
    page = client.get(answer.headers["Location"])
    client.post(answer.headers["Location"], {"digest": page.context["digest"]})
    plan_id = answer.headers["Location"].rstrip("/").rsplit("/", 1)[1]
    from django.utils import timezone

    with tenancy.scope(org=world.north.organization.id):
        row = Plan.objects.get(id=plan_id)
        assert (row.state, row.progress) == ("running", 0)
        importing._batch(row.id, timezone.now())
        assert Plan.objects.get(id=plan_id).progress == 4
    assert "4 of 10" in client.get(answer.headers["Location"]).content.decode()
    importing.resume()  # the worker died; the next one goes on
    with tenancy.scope(org=world.north.organization.id):
        row = Plan.objects.get(id=plan_id)
        assert (row.state, row.progress, row.summary["done"], row.data) == ("done", 10, 10, {"rows": []})
        assert Membership.objects.filter(organization=world.north.organization, status="invited").count() == 10


def test_an_import_stops_when_its_requester_loses_the_role(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "IN_REQUEST", 0)
    client, answer = send(world, f"email\na@{world.north.slug}.example\n".encode())
    page = client.get(answer.headers["Location"])
    client.post(answer.headers["Location"], {"digest": page.context["digest"]})
    arrange(lambda: Membership.objects.filter(id=world.north.person("people-manager").id).update(role=world.north.roles["member"]))
    importing.resume()
    with tenancy.installation("look"):
        assert Plan.objects.get(organization=world.north.organization).results[0]["codes"] == ["no_permission"]
        assert not Account.objects.filter(email_key=f"a@{world.north.slug}.example").exists()


def test_export_equals_import_and_guards_formulas(world: World) -> None:
    arrange(lambda: Membership.objects.filter(id=world.north.person("worker").id).update(title="=HYPERLINK(1)"))
    client = client_for(world.north.person("people-manager"))
    exact = b"".join(client.get(f"/o/{world.north.slug}/people/export.csv").streaming_content)
    safe = b"".join(client.get(f"/o/{world.north.slug}/people/export.csv?for=spreadsheet").streaming_content)
    rows = list(csv.DictReader(io.StringIO(exact.decode())))
    assert tuple(rows[0]) == people_csv.COLUMNS
    assert len(rows) == len(world.north.people)
    assert b",'=HYPERLINK(1)," in safe
    assert b",=HYPERLINK(1)," in exact
    assert people_csv.read(exact) == people_csv.read(safe)
    client, answer = send(world, exact)
    verdicts = client.get(answer.headers["Location"]).context["counts"]
    assert verdicts["create"] == verdicts["change"] == 0
    with tenancy.installation("look"):
        assert Entry.objects.filter(org=world.north.organization.id, record__contains='"people.exported"').count() == 2
