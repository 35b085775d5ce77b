"""Whoever cannot sign in fetches their copy with two proofs: the mailbox, and a code that they were given by another way."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts import tenancy
from accounts.models import Account, Membership
from accounts.reasons import Refused
from audit.models import Entry
from dsar.cases import fetching
from dsar.cases.models import Case
from dsar.export import run
from dsar.powers import carrying, fetch_code, identity
from tests.audit.logs import nothing_waits
from tests.browse import client_for
from tests.cases.helpers import received
from tests.cases.test_acts import by, letters
from tests.cases.test_carrying import agree, follow, now_is, over, the_copy
from tests.cases.test_without_session import proven
from tests.cast import World
from tests.situations import arrange

CODE = {"given": "called_back"}


@pytest.fixture(autouse=True)
def quiet(world: World) -> None:
    nothing_waits()


def shut(person: Membership, **more: Any) -> None:
    arrange(lambda: Account.objects.filter(id=person.account_id).update(**{"status": "locked", **more}))


def released(world: World, name: str = "worker", *, vouch: bool = True) -> Case:
    """A copy for somebody who cannot sign in."""
    person = world.north.person(name)
    if vouch:
        shut(person)
        case = received(person, "access", level=1, channel="mailbox")
        agree(world, by(world, "privacy-officer", identity.VOUCH, case, method="in_person", message="").plan_id, identity.VOUCH, "owner")
    else:
        case = received(person, "access")
    over(world, "privacy-officer", carrying.COPY, person)
    run.resume(now=datetime.now(UTC))
    follow()
    by(world, "owner", carrying.RELEASE, case, outcome="granted", ground="")
    shut(person)
    return case


def code_of(world: World, case: Case, name: str = "privacy-officer") -> str:
    receipt = by(world, name, fetch_code.POWER, case, **CODE)
    assert receipt.secret
    return str(receipt.secret)


def why(world: World, case: Case) -> list[str]:
    with pytest.raises(Refused) as refused:
        code_of(world, case)
    return refused.value.codes


def fetched(visit: Client, code: str, **more: str) -> bytes:
    """What the page that a mailbox opened hands out."""
    answer = visit.post("/rights/status/", {"do": "fetch", "code": code, **more})
    if answer.status_code == 302:
        assert answer["Location"] == "/rights/status/"
        return b""
    assert answer["Cache-Control"] == "private, no-store"
    return b"".join(answer.streaming_content)


def test_the_mailbox_and_the_code_together_open_it(world: World) -> None:
    org, person, case = world.north, world.north.person("worker"), released(world)
    visit = proven(person, reference=case.reference)
    assert "Fetch the copy" not in visit.get("/rights/status/").content.decode() and fetched(visit, "") == b"", "no code, nothing to fetch"
    assert "make-fetch-code" in client_for(org.person("privacy-officer")).get(f"/o/{org.slug}/requests/{case.id}/").content.decode()
    code = code_of(world, case)
    assert the_copy(case).code_hash and code.replace("-", "") not in the_copy(case).code_hash
    page = visit.get("/rights/status/").content.decode()
    assert "Because you cannot sign in, you need the code" in page and "made a code for you" in page
    mails = letters(person.account_id)
    assert "made a code for you" in mails[-1] and not any(code in text or code.replace("-", "") in text for text in mails), "the person hears of it, and no mail has it"
    with tenancy.installation("a test looks"):
        assert not Entry.objects.filter(org=org.organization.id, record__contains=code).exists()
    assert fetched(visit, "AAAA-BBBB-CCCC") == b"" and the_copy(case).code_tries == 1
    assert fetched(proven(org.person("guest")), code, request=str(case.id)) == b"", "another mailbox"
    shut(person, status="active")
    assert fetched(visit, code) == b"" and "Sign in to fetch it" in visit.get("/rights/status/").content.decode(), "whoever can sign in does"
    shut(person, credentials_changed_at=datetime.now(UTC))
    assert fetched(visit, code) == b"" and the_copy(case).downloads == 0, "not within 72 hours of a change"
    shut(person, credentials_changed_at=None)
    assert fetched(visit, code.lower().replace("-", " "))[:2] == b"PK" and the_copy(case).downloads == 1
    follow()
    follow()
    assert now_is(case) == "delivered"


def test_wrong_codes_end_it_and_a_new_one_ends_the_old_one(world: World) -> None:
    person, case = world.north.person("worker"), released(world)
    visit, first = proven(person, reference=case.reference), code_of(world, case)
    second = code_of(world, case, "owner")
    assert fetched(visit, first) == b"", "the old one"
    for _n in range(fetching.TRIES):
        assert fetched(visit, "AAAA-BBBB-CCCC") == b""
    assert fetched(visit, second) == b"" and the_copy(case).code_tries == fetching.TRIES, "right, and too late"
    with tenancy.installation("a test looks"):
        assert Entry.objects.filter(org=world.north.organization.id, record__contains='"case.fetch_code_wrong"').count() == fetching.TRIES
    assert fetched(visit, code_of(world, case))[:2] == b"PK"


def test_for_whom_there_is_a_code(world: World) -> None:
    """Only after two people vouched, only for somebody who cannot sign in, and never by a program."""
    unvouched = released(world, "auditor", vouch=False)  # proven by a session, and then the account was locked
    assert why(world, unvouched) == ["not_vouched"]
    assert fetched(proven(world.north.person("auditor"), reference=unvouched.reference), "AAAA-BBBB-CCCC") == b""
    case = released(world)
    shut(world.north.person("worker"), status="active")
    assert why(world, case) == ["can_sign_in"]
    shut(world.north.person("worker"), credentials_changed_at=datetime.now(UTC))
    assert why(world, case) == ["changed_lately"]
