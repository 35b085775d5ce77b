"""Notices: who is told about plans and jobs, in which words, and what appears while the mail server is away."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone, translation

from accounts import approvals, bulk, bulk_run, door, due, notices, outbox, tenancy
from accounts.models import Account, Mail, Membership, Plan
from accounts.models.plan import PlanState
from accounts.powers import BY_SLUG
from audit import sequencer, subscribers
from audit.models import Cursor
from portal import mailbox
from tests.browse import client_for
from tests.cast import Org, World, add_person
from tests.situations import WHY, arrange, group_for, role_for

SUSPEND = BY_SLUG["suspend"]
AWAY = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": 1}


@pytest.fixture(autouse=True)
def nothing_old() -> None:
    empty_outbox()


def empty_outbox() -> None:
    """Mails that other tests left, or whose acts nobody has followed yet, do not wait before ours."""
    follow(deliver=False)
    with tenancy.installation("a test begins with an empty outbox"):
        Mail.objects.filter(state="due").update(state="failed", next_attempt_at=None)


def follow(*, deliver: bool = True, now: datetime | None = None) -> None:
    """What the worker does."""
    with tenancy.installation("the worker's round"):
        while sequencer.run_once():
            pass
        subscribers.drain()
        if deliver:
            while outbox.deliver(now=now or timezone.now()):
                pass


def mails(org: Org, template: str) -> dict[str, Mail]:
    """The mails of this template by the name of their recipient."""
    names = {m.account_id: name for name, m in org.people.items()}
    return {names[m.account_id]: m for m in Mail.objects.filter(organization_id=org.organization.id, template=template)}


def letters(org: Org) -> list[tuple[str, str]]:
    """What the mailbox got about plans and jobs: to whom, which subject."""
    return [(one.to.partition("@")[0], one.subject) for one in mailbox.letters(limit=1000) if f"@{org.slug}." in one.to and (" plan " in one.subject or " job " in one.subject)]


def asked(world: World, n: int = 30, who: str = "owner") -> Plan:
    """A plan over so many members that a second person must agree."""
    org, made = world.north, list[Membership]()
    arrange(lambda: made.extend(add_person(org, f"crowd{i:03}", "member", True, datetime.now(UTC)) for i in range(n)))
    with tenancy.scope(org=org.organization.id):
        plan = bulk.freeze(power=SUSPEND, actor=org.actor(who), data=WHY, now=timezone.now(), ids=[m.id for m in made])
        return bulk.confirm(actor=org.actor(who), plan_id=plan.id, digest=plan.digest, count=n, now=timezone.now())


def decide(world: World, plan: Plan, *, who: str = "administrator", approve: bool = True, note: str = "") -> None:
    with tenancy.scope(org=world.north.organization.id):
        approvals.decide(actor=world.north.actor(who), plan_id=plan.id, requester=bulk.requester(plan), power=SUSPEND, approve=approve, note=note, now=timezone.now())


def test_the_approval_flow_by_mail(world: World) -> None:
    """A real run: asked, told, approved, done, told; drained again, nobody is told twice."""
    org = world.north
    plan = asked(world)
    follow()
    waiting = mails(org, "plan-waiting")
    assert set(waiting) == {"administrator", "second-owner"}
    body = waiting["administrator"].body
    assert "Owner Person asks for a second person's agreement" in body
    assert "What: Suspend" in body
    assert "For how many: 30" in body
    assert f"Until: {plan.expires_at:%Y-%m-%d %H:%M} UTC" in body
    assert f"/o/{org.slug}/approvals/{plan.id}/" in body
    assert waiting["administrator"].subject == f"A plan waits for your decision · {org.organization.name}"
    decide(world, plan, note="As agreed")
    bulk_run.resume()
    follow()
    assert set(mails(org, "plan-decided")) == set(mails(org, "job-finished")) == {"owner"}
    decided, finished = mails(org, "plan-decided")["owner"], mails(org, "job-finished")["owner"]
    assert "Administrator Person approved" in decided.body
    assert "Their note: As agreed" in decided.body
    assert f"/o/{org.slug}/jobs/{plan.id}/" in decided.body
    assert [line for line in finished.body.splitlines() if line.startswith(("Done", "Failed", "Left"))] == ["Done: 30", "Failed: 0", "Left out: 0"]
    assert f"/o/{org.slug}/jobs/{plan.id}/" in finished.body
    assert sorted(letters(org)) == sorted([
        ("administrator", f"A plan waits for your decision · {org.organization.name}"), ("second-owner", f"A plan waits for your decision · {org.organization.name}"),
        ("owner", f"Your plan was approved · {org.organization.name}"), ("owner", f"Your job is finished · {org.organization.name}")])
    with tenancy.installation("the log is read anew"):
        Cursor.objects.filter(name="administrators").update(pos=0)
    follow()
    assert len(letters(org)) == 4


def test_who_is_asked(world: World) -> None:
    """Those who could approve it, and nobody else: not the removed, not the locked, not without the permission, not the unenrolled."""
    org, made = world.north, list[Membership]()

    def change() -> None:
        own = role_for(org, "Deputy", 80, "view_people", "approve_plans")
        for name in ("deputy", "gone", "locked", "unenrolled", "lifted"):
            org.people[name] = add_person(org, name, "member" if name == "lifted" else "administrator", True, datetime.now(UTC))
            made.append(org.people[name])
        Membership.objects.filter(id=org.person("deputy").id).update(role=own)
        Membership.objects.filter(id=org.person("gone").id).update(status="removed")
        Account.objects.filter(id=org.person("locked").account_id).update(status="locked")
        Account.objects.filter(id=org.person("unenrolled").account_id).update(has_second_factor=False)
        Account.objects.filter(id=org.person("lifted").account_id).update(has_second_factor=True)
        group_for(org, "Board", org.person("lifted"), role="administrator")

    arrange(change)
    asked(world)
    follow(deliver=False)
    assert set(mails(org, "plan-waiting")) == {"administrator", "second-owner", "lifted"}


def test_what_is_decided_already_waits_for_nobody(world: World) -> None:
    plan = asked(world)
    decide(world, plan, approve=False)
    follow()
    assert mails(world.north, "plan-waiting") == {}
    body = mails(world.north, "plan-decided")["owner"].body
    assert "Administrator Person declined" in body
    assert "Nothing happened" in body


def test_only_owners_are_asked_about_owners(world: World) -> None:
    """Nobody is asked about themselves."""
    org = world.north
    arrange(lambda: add_person(org, "third-owner", "owner", True, timezone.now()))
    with tenancy.scope(org=org.organization.id):
        row = Plan(organization_id=org.organization.id, power="suspend", requested_by=org.person("owner").id, requested_via="ui", targets=[org.person("second-owner").id], digest="", tier=3,
                   state=PlanState.AWAITING_APPROVAL, created_at=timezone.now(), expires_at=timezone.now() + timedelta(hours=1), total=1)
        assert {a.email.partition("@")[0] for a in approvals.could_approve(row)} == {"third-owner"}
        row.targets = [org.person("worker").id]
        assert {a.email.partition("@")[0] for a in approvals.could_approve(row)} == {"second-owner", "third-owner", "administrator"}


def test_expired_and_unconfirmed(world: World) -> None:
    org = world.north
    plan = asked(world)
    with tenancy.scope(org=org.organization.id):
        never = bulk.freeze(power=SUSPEND, actor=org.actor("second-owner"), data=WHY, now=timezone.now(), ids=[org.person("worker").id])
    follow(deliver=False)
    arrange(lambda: Plan.objects.filter(id__in=[plan.id, never.id]).update(expires_at=timezone.now() - timedelta(minutes=1)))
    with tenancy.scope(org=org.organization.id):
        due.expire_plans(organization_id=org.organization.id, now=timezone.now())
    follow()
    found = mails(org, "plan-decided")
    assert "because nobody decided in time" in found["owner"].body
    assert "because it was not confirmed in time" in found["second-owner"].body


def test_a_job_that_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = asked(world)
    decide(world, plan)
    with monkeypatch.context() as patch:
        patch.setattr(bulk_run, "step", lambda **_more: 1 / 0)
        patch.setattr(bulk_run, "GIVE_UP", 1)
        bulk_run.run(plan_id=plan.id, organization_id=world.north.organization.id)
    follow()
    found = mails(world.north, "job-finished")["owner"]
    assert found.subject.startswith("Your job failed")
    assert "could not be carried out to its end" in found.body
    assert "Failed: 0" in found.body


def test_a_job_that_somebody_stops(world: World) -> None:
    plan = asked(world)
    decide(world, plan)
    with tenancy.scope(org=world.north.organization.id):
        bulk.stop(actor=world.north.actor("administrator"), plan_id=plan.id, now=timezone.now())
    follow()
    body = mails(world.north, "job-finished")["owner"].body
    assert "was stopped" in body
    assert "Done: 0" in body


def test_requesters_who_left_are_told_nothing(world: World) -> None:
    plan = asked(world, who="second-owner")
    arrange(lambda: Membership.objects.filter(id=world.north.person("second-owner").id).update(status="suspended"))
    with tenancy.scope(org=world.north.organization.id), transaction.atomic():
        approvals.finish(Plan.objects.get(id=plan.id), world.north.actor("owner"), PlanState.DENIED, "plan.denied", "", timezone.now())
    follow(deliver=False)
    assert mails(world.north, "plan-decided") == {}


def test_old_news_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(world)
    monkeypatch.setattr(notices, "TOO_OLD", timedelta(0))
    follow(deliver=False)
    assert mails(world.north, "plan-waiting") == {}


def test_in_the_recipients_language(world: World) -> None:
    """The title of the power is found in the recipient's language, not in that of the worker."""
    seen: list[str] = []

    def title(_power: Any, _row: Any) -> str:
        seen.append(translation.get_language())
        return "x"

    arrange(lambda: Account.objects.filter(id=world.north.person("administrator").account_id).update(language="de"))
    follow(deliver=False)  # what other tests left in the log
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notices, "_title", title)
        asked(world)
        follow(deliver=False)
    assert sorted(seen) == ["de", "en"]


def test_while_the_mail_server_is_away(world: World) -> None:
    """The notices appear, also those that were not tried; later they are sent with their links."""
    org = world.north
    for power, name in (("suspend", "worker"), ("require-password-reset", "guest"), ("suspend", "member")):
        with tenancy.scope(org=org.organization.id):
            door.perform(power=BY_SLUG[power], actor=org.actor("owner"), ids=[org.person(name).id], data={**WHY, "message": "Back soon"}, now=timezone.now())
    with override_settings(**AWAY):
        follow()
    rows = Mail.objects.filter(organization_id=org.organization.id)
    assert {m.state for m in rows} == {"due"}
    assert sum(m.attempts for m in rows) <= 1  # the round ends with the first that the server did not take
    for name in ("worker", "guest", "member"):
        page = client_for(org.person(name)).get("/me/notices/")
        assert Mail.objects.get(account_id=org.person(name).account_id).subject in page.content.decode()
        assert "Back soon" in page.content.decode()
    with_link = rows.get(template="require-password-reset")
    assert "[link removed]" in with_link.body
    assert "/sign-in/reset/" not in client_for(org.person("guest")).get("/me/notices/").content.decode()
    follow(now=timezone.now() + timedelta(hours=1))
    letter = next(one for one in mailbox.letters(limit=1000) if one.to == with_link.address)
    assert "/sign-in/reset/" in letter.body
    assert not Mail.objects.get(id=with_link.id).context


def test_a_plan_becomes_void(world: World) -> None:
    """The approver's try finds that the world has moved: whoever asked is told so."""
    org = world.north
    plan = asked(world, who="second-owner")
    with tenancy.scope(org=org.organization.id), transaction.atomic():
        approvals.finish(Plan.objects.get(id=plan.id), org.actor("owner"), PlanState.VOID, "plan.voided", "", timezone.now())
    follow()
    found = mails(org, "plan-decided")
    assert set(found) == {"second-owner"}
    assert "became void" in found["second-owner"].body


def test_nobody_is_told_what_they_decided_themselves(world: World) -> None:
    org = world.north
    plan = asked(world)
    with tenancy.scope(org=org.organization.id), transaction.atomic():
        approvals.finish(Plan.objects.get(id=plan.id), org.actor("owner"), PlanState.DENIED, "plan.denied", "", timezone.now())
    follow(deliver=False)
    assert mails(org, "plan-decided") == {}


def test_a_small_job_run_within_the_request_leaves_a_notice_too(world: World) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        plan = bulk.freeze(power=SUSPEND, actor=org.actor("owner"), data=WHY, now=timezone.now(), ids=[org.person("worker").id])
    client = client_for(org.person("owner"))
    assert client.post(f"/o/{org.slug}/jobs/{plan.id}/", {"do": "confirm", "digest": plan.digest, "count": "1"}).status_code == 302
    follow()
    page = client.get("/me/notices/").content.decode()
    assert "Your job is finished" in page
    assert f'<a href="/o/{org.slug}/jobs/{plan.id}/">' in page
    assert "Notices, 1 unread" in page
