"""Everything of an organization in one package: who may ask, who is told, who stops it, what is in it and what never is (POWERS P4)."""
from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bagit
import pytest

from accounts import access, approvals, door, outbox, purposes, tenancy
from accounts.actor import Proof
from accounts.models import Account, Group, GroupMembership, Mail, Membership, Organization, Plan, SavedView
from accounts.reasons import Refused
from audit import subscribers
from audit.models import Entry
from dsar.export import sealed
from dsar.models import OrganizationExport
from dsar.powers.organization_export import ANSWER, EXPORT, STOP
from dsar.wholesale import making, reach, run
from portal import who
from tests.browse import client_for
from tests.cast import Org, World
from tests.dsar.copies import everything, lines, numbered, unpacked
from tests.dsar.test_content import letter
from tests.dsar.test_restriction import restrict
from tests.situations import arrange, case_for, export_of, group_for, session_for, token_for

DAY, WAITS = timedelta(days=1), timedelta(hours=48)


def asks(org: Org, by: str = "owner", level: str = "plain", *, now: datetime | None = None) -> Any:
    now = now or datetime.now(UTC)
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        return door.perform(power=EXPORT, actor=org.actor(by, now=now), data={"level": level, "purpose": "We move house"}, now=now)


def refused(org: Org, **how: Any) -> list[str]:
    with pytest.raises(Refused) as caught:
        asks(org, **how)
    return caught.value.codes


def the(org: Org) -> OrganizationExport:
    with tenancy.installation("a test looks"):
        return OrganizationExport.objects.filter(organization=org.organization).latest("asked_at")


def told(org: Org, template: str = "organization-export", *, send: bool = True) -> list[str]:
    """Who has such a letter, by name; the newest letters are sent."""
    numbered()
    with tenancy.installation("a test reads the outbox"):
        subscribers.drain()
        if send:
            outbox.deliver(now=datetime.now(UTC))
        names = {m.account_id: name for name, m in org.people.items()}
        return sorted(names[one] for one in Mail.objects.filter(template=template, organization_id=org.organization.id).values_list("account_id", flat=True))


def stops(org: Org, by: str = "second-owner") -> None:
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        door.perform(power=STOP, actor=org.actor(by), data={}, now=datetime.now(UTC))


def answers(person: Membership, answer: str) -> None:
    account = Account.objects.get(id=person.account_id)
    with tenancy.scope(account=account.id):
        door.perform(power=ANSWER, actor=access.own_actor(account=account, proof=Proof(), session_id=None), data=ANSWER.form({"export": the_id(person), "answer": answer}).data, now=datetime.now(UTC))


def the_id(person: Membership) -> str:
    with tenancy.installation("a test looks"):
        return str(OrganizationExport.objects.filter(organization_id=person.organization_id).latest("asked_at").id)


def opened(row: OrganizationExport, to: Path) -> Path:
    return unpacked(b"".join(sealed.opened(run.folder() / f"{row.id}.sealed", base64.b64decode(outbox.open_text(row.key)))), to)


def made(org: Org) -> OrganizationExport:
    told(org)
    run.run(now=datetime.now(UTC) + WAITS)
    run.resume(now=datetime.now(UTC))
    return the(org)


def private(org: Org, mark: str) -> None:
    """Private words about the worker, the guest and a restricted member, and what never leaves."""
    now = datetime.now(UTC)
    for name in ("worker", "guest", "member"):
        person = org.person(name)
        letter(person, f"letter-{name}-{mark}", now)
        letter(person, f"rights-{name}-{mark}", now, "case-news")
        case = case_for(person, f"R-{uuid.uuid4().hex[:4]}-{uuid.uuid4().hex[:4]}")
        type(case).objects.filter(id=case.id).update(words=f"case-{name}-{mark}")
        session = session_for(person)
        type(session).objects.filter(id=session.id).update(user_agent=f"browser-{name}-{mark}")
        Membership.objects.filter(id=person.id).update(private_note=f"note-{name}-{mark}", title=f"title-{name}-{mark}")
        Account.objects.filter(id=person.account_id).update(recovery_email=f"recovery-{name}-{mark}@private.example")
    token_for(org.person("worker"))


def test_from_asking_to_the_end(world: World, tmp_path: Path) -> None:
    """All owners are told; nothing is made for two days, nor before the letters left; whoever asked fetches it, nobody else; after a week it is noise."""
    org, now = world.north, datetime.now(UTC)
    assert asks(org).entries and refused(org, by="second-owner") == ["export_under_way"]
    run.run(now=now + 3 * DAY)
    assert the(org).state == "waiting", "nobody was told yet"
    assert told(org, send=False) == ["owner", "second-owner"]
    run.run(now=now + 3 * DAY)
    assert the(org).state == "waiting", "the letters wait to be sent"
    told(org)
    run.run(now=now + WAITS - timedelta(hours=2))
    assert the(org).state == "waiting"
    run.run(now=now + WAITS + timedelta(minutes=5))
    assert the(org).state == "making" and run.waiting()
    run.resume(now=now + WAITS)
    row = the(org)
    assert (row.state == "ready" and row.expires_at == now + WAITS + timedelta(days=7)) or row.expires_at > now
    assert b"PK" not in (run.folder() / f"{row.id}.sealed").read_bytes()[:4]
    folder = opened(row, tmp_path / "bag")
    assert bagit.Bag(str(folder)).is_valid() and json.loads((folder / "data/manifest.json").read_text())["level"] == "plain"
    page, file = f"/o/{org.slug}/copies/organization/", f"/o/{org.slug}/copies/organization/{row.id}/"
    starter, other = client_for(org.person("owner")), client_for(org.person("second-owner"))
    assert 'type="submit">Fetch' in starter.get(page).content.decode() and 'type="submit">Fetch' not in other.get(page).content.decode()
    assert other.post(file).status_code == 404 and client_for(org.person("administrator")).get(page).status_code == 404 and starter.get(file).status_code == 302
    assert client_for(org.person("owner"), tier=0).post(file).status_code == 302, "proves who they are first"
    assert other.post(f"/api/v1/orgs/{org.slug}/exports/{row.id}/file/", "{}", content_type="application/json").status_code == 404
    for _n in range(3):
        answer = starter.post(file)
        assert answer.status_code == 200 and len(b"".join(answer.streaming_content)) == row.size
        assert answer.headers["Cache-Control"] == "private, no-store" and answer.headers["Content-Disposition"].startswith("attachment")
    assert starter.post(file).status_code == 404, "three times"
    assert told(org).count("second-owner") == 4, "asked, and fetched three times"
    run.run(now=row.expires_at)
    assert (the(org).state, the(org).key, the(org).ended_how) == ("ended", "", "over") and not (run.folder() / f"{row.id}.sealed").exists()
    with tenancy.installation("a test reads the log"):
        said = [json.loads(one)["action"].rpartition(".")[2] for one in Entry.objects.filter(org=org.organization.id, record__contains="organization_export").order_by("occurred_at", "id").values_list("record", flat=True)]
    assert [one for one in said if said.count(one) == 1 or one == "downloaded"] and {"requested", "started", "built", "downloaded", "expired"} == set(said)


def test_who_can_ask(world: World) -> None:
    """An owner, by a role of their own, for thirty days or from the beginning of the organization; named in the notice; everything only by two."""
    org, now = world.north, datetime.now(UTC)
    assert refused(org, by="administrator") == ["no_permission"]
    arrange(lambda: Organization.objects.filter(id=org.organization.id).update(created_at=now - 100 * DAY))
    arrange(lambda: Membership.objects.filter(organization=org.organization).update(joined_at=now - 90 * DAY, role_since=now - 29 * DAY))
    assert refused(org) == ["role_too_young"]
    arrange(lambda: Membership.objects.filter(organization=org.organization).update(role_since=now - 31 * DAY))
    assert asks(org, level="all").plan_id, "a second person"
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        plan = Plan.objects.filter(power=EXPORT.slug, organization=org.organization).latest("created_at")
        with pytest.raises(Refused, match="not_approver"):
            approvals.decide(plan_id=plan.id, actor=org.actor("administrator"), requester=org.actor("owner"), power=EXPORT, approve=True, note="", now=now)
        approvals.decide(plan_id=plan.id, actor=org.actor("second-owner"), requester=org.actor("owner"), power=EXPORT, approve=True, note="", now=now)
    assert the(org).approved_by == org.person("second-owner").account_id
    stops(org)
    arrange(lambda: Membership.objects.filter(id=org.person("administrator").id).update(role=org.roles["owner"]))
    assert refused(org, by="administrator") == ["role_too_young"], "PostgreSQL noticed the change of the role"

    def by_group() -> None:
        group = Group.objects.create(organization=org.organization, name="Owners too", role=org.roles["owner"], created_at=now)
        GroupMembership.objects.create(organization=org.organization, group=group, membership=org.person("member"))
        Account.objects.filter(id=org.person("member").account_id).update(has_second_factor=True)

    arrange(by_group)
    assert refused(org, by="member") == ["role_too_young"], "an owner by a group"
    for wrong in ({"level": "most"}, {"purpose": ""}, {"purpose": "a\x00b"}, {"purpose": "x" * 501}):
        assert not EXPORT.form({"level": "plain", "purpose": "p", **wrong}).is_valid()


@pytest.mark.parametrize("when", ["waiting", "making", "ready"])
@pytest.mark.parametrize("how", ["stopped", "requester_lost"])
def test_it_is_stopped(world: World, when: str, how: str) -> None:
    """By any owner, or by itself when whoever asked owns the organization no more: whatever state it is in, and nothing comes after."""
    org, now = world.north, datetime.now(UTC)
    asks(org)
    if when != "waiting":
        told(org)
        run.run(now=now + WAITS + timedelta(minutes=5))
    if when == "ready":
        run.resume(now=now)
    row, file = the(org), f"/o/{org.slug}/copies/organization/{the(org).id}/"
    assert row.state == when
    if how == "stopped":
        stops(org)
    else:
        arrange(lambda: Membership.objects.filter(id=org.person("owner").id).update(role=org.roles["administrator"]))
        if when == "ready":
            with tenancy.scope(org=org.organization.id, purpose=purposes.ACT), pytest.raises(run.NotThere):
                run.fetch(actor=access.actor_for(account_id=row.requested_by, organization_id=org.organization.id), export_id=row.id, now=now, via="ui")
    run.run(now=now + WAITS)
    run.resume(now=now)
    assert (the(org).state, the(org).ended_how, the(org).key) == ("stopped", how, "") and not list(run.folder().glob(f"{row.id}.*"))
    assert client_for(org.person("owner")).post(file).status_code == 404
    assert told(org).count("second-owner") >= 2


def test_what_is_in_it(world: World, tmp_path: Path) -> None:
    """The three levels: structure always, what is private by level and by answer; never restricted people, secrets, rights, other organizations, accounts that are not managed."""
    org, other, mark, found = world.north, world.contoso, uuid.uuid4().hex[:8], {}
    arrange(lambda: private(org, mark))
    arrange(lambda: letter(other.person("member"), f"foreign-{mark}", datetime.now(UTC)))
    arrange(lambda: Membership.objects.filter(id=other.person("member").id).update(title=f"foreign-title-{mark}"))
    arrange(lambda: Membership.objects.create(organization=other.organization, account_id=org.person("worker").account_id, role=other.roles["member"], status="active", title=f"foreign-two-{mark}", created_at=datetime.now(UTC)))
    restrict(org, "member", now=datetime.now(UTC))
    council: list[Group] = []
    arrange(lambda: council.append(group_for(org, "Council", org.person("guest"), org.person("worker"))))
    arrange(lambda: Membership.objects.filter(id=org.person("guest").id).update(department=f"department-guest-{mark}", set_aside=["profile.department", f"groups.{council[0].id}"]))
    with tenancy.scope(org=org.organization.id):
        SavedView.objects.create(organization=org.organization, owner=org.person("worker"), page="people", name=f"view-{mark}", query="q=x", created_at=datetime.now(UTC))
    for level in ("plain", "agreed", "all"):
        receipt = asks(org, level=level)
        if receipt.plan_id:
            with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
                approvals.decide(plan_id=uuid.UUID(receipt.plan_id), actor=org.actor("second-owner"), requester=org.actor("owner"), power=EXPORT, approve=True, note="", now=datetime.now(UTC))
        if level == "agreed":
            asked = told(org, "organization-export-people")
            assert "worker" in asked and "guest" in asked and "member" not in asked and len(asked) == len(org.people) - 1
            answers(org.person("worker"), "refuse")
            answers(org.person("worker"), "agree")
            answers(org.person("guest"), "refuse")
            page = client_for(org.person("owner")).get(f"/o/{org.slug}/copies/organization/").content.decode()
            assert "1 agreed and 1 refused" in page
            mine = client_for(org.person("worker"))
            assert "You agreed" in mine.get("/me/exports/").content.decode() and mine.post("/me/exports/", {"export": the(org).id, "answer": "perhaps"}).status_code == 404
        row = made(org)
        assert row.state == "ready", row.failure
        found[level] = opened(row, tmp_path / level)
        stops(org)
    text = {level: everything(folder) for level, folder in found.items()}
    for level, content in text.items():
        assert all(f"title-{name}-{mark}" in content for name in ("worker", "guest")) and f"worker@{org.slug}.example" in content
        for never in (f"title-member-{mark}", f"letter-member-{mark}", f"foreign-{mark}", f"foreign-title-{mark}", f"foreign-two-{mark}", f"case-worker-{mark}", f"rights-worker-{mark}", "argon2", other.slug,
                      f"department-guest-{mark}", f"groups.{council[0].id}", f"recovery-guest-{mark}", f"browser-guest-{mark}", str(other.organization.id)):
            assert never not in content, (level, never)
        accounts = lines(found[level], "account/account.jsonl")
        managed = {str(m.account_id) for name, m in org.people.items() if name not in {"guest", "member"}}
        assert {one["id"] for one in accounts} <= managed | {str(org.person("member").account_id)} and str(org.person("worker").account_id) in {one["id"] for one in accounts}
        left_out = json.loads((found[level] / "data/withheld.json").read_text())
        assert any(one["ground"] == "use_restricted" and one["what"] == "Memberships" and one["count"] == 1 for one in left_out) and any(one["ground"] == "security" for one in left_out)
        assert any(one["ground"] == "use_restricted" and one["what"] == "Groups" and one["count"] == 1 for one in left_out), "one membership in a group may only be stored"
        assert {one["membership_id"] for one in lines(found[level], "administration/groupmembership.jsonl")} == {str(org.person("worker").id)}
        assert any(one["ground"] == "rights" for one in left_out) and (level == "all" or any(one["ground"] == "private" for one in left_out))
    words = {level: {part for part in ("letter-worker", "letter-guest", "note-worker", "note-guest", "browser-worker", "recovery-worker") if f"{part}-{mark}" in content} for level, content in text.items()}
    assert words == {"plain": set(), "agreed": {"letter-worker", "note-worker", "browser-worker", "recovery-worker"},
                     "all": {"letter-worker", "letter-guest", "note-worker", "note-guest", "browser-worker", "recovery-worker"}}
    assert f"view-{mark}" in text["all"] and f"view-{mark}" in text["agreed"] and f"view-{mark}" not in text["plain"]
    assert any(one["ground"] == "no_consent" and one["count"] == len(org.people) - 1 for one in json.loads((found["agreed"] / "data/withheld.json").read_text()))
    numbered()
    mine = [act.line.action for act in who.acts(org.person("worker").account_id)[0]]
    assert mine.count("data.organization_export.included") == 2 and "data.organization_export.included" in [act.line.action for act in who.acts(org.person("guest").account_id)[0]]
    assert "data.organization_export.included" not in [act.line.action for act in who.acts(org.person("member").account_id)[0]]


def test_no_secret_is_told_whatever_the_level(world: World) -> None:
    """By the map: no column that only exists, no table of the log, nobody's rights in words, no table that only the person or the operator reads."""
    from dsar.datamap import MAP

    for level in ("plain", "agreed", "all"):
        for part in reach.parts(organization=world.north.organization.id, export=uuid.uuid4(), level=level):
            unit = MAP.by_table.get(part.table)
            assert not part.table.startswith("audit_") and part.table not in {"accounts_dispute", "dsar_copy", "dsar_contentaccess", "mfa_authenticator", "django_session", "accounts_recoverycode"}
            for name, _sql in part.columns if unit else ():
                assert unit.columns[name].export != "exists" and not unit.columns[name].category.startswith("user.authorization.")
                assert level != "plain" or unit.columns[name].category not in reach.PRIVATE
                assert unit.purpose != "rights" or unit.columns[name].category != "user.content.private"


def test_one_moment_and_a_kill(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What changes while it is made is not in it; what was killed is made anew; what cannot be made three times fails, and says so."""
    org = world.north
    arrange(lambda: export_of(org, level="plain", state="making"))
    real, seen = making._lines, []

    def changing(part: Any) -> Any:
        if not seen:
            seen.append(1)
            import threading

            from django.db import connections

            def other() -> None:
                arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(title="changed meanwhile"))
                connections.close_all()

            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        yield from real(part)

    monkeypatch.setattr(making, "_lines", changing)
    (run.folder() / f"{the(org).id}.part").write_bytes(b"of a process that was killed")
    run.resume(now=datetime.now(UTC))
    row = the(org)
    assert row.state == "ready" and "changed meanwhile" not in everything(opened(row, tmp_path / "bag")) and not list(run.folder().glob(f"{row.id}.part"))
    monkeypatch.setattr(making, "_lines", lambda _part: 1 / 0)
    arrange(lambda: export_of(org, level="plain", state="making"))
    for _n in range(3):
        assert the(org).state == "making"
        run.resume(now=datetime.now(UTC))
    assert (the(org).state, the(org).failure) == ("failed", "internal_error") and "owner" in told(org)


KILL = """import os, django
django.setup()
from datetime import UTC, datetime
from dsar.wholesale import making, run
real, parts = making._lines, []
def lines(part):
    parts.append(part)
    for one in real(part):
        yield one
        if "{when}" == "reading" and len(parts) > 3:
            os.kill(os.getpid(), 9)
making._lines = lines
if "{when}" == "renamed":
    run._write = lambda *_all, **_more: os.kill(os.getpid(), 9)
run.resume(now=datetime.now(UTC))
"""


def test_a_worker_that_dies_leaves_no_wrong_file(world: World, settings: Any, tmp_path: Path) -> None:
    """Killed in the middle of a file, and when only its row was still to be written: nothing can be fetched, and the next one makes it whole, as of its own moment. What always dies ends."""
    org = world.north
    arrange(lambda: OrganizationExport.objects.filter(state="making").update(state="failed", failure="killed"))  # what tests before it left
    arrange(lambda: export_of(org, level="plain", state="making"))
    for path in run.folder().glob(f"{the(org).id}.*"):  # exports of tests before it have the same number
        path.unlink()
    left = []
    for when in ("reading", "renamed"):
        done = subprocess.run([sys.executable, "-c", KILL.format(when=when)], cwd=settings.BASE_DIR, check=False, capture_output=True, text=True,
                              env={**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", "STEWARD_DATA": str(settings.DATA)})
        assert done.returncode == -9, done.stderr[-500:]
        assert (the(org).state, the(org).key, the(org).sha256) == ("making", "", "")
        left.append({path.suffix for path in run.folder().glob(f"{the(org).id}.*")})
        with pytest.raises(run.NotThere), tenancy.scope(org=org.organization.id):
            run.fetch(actor=org.actor("owner"), export_id=the(org).id, now=datetime.now(UTC), via="ui")
    assert left == [{".part"}, {".sealed"}]
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(title="between two attempts"))
    run.resume(now=datetime.now(UTC))
    row = the(org)
    assert row.state == "ready" and row.attempts == 3 and {path.suffix for path in run.folder().glob(f"{row.id}.*")} == {".sealed"}
    folder = opened(row, tmp_path / "bag")
    assert bagit.Bag(str(folder)).is_valid() and "between two attempts" in everything(folder)
    arrange(lambda: OrganizationExport.objects.filter(id=row.id).update(state="making", attempts=run.KILLED))
    run.resume(now=datetime.now(UTC))
    assert (the(org).state, the(org).failure) == ("failed", "killed")
