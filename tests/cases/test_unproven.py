"""Nobody proved who asked: two reminders that left the house come before the end, however late; a deletion can become something that needs no proof."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts import tenancy
from accounts.models import Mail
from accounts.reasons import Refused
from dsar.cases import running
from dsar.cases.models import Action, Case, Happening
from dsar.powers import identity
from tests.browse import client_for
from tests.cases.helpers import received
from tests.cases.test_acts import letters, own, the_case
from tests.cases.test_without_session import proven
from tests.cast import World
from tests.situations import arrange


def look(case: Case, now: datetime) -> tuple[str, int]:
    """An hour's look; what stands there then: the state, and how many reminders there were."""
    running.look(now=now)
    with tenancy.installation("a test looks"):
        return Case.objects.get(id=case.id).state, Happening.objects.filter(case=case, event="reminded").count()


def sent(case: Case, at: datetime) -> None:
    """The mails of the reminders left the house."""
    letters(case.account_id)
    arrange(lambda: Mail.objects.filter(account_id=case.account_id, template="case-news", sent_at=None).update(state="sent", sent_at=at, next_attempt_at=None))


def test_two_reminders_come_before_the_end(world: World) -> None:
    person, start = world.north.person("worker"), datetime.now(UTC) - timedelta(days=60)
    case = received(person, "erasure", level=0, now=start)
    assert look(case, start + timedelta(days=9)) == ("identity_pending", 0)
    first = start + timedelta(days=10, hours=1)
    assert look(case, first) == look(case, first + timedelta(hours=1)) == ("identity_pending", 1)
    told = letters(person.account_id)[-1]
    assert "not before" in told and "no mail and no use" in told and case.reference in told
    sent(case, first)
    second = start + timedelta(days=20, hours=1)
    assert look(case, second - timedelta(hours=2)) == ("identity_pending", 1) and look(case, second) == ("identity_pending", 2)
    sent(case, second)
    assert look(case, start + timedelta(days=29)) == ("identity_pending", 2) and look(case, start + timedelta(days=31)) == ("closed_unverified", 2)
    with tenancy.installation("a test looks"):
        assert Action.objects.get(case=case).outcome == "unverified"
    assert any("You can ask again" in words and "data protection authority" in words for words in letters(person.account_id))


def test_after_an_outage_the_reminders_come_first_and_must_have_left(world: World) -> None:
    """Nobody looked for two months, or no mail went out: silence means nothing until three days after each reminder that left."""
    person, now = world.north.person("worker"), datetime.now(UTC)
    case = received(person, "access", level=0, now=now - timedelta(days=70))
    assert look(case, now) == ("identity_pending", 1)
    assert look(case, now + timedelta(days=9)) == ("identity_pending", 1), "not even read from the log"
    letters(person.account_id)
    assert look(case, now + timedelta(days=9)) == ("identity_pending", 1), "the mail waits to be sent"
    sent(case, now + timedelta(days=9))
    assert look(case, now + timedelta(days=11)) == ("identity_pending", 1) and look(case, now + timedelta(days=12)) == ("identity_pending", 2)
    sent(case, now + timedelta(days=12))
    assert look(case, now + timedelta(days=14)) == ("identity_pending", 2) and look(case, now + timedelta(days=15)) == ("closed_unverified", 2)
    dead = received(person, "portability", level=0, now=now - timedelta(days=70))
    assert look(dead, now)[1] == 1
    letters(person.account_id)
    arrange(lambda: Mail.objects.filter(account_id=person.account_id, sent_at=None).update(state="failed", next_attempt_at=None))
    assert look(dead, now + timedelta(hours=1)) == ("identity_pending", 2), "a dead mailbox holds nothing up"
    with tenancy.installation("a test looks"):
        assert not Happening.objects.filter(case=dead, event__in=("warned", "breached")).exists(), "while it waits for the proof its time stands still: nothing is missed"


def test_california_waits_until_the_45th_day(world: World) -> None:
    person, start = world.north.person("worker"), datetime.now(UTC) - timedelta(days=50)
    case = received(person, "access", level=0, now=start)
    arrange(lambda: Case.objects.filter(id=case.id).update(regimes=["california"]))
    for day in (10, 20):
        look(case, start + timedelta(days=day, hours=1))
        sent(case, start + timedelta(days=day, hours=1))
    assert look(case, start + timedelta(days=44)) == ("identity_pending", 2) and look(case, start + timedelta(days=46)) == ("closed_unverified", 2)


def test_a_deletion_can_become_something_that_needs_no_proof(world: World) -> None:
    """Signed in, and by nothing but the mailbox; what was asked is closed, and a request of its own is taken in at once. Only from a deletion that waits, and only one's own."""
    person, other = world.north.person("worker"), world.north.person("guest")
    case = received(person, "erasure", level=0)
    page = f"/me/requests/{case.id}/"
    assert client_for(other).post(page, {"do": "downgrade"}).status_code == 404
    client = client_for(person)
    assert "No mail and no use instead" in client.get(page).content.decode() and client.post(page, {"do": "downgrade"}).status_code == 302
    new = the_case(person)
    with tenancy.installation("a test looks"):
        assert (Case.objects.get(id=case.id).state, new.state, Action.objects.get(case=new).right, Action.objects.get(case=new).verified) == ("closed_unverified", "triage", "opt_out", True)
    assert new.reference in client.get(page).content.decode() and any(new.reference in words and case.reference in words for words in letters(person.account_id))
    with pytest.raises(Refused) as again:
        own(person, identity.DOWNGRADE, request=case.reference)
    assert again.value.codes == ["wrong_status"]
    copy = received(other, "access", level=0)
    with pytest.raises(Refused) as not_deletion:
        own(other, identity.DOWNGRADE, request=copy.reference)
    assert not_deletion.value.codes == ["no_deletion_asked"]
    mailbox = proven(other, right="erasure")
    asked = the_case(other)
    assert "No mail and no use instead" in mailbox.get("/rights/status/").content.decode()
    mailbox.post("/rights/status/", {"do": "downgraded"})
    assert the_case(other).id != asked.id and the_case(other).reference in mailbox.get("/rights/status/").content.decode()
    mailbox.post("/rights/status/", {"do": "downgraded"})
    with tenancy.installation("a test looks"):
        assert Case.objects.filter(account_id=other.account_id).count() == 3
