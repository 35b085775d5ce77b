"""The rights door: who cannot sign in reaches one page by their mailbox, and nothing else works with it."""
from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import door, outbox, rights, tenancy
from accounts.models import Account, Mail, Membership, Organization, RightsAsk, RightsRequest, RightsVisit
from accounts.reasons import NotFound, Refused
from audit import subscribers
from audit.models import Entry
from dsar.cases import running
from dsar.cases.models import Case
from dsar.powers.cases import ANSWER
from portal.views.rights import COOKIE
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cases.helpers import happen, received
from tests.cast import Org, World
from tests.deletion.acts import account, act, deletion
from tests.situations import arrange

LINK = re.compile(r"/rights/open/[\w-]+/")


def asked(address: str, now: datetime | None = None) -> None:
    rights.ask(address=address, now=now or datetime.now(UTC))
    with tenancy.installation("the worker answers"):
        rights.answer_asked(now=now or datetime.now(UTC))


def link_for(person: Membership) -> str:
    """The link as it stands in the mail."""
    asked(account(person).email)
    with tenancy.installation("the outbox"):
        found = LINK.search(outbox.render(Mail.objects.filter(account_id=person.account_id, template="rights-link").latest("created_at"))[1])
    return found[0] if found else ""


def inside(person: Membership) -> Client:
    """A browser in which the person opened their page by the link."""
    client = Client()
    assert client.post(link_for(person)).status_code == 302
    return client


CLOSINGS = {"suspended": "suspend", "locked": "lockdown", "deactivated": "deactivate", "pending_deletion": "schedule-deletion"}


@pytest.mark.parametrize("status", list(CLOSINGS))
def test_whoever_is_closed_out_reads_why_and_until_when(world: World, status: str) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: Organization.objects.filter(id=org.organization.id).update(contact_name="Ada Admin", contact_email="ada@north.example"))
    act(org, CLOSINGS[status], person, reason_code="security_incident", message="We saw odd sign-ins.", **({"until": datetime.now(UTC) + timedelta(days=9)} if status == "suspended" else {}))
    shown = inside(person).get("/rights/page/").content.decode()
    until = datetime.now(UTC) + timedelta(days=14 if status == "pending_deletion" else 9)
    for words in ("Security incident", "We saw odd sign-ins.", "ada@north.example", "What you ask for", "A copy of my data", "Deletion of my data", *([f"{until:%Y-%m-%d}"] if status in {"suspended", "pending_deletion"} else [])):
        assert words in shown, words


def test_every_answer_of_the_form_is_the_same(world: World) -> None:
    """Whether an account exists shows neither in the answer nor in what is done before it: the same statements, whoever is named."""
    act(world.north, "deactivate", world.north.person("worker"))
    known, answers = account(world.north.person("worker")).email, []
    for address in (known, "nobody-at-all@north.example", account(world.north.person("owner")).email):
        client, statements = Client(), []

        def seen(execute: Any, sql: str, params: Any, many: bool, context: Any, statements: list[str] = statements) -> Any:
            statements.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(seen):
            first = client.post("/rights/", {"email": address})
        answers.append((first.status_code, first["Location"], client.get(first["Location"]).content, statements))
    assert answers[0] == answers[1] == answers[2]
    assert any("accounts_rightsask" in sql for sql in answers[0][3]), "they were seen"
    with tenancy.installation("the worker answers"):
        rights.answer_asked(now=datetime.now(UTC))
    assert not RightsAsk.objects.exists() and not Mail.objects.filter(address="nobody-at-all@north.example").exists()


def test_who_can_sign_in_gets_no_link(world: World) -> None:
    assert link_for(world.north.person("owner")) == ""
    assert not RightsVisit.objects.filter(account_id=world.north.person("owner").account_id).exists()


def test_the_form_is_limited_and_a_mailbox_gets_one_mail_in_ten_minutes(world: World) -> None:
    person, client = world.north.person("worker"), Client()
    act(world.north, "deactivate", person)
    assert [client.post("/rights/", {"email": account(person).email}).status_code for _ in range(4)] == [302, 302, 302, 429]
    with tenancy.installation("the worker answers"):
        assert rights.answer_asked(now=datetime.now(UTC)) == 1
        asked(account(person).email, now=datetime.now(UTC) + timedelta(minutes=11))
    assert Mail.objects.filter(account_id=person.account_id, template="rights-link").count() == 2


def test_the_link_works_once_and_only_by_a_post(world: World) -> None:
    person = world.north.person("worker")
    act(world.north, "deactivate", person)
    link = link_for(person)
    for _look in range(3):  # a scanner of mail
        assert Client().get(link).status_code == 200
    first, second = Client(), Client()
    assert first.post(link).status_code == 302 and first.get("/rights/page/").status_code == 200
    assert second.post(link).status_code == 404 and second.get(link).status_code == 404
    assert Client().post("/rights/open/forged/").status_code == 404
    cookie = first.cookies[COOKIE]
    assert cookie["path"] == "/rights/" and cookie["httponly"] and cookie["samesite"] == "Lax"


def test_the_link_and_the_visit_end_by_themselves(world: World) -> None:
    person, now = world.north.person("worker"), datetime.now(UTC)
    act(world.north, "deactivate", person)
    token = link_for(person).split("/")[-2]
    with tenancy.installation("look"):
        assert rights.behind_link(token=token, now=now + timedelta(minutes=29)) and rights.behind_link(token=token, now=now + timedelta(minutes=31)) is None
    with pytest.raises(NotFound):
        rights.begin(token=token, now=now + timedelta(minutes=31))
    secret = rights.begin(token=token, now=now)
    assert rights.visitor(secret=secret, now=now + timedelta(minutes=29)) and rights.visitor(secret=secret, now=now + timedelta(minutes=31)) is None
    assert rights.visitor(secret="", now=now) is None


def test_another_address_closes_the_link(world: World) -> None:
    person = world.north.person("worker")
    act(world.north, "deactivate", person)
    link = link_for(person)
    arrange(lambda: Account.objects.filter(id=person.account_id).update(email=f"other-{uuid.uuid4()}@x.example", email_key=f"other-{uuid.uuid4()}@x.example"))
    assert Client().post(link).status_code == 404


def addresses(org: Org, person: Membership) -> list[str]:
    """One address for each place of the product."""
    values: dict[str, Any] = {"slug": org.slug, "person_id": person.id, "power_slug": "suspend", "section": "people", "opaque": "north", "level": 0, "number": "0", "name": "manifest.json", "uidb36": "abc", "key": "def",
                              "pk": 1, "token": "abc"}
    found: list[str] = []

    def walk(patterns: list[Any], before: str) -> None:
        for pattern in patterns:
            text = before + str(pattern.pattern).lstrip("^")
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, text)
            elif isinstance(pattern, URLPattern):
                for name, converter in pattern.pattern.converters.items():
                    text = re.sub(rf"<[^<>]*\b{name}>", str(values.get(name, uuid.uuid4() if "uuid" in type(converter).__name__.lower() else "x")), text)
                found.append("/" + re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda m: str(values.get(m[1], "x")), text).replace("$", "").replace("\\", ""))

    walk(get_resolver().url_patterns, "")
    return found


def test_nothing_else_works_with_it(world: World) -> None:
    """Every address of the product, once with the cookie and once without: the same answer. A signed-out visitor is all that it makes."""
    org, person = world.north, world.north.person("owner")
    with_it = Client()
    arrange(lambda: Account.objects.filter(id=person.account_id).update(status="locked"))
    assert with_it.post(link_for(person)).status_code == 302
    secret = with_it.cookies[COOKIE].value
    everywhere = [a for a in addresses(org, world.north.person("worker")) if not a.startswith("/rights/")]
    assert len(everywhere) > 120 and f"/o/{org.slug}/people/" in everywhere
    for address in everywhere:
        for method in ("get", "post"):
            visit, nobody = Client(), Client()
            visit.cookies[COOKIE] = secret  # for every path, as no browser would send it
            one, other = getattr(visit, method)(address), getattr(nobody, method)(address)
            assert (one.status_code, one.headers.get("Location")) == (other.status_code, other.headers.get("Location")), f"{method} {address}"
            assert not (one.status_code == 200 and f"{org.organization.name}" in one.content.decode(errors="replace")), address


def cases_of(person: Membership) -> list[Case]:
    with tenancy.installation("look"):
        return list(Case.objects.filter(account_id=person.account_id).prefetch_related("actions").order_by("received_at"))


def test_what_is_asked_becomes_a_case_that_the_page_follows(world: World) -> None:
    """One place: a mailbox is enough to object, and not for a copy; asked twice it is asked once; the answer, the dates and the way to disagree stand on the page."""
    org, person = world.north, world.north.person("worker")
    act(org, "deactivate", person)
    client = inside(person)
    for right in ("access", "access", "object"):
        shown = client.post("/rights/page/", {"do": "ask", "right": right, "organization": str(org.organization.id), "words": "All of it, please."}, follow=True).content.decode()
    copy, objection = cases_of(person)
    assert [(c.channel, c.level, c.state, [a.right for a in c.actions.all()]) for c in (copy, objection)] == [("mailbox", 1, "identity_pending", ["access"]), ("mailbox", 1, "triage", ["object"])]
    for words in (copy.reference, objection.reference, "You have to be answered by", "Why that date", "Received on", "All of it" not in shown):
        assert words is True or str(words) in shown, words
    with tenancy.installation("look"):
        entries = Entry.objects.filter(org=org.organization.id, record__contains=str(copy.id))
        assert entries.filter(record__contains='"case.received"').filter(record__contains="mail_link").count() == 1 and not entries.filter(record__contains="All of it").exists(), "words are sealed"
    queue = client_for(org.person("privacy-officer")).get(f"/o/{org.slug}/requests/").content.decode()
    assert "All of it, please." in queue and copy.reference in queue and objection.reference in queue
    assert client_for(org.person("people-manager")).get(f"/o/{org.slug}/requests/").status_code == 404
    now = datetime.now(UTC)
    with tenancy.scope(org=org.organization.id):
        with pytest.raises(Refused) as unproven:
            door.perform(power=ANSWER, actor=org.actor("privacy-officer"), data={"request": str(copy.id), "outcome": "granted", "message": "Here.", "ground": "", "private_note": ""}, now=now)
        assert unproven.value.codes == ["wrong_status"], "nothing is disclosed to a mailbox"
        door.perform(power=ANSWER, actor=org.actor("privacy-officer"), data={"request": str(objection.id), "outcome": "granted", "message": "We stopped.", "ground": "", "private_note": ""}, now=now)
    shown = client.get("/rights/page/").content.decode()
    assert "We stopped." in shown and "Disagree with the answer" in shown and "data protection authority" in shown
    assert "Say it in your own words." in client.post("/rights/page/", {"do": "disputed", "request": str(objection.id), "words": " "}, follow=True).content.decode()
    client.post("/rights/page/", {"do": "disputed", "request": str(objection.id), "words": "You did not."})
    client.post("/rights/page/", {"do": "withdrawn", "request": str(copy.id)})
    assert [c.state for c in cases_of(person)] == ["withdrawn", "disputed"]
    number_all()
    with tenancy.installation("mail"):
        subscribers.drain()
        told = [outbox.render(m)[1] for m in Mail.objects.filter(account_id=person.account_id, template="case-news")]
    assert any("We stopped." in words for words in told) and all("/me/requests/" not in words for words in told), "who cannot sign in is led to the page that they can open"


def test_what_a_mailbox_asks_stands_in_nobody_s_way(world: World) -> None:
    """What is proven better is neither joined, held up nor ended by it."""
    org, person = world.north, world.north.person("worker")
    proven = received(person, "erasure")
    act(org, "deactivate", person)
    inside(person).post("/rights/page/", {"do": "ask", "right": "erasure", "organization": str(org.organization.id)})
    first, second = cases_of(person)
    assert (first.id, first.state, first.level) == (proven.id, "triage", 2) and (second.state, second.level) == ("identity_pending", 1)
    for event in ("reminded", "reminded", "closed_unverified"):
        happen(second, event)
    assert [c.state for c in cases_of(person)] == ["triage", "closed_unverified"]


def test_only_of_whom_it_concerns_and_only_what_there_is(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "deactivate", person)
    client, other = inside(person), received(org.person("guest"), "object")
    here = str(org.organization.id)
    for body in ({"do": "ask", "right": "access", "organization": str(world.contoso.organization.id)}, {"do": "ask", "right": "access", "organization": "x"}, {"do": "ask", "right": "everything", "organization": here},
                 {"do": "withdrawn", "request": str(other.id)}, {"do": "fulfilled", "request": str(other.id), "words": "x"}, {"do": "withdrawn"}, {}, {"do": "cancel"}):
        assert client.post("/rights/page/", body).status_code in {302, 404}
    assert not cases_of(person) and account(person).status == "deactivated" and cases_of(org.person("guest"))[0].state == "triage"


def test_what_the_door_kept_itself_becomes_cases(world: World) -> None:
    """The move keeps the day, the words, the answer and who gave it; what somebody has proven already is not opened twice, and requests about the account itself stay."""
    org, person, officer = world.north, world.north.person("worker"), world.north.person("privacy-officer")
    asked_at, proven = datetime.now(UTC) - timedelta(days=12), received(org.person("guest"), "object")
    common = {"organization": org.organization, "account_id": person.account_id, "asked_at": asked_at}
    answered = {"state": "answered", "outcome": "refused", "answer": "No.", "answered_at": asked_at + timedelta(days=1), "answered_by": officer.id}
    arrange(lambda: RightsRequest.objects.bulk_create([RightsRequest(id=uuid.uuid4(), **{**common, **more}) for more in (
        {"kind": "copy", "words": "Mine."}, {"kind": "objection"}, {"kind": "deletion", **answered}, {"kind": "objection", "account_id": org.person("guest").account_id}, {"kind": "account"})]))
    with connections["owner"].schema_editor() as editor:
        import_module("dsar.migrations.0004_requests_of_the_door").move(apps, editor)
    found = {c.actions.all()[0].right: c for c in cases_of(person)}
    assert {right: (c.state, c.received_at, c.channel, c.level) for right, c in found.items()} == {
        "access": ("identity_pending", asked_at, "mailbox", 1), "object": ("triage", asked_at, "mailbox", 1), "erasure": ("refused", asked_at, "mailbox", 1)}
    assert found["access"].words == "Mine." and found["object"].statutory_due is not None
    assert found["erasure"].decided_by == officer.account_id and found["erasure"].closed_at == answered["answered_at"]
    assert [c.state for c in cases_of(org.person("guest"))] == ["merged", "triage"] and proven.id == cases_of(org.person("guest"))[1].id
    with tenancy.installation("look"):
        assert list(RightsRequest.objects.filter(account_id__in=[person.account_id, org.person("guest").account_id]).values_list("kind", flat=True)) == ["account"]
    assert "No." in client_for(person).get(f"/me/requests/{found['erasure'].id}/").content.decode()
    running.look(now=datetime.now(UTC))
    arrange(lambda: RightsRequest.objects.filter(account_id=person.account_id).delete())


@pytest.mark.parametrize(("ground", "may"), [("person_asked", True), ("contract_ended", False)])
def test_who_asked_for_the_deletion_may_take_it_back(world: World, ground: str, may: bool) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "schedule-deletion", person, reason_code=ground)
    client = inside(person)
    assert ("Cancel the deletion" in client.get("/rights/page/").content.decode()) == may
    client.post("/rights/page/", {"do": "cancel"})
    assert (account(person).status, deletion(person) is None) == (("active", True) if may else ("pending_deletion", False))


def test_whoever_is_suspended_and_signed_in_has_the_page_too(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    browser = client_for(person)
    act(org, "suspend", person, message="Wait a little.")
    assert "/me/privacy/" in browser.get(f"/o/{org.slug}/").content.decode()
    assert "Wait a little." in browser.get("/rights/page/").content.decode()
    assert Client().get("/rights/page/").status_code == 302


def test_the_page_can_be_closed(world: World) -> None:
    person = world.north.person("worker")
    act(world.north, "deactivate", person)
    client = inside(person)
    secret = client.cookies[COOKIE].value
    client.post("/rights/page/", {"do": "close"})
    other = Client()
    other.cookies[COOKIE] = secret
    assert other.get("/rights/page/").status_code == 302
