"""Asking without a session: a code from the mailbox proves the address and nothing more; nobody learns who is there; one request is followed by its reference."""
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts import outbox, rights, tenancy
from accounts.models import Account, Mail, Membership
from audit.models import Entry
from dsar.cases import inquiries
from dsar.cases.models import Case, Inquiry
from portal.views.asking import COOKIE
from tests.cases.helpers import happen, received
from tests.cast import World
from tests.situations import arrange

CODE = re.compile(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}\b")


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


def address(person: Membership) -> str:
    return Account.objects.get(id=person.account_id).email


def worker(now: datetime | None = None) -> None:
    with tenancy.installation("the worker answers"):
        inquiries.answer(now=now or datetime.now(UTC))


def mailed(person: Membership) -> str:
    with tenancy.installation("the outbox"):
        return outbox.render(Mail.objects.filter(account_id=person.account_id, template="rights-code").latest("created_at"))[1]


def wrote(person: Membership, **more: Any) -> Client:
    cache.clear()
    client = Client()
    path, body = ("/rights/status/", more) if "reference" in more else ("/rights/request/", {"organization": "", "right": "object", "words": "", **more})
    assert client.post(path, {"email": address(person), **body}).status_code == 302
    worker()
    return client


def proven(person: Membership, **more: Any) -> Client:
    client = wrote(person, **more)
    assert client.post("/rights/code/", {"code": CODE.search(mailed(person).split("reference")[-1].split(more.get("reference", "\0"))[-1])[0].lower()}).status_code == 302  # type: ignore[index]
    return client


def cases_of(person: Membership) -> list[Case]:
    with tenancy.installation("look"):
        return list(Case.objects.filter(account_id=person.account_id).order_by("received_at"))


def test_a_mailbox_asks_follows_and_takes_back(world: World) -> None:
    person = world.north.person("worker")
    client = proven(person, organization=world.north.organization.name.upper(), words="Stop it, please.")
    case = cases_of(person)[0]
    assert (case.channel, case.level, case.state, case.words) == ("mailbox", 1, "triage", "Stop it, please.")
    page = client.get("/rights/status/").content.decode()
    for words in (case.reference, "You have to be answered by", "Why that date", "You asked, and it was written down."):
        assert words in page, words
    cookie = client.cookies[COOKIE]
    assert cookie["path"] == "/rights/" and cookie["httponly"] and cookie["samesite"] == "Lax"
    assert client.get("/me/requests/").status_code == 302 and client.get("/rights/page/").status_code == 302, "it opens nothing else"
    later = proven(person, reference=case.reference.lower())
    with tenancy.installation("look"):
        assert Entry.objects.filter(org=world.north.organization.id, record__contains="rights.page_opened").filter(record__contains=str(case.id)).exists()
    assert case.reference in later.get("/rights/status/").content.decode()
    for body in ({"do": "answered", "words": "a\x00b"}, {"do": "disputed", "words": "\x00"}, {"do": "withdrawn", "words": "\x00"}):
        assert later.post("/rights/status/", body).status_code == 302
    assert cases_of(person)[0].state == "withdrawn"
    later.post("/rights/status/", {"do": "close"})
    assert case.reference not in later.get("/rights/status/").content.decode()


def test_nothing_is_disclosed_and_nothing_better_known_is_touched(world: World) -> None:
    """For a copy or a deletion the mailbox is not enough; what somebody proved by signing in goes on beside it."""
    person = world.north.person("worker")
    better = received(person, "erasure")
    proven(person, right="erasure")
    first, second = cases_of(person)
    assert (first.id, first.state) == (better.id, "triage") and second.state == "identity_pending"
    proven(person, right="erasure")
    assert len(cases_of(person)) == 2, "the same mailbox asks it once"
    disputed = received(world.north.person("guest"), "object")
    happen(disputed, "refused", who="administrator")
    page = proven(world.north.person("guest"), reference=disputed.reference).get("/rights/status/").content.decode()
    assert "Disagree with the answer" in page and "data protection authority" in page


def test_every_answer_is_the_same(world: World) -> None:
    """Whether an account, an organization or a reference is there shows neither in the answer nor in the statements, before the code and after it."""
    person, other, seen = world.north.person("worker"), world.north.person("guest"), []
    case = received(person, "object")
    for path, body in (("/rights/request/", {"email": address(person), "organization": "", "right": "access", "words": ""}), ("/rights/request/", {"email": "nobody@nowhere.example", "organization": "", "right": "access", "words": ""}),
                       ("/rights/request/", {"email": address(other), "organization": "No such place", "right": "access", "words": ""}), ("/rights/status/", {"email": address(person), "reference": case.reference}),
                       ("/rights/status/", {"email": address(other), "reference": case.reference}), ("/rights/status/", {"email": "nobody@nowhere.example", "reference": "R-2222-2222"})):
        client, statements = Client(), []

        def watch(execute: Any, sql: str, params: Any, many: bool, context: Any, statements: list[str] = statements) -> Any:
            statements.append(re.sub(r"s\d+_x\d+", "s", sql))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(watch):
            first = client.post(path, body)
            shown = client.get(first["Location"])
        worker()
        with connection.execute_wrapper(watch):
            wrong = client.post("/rights/code/", {"code": "AAAA-AAAA"})
        strip = re.compile(r'value="[\w-]{64}"|nonce-[\w+/=-]+|nonce="[^"]+"')
        seen.append((first.status_code, first["Location"], strip.sub("", shown.content.decode()), wrong.status_code, strip.sub("", wrong.content.decode()), tuple(statements)))
        cache.clear()
    assert len(set(seen)) == 1 and "not right" in seen[0][4] and any("dsar_inquiry" in sql for sql in seen[0][5])
    assert not Mail.objects.filter(address="nobody@nowhere.example").exists()
    with tenancy.installation("look"):
        told = [outbox.render(m)[1] for m in Mail.objects.filter(account_id=other.account_id, template="rights-code").order_by("created_at")]
    assert world.north.organization.name in told[0] and "You have no request with this reference" in told[1] and not any(CODE.search(words.replace(case.reference, "").replace("R-2222-2222", "")) for words in told)


def test_a_code_lives_ten_minutes_five_tries_once_in_one_browser_and_for_one_address(world: World) -> None:
    person, now = world.north.person("worker"), datetime.now(UTC)

    def secret_and_code() -> tuple[str, str]:
        client = wrote(person)
        return client.cookies[COOKIE].value, CODE.search(mailed(person))[0]  # type: ignore[index]

    def opens(secret: str, code: str, at: datetime = now) -> bool:
        try:
            inquiries.prove(secret=secret, code=code, now=at)
        except inquiries.Wrong:
            return False
        return True

    secret, code = secret_and_code()
    other, _code = secret_and_code()
    assert not opens(secret, code, now + timedelta(minutes=11)) and not opens(other, code) and not opens("", code)
    assert opens(secret, code) and not opens(secret, code), "once"
    with tenancy.installation("look"):
        assert inquiries.visited(secret=secret, now=now + timedelta(minutes=29)) and inquiries.visited(secret=secret, now=now + timedelta(minutes=31)) is None
    secret, code = secret_and_code()
    assert [opens(secret, "AAAA-AAAA") for _ in range(5)] == [False] * 5 and not opens(secret, code), "five tries"
    secret, code = secret_and_code()
    arrange(lambda: Account.objects.filter(id=person.account_id).update(email_key=f"moved-{person.id}@x.example"))
    assert not opens(secret, code), "the address is somebody else's now"
    worker(now + timedelta(days=2))
    assert not Inquiry.objects.exists() and len(cases_of(person)) == 1


def test_it_is_limited_for_each_address_and_each_mailbox(world: World) -> None:
    person, body = world.north.person("worker"), {"organization": "", "right": "object", "words": ""}
    assert [Client().post("/rights/request/", {"email": email, **body}).status_code for email in (address(person), address(person).upper(), address(person), address(person))] == [302, 302, 302, 429]
    for _ in range(4):
        cache.clear()
        Client().post("/rights/request/", {"email": address(person), **body})
    worker()
    assert Mail.objects.filter(account_id=person.account_id, template="rights-code").count() == inquiries.MAILS
    assert Client().post("/rights/request/", {"email": "x" * 300 + "@north.example", **body}).status_code == 422 and Client().post("/rights/request/", {"email": address(person), **body, "right": "all"}).status_code == 422
    cache.clear()
    arrange(lambda: Mail.objects.filter(account_id=person.account_id).delete())
    alike = address(person).replace("worker", "wor\u212aer")  # compares alike, and may be another mailbox
    assert Client().post("/rights/request/", {"email": alike, **body}).status_code == 302
    rights.ask(address=alike, now=datetime.now(UTC))
    worker()
    with tenancy.installation("the worker answers"):
        rights.answer_asked(now=datetime.now(UTC))
    assert list(Mail.objects.filter(account_id=person.account_id, template__startswith="rights-").values_list("address", flat=True)) == [address(person)] * 2
    client = Client()
    assert [client.post("/rights/code/", {"code": "AAAA-AAAA"}).status_code for _ in range(31)][-2:] == [422, 429]
