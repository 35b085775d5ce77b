"""Requests through the door: the person asks, follows and takes back; the organization answers; two people refuse; the mails and the pages say it."""
from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from accounts import access, approvals, door, outbox, tenancy
from accounts.actor import Proof
from accounts.models import Account, Mail, Membership, Plan
from accounts.reasons import Refused
from audit import subscribers
from dsar.cases import running
from dsar.cases.models import Action, Case, Happening
from dsar.powers import cases, dialogue, identity
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cases.helpers import happen, received
from tests.cast import World
from tests.situations import arrange


def own(person: Membership, power: Any, now: datetime | None = None, **data: Any) -> Any:
    now = now or datetime.now(UTC)
    with tenancy.scope(account=person.account_id):
        actor = access.own_actor(account=Account.objects.get(id=person.account_id), proof=Proof(method="password", at=now), session_id=None)
        return door.perform(power=power, actor=actor, data=data, now=now)


def by(world: World, name: str, power: Any, case: Case, **data: Any) -> Any:
    with tenancy.scope(org=world.north.organization.id):
        return door.perform(power=power, actor=world.north.actor(name), data={"request": str(case.id), "message": "Because.", "private_note": "", **data}, now=datetime.now(UTC))


def the_case(person: Membership) -> Case:
    with tenancy.installation("a test looks"):
        return Case.objects.filter(account_id=person.account_id).latest("received_at")


def letters(account_id: Any, template: str = "case-news") -> list[str]:
    number_all()
    with tenancy.installation("the worker"):
        subscribers.drain()
        return [outbox.render(mail)[1] for mail in Mail.objects.filter(account_id=account_id, template=template).order_by("created_at", "id")]


@pytest.mark.parametrize("name", ["worker", "guest"])
def test_the_person_asks_once_and_is_told_by_when(world: World, name: str) -> None:
    """Managed by the organization or not: one request, one receipt with reference and date, a page that says why that date, and a way back."""
    person = world.north.person(name)
    own(person, cases.ASK, right="erasure", organization="", message="All of it.")
    own(person, cases.ASK, right="erasure", organization=world.north.slug, message="All of it!")
    case = the_case(person)
    with tenancy.installation("a test looks"):
        assert Case.objects.filter(account_id=person.account_id).count() == 1 and (case.state, case.words, case.level) == ("triage", "All of it.", 2)
    told = letters(person.account_id)
    assert len(told) == 1 and case.reference in told[0] and "You will be answered by" in told[0] and "All of it" not in told[0]
    assert any(case.reference in words for words in letters(world.north.person("privacy-officer").account_id, "case-waits"))
    client = client_for(person)
    page = client.get(f"/me/requests/{case.id}/").content.decode()
    assert page.index("You asked, and it was written down.") < page.index("It is being looked at."), "in the order in which it happened"
    assert case.reference in page and "Received on" in page and "European data protection law" in page
    assert client_for(world.contoso.person("member")).get(f"/me/requests/{case.id}/").status_code == 404
    assert client.post(f"/me/requests/{case.id}/", {"do": "withdraw"}).status_code == 302 and the_case(person).state == "withdrawn"
    with pytest.raises(Refused):
        own(person, cases.WITHDRAW, request=case.reference)
    with pytest.raises(Refused) as refused:
        own(world.contoso.person("member"), cases.ASK, right="erasure", organization=world.north.slug, message="")
    assert refused.value.codes == ["unknown_organization"]


def test_the_organization_answers_and_only_who_may_see_it(world: World) -> None:
    """In part only on a ground; once; not by whom it is kept from, not by another organization, not about oneself; what destroys needs a second person."""
    person = world.north.person("worker")
    own(person, cases.ASK, right="object", organization="", message="")
    case = the_case(person)
    assert not cases.AnswerForm({"request": str(case.id), "outcome": "partial", "message": "x"}).is_valid()
    with pytest.raises(Refused), tenancy.scope(org=world.contoso.organization.id):
        door.perform(power=cases.ANSWER, actor=world.contoso.actor("owner"), data={"request": str(case.id), "outcome": "granted", "message": "x"}, now=datetime.now(UTC))
    officer = world.north.person("privacy-officer")
    arrange(lambda: Case.objects.filter(id=case.id).update(barred=[officer.account_id]))
    with pytest.raises(Refused) as refused:
        by(world, "privacy-officer", cases.ANSWER, case, outcome="granted")
    assert refused.value.codes == ["unknown_request"] and case.reference not in client_for(officer).get(f"/o/{world.north.slug}/requests/").content.decode()
    assert case.reference in client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/requests/").content.decode()
    by(world, "owner", cases.ANSWER, case, outcome="partial", ground="legal_duty")
    done = the_case(person)
    with tenancy.installation("a test looks"):
        assert (done.state, done.decided_by, Action.objects.get(case=case).outcome, Action.objects.get(case=case).ground) == ("partially_fulfilled", world.north.person("owner").account_id, "partial", "legal_duty")
        assert [h.event for h in Happening.objects.filter(case=case).order_by("at", "id")][-1] and done.statutory_due is None
    assert any("Because." in words and "data protection authority" in words for words in letters(person.account_id))
    with pytest.raises(Refused) as again:
        by(world, "owner", cases.ANSWER, case, outcome="granted", ground="")
    assert again.value.codes == ["wrong_status"]
    mine = received(officer, "object")
    with pytest.raises(Refused) as self_:
        by(world, "privacy-officer", cases.ANSWER, mine, outcome="granted", ground="")
    assert self_.value.codes == ["self"]
    gone = received(person, "erasure")
    assert by(world, "owner", cases.ANSWER, gone, outcome="granted", ground="").plan_id, "two people"


def test_two_people_refuse_and_what_moved_meanwhile_is_not_refused(world: World) -> None:
    person = world.north.person("worker")
    first, second = received(person, "object"), received(person, "correct")
    plans = [by(world, "privacy-officer", cases.REFUSE, case, ground="unfounded").plan_id for case in (first, second)]
    happen(second, "withdrawn", who="person", actor=person.account_id)
    with tenancy.scope(org=world.north.organization.id):
        for number, plan_id in enumerate(plans):
            row = Plan.objects.get(id=plan_id)
            arguments = {"plan_id": row.id, "actor": world.north.actor("owner"), "requester": approvals.requester(row), "power": cases.REFUSE, "approve": True, "note": "", "now": datetime.now(UTC)}
            if number == 0:
                approvals.decide(**arguments)
            else:
                with pytest.raises(Refused):
                    approvals.decide(**arguments)
        assert [Case.objects.get(id=case.id).state for case in (first, second)] == ["refused", "withdrawn"]
    client, page = client_for(person), f"/me/requests/{first.id}/"
    assert client.post(page, {"do": "dispute", "message": ""}).status_code == 422
    assert client.post(page, {"do": "dispute", "message": "<script>No</script>"}).status_code == 302 and "<script>No" not in client.get(page).content.decode()
    with pytest.raises(Refused) as own_answer:
        by(world, "privacy-officer", dialogue.RESOLVE, first, outcome="upheld")
    assert own_answer.value.codes == ["same_decider"]
    with pytest.raises(Refused) as agreed:
        by(world, "owner", dialogue.RESOLVE, first, outcome="upheld")
    assert agreed.value.codes == ["same_decider"], "whoever agreed to it decided too"
    by(world, "administrator", dialogue.RESOLVE, first, outcome="reversed")
    with tenancy.installation("a test looks"):
        assert Case.objects.get(id=first.id).state == "planned" and Action.objects.get(case=first).outcome == "" and Case.objects.get(id=first.id).statutory_due is not None
    assert any("It was refused." in words and "Because." in words for words in letters(person.account_id))


def test_one_question_and_its_answer(world: World) -> None:
    person = world.north.person("worker")
    case = received(person, "correct")
    by(world, "privacy-officer", dialogue.QUESTION, case, message="Which address?")
    client, page = client_for(person), f"/me/requests/{case.id}/"
    assert "Which address?" in client.get(page).content.decode() and any("Which address?" in words for words in letters(person.account_id))
    assert client.post(page, {"do": "answer", "message": "The old one."}).status_code == 302 and the_case(person).state == "triage"
    with pytest.raises(Refused) as again:
        by(world, "owner", dialogue.QUESTION, case)
    assert again.value.codes == ["asked_before"]
    assert client.post(page, {"do": "answer", "message": "And more."}).status_code == 302 and the_case(person).state == "triage"


def test_what_came_by_telephone_waits_until_the_person_confirms_or_two_vouch(world: World) -> None:
    """It counts from the day on which it came; it is the administrator's word until then, and stands in nobody's way."""
    person, other = world.north.person("worker"), world.north.person("guest")
    day = (datetime.now(UTC) - timedelta(days=2)).date()

    def wrote(whom: Membership) -> Case:
        with tenancy.scope(org=world.north.organization.id):
            door.perform(power=identity.RECORD, actor=world.north.actor("privacy-officer"), now=datetime.now(UTC),
                         data={"person": Account.objects.get(id=whom.account_id).email, "right": "erasure", "channel": "phone", "received_on": day, "message": "", "private_note": ""})
        return the_case(whom)

    case = wrote(person)
    assert (case.state, case.level, case.received_at.date(), case.recorded_by) == ("identity_pending", 0, day, world.north.person("privacy-officer").account_id)
    assert any("it was you who asked" in words for words in letters(person.account_id))
    with pytest.raises(Refused):
        by(world, "owner", cases.ANSWER, case, outcome="granted", ground="")
    stranger = client_for(other)
    assert stranger.post(f"/me/requests/{case.id}/", {"do": "confirm"}).status_code == 404
    client = client_for(person)
    assert "It was me" in client.get(f"/me/requests/{case.id}/").content.decode()
    assert client.post(f"/me/requests/{case.id}/", {"do": "confirm"}).status_code == 302 and the_case(person).state == "triage" and the_case(person).level == 2
    second = wrote(other)
    plan = by(world, "privacy-officer", identity.VOUCH, second, method="in_person").plan_id
    assert plan and the_case(other).state == "identity_pending", "nobody vouches alone"
    with tenancy.scope(org=world.north.organization.id):
        row = Plan.objects.get(id=plan)
        approvals.decide(plan_id=row.id, actor=world.north.actor("owner"), requester=approvals.requester(row), power=identity.VOUCH, approve=True, note="", now=datetime.now(UTC))
    assert (the_case(other).state, the_case(other).level) == ("triage", 3)
    with pytest.raises(Refused), tenancy.scope(org=world.contoso.organization.id):
        door.perform(power=identity.RECORD, actor=world.contoso.actor("owner"), data={"person": Account.objects.get(id=person.account_id).email, "right": "object", "channel": "phone"}, now=datetime.now(UTC))


def test_vouching_while_the_person_acts_does_not_wait_for_them_and_is_asked_for_anew(world: World) -> None:
    """The person may be proving the same right elsewhere at this moment: of two proofs one is first, and nobody waits in a circle."""
    person = world.north.person("worker")
    case = received(person, "object", level=0)

    def agreed() -> None:
        plan = by(world, "privacy-officer", identity.VOUCH, case, method="in_person").plan_id
        with tenancy.scope(org=world.north.organization.id):
            row = Plan.objects.get(id=plan)
            approvals.decide(plan_id=row.id, actor=world.north.actor("owner"), requester=approvals.requester(row), power=identity.VOUCH, approve=True, note="", now=datetime.now(UTC))

    with psycopg.connect(os.environ["STEWARD_TESTS_SUPERUSER"], dbname=str(connection.settings_dict["NAME"])) as elsewhere:
        elsewhere.execute("SELECT 1 FROM accounts_account WHERE id = %s FOR UPDATE", [person.account_id])
        with pytest.raises(Refused) as refused:
            agreed()
    assert refused.value.codes == ["stale"] and the_case(person).state == "identity_pending"
    agreed()
    assert the_case(person).state == "triage"


def test_time_reminds_misses_and_closes(world: World) -> None:
    """Once at each step; a question that nobody answered does not hold the answer up."""
    person, now = world.north.person("worker"), datetime.now(UTC)
    case, asked = received(person, "object", now=now - timedelta(days=25)), received(person, "correct", now=now - timedelta(days=40))
    happen(asked, "ask", who="administrator", now=now - timedelta(days=38))
    for moment in (now, now, now + timedelta(days=30), now + timedelta(days=30)):
        running.look(now=moment)
    with tenancy.installation("a test looks"):
        events = [h.event for h in Happening.objects.filter(case=case)]
        assert (events.count("warned"), events.count("breached")) == (1, 1)
        assert Case.objects.get(id=asked.id).state == "triage"


def test_the_person_keeps_an_administrator_out(world: World) -> None:
    """They see, mail, act and agree no more; somebody has to be left; nobody agrees to an answer to themselves."""
    person, officer, owner, administrator = (world.north.person(name) for name in ("worker", "privacy-officer", "owner", "administrator"))
    case, page = received(person, "object"), f"/o/{world.north.slug}/requests/"
    client = client_for(person)
    for wrong, code in ((Account.objects.get(id=world.north.person("member").account_id).email, "not_a_handler"), (Account.objects.get(id=world.contoso.person("owner").account_id).email, "not_a_handler")):
        with pytest.raises(Refused) as refused:
            own(person, dialogue.BAR, request=case.reference, administrator=wrong)
        assert refused.value.codes == [code]
    assert client.post(f"/me/requests/{case.id}/", {"do": "bar", "administrator": str(officer.account_id)}).status_code == 302
    assert "You asked that an administrator does not handle it." in client.get(f"/me/requests/{case.id}/").content.decode()
    assert case.reference not in client_for(officer).get(page).content.decode() and case.reference in client_for(owner).get(page).content.decode()
    assert not letters(officer.account_id, "case-waits") or all("looked at" in words for words in letters(officer.account_id, "case-waits"))
    own(person, dialogue.BAR, request=case.reference, administrator=str(administrator.account_id))
    mine = received(administrator, "correct")
    for one in (case, mine):
        plan = by(world, "owner", cases.REFUSE, one, ground="unfounded").plan_id
        with tenancy.scope(org=world.north.organization.id):
            row = Plan.objects.get(id=plan)
            with pytest.raises(Refused) as stale:
                approvals.decide(plan_id=row.id, actor=world.north.actor("administrator"), requester=approvals.requester(row), power=cases.REFUSE, approve=True, note="", now=datetime.now(UTC))
            assert stale.value.codes == ["stale"]
    assert (the_case(person).state, the_case(administrator).state) == ("triage", "triage"), "who is kept out does not agree to it, and nobody to a refusal of what they asked themselves"
    with tenancy.installation("a test looks"):
        *most, last_one = [one.id for one in dialogue.handlers(Case.objects.get(id=case.id))]
    for one in most:
        own(person, dialogue.BAR, request=case.reference, administrator=str(one))
    with pytest.raises(Refused) as last:
        own(person, dialogue.BAR, request=case.reference, administrator=str(last_one))
    assert most and last.value.codes == ["nobody_left"]
