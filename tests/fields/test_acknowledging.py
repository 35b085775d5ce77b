"""Notices that people are asked to confirm: a banner until then for important ones, an entry, counts for administrators, and nobody else's."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime
from html import unescape

from accounts import acknowledging, outbox, tenancy
from accounts.models import Account, Mail
from audit.models import Entry
from tests.browse import client_for
from tests.cast import World

CONTEXT = {"organization": "North", "message": "Read this.", "when": "2026-01-01 10:00", "reference": "1"}


def tell(world: World, *names: str, about: uuid.UUID | None = None, asks: str = "read") -> uuid.UUID:
    """These people are told something that they are to confirm, and the mail is sent."""
    about, now = about or uuid.uuid4(), datetime.now(UTC)
    people = Account.objects.filter(id__in=[world.north.person(name).account_id for name in names])
    acknowledging.require(about=about, template="suspend", accounts=people, context=CONTEXT, entry=uuid.uuid4(), organization_id=world.north.organization.id, now=now, asks=asks)  # type: ignore[arg-type]
    with tenancy.installation("the outbox belongs to the installation"):
        outbox.deliver(now=now, limit=10_000)
    return about


def mail_of(world: World, name: str, about: uuid.UUID) -> Mail:
    return Mail.objects.get(account_id=world.north.person(name).account_id, about=about)


def page(world: World, name: str, path: str = "/me/notices/") -> str:
    return unescape(client_for(world.north.person(name)).get(path).content.decode())


def entries(world: World) -> list[Entry]:
    with tenancy.scope(org=world.north.organization.id):
        return [e for e in Entry.objects.filter(org=world.north.organization.id) if '"notice.acknowledged"' in e.record]


def test_confirming_is_an_entry_once_and_counts(world: World) -> None:
    about = tell(world, "worker", "guest")
    found = acknowledging.summary(organization_id=world.north.organization.id, about=about)
    assert (found.asked, found.confirmed, found.open, len(found.missing)) == (2, 0, 2, 2)
    assert "I have read this" in page(world, "worker")
    client, mail = client_for(world.north.person("worker")), mail_of(world, "worker", about)
    for _twice in range(2):
        assert client.post("/me/notices/", {"confirm": str(mail.id)}).status_code == 302
    mail.refresh_from_db()
    assert mail.acknowledged_at and mail.read_at
    assert len(entries(world)) == 1
    assert str(about) in entries(world)[0].record and "Worker" not in entries(world)[0].record
    found = acknowledging.summary(organization_id=world.north.organization.id, about=about)
    assert (found.confirmed, [address for _name, address in found.missing]) == (1, [f"guest@{world.north.slug}.example"])
    assert acknowledging.summary(organization_id=world.contoso.organization.id, about=about).asked == 0, "another organization counts only its own"
    assert "You confirmed on" in page(world, "worker")


def test_only_an_important_one_has_a_banner_and_reading_is_not_confirming(world: World) -> None:
    tell(world, "worker")
    assert "Please confirm" not in page(world, "worker", "/me/")
    about = tell(world, "worker", asks="important")
    assert "Please confirm" in page(world, "worker", "/me/") and "Please confirm" not in page(world, "guest", "/me/")
    client, mail = client_for(world.north.person("worker")), mail_of(world, "worker", about)
    client.post("/me/notices/", {"notice": str(mail.id)})
    assert "Please confirm" in page(world, "worker", "/me/sessions/"), "it stands until it is confirmed, and no page is refused meanwhile"
    client.post("/me/notices/", {"confirm": str(mail.id)})
    assert "Please confirm" not in page(world, "worker", "/me/")


def test_opening_confirms_nothing_and_nobody_confirms_for_another(world: World) -> None:
    about = tell(world, "worker")
    mail = mail_of(world, "worker", about)
    client_for(world.north.person("worker")).get(f"/me/notices/?confirm={mail.id}")
    other = client_for(world.north.person("guest"))
    for chosen in (str(mail.id), str(uuid.uuid4()), "nonsense", ""):
        assert other.post("/me/notices/", {"confirm": chosen}).status_code == 404
    assert other.post(f"/api/v1/me/notices/{mail.id}/acknowledge/", {}, content_type="application/json").status_code == 404
    mail.refresh_from_db()
    assert mail.acknowledged_at is None and entries(world) == []
    answer = client_for(world.north.person("worker")).post(f"/api/v1/me/notices/{mail.id}/acknowledge/", {}, content_type="application/json")
    assert answer.status_code == 200 and answer.json()["acknowledged_at"]


def test_a_notice_that_asks_nothing_is_not_confirmed(world: World) -> None:
    about = tell(world, "worker")
    mail = mail_of(world, "worker", about)
    Mail.objects.filter(id=mail.id).update(asks="")
    assert client_for(world.north.person("worker")).post("/me/notices/", {"confirm": str(mail.id)}).status_code == 404


def test_something_newer_about_the_same_replaces_the_question(world: World) -> None:
    about = tell(world, "worker")
    tell(world, "worker", about=about, asks="important")
    assert acknowledging.summary(organization_id=world.north.organization.id, about=about).asked == 1
    assert [m.asks for m in acknowledging.waiting(world.north.person("worker").account_id)] == ["important"]
