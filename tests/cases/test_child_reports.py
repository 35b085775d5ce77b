"""That an account is a child's, anybody may report: at once its data is not used, people look, and where anybody objects time alone does nothing."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts import outbox, tenancy
from accounts.models import Account, Deletion, Mail, Membership
from accounts.powers import BY_SLUG
from accounts.purging import warn
from accounts.reasons import Refused
from audit import subscribers
from audit.models import Entry
from dsar.cases import children, running
from dsar.cases.models import Case, ChildReport
from dsar.powers import adding, cases, rebut_child_report
from dsar.restriction import life
from dsar.restriction.model import Restriction
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cases.test_acts import own
from tests.cast import World

DAY = timedelta(days=1)


def report(address: str, words: str = "He is nine.") -> str:
    """What whoever reports gets to see."""
    answered = Client(REMOTE_ADDR="192.0.2.7").post("/rights/child/", {"email": address, "words": words}, follow=True)
    assert answered.status_code == 200
    return answered.content.decode()


def work(now: datetime | None = None) -> None:
    with tenancy.installation("the worker"):
        children.answer(now=now or datetime.now(UTC))
    number_all()
    with tenancy.installation("the worker"):
        subscribers.drain()


def look(now: datetime) -> None:
    running.look(now=now)
    number_all()
    with tenancy.installation("the worker"):
        subscribers.drain()


def cases_of(member: Membership) -> list[Case]:
    with tenancy.installation("a test looks"):
        return list(Case.objects.filter(account_id=member.account_id, channel="report").order_by("received_at"))


def restricted(member: Membership) -> list[tuple[str, str]]:
    with tenancy.installation("a test looks"):
        return list(Restriction.objects.filter(account_id=member.account_id).values_list("trigger", "state"))


def letters(member: Membership, template: str) -> list[str]:
    with tenancy.installation("a test looks"):
        return [outbox.render(mail)[1] for mail in Mail.objects.filter(account_id=member.account_id, template=template).order_by("created_at", "id")]


def test_a_report_restricts_use_and_takes_no_access_and_tells_the_reporter_nothing(world: World) -> None:
    worker = world.north.person("worker")
    known, unknown = report(worker.account.email.upper()), report("nobody@nowhere.example")
    assert [page.partition("<h1>")[2].partition("</main>")[0] for page in (known,)] == [page.partition("<h1>")[2].partition("</main>")[0] for page in (unknown,)]
    with tenancy.installation("a test looks"):
        assert b"worker" not in b"".join(bytes(row.said) for row in ChildReport.objects.all())
    work()
    work()
    report(worker.account.email)
    work()
    case, = cases_of(worker)
    assert (case.state, case.level, case.words) == ("triage", 0, "He is nine.") and restricted(worker) == [("child", "provisional")]
    with tenancy.installation("a test looks"):
        assert not ChildReport.objects.exists() and Account.objects.get(id=worker.account_id).status == "active"
        kept = "".join(Entry.objects.filter(org=world.north.organization.id, record__contains=str(case.id)).values_list("record", flat=True))
    assert "192.0.2.7" not in kept and "nine" not in kept
    page = client_for(worker).get(f"/me/requests/{case.id}/").content.decode()
    assert "is a child’s" in page and "He is nine" not in page and "Withdraw it" not in page and "Add it" in page
    assert any("is a child’s" in text for text in letters(worker, "case-news")) and letters(world.north.person("privacy-officer"), "case-waits")
    with pytest.raises(Refused) as refused:
        own(worker, cases.WITHDRAW, request=str(case.id))
    assert refused.value.codes == ["wrong_status"], "a child does not dismiss it"
    assert "He is nine" in client_for(world.north.person("privacy-officer")).get(f"/o/{world.north.slug}/requests/{case.id}/").content.decode()


def test_what_nobody_contradicts_is_deleted_after_a_reminder_and_three_days(world: World) -> None:
    worker, now = world.north.person("worker"), datetime.now(UTC)
    report(worker.account.email)
    work()
    look(now + 3 * DAY)
    case, = cases_of(worker)
    assert case.state == "triage" and not case.happenings.filter(code="child:1").exists()
    late = now + 20 * DAY  # the installation stood still: first the reminder, and a day for it
    look(late)
    look(late + timedelta(hours=22))
    assert cases_of(worker)[0].state == "triage"
    look(late + DAY)
    look(late + DAY)
    case, = cases_of(worker)
    with tenancy.installation("a test looks"):
        row, account = Deletion.objects.get(account_id=worker.account_id), Account.objects.get(id=worker.account_id)
    assert (case.state, case.not_before, account.status) == ("scheduled", row.purge_at, "pending_deletion") and row.purge_at == late + 4 * DAY
    assert not row.by_person and not row.warned, "its warning is still to leave, and holds the deletion up until it has"
    with tenancy.installation("a test looks"):
        warn(now=late + DAY)
        assert Deletion.objects.get(account_id=worker.account_id).warning is not None


def test_what_the_person_contradicts_is_decided_by_people_alone(world: World) -> None:
    worker, now = world.north.person("worker"), datetime.now(UTC)
    report(worker.account.email)
    work()
    case, = cases_of(worker)
    own(worker, adding.POWER, request=str(case.id), message="I am 34.")
    look(now + 20 * DAY)
    look(now + 22 * DAY)
    assert cases_of(worker)[0].state == "triage" and not Deletion.objects.filter(account_id=worker.account_id).exists()
    assert client_for(worker).get("/me/").status_code == 200


def rebut(world: World, case: Case, name: str = "privacy-officer") -> list[str]:
    from accounts import door

    try:
        with tenancy.scope(org=world.north.organization.id):
            door.perform(power=rebut_child_report.POWER, actor=world.north.actor(name), now=datetime.now(UTC),
                         data={"request": str(case.id), "ground": "adult", "message": "We checked.", "private_note": "Seen by two."})
    except Refused as refusal:
        return refusal.codes
    return []


def test_a_false_report_is_undone_by_one_person_and_changes_nothing_for_a_year(world: World) -> None:
    worker, now = world.north.person("worker"), datetime.now(UTC)
    report(worker.account.email)
    work()
    case, = cases_of(worker)
    assert rebut(world, case, "people-manager") == ["no_permission"]
    with pytest.raises(Refused) as refused, tenancy.scope(org=world.north.organization.id):
        from accounts import door

        door.perform(power=cases.REFUSE, actor=world.north.actor("owner"), now=now, data={"request": str(case.id), "ground": "no_data", "message": "No.", "private_note": ""})
    assert refused.value.codes == ["rebut_report"]
    assert rebut(world, case) == [] and rebut(world, case) == ["wrong_status"]
    assert restricted(worker) == [("child", "notice")], "told before it is lifted"
    life.run(now=now + 4 * DAY)
    assert restricted(worker) == [("child", "lifted")]
    work()
    assert any("the account stays" in text for text in letters(worker, "case-news"))
    report(worker.account.email)
    work()
    assert len(cases_of(worker)) == 1 and restricted(worker) == [("child", "lifted")]
    with tenancy.installation("a test looks"):
        assert Entry.objects.filter(org=world.north.organization.id, record__contains='"case.reported_again"').count() == 1


def test_an_unmanaged_account_and_one_that_administrators_stop(world: World) -> None:
    """Nobody deletes an account that nobody manages; and what an administrator cancelled, time does not begin again."""
    from accounts import door

    guest, worker, now = world.north.person("guest"), world.north.person("worker"), datetime.now(UTC)
    for member in (guest, worker):
        report(member.account.email)
    work()
    for at in (now + 5 * DAY, now + 6 * DAY):
        look(at)
    assert cases_of(guest)[0].state == "triage" and restricted(guest) == [("child", "provisional")]
    with tenancy.scope(org=world.north.organization.id, purpose="act"):
        door.perform(power=BY_SLUG["cancel-deletion"], actor=world.north.actor("owner"), ids=[worker.id], data={"reason_code": "mistake", "message": "", "private_note": ""}, now=now)
    for at in (now + 9 * DAY, now + 12 * DAY):
        look(at)
    with tenancy.installation("a test looks"):
        assert Account.objects.get(id=worker.account_id).status == "active"
    assert cases_of(worker)[0].state == "planned" and rebut(world, cases_of(worker)[0]) == []


def test_many_reports_at_once_restrict_nobody_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "MANY", 1)
    for name in ("worker", "guest"):
        report(world.north.person(name).account.email)
        work()
    assert restricted(world.north.person("worker")) and not restricted(world.north.person("guest")) and cases_of(world.north.person("guest"))[0].state == "triage"
    with pytest.MonkeyPatch.context():
        answers = [Client(REMOTE_ADDR="192.0.2.9").post("/rights/child/", {"email": "same@nowhere.example", "words": ""}).status_code for _n in range(3)]
    assert answers == [302, 302, 429]
    assert Client().post("/rights/child/", {"email": "x", "words": ""}).status_code == 422 and Client().post("/rights/child/", {"email": "a@b.example", "words": "x" * 1001}).status_code == 422
