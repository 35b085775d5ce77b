"""Optional communications: what can be switched off and how, what is sent nevertheless, and what outlives the account."""
from __future__ import annotations

import email
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.controller import Controller
from django.db import DatabaseError, connection, transaction
from django.test import Client, override_settings

from accounts import access, door, outbox, tenancy
from accounts.actor import Proof
from accounts.addresses import address_key
from accounts.communications import choices, kinds, links, sending
from accounts.models import Account, Announcement, Consent, Mail, Membership, Suppression
from accounts.models.communication import How
from accounts.powers import BY_SLUG
from accounts.purposes import ACT
from accounts.reasons import Refused
from audit import subscribers
from audit.models import Entry
from tests.browse import client_for
from tests.cast import Org, World, add_person
from tests.dsar.copies import numbered
from tests.situations import arrange

ROOT = Path(__file__).parent.parent.parent
WORDS = {"kind": "announcements", "subject": "The portal moves", "message": "On Monday we move.\n\nSee https://example.com/moving"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def choose(person: Membership, *, wanted: str = "off", kind: str = "announcements", organization: UUID | None = None, now: datetime | None = None) -> None:
    account = Account.objects.get(id=person.account_id)
    with tenancy.scope(account=account.id):
        actor = access.own_actor(account=account, proof=Proof(), session_id=None)
        door.perform(power=BY_SLUG["choose-communications"], actor=actor, data={"organization": organization or person.organization_id, "kind": kind, "wanted": wanted}, now=now or datetime.now(UTC))


def announce(org: Org, *, now: datetime | None = None, **words: str) -> Announcement:
    with tenancy.scope(org=org.organization.id, purpose=ACT):
        door.perform(power=BY_SLUG["send-announcement"], actor=org.actor("administrator", now=now), data={**WORDS, **words}, now=now or datetime.now(UTC))
    numbered()
    with tenancy.installation("a test sends"):
        subscribers.drain([sending.SUBSCRIBER])
        return Announcement.objects.filter(organization=org.organization).latest("sent_at")


def link_for(person: Membership, kind: str = "announcements") -> str:
    account = Account.objects.get(id=person.account_id)
    found = links.url(organization_id=person.organization_id, account_id=account.id, address=account.email, kind=kind)
    return "/" + found.split("/", 3)[3]


def on(person: Membership, kind: str = "announcements") -> bool:
    with tenancy.installation("a test looks"):
        return choices.standing(Account.objects.get(id=person.account_id), [person.organization_id])[(person.organization_id, kind)]


def ledger(person: Membership) -> list[tuple[str, bool, str]]:
    with tenancy.installation("a test looks"):
        return list(Consent.objects.filter(account_id=person.account_id).order_by("at", "kind").values_list("kind", "wanted", "how"))


class Sink:
    """A mail server that keeps what it gets, as it came over the wire."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.got.append((envelope.rcpt_tos[0], envelope.content))
        return "250 OK"


@contextmanager
def smtp() -> Iterator[Sink]:
    sink = Sink()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with override_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=port):
            yield sink
    finally:
        controller.stop()


def test_every_template_is_classified() -> None:
    there = {path.parent.name for path in (ROOT / "templates" / "mail").glob("*/body.txt")}
    assert there == set(kinds.TEMPLATES)
    assert set(kinds.TEMPLATES.values()) == {kinds.SERVICE, *kinds.KINDS}
    assert kinds.of("password-reset-link") is None and kinds.of("nobody-classified-this") is None, "rather one mail too many"
    assert set(kinds.OPTIONAL) == {"announcement", "tip"}


def test_an_announcement_reaches_whoever_wants_it_with_a_way_out(world: World) -> None:
    """Through a real mail server: who gets it, what stands in the headers, who is left out when it is written and who at the last moment, and what is sent in any case."""
    north = world.north
    choose(north.person("guest"))
    arrange(lambda: Membership.objects.filter(id=north.person("worker").id).update(use_restricted=True))
    arrange(lambda: Membership.objects.filter(id=north.person("legal").id).update(status="suspended"))
    with tenancy.scope(org=north.organization.id, purpose=ACT):
        plan = door.plan(power=BY_SLUG["send-announcement"], actor=north.actor("administrator"), data=WORDS, now=datetime.now(UTC))
        assert [str(effect.text).split(" ")[0] for effect in plan.verdicts[0].effects[:2]] == ["10", "1"], "the preview counts as the sending does"
    row, now = announce(north), datetime.now(UTC)
    while sending.run(now=now):
        pass
    sending.run(now=now)
    with tenancy.installation("a test looks"):
        row.refresh_from_db()
        assert (row.told, row.left_out, row.finished_at) == (10, 1, now)
        assert Entry.objects.filter(org=north.organization.id, record__contains=sending.FINISHED).count() == 1
        mails = Mail.objects.filter(organization_id=north.organization.id)
        assert mails.count() == 10
        choices.by_link(links.Link(north.organization.id, north.person("auditor").account_id, links.mac(north.organization.id, north.person("auditor").account.email), "announcements"),
                        kinds=["announcements"], wanted=False, how=How.LINK, now=now)
        outbox.owe(template="password-reset-link", account=north.person("guest").account, context={"link": "https://x.example/"}, entry=None, organization_id=None, now=now + timedelta(seconds=1))
        with smtp() as sink:
            assert outbox.deliver(now=now + timedelta(minutes=1)) == 10
        assert mails.get(account=north.person("auditor").account).state == "held"
        assert {(m.state, m.context, bool(m.body)) for m in mails} == {("sent", None, True), ("held", None, False)}
        assert all("communications/" not in m.body for m in mails), "whoever may read what was sent cannot use the link"
    first, *others = sink.got
    assert first[0] == north.person("guest").account.email, "whoever switched news off gets a new password, and before all news"
    assert "List-Unsubscribe" not in email.message_from_bytes(first[1])
    assert {to for to, _data in others} == {north.person(n).account.email for n in north.people if n not in {"guest", "worker", "legal", "auditor"}}
    for to, data in others:
        _check_headers(email.message_from_bytes(data), data, to)


def _check_headers(parsed: Message, data: bytes, to: str) -> None:
    given = parsed.get_all("List-Unsubscribe") or []
    found = re.fullmatch(r"<http://localhost:8000/communications/([A-Za-z0-9_-]+)/>", re.sub(r"\s", "", given[0]) if len(given) == 1 else "")
    assert found, "as it is, not in another encoding"
    assert max(len(line) for line in data.split(b"\r\n")) < 998
    assert parsed.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    link = links.read(found[1])
    assert link and link.kind == "announcements" and link.address_mac == links.mac(link.organization_id, to)
    assert all(part not in found[1] for part in (to, to.split("@", maxsplit=1)[0], link.organization_id.hex, link.account_id.hex))
    text = next(part.get_payload(decode=True).decode() for part in parsed.walk() if part.get_content_type() == "text/plain")  # type: ignore[union-attr]
    assert "On Monday we move." in text and "/communications/" in text


def test_one_click_switches_off_and_nothing_else_does_without_our_page(world: World) -> None:
    person, north = world.north.person("worker"), world.north
    path, mail_program = link_for(person), Client(enforce_csrf_checks=True)
    for method in (mail_program.get, mail_program.head):
        assert method(path).status_code == 200
    assert on(person) and ledger(person) == [], "opening changes nothing"
    for body in ({}, {"wanted": "off", "kind": "all"}, {**ONE_CLICK, "wanted": "on"}, {"List-Unsubscribe": "one-click"}, {"List-Unsubscribe": ["One-Click", "One-Click"]}):
        assert mail_program.post(path, body).status_code == 403
    assert on(person)
    for wrong in (path[:-3] + "/", path[:-2] + ("A" if path[-2] != "A" else "B") + "/", "/communications/x/", "/communications/" + "é" * 50 + "/", "/communications/" + "A" * 4000 + "/"):
        assert mail_program.post(wrong, ONE_CLICK).status_code == mail_program.get(wrong).status_code == 404
    assert mail_program.put(path).status_code == 405
    answer = mail_program.post(path, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.cookies.output()) == (200, "")
    assert mail_program.post(path, ONE_CLICK).status_code == 200, "twice, and as a form with parts"
    assert ledger(person) == [("announcements", False, "one_click")] and not on(person)
    assert on(north.person("guest"))
    page = Client()
    assert b"Switch on" in page.get(path).content
    assert page.post(path, {"kind": "all", "wanted": "maybe"}).status_code == 422
    assert b"Switched on" in page.post(path, {"kind": "tips", "wanted": "on"}).content
    assert on(person, "tips") and not on(person)
    page.post(path, {"kind": "announcements", "wanted": "on"})
    page.post(path, {"kind": "all", "wanted": "off"})
    assert ledger(person)[1:] == [("tips", True, "link"), ("announcements", True, "link"), ("announcements", False, "link"), ("tips", False, "link")]


def test_an_objection_outlives_the_account_and_holds_for_whoever_has_the_address_next(world: World) -> None:
    from tests.dsar.test_erasing import deleted

    north, person = world.north, world.north.person("worker")
    address = f"Jürgen.Straße-{uuid4().hex[:6]}@Bücher.example"
    arrange(lambda: Account.objects.filter(id=person.account_id).update(email=address, email_key=address_key(address)))
    path = link_for(person)
    assert choices.behind(links.read(path.split("/")[2]))[1], "however it is written"  # type: ignore[arg-type]
    choose(person)
    second = f"later-{uuid4().hex[:6]}@bücher.example"
    arrange(lambda: Account.objects.filter(id=person.account_id).update(email=second, email_key=address_key(second)))
    assert not on(person), "it follows to another address"
    assert Client().post(path, {"kind": "announcements", "wanted": "on"}).status_code == 200
    assert not on(person), "whoever has the old mailbox cannot agree for them"
    Client().post(path, ONE_CLICK)
    deleted(world, person)
    assert ledger(person) == []
    for number, again in enumerate((address.upper().replace("SS", "ß"), second)):
        made: list[Membership] = []
        arrange(lambda number=number, made=made: made.append(add_person(north, f"again{number}", "member", False, datetime.now(UTC))))
        arrange(lambda made=made, again=again: Account.objects.filter(id=made[0].account_id).update(email=again, email_key=address_key(again)))
        assert not on(made[0]), again
        choose(made[0], wanted="on")
        assert on(made[0]), "only they themselves"
    assert Client().post(path, ONE_CLICK).status_code == 200, "works when the account is gone"
    with tenancy.installation("a test looks"):
        assert not Suppression.objects.filter(organization=world.contoso.organization).exists()


def test_global_privacy_control_is_honoured_once_and_what_is_switched_on_later_prevails(world: World) -> None:
    person, north = world.north.person("worker"), world.north
    choose(person, kind="tips", wanted="on")
    client = client_for(person)
    assert Client().get("/.well-known/gpc.json").json()["gpc"] is True
    for value in ("0", "true", ""):
        client.get("/me/", headers={"Sec-GPC": value})
    assert on(person)
    client.get("/me/", headers={"Sec-GPC": "1"})
    assert not on(person) and not on(person, "tips"), "consent given before yields too"
    page = client.get("/me/communications/", headers={"Sec-GPC": "1"}).content.decode()
    assert "We honour it since" in page and "by your browser, which sends Global Privacy Control" in page
    assert client.post("/me/communications/", {"organization": str(north.organization.id), "kind": "tips", "wanted": "on"}, headers={"Sec-GPC": "1"}).status_code == 302
    client.get("/me/", headers={"Sec-GPC": "1"})
    choices.by_signal(person.account_id, now=datetime.now(UTC))  # a second request that came at the same time as the first
    assert on(person, "tips") and not on(person)
    assert ledger(person) == [("tips", True, "page"), ("announcements", False, "gpc"), ("tips", False, "gpc"), ("tips", True, "page")]
    arrange(lambda: Membership.objects.create(organization=world.contoso.organization, account_id=person.account_id, role=world.contoso.roles["member"], status="active", created_at=datetime.now(UTC)))
    with tenancy.installation("a test looks"):
        there = world.contoso.organization.id
        assert not choices.standing(Account.objects.get(id=person.account_id), [there])[(there, "announcements")], "also where they come later"
        assert Entry.objects.filter(org=north.organization.id, record__contains="communications.signal_honoured").count() == 1


def test_the_own_page_and_the_door(world: World) -> None:
    person, north = world.north.person("worker"), world.north
    client, mine = client_for(person, tier=0), {"organization": str(north.organization.id), "kind": "announcements", "wanted": "off", "key": "k1"}
    assert b"You have chosen nothing yet" in client.get("/me/communications/").content
    assert [client.post("/me/communications/", mine).status_code for _ in range(2)] == [302, 302]
    assert ledger(person) == [("announcements", False, "page")]
    for wrong in ({"organization": str(world.contoso.organization.id)}, {"organization": "x"}, {"kind": "password"}, {"wanted": "perhaps"}, {"organization": str(uuid4())}):
        assert client.post("/me/communications/", {**mine, "key": str(wrong), **wrong}).status_code == 422
    client.post("/me/communications/", {"wanted": "on"})
    client.post("/me/communications/", {"wanted": "off"})
    assert not on(person) and not on(person, "tips")
    answer = client.get("/api/v1/me/communications/").json()
    assert {(one["kind"], one["on"]) for one in answer["communications"]} == {("announcements", False), ("tips", False)} and len(answer["ledger"]) == 5
    with pytest.raises(Refused) as same:
        choose(person)
    assert same.value.codes == ["nothing_to_change"]
    with pytest.raises(DatabaseError):  # not even inside an act
        arrange(lambda: Consent.objects.filter(account_id=person.account_id).update(wanted=True))
    with tenancy.scope(org=world.contoso.organization.id, purpose=ACT):
        assert not Consent.objects.filter(account_id=person.account_id).exists()
    with pytest.raises(DatabaseError), transaction.atomic(), tenancy.installation("nobody takes a line away without an act"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_consent WHERE account_id = %s", [person.account_id])


def test_announcements_are_few_and_for_somebody(world: World) -> None:
    north, now = world.north, datetime.now(UTC)
    codes = []
    for words in ({"kind": "tips"}, {}, {}, {"subject": "2"}, {"subject": "3"}, {"subject": "4"}):
        try:
            announce(north, now=now, **words)
        except Refused as refusal:
            codes += refusal.codes
    assert codes == ["nobody_to_tell", "said_already", "too_many_announcements"]
    announce(north, now=now + timedelta(days=1, seconds=1), subject="4")
    client = client_for(north.person("administrator"))
    path = f"/o/{north.slug}/do/send-announcement/"
    for wrong in ({"subject": "x" * 151}, {"message": "x" * 5001}, {"message": "bad\x00"}, {"kind": "security"}, {"subject": " "}):
        assert client.post(path, {**WORDS, **wrong}).status_code == 422
    assert client_for(north.person("people-manager")).get(f"/o/{north.slug}/announcements/").status_code == 404
    page = client.get(f"/o/{north.slug}/announcements/").content.decode()
    assert "The portal moves" in page and "Being sent" in page
    form = BY_SLUG["send-announcement"].form({**WORDS, "subject": "a\r\nBcc: x@y.example"})
    assert form.is_valid() and form.cleaned_data["subject"] == "a Bcc: x@y.example"
