"""Whoever acts for somebody: nothing without the person's mailbox, the person signed in, or two people; letters go where was chosen, data to the person alone."""
from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import approvals, door, outbox, tenancy
from accounts.models import Account, Mail, Membership, Plan
from accounts.reasons import Refused
from dsar.cases.models import Agent, Case
from dsar.powers import carrying, cases, dialogue, identity
from tests.browse import client_for
from tests.cases.helpers import happen, received
from tests.cases.test_acts import by, letters, own, the_case
from tests.cases.test_carrying import over
from tests.cases.test_without_session import CODE, address, mailed, proven, worker
from tests.cast import World

ADA = "ada@agents.example"
LINK = re.compile(r"/rights/agent/confirm/\S+")


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


def said(person: Membership | None, **more: Any) -> dict[str, Any]:
    return {"agent_name": "Ada Agent", "agent_email": ADA, "authority": "lawyer", "email": address(person) if person else "nobody@nowhere.example", "organization": "", "right": "object",
            "words": "Stop it.", "letters": "both", **more}


def to_agent(person: Membership) -> list[str]:
    letters(person.account_id, "")  # the log is numbered and read
    with tenancy.installation("the worker"):
        return [outbox.render(mail)[1] for mail in Mail.objects.filter(account_id=person.account_id, address=ADA).exclude(state="sent").order_by("created_at", "id")]


def to_self(person: Membership) -> list[str]:
    letters(person.account_id, "")  # the log is numbered and read
    with tenancy.installation("the worker"):
        return [outbox.render(mail)[1] for mail in Mail.objects.filter(account_id=person.account_id, address=address(person), state="due").order_by("created_at", "id")]


def confirms(person: Membership) -> str:
    """Whoever reads the mail at the agent's address says that it is theirs; what they got so far."""
    first, = to_agent(person)
    link = LINK.search(first)
    assert link is not None
    assert Client().get(link[0]).status_code == 200 and agent_of(the_case(person)).mailbox_confirmed_at is None, "opening it changes nothing"
    assert Client().post(link[0]).status_code == 302
    return first


def agent_of(case: Case) -> Agent:
    with tenancy.installation("look"):
        return Agent.objects.get(case=case)


def wrote_down(world: World, person: Membership, **more: Any) -> Case:
    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=identity.RECORD, actor=world.north.actor("privacy-officer"), now=datetime.now(UTC),
                     data={"person": address(person), "right": "access", "channel": "agent", "received_on": None, "message": "", "private_note": "", "agent_name": "Ada Agent", "agent_email": ADA,
                           "authority": "lawyer", **more})
    return the_case(person)


def test_the_persons_mailbox_says_whether_somebody_acts_for_them(world: World) -> None:
    """Without the code from it nothing happens; whoever is named, the pages are the same; the mail says who, what, and where letters go."""
    person, client = world.north.person("worker"), Client()
    pages = []
    for whom in (None, person):
        cache.clear()
        answer = client.post("/rights/agent/", said(whom))
        pages.append((answer.status_code, answer["Location"]))
    worker()
    assert pages[0] == pages[1] == (302, "/rights/code/")
    told = mailed(person)
    assert all(words in told for words in ("Ada Agent", ADA, "To both of us", "Objection")) and "Stop it." not in told
    with tenancy.installation("look"):
        assert not Case.objects.filter(account_id=person.account_id).exists() and not Mail.objects.filter(address=ADA, account_id=person.account_id).exists()
    assert client.post("/rights/code/", {"code": CODE.search(told)[0]}).status_code == 302  # type: ignore[index]
    case = the_case(person)
    assert (case.channel, case.level, case.state, agent_of(case).state, agent_of(case).method) == ("agent", 1, "triage", "confirmed", "mailbox")
    first = confirms(person)
    assert not any(word in first for word in (case.reference, address(person), person.account.name, world.north.organization.name, "Objection")), "nothing about anybody"
    by(world, "owner", cases.ANSWER, case, outcome="granted", ground="")
    assert any("It is done." in words for words in to_agent(person)) and any("It is done." in words for words in letters(person.account_id))
    assert not any("/me/requests/" in words or "/rights/status/" in words for words in to_agent(person))
    cache.clear()
    second = Client()
    received(world.north.person("guest"), "object", level=1, channel="mailbox")
    second.post("/rights/agent/", said(world.north.person("guest")))
    worker()
    refused = second.post("/rights/code/", {"code": CODE.search(mailed(world.north.person("guest")))[0]})  # type: ignore[index]
    assert refused.status_code == 422 and "Stop it" not in refused.content.decode() and second.get("/rights/status/").content.decode().count("R-") <= 1, "the person's own request is not shown to them"


def test_what_is_typed_cannot_be_a_lure(world: World) -> None:
    for name in ("http://evil.example", "a@b.example", "Read www.evil.example", "x" * 81, "Ada\x00", ""):
        cache.clear()
        assert Client().post("/rights/agent/", said(world.north.person("worker"), agent_name=name)).status_code == 422, name
    assert Client().post("/rights/agent/", said(world.north.person("worker"), agent_name="Dr. Ada O’Neil-Smith, LL. M.")).status_code == 302


def test_what_an_officer_writes_down_tells_an_agent_nothing_before_it_is_known(world: World) -> None:
    """Signed in, the person chooses where letters go, and can end it; the proof of who they are still goes to them; a copy goes to them alone."""
    person, other = world.north.person("worker"), world.north.person("guest")
    for wrong in ({"channel": "phone", "agent_name": "Ada", "agent_email": ADA, "authority": "lawyer"}, {"channel": "agent", "agent_name": "Ada", "agent_email": "", "authority": "lawyer"}):
        form = identity.RecordForm({"person": address(person), "right": "access", "message": "", "private_note": "", "received_on": "", **wrong})
        assert not form.is_valid()
    case = wrote_down(world, person)
    assert (agent_of(case).state, case.state) == ("stated", "identity_pending") and to_agent(person) == [] and letters(person.account_id)
    page = f"/me/requests/{case.id}/"
    assert client_for(other).post(page, {"do": "agent", "letters": "agent"}).status_code == 404
    client = client_for(person)
    assert "Ada Agent" in client.get(page).content.decode() and client.post(page, {"do": "agent", "letters": "agent"}).status_code == 302
    client.post(page, {"do": "confirm"})
    assert "have not confirmed their mailbox" in client.get(page).content.decode()
    confirms(person)
    assert any("letters go there" in one for one in letters(person.account_id)) and "have not confirmed" not in client.get(page).content.decode()
    before = len(letters(person.account_id))
    by(world, "owner", cases.REFUSE, case, ground="unfounded")
    assert (agent_of(case).state, agent_of(case).letters) == ("confirmed", "agent") and to_agent(person)
    with tenancy.scope(org=world.north.organization.id):
        plan = Plan.objects.latest("created_at")
        approvals.decide(plan_id=plan.id, actor=world.north.actor("administrator"), requester=approvals.requester(plan), power=cases.REFUSE, approve=True, note="", now=datetime.now(UTC))
    assert "It was refused." in to_agent(person)[-1] and "Ground: Plainly unfounded" in to_agent(person)[-1]
    assert len(letters(person.account_id)) - before == 1 and len([one for one in letters(person.account_id) if "It was refused." in one]) == 1, "to the agent, as the person chose, and not to both"
    client.post(page, {"do": "no-agent"})
    count = len(to_agent(person))
    client.post(page, {"do": "dispute", "message": "No."})
    assert len(to_agent(person)) == count and agent_of(case).state == "ended"
    link = LINK.search(to_agent(person)[0])[0]  # type: ignore[index]
    assert Client().get(link).status_code == Client().post(link).status_code == 404, "the link ended with it"
    with pytest.raises(Refused) as gone:
        own(person, identity.AGENT, request=case.reference, answer="confirm", letters="both")
    assert gone.value.codes == ["no_agent"]
    assert Account.objects.get(id=person.account_id).status == "active"


def test_two_people_record_how_the_authority_was_proven(world: World) -> None:
    person = world.north.person("worker")
    case = wrote_down(world, person)
    assert "record-authority" in client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/requests/{case.id}/").content.decode()
    plan = by(world, "privacy-officer", identity.AUTHORITY, case, method="document", letters="both").plan_id
    assert plan and agent_of(case).state == "stated", "nobody records it alone"
    with tenancy.scope(org=world.north.organization.id):
        row = Plan.objects.get(id=plan)
        approvals.decide(plan_id=row.id, actor=world.north.actor("owner"), requester=approvals.requester(row), power=identity.AUTHORITY, approve=True, note="", now=datetime.now(UTC))
    assert (agent_of(case).state, agent_of(case).letters, agent_of(case).method) == ("confirmed", "both", "document")
    assert any("acts for you" in words for words in letters(person.account_id)), "the person hears of it, and can end it"
    with pytest.raises(Refused) as refused:
        over(world, "owner", carrying.COPY, person)
    assert refused.value.codes == ["no_copy_asked"], "who asked is not proven by it"
    mailbox = proven(person, reference=case.reference)
    assert "They do not act for me any more" in mailbox.get("/rights/status/").content.decode()
    mailbox.post("/rights/status/", {"do": "agent_ended", "words": ""})
    assert agent_of(case).state == "ended"
    with pytest.raises(Refused) as twice:
        by(world, "owner", identity.AUTHORITY, case, method="document", letters="both")
    assert twice.value.codes == ["no_agent"]
    with pytest.raises(Refused), tenancy.scope(org=world.contoso.organization.id):
        door.perform(power=identity.AUTHORITY, actor=world.contoso.actor("owner"), now=datetime.now(UTC),
                     data={"request": str(case.id), "method": "document", "letters": "both", "message": "x", "private_note": ""})


def test_before_their_mailbox_is_confirmed_the_person_gets_every_letter(world: World) -> None:
    """Also what was chosen for whoever acts for them alone; and what their mailbox got stands nowhere where the person, or anybody else, could use it."""
    person = world.north.person("guest")
    case = wrote_down(world, person)
    own(person, identity.AGENT, request=case.reference, answer="confirm", letters="agent")
    own(person, identity.CONFIRM, request=str(case.id))
    by(world, "owner", dialogue.QUESTION, case, message="Which year?")
    assert any("Which year?" in one for one in to_self(person)) and len(to_agent(person)) == 1, "to the person, and the agent has the link alone"
    link = LINK.search(to_agent(person)[0])
    assert link is not None
    with tenancy.installation("the worker"):
        outbox.deliver(now=datetime.now(UTC))
        kept = Mail.objects.get(address=ADA, account_id=person.account_id)
    assert kept.state == "sent" and "[link removed]" in kept.body and link[0] not in kept.body
    for wrong in (link[0][:-3] + "x/", "/rights/agent/confirm/x/", "/rights/agent/confirm/" + "y" * 300 + "/"):
        assert Client().get(wrong).status_code == Client().post(wrong).status_code == 404
    assert Client().post(link[0]).status_code == Client().post(link[0]).status_code == 302
    assert len([one for one in to_self(person) if "letters go there" in one]) == 1, "said twice it is said once"
    happen(case, "breached")
    assert any("The date was missed" in one for one in to_agent(person)) and not any("The date was missed" in one for one in to_self(person))
    assert case.reference not in link[0]
