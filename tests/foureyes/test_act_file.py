"""Acts by file: every hostile line at once; each line its own power; a killed worker, a second person, a stop; every surface."""
from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

from accounts import act_file, approvals, bulk, bulk_run, tenancy
from accounts.models import Account, Membership, Plan, PlanRow, Protection
from accounts.reasons import NotFound, Refused
from audit.models import Entry
from portal import acting, people_csv
from tests.api.calls import Api
from tests.browse import client_for
from tests.cast import Org, World
from tests.foureyes.test_brake import crowd
from tests.situations import arrange

HEADER = "email,action,reason_code,until,message"


def file(*lines: str, header: str = HEADER) -> bytes:
    return "\r\n".join((header, *lines, "")).encode()


def plan_for(org: Org, data: bytes, who: str = "owner") -> Plan:
    return acting.upload(actor=org.actor(who), table=people_csv.table(data), now=timezone.now())


def confirm(org: Org, plan: Plan, who: str = "owner") -> Plan:
    return bulk.confirm(actor=org.actor(who), plan_id=plan.id, digest=plan.digest, count=plan.summary["doable"], now=timezone.now())


def addresses(ids: list[uuid.UUID]) -> list[str]:
    with tenancy.installation("look"):
        return list(Membership.objects.filter(id__in=ids).order_by("id").values_list("account__email", flat=True))


def test_every_hostile_line_at_once(world: World) -> None:
    org, other = world.north, world.contoso
    at = f"@{org.slug}.example"
    arrange(lambda: (Membership.objects.filter(id=org.person("auditor").id).update(protected=True),
                     Protection.objects.create(organization=org.organization, membership=org.person("auditor"), administrator=org.person("second-owner")),
                     Account.objects.filter(id=org.person("legal").account_id).update(email=f"jürgen.ﬁsch{at}", email_key=f"jürgen.fisch{at}")))
    lines = {
        f"worker{at},suspend,absence,,\"two\r\nlines, and a \"\"quote\"\"\"": [], f"WORKER{at.upper()},suspend,absence,,": ["duplicate_row"], f"JÜRGEN.fisch{at},revoke-sessions,,,": [],
        f"member{at},access.restrict,absence,2099-01-01T10:00:00Z,": ["invalid_value"], f"guest{at},access.restrict,absence,{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ},'=1+1": [],
        f"member{other.slug}@nowhere.example,suspend,absence,,": ["unknown_person"], f"member@{other.slug}.example,suspend,absence,,": ["unknown_person"], f" help-desk{at},suspend,absence,,": ["unknown_person"],
        "=cmd|'/c calc'!A0,suspend,absence,,": ["unknown_person"], f"app-manager{at},Suspend,absence,,": ["unknown_action"], f"privacy-officer{at},change-role,,,": ["unknown_action"], ",suspend,absence,,": ["unknown_person"],
        f"security{at},suspend,,,": ["invalid_value"], f"people-manager{at},suspend,whim,,": ["invalid_value"], f"help-desk{at},revoke-sessions,absence,,": ["invalid_value"], f"owner{at},suspend,absence,,": ["self"],
        f"second-owner{at},suspend,absence,,": ["owner_in_bulk"], f"auditor{at},suspend,absence,,": ["protected"], f"administrator{at},suspend,absence,2001-01-01,": ["invalid_value"]}
    with tenancy.scope(org=org.organization.id):
        plan = plan_for(org, b"\xef\xbb\xbf" + file(*lines))
        rows = list(PlanRow.objects.filter(plan=plan).order_by("number"))
        assert {line: row.codes for line, row in zip(lines, rows, strict=True)} == lines
        assert (plan.state, plan.total, plan.summary["doable"], plan.tier) == ("planned", len(lines), 3, 1)
        confirm(org, plan)
    bulk_run.run(plan_id=plan.id, organization_id=org.organization.id)
    with tenancy.scope(org=org.organization.id):
        plan.refresh_from_db()
        assert (plan.state, plan.summary["done"], plan.summary["failed"]) == ("done", 3, 0)
        assert Membership.objects.get(id=org.person("worker").id).status == "suspended"
        guest = Membership.objects.get(id=org.person("guest").id)
        assert (guest.status, guest.status_until is not None, guest.reason_text) == ("restricted", True, "=1+1")
        done = list(PlanRow.objects.filter(plan=plan, state="done"))
        assert {Entry.objects.get(id=row.entry).record.split('"action":"')[1].split('"')[0] for row in done} == {"membership.suspended", "person.sessions.revoked", "membership.restricted"}
        assert all("message" not in (row.data or {}) for row in done)  # what names or tells of people goes with the act
    answer = client_for(org.person("owner")).get(f"/o/{org.slug}/jobs/{plan.id}/?file=results")
    found = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [line["codes"] for line in found] == [" ".join(codes) for codes in lines.values()]
    assert found[8]["email"].startswith("'=cmd")  # a spreadsheet takes it for text
    assert (found[0]["action"], found[0]["outcome"], bool(found[0]["entry"])) == ("suspend", "done", True)


@pytest.mark.parametrize(("data", "says"), [
    (file("a@b.example,suspend,absence,,,red", header="email,action,reason_code,until,message,colour"), "There is no column “colour”"), (file("x,y,suspend", header="email,person_id,action"), "either email or person_id"),
    (file("suspend", header="action"), "either email or person_id"), (file("a@b.example", header="email"), "must be the action"), (file("a@b.example,suspend,absence,,\x00"), "not a text file"),
    (file("a@b.example,suspend,absence,," + "x" * 10_000_000), "larger than 5 MB"), (file("a@b.example,suspend,absence,," + "x" * 2001), "more than 2,000 characters"),
    (file(*["a@b.example,suspend,absence,,"] * 10_001), "more than 10,000 rows"), (file('a@b.example,suspend,absence,,"'), "quotation marks"), (file("a@b.example,suspend"), "the header has 5"),
    (HEADER.encode(), "no rows"), (b"", "empty"), (HEADER.encode() + b"\r\n\xff\xfe,suspend,,,\r\n", "not UTF-8"), (file("x,y", header="email,email"), "appears twice"),
    (file("a@b.example,suspend,absence,,\x1b[2J"), "control character")])
def test_files_that_are_refused_as_a_whole(world: World, data: bytes, says: str) -> None:
    org = world.north
    with pytest.raises(people_csv.BadFile, match=says), tenancy.scope(org=org.organization.id):
        plan_for(org, data)
    answer = client_for(org.person("owner")).post(f"/o/{org.slug}/people/act/", {"file": SimpleUploadedFile("acts.csv", data)})
    assert answer.status_code == 422
    with tenancy.scope(org=org.organization.id):
        assert not Plan.objects.filter(organization=org.organization).exists()


def test_ids_of_others_are_unknown_like_ids_of_nobody(world: World) -> None:
    org = world.north
    ids = [world.contoso.person("member").id, uuid.uuid4(), org.person("worker").id]
    with tenancy.scope(org=org.organization.id):
        plan = plan_for(org, file(*(f"{i},suspend,absence" for i in [*ids, "no-id"]), header="person_id,action,reason_code"))
        assert [row.codes for row in PlanRow.objects.filter(plan=plan).order_by("number")] == [["unknown_person"], ["unknown_person"], [], ["unknown_person"]]


def test_each_line_needs_its_own_permission(world: World) -> None:
    org, at = world.north, f"@{world.north.slug}.example"
    with tenancy.scope(org=org.organization.id):
        plan = plan_for(org, file(f"worker{at},revoke-sessions,,,", f"guest{at},suspend,absence,,"), who="help-desk")
        assert [row.codes for row in PlanRow.objects.filter(plan=plan).order_by("number")] == [[], ["no_permission"]]
        with pytest.raises(Refused, match="no_permission"):
            plan_for(org, file(f"worker{at},revoke-sessions,,,"), who="auditor")
        with pytest.raises(NotFound):
            confirm(org, plan)  # somebody else's
    assert client_for(org.person("auditor")).get(f"/o/{org.slug}/people/act/").status_code == 404


def test_the_brake_counts_the_harmful_lines(world: World) -> None:
    org = world.north
    people = addresses(crowd(org, 40))
    with tenancy.scope(org=org.organization.id):
        mild = plan_for(org, file(*(f"{a},revoke-sessions,,," for a in people)))
        assert (mild.tier, mild.summary["doable"]) == (1, 40)
        bulk.cancel(actor=org.actor("owner"), plan_id=mild.id, now=timezone.now())
        plan = plan_for(org, file(*(f"{a},suspend,absence,,message {n}" for n, a in enumerate(people[:26])), *(f"{a},revoke-sessions,,," for a in people[26:])))
        assert (plan.tier, plan.summary["brake"]) == (3, True)
        assert confirm(org, plan).state == "awaiting_approval"
        decide: dict[str, Any] = {"plan_id": plan.id, "requester": bulk.requester(plan), "power": act_file.FILE, "approve": True, "note": "", "now": timezone.now()}
        with pytest.raises(Refused, match="not_approver"):
            approvals.decide(actor=org.actor("security"), **decide)
        approvals.decide(actor=org.actor("administrator"), **decide)
    bulk_run.resume()
    with tenancy.scope(org=org.organization.id):
        plan.refresh_from_db()
        assert (plan.state, plan.summary["done"]) == ("done", 40)
        assert not org.actor("owner").paused  # two people agreed to it


def test_one_running_job_of_a_kind_and_a_stop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 3)
    org = world.north
    people = addresses(crowd(org, 9))
    with tenancy.scope(org=org.organization.id):
        plan = plan_for(org, file(*(f"{a},suspend,absence,," for a in people)))
        confirm(org, plan)
        bulk_run.step(plan_id=plan.id, now=timezone.now())
        other = plan_for(org, file(f"{people[8]},revoke-sessions,,,"), who="second-owner")
        with pytest.raises(Refused, match="job_running"):
            confirm(org, other, "second-owner")
        bulk.stop(actor=org.actor("administrator"), plan_id=plan.id, now=timezone.now())
    bulk_run.resume()
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.filter(account__email__in=people, status="suspended").count() == 3


_WORKER = """
import os, sys, uuid
import django
django.setup()
from django.utils import timezone
from accounts import bulk, bulk_run, tenancy
bulk.BATCH = 2
plan, org = uuid.UUID(sys.argv[1]), uuid.UUID(sys.argv[2])
with tenancy.scope(org=org):
    bulk_run.step(plan_id=plan, now=timezone.now())
    print("one", flush=True)
    real = bulk.save_rows
    def slow(rows):
        print("middle", flush=True)
        import time
        time.sleep(60)
    bulk.save_rows = slow
    bulk_run.step(plan_id=plan, now=timezone.now())
"""


def test_a_worker_killed_in_the_middle_of_a_file(world: World) -> None:
    """A process of its own, killed between the acts of a batch and its commit: nothing is half done, nothing is done twice."""
    org = world.north
    people = addresses(crowd(org, 6))
    with tenancy.scope(org=org.organization.id):
        plan = plan_for(org, file(*(f"{a},{'suspend' if n % 2 else 'restrict'},absence,," for n, a in enumerate(people))))
        confirm(org, plan)
    worker = subprocess.Popen([sys.executable, "-c", _WORKER, str(plan.id), str(org.organization.id)], stdout=subprocess.PIPE, text=True, env={**os.environ}, cwd=Path(__file__).parents[2])
    assert worker.stdout is not None
    assert [worker.stdout.readline().strip() for _n in range(2)] == ["one", "middle"]
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.filter(account__email__in=people).exclude(status="active").count() == 2
    for _try in range(50):
        if not bulk_run.resume():
            break
        time.sleep(0.1)
    with tenancy.scope(org=org.organization.id):
        plan.refresh_from_db()
        assert (plan.state, plan.summary["done"]) == ("done", 6)
        for member in Membership.objects.filter(account__email__in=people):
            assert member.status in {"suspended", "restricted"}
            assert Entry.objects.filter(org=org.organization.id, record__contains=str(member.id)).count() == 1


def test_the_api(world: World) -> None:
    api, at = Api(world), f"@{world.north.slug}.example"
    answer = api.call("post", "/people/act/", file(f"worker{at},suspend,absence,,", f"nobody{at},suspend,absence,,"), type="text/csv")
    plan = answer.json()
    assert (answer.status_code, plan["action"], plan["doable"], plan["skipped"], plan["params"]) == (201, "act-by-file", 1, 1, {"actions": ["suspend"]})
    assert api.call("post", f"/plans/{plan['id']}/execute/", {"digest": plan["digest"]}).status_code == 422  # the number has to be said
    done = api.call("post", f"/plans/{plan['id']}/execute/", {"digest": plan["digest"], "count": 1})
    assert (done.status_code, done.json()["done"]) == (200, 1)
    found = api.call("get", f"/plans/{plan['id']}/results/").json()["results"]
    assert [(row["state"], row["codes"]) for row in found] == [("done", []), ("skipped", ["unknown_person"])]
    assert api.call("post", "/people/act/", b"email,action,colour\r\na,b,c\r\n", type="text/csv").json()["code"] == "bad_file"


def test_the_command_line(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    org, path = world.north, tmp_path / "acts.csv"
    path.write_bytes(file(f"worker@{org.slug}.example,suspend,absence,,", f"nobody@{org.slug}.example,suspend,absence,,"))
    as_owner = ("--org", org.slug, "--as", f"owner@{org.slug}.example")
    call_command("power_file", str(path), *as_owner)
    said = capsys.readouterr()
    assert "1 would be done, 1 left out" in said.err
    assert "unknown_person" in said.out
    with tenancy.scope(org=org.organization.id):
        plan = Plan.objects.get(organization=org.organization)
    with pytest.raises(SystemExit) as ended:
        call_command("power_file", "--plan", str(plan.id), "--count", "2", "--digest", plan.digest, *as_owner)
    assert ended.value.code == 1
    call_command("power_file", "--plan", str(plan.id), "--count", "1", "--digest", plan.digest, *as_owner)
    assert "1 done" in capsys.readouterr().err
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=org.person("worker").id).status == "suspended"


def test_the_page(world: World) -> None:
    org = world.north
    client = client_for(org.person("owner"))
    assert client.get(f"/o/{org.slug}/people/act/?template=1").content == b"email,action,reason_code,until,message,not_before,ends_on\r\n"
    answer = client.post(f"/o/{org.slug}/people/act/", {"file": SimpleUploadedFile("acts.csv", file(f"worker@{org.slug}.example,suspend,absence,,"))})
    page = client.get(answer["Location"]).content.decode()
    assert "Acts from a file: 1 person" in page
    with tenancy.scope(org=org.organization.id):
        plan = Plan.objects.get(organization=org.organization)
    done = client.post(answer["Location"], {"do": "confirm", "digest": plan.digest, "count": "1"}, follow=True).content.decode()
    assert "Suspend." in done
    with tenancy.scope(org=org.organization.id):
        assert Membership.objects.get(id=org.person("worker").id).status == "suspended"
