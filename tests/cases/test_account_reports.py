"""A report that an account is a child's, where the person is in no organization: it joins nothing, the operator decides, and time alone only reminds (decision 81)."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import deletions, outbox, purging, tenancy
from accounts.addresses import address_key
from accounts.models import Account, Deletion, Mail
from accounts.organizations import creating
from audit.models import Entry
from dsar.cases import children, reported
from dsar.cases.account_report import AccountReport
from dsar.cases.models import Case
from portal import metrics
from tests.browse import client_for
from tests.cases.test_child_reports import look, report, work
from tests.cast import World
from tests.powers.test_roles import act, refused
from tests.situations import arrange

DAY = timedelta(days=1)


def made(name: str, *, operator: bool = False) -> Account:
    """Somebody in no organization."""
    address = f"{name}-{uuid.uuid4().hex[:8]}@home.example"
    rows: list[Account] = []
    arrange(lambda: rows.append(Account.objects.create(id=uuid.uuid4(), email=address, email_key=address_key(address), name=name.title(), password="!", created_at=datetime.now(UTC) - DAY,
                                                       email_verified_at=datetime.now(UTC), has_second_factor=True, is_operator=operator)))
    return rows[0]


def again(account: Account) -> Account:
    return Account.objects.get(id=account.id)


def row_of(account: Account) -> AccountReport:
    return AccountReport.objects.filter(account=account).latest("received_at")


def mails(account: Account, template: str) -> list[tuple[str, str]]:
    with tenancy.installation("a test looks"):
        return [outbox.render(mail)[:2] for mail in Mail.objects.filter(account=account, template=template).order_by("created_at", "id")]


def command(*words: str) -> str:
    out = StringIO()
    call_command("child_reports", *words, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def nothing_else() -> None:
    """What other tests reported is not this one's."""
    arrange(lambda: AccountReport.objects.all().delete())


def test_it_waits_for_the_operator_and_never_for_time_alone(world: World) -> None:
    account, operator, now = made("nobody"), made("operator", operator=True), datetime.now(UTC)
    report(account.email.upper(), "She is nine.")
    work()
    report(account.email)
    work()
    row, = AccountReport.objects.filter(account=account)
    assert (row.state, row.words, again(account).reported_at is not None) == ("open", "She is nine.", True)
    (subject, body), = mails(account, "report-news")
    assert subject == "A report about your account" and "/me/report/" in body and "joins no organization" in body and "nine" not in body
    (subject, body), = mails(operator, "report-waits")
    assert row.reference in subject and account.email not in body and "nine" not in body
    # it joins nothing
    assert refused(world.north, "invite", "owner", rows=[{"email": account.email, "role": "member"}]) == ["invitation_refused"]
    assert creating.problem(again(account)) == "account_reported"
    # days pass, and nobody decides
    for days in (3, 4.1, 5.1, 11, 100):
        look(now + days * DAY)
    with tenancy.installation("a test looks"):
        assert again(account).status == "active" and not Deletion.objects.filter(account=account).exists()
    assert len(mails(operator, "report-waits")) == 4
    arrange(lambda: AccountReport.objects.filter(id=row.id).update(due_at=now - DAY))
    assert "steward_reports_overdue 1.0" in metrics.text().decode()
    assert "late since" in command("list") and row.reference in command("list") and account.email not in command("list")
    # the person answers, on their page
    client = client_for_account(account)
    assert client.post("/me/report/", {"message": ""}).status_code == 422
    assert client.post("/me/report/", {"message": "I am 34."}).status_code == 302
    page = client.get("/me/report/").content.decode()
    assert row.reference in page and "I am 34." in page and "nine" not in page and "Nothing is deleted" in page and "me/report" in client.get("/me/privacy/").content.decode()
    look(now)
    assert mails(operator, "report-waits")[-1][0].startswith("A reported person answered")
    shown = command("show", row.reference.lower())
    assert account.email in shown and "She is nine." in shown and "I am 34." in shown
    with tenancy.installation("a test looks"):
        records = " ".join(Entry.objects.filter(record__contains=str(account.id)).values_list("record", flat=True))
    assert "account.report_seen" in records and "nine" not in records and "I am" not in records and account.email not in records
    # the account stays
    with pytest.raises(CommandError):
        command("keep", row.reference, "--ground", "adult", "--note", " ")
    command("keep", row.reference, "--ground", "adult", "--note", "Saw a paper.")
    with pytest.raises(CommandError, match="decided already"):
        command("close", row.reference, "--note", "x")
    look(now)
    assert again(account).reported_at is None and "the account stays" in mails(account, "report-news")[-1][1]
    children.write(email=account.email, words="", now=now)
    work()
    assert AccountReport.objects.filter(account=account).count() == 1 and again(account).reported_at is None, "for a year the same report changes nothing"
    act(world.north, "invite", "owner", rows=[{"email": account.email, "role": "member"}])
    with pytest.raises(CommandError, match="there is no report"):
        command("show", "R-0000-0000")


def client_for_account(account: Account) -> Client:
    from types import SimpleNamespace

    return client_for(SimpleNamespace(account=account, account_id=account.id))  # type: ignore[arg-type]


def test_the_operator_closes_it_and_can_take_that_back_until_it_begins(world: World) -> None:
    account, other, now = made("child"), made("other"), datetime.now(UTC)
    for one in (account, other):
        report(one.email)
    work()
    command("close", row_of(account).reference, "--note", "The parents wrote.")
    with tenancy.installation("a test looks"):
        deletion = Deletion.objects.get(account=account)
    assert (again(account).status, deletion.by_person, deletion.organization_id, deletion.warned) == ("pending_deletion", False, None, False)
    work()
    assert mails(account, "report-news")[-1][0] == "Your account is closed"
    command("keep", row_of(account).reference, "--ground", "mistaken", "--note", "It was another one.")
    with tenancy.installation("a test looks"):
        assert again(account).status == "active" and not Deletion.objects.filter(account=account).exists()
    # the other one goes, after its warning
    command("close", row_of(other).reference, "--note", "Seen.")
    with tenancy.installation("a test passes time"):
        assert not purging.purge(account_id=other.id, now=now + 4 * DAY), "nobody was warned"
        purging.warn(now=now + timedelta(minutes=5))
        row = Deletion.objects.get(account=other)
        assert row.warning is not None and not deletions.ready(row, now + 4 * DAY)
    work()
    arrange(lambda: Mail.objects.filter(entry=row.warning).update(state="sent", sent_at=now))
    with tenancy.installation("a test passes time"):
        assert purging.purge(account_id=other.id, now=now + 4 * DAY)
        assert again(other).status == "purged" and not AccountReport.objects.filter(account_id=other.id).exists() and again(other).reported_at is None
    with pytest.raises(CommandError):
        command("keep", "R-0000-0000", "--ground", "mistaken", "--note", "Too late.")


def test_whoever_answers_for_it_later_gets_it_and_a_restore_forgets_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org, now = world.north, datetime.now(UTC)
    monkeypatch.setattr(children, "MANY", 1)
    first, flood = made("first"), made("flood")
    for one in (first, flood):
        report(one.email, "Ten.")
        work()
    assert again(first).reported_at is not None and again(flood).reported_at is None and row_of(flood).state == "open", "many at once restrict nobody more"
    invited = act(org, "invite", "owner", rows=[{"email": flood.email, "role": "member"}])
    assert invited.entries
    arrange(lambda: AccountReport.objects.filter(account=flood).update(restricts=True) and Account.objects.filter(id=flood.id).update(reported_at=now))
    with tenancy.installation("a test looks"):
        member = flood.memberships.get()
    answered = client_for_account(flood).post(f"/me/invitations/{member.id}/", {"answer": "accept"}, follow=True)
    with tenancy.installation("a test looks"):
        assert flood.memberships.get().status == "invited" and "it joins no organization" in answered.content.decode()
    arrange(lambda: type(member).objects.filter(id=member.id).update(status="active", joined_at=now))  # however it came about
    with pytest.raises(CommandError, match="an organization answers"):
        command("close", row_of(flood).reference, "--note", "x")
    look(now)
    with tenancy.installation("a test looks"):
        assert row_of(flood).state == "handed_on" and again(flood).reported_at is None
        assert Case.objects.get(account=flood, organization=org.organization, channel="report").words == "Ten."
    # a restored database: what the ledger says of the account stands, the report is gone; or the other way round
    arrange(lambda: AccountReport.objects.filter(account=first).delete())
    look(now)
    assert (row_of(first).state, row_of(first).words, row_of(first).due_at > now) == ("open", "", True)
    arrange(lambda: Account.objects.filter(id=first.id).update(reported_at=None))
    look(now)
    assert (row_of(first).state, row_of(first).ground) == ("kept", reported.RESTORED)
