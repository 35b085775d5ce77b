"""Import and export: strict reading, a verdict per row, batches that can be taken up, export equals import."""
from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import bulk, bulk_run, tenancy
from accounts.models import Account, Membership, Plan, PlanRow
from audit.models import Entry
from portal import people_csv
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange


def send(world: World, data: bytes, name: str = "people-manager", tier: int = 2) -> tuple:
    client = client_for(world.north.person(name), tier=tier)
    answer = client.post(f"/o/{world.north.slug}/people/import/", {"file": SimpleUploadedFile("people.csv", data)})
    return client, answer


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty"), (b"email\n", "no rows"), (b"email\na@b.example,extra\n", "Line 2"),
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
        found = list(PlanRow.objects.filter(plan_id=plan_id).order_by("number"))
    assert [(r.verdict, r.codes) for r in found] == [
        ("create", []), ("error", ["duplicate_row"]), ("change", []), ("skip", ["nothing_to_change"]), ("error", ["not_managed", "nothing_to_change"]), ("error", ["rank"]), ("error", ["unknown_role"]),
        ("error", ["unknown_group"]), ("error", ["invalid_value"]), ("error", ["rank"]), ("create", [])]
    assert page.context["verdicts"] == {"create": 2, "change": 1, "skip": 1, "error": 7}
    assert b"".join(client.get(answer.headers["Location"] + "?file=failures").streaming_content).decode().count("\r\n") == 8
    digest = page.context["plan"].digest
    assert client.post(answer.headers["Location"], {"do": "confirm", "digest": "0" * 64}).status_code == 412
    with tenancy.installation("look"):
        before = Entry.objects.filter(org=world.north.organization.id).count()
        assert not Account.objects.filter(email_key=f"new@{slug}.example").exists()
    assert client.post(answer.headers["Location"], {"do": "confirm", "digest": digest}).status_code == 302
    assert client.post(answer.headers["Location"], {"do": "confirm", "digest": digest}).status_code == 422
    with tenancy.installation("look"):
        assert Plan.objects.get(id=plan_id).state == "done"
        assert Membership.objects.get(account__email_key=f"new@{slug}.example").status == "invited"
        assert Membership.objects.get(id=world.north.person("worker").id).title == "Lead"
        assert Membership.objects.get(id=world.north.person("owner").id).title == ""
        assert Entry.objects.filter(org=world.north.organization.id).count() == before + 3 + 2 + 1  # three rows, confirmed, finished, and the second confirmation refused


def test_an_import_is_taken_up_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 4)
    monkeypatch.setattr(bulk, "AT_ONCE", 0)
    rows = "email\n" + "".join(f"p{n}@{world.north.slug}.example\n" for n in range(10))
    client, answer = send(world, rows.encode())
    bulk_run.resume()
    page = client.get(answer.headers["Location"])
    client.post(answer.headers["Location"], {"do": "confirm", "digest": page.context["plan"].digest})
    plan_id = answer.headers["Location"].rstrip("/").rsplit("/", 1)[1]
    from django.utils import timezone

    with tenancy.scope(org=world.north.organization.id):
        row = Plan.objects.get(id=plan_id)
        assert (row.state, row.progress) == ("running", 0)
        bulk_run.step(plan_id=row.id, now=timezone.now())
        assert Plan.objects.get(id=plan_id).progress == 4
    assert "4 of 10" in client.get(answer.headers["Location"]).content.decode()
    bulk_run.resume()  # the worker died; the next one goes on
    with tenancy.scope(org=world.north.organization.id):
        row = Plan.objects.get(id=plan_id)
        assert (row.state, row.progress, row.summary["done"]) == ("done", 10, 10)
        assert set(PlanRow.objects.filter(plan=row).values_list("state", "data")) == {("done", None)}
        assert Membership.objects.filter(organization=world.north.organization, status="invited").count() == 10


def test_an_import_stops_when_its_requester_loses_the_role(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 0)
    client, answer = send(world, f"email\na@{world.north.slug}.example\n".encode())
    bulk_run.resume()
    page = client.get(answer.headers["Location"])
    client.post(answer.headers["Location"], {"do": "confirm", "digest": page.context["plan"].digest})
    arrange(lambda: Membership.objects.filter(id=world.north.person("people-manager").id).update(role=world.north.roles["member"]))
    bulk_run.resume()
    with tenancy.installation("look"):
        assert PlanRow.objects.get(organization=world.north.organization).codes == ["no_permission"]
        assert (Plan.objects.get(organization=world.north.organization).state, Plan.objects.get(organization=world.north.organization).failure) == ("stopped", "requester_lost_role")
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
    verdicts = client.get(answer.headers["Location"]).context["verdicts"]
    assert verdicts["create"] == verdicts["change"] == 0
    with tenancy.installation("look"):
        assert Entry.objects.filter(org=world.north.organization.id, record__contains='"people.exported"').count() == 2


def test_columns_with_other_names_are_asked_for(world: World) -> None:
    slug = world.north.slug
    client, answer = send(world, f"Mail,Who,Colour\nnew@{slug}.example,New Person,red\nnew2@{slug}.example,Other,blue\n".encode())
    job = answer.headers["Location"]
    page = client.get(job)
    assert page.context["plan"].state == "uploaded"
    assert [column["name"] for column in page.context["columns"]] == ["mail", "who", "colour"]
    assert client.post(job, {"do": "columns", "column-1": "name"}).status_code == 422  # no address
    assert client.post(job, {"do": "columns", "column-0": "email", "column-1": "email"}).status_code == 422
    assert client.post(job, {"do": "columns", "column-0": "email", "column-1": "name", "column-2": "no such field"}).status_code == 302
    page = client.get(job)
    assert (page.context["plan"].state, page.context["verdicts"]["create"]) == ("planned", 2)
    assert client.post(job, {"do": "columns", "column-0": "email"}).status_code == 422  # it is past that
    client.post(job, {"do": "confirm", "digest": page.context["plan"].digest})
    with tenancy.installation("look"):
        assert Account.objects.get(email_key=f"new@{slug}.example").name == "New Person"


def test_a_plan_that_was_never_confirmed_leaves_nothing_behind(world: World) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from accounts import due

    client, answer = send(world, f"email\na@{world.north.slug}.example\n".encode())
    page = client.get(answer.headers["Location"])
    with tenancy.installation("time passes"):
        assert PlanRow.objects.filter(plan=page.context["plan"]).count() == 1
    due.run(now=timezone.now() + timedelta(hours=73))
    with tenancy.installation("look"):
        assert (Plan.objects.get(id=page.context["plan"].id).state, PlanRow.objects.filter(plan=page.context["plan"]).count()) == ("expired", 0)
    assert client.post(answer.headers["Location"], {"do": "confirm", "digest": page.context["plan"].digest}).status_code == 422


@pytest.mark.parametrize("cell", ["=1+1", "'=1+1", "''=1", "+49", "-", "@x", "plain", "'quoted'", "\ttab"])
def test_every_cell_comes_back_as_it_was(cell: str) -> None:
    for spreadsheet in (True, False):
        data = b"".join(people_csv.write([("a@b.example", cell)], spreadsheet=spreadsheet, columns=("email", "title")))
        assert people_csv.read(data)[0]["title"] == cell
        if spreadsheet:
            assert not next(csv.reader(io.StringIO(data.decode().split("\r\n", 1)[1])))[1].startswith(("=", "+", "-", "@", "\t"))


def test_groups_with_odd_names_survive_a_round_trip(world: World) -> None:
    from datetime import UTC, datetime

    from accounts.models import Group, GroupMembership

    org = world.north

    def groups() -> None:
        for name in ("Sales; North", "a\\b", "Plain"):
            group = Group.objects.create(organization=org.organization, name=name, created_at=datetime.now(UTC))
            GroupMembership.objects.create(organization=org.organization, group=group, membership=org.person("worker"))

    arrange(groups)
    client = client_for(org.person("people-manager"))
    exact = b"".join(client.get(f"/o/{org.slug}/people/export.csv?q=worker").streaming_content)
    rows = people_csv.read(exact)
    assert len(rows) == 1
    from accounts.powers.joining import group_names

    assert sorted(group_names(rows[0]["groups"])) == ["Plain", "Sales; North", "a\\b"]
    _client, answer = send(world, exact)
    assert client.get(answer.headers["Location"]).context["verdicts"]["skip"] == 1
