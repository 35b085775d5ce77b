"""Legal holds as people meet them: who manages them, who must not know of them, who is told, and everybody to whom a deletion that waits is shown."""
from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from django.conf import settings as live
from django.test import Client

from accounts import door, outbox, own_deletion, purging, rights, tenancy
from accounts.models import Deletion, Mail, Membership, RightsVisit
from accounts.reasons import Refused
from audit import holds as log_holds
from audit import queries
from dsar.holds import people, running
from dsar.holds.models import HoldNotice, LegalHold
from portal.powers import BY_SLUG
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cast import World
from tests.deletion.acts import DAY, deletion
from tests.holds.acts import does, follow, place, release
from tests.situations import arrange, deletion_for, scheduled_for

OWN = ("me", "me-email", "me-sessions", "me-data", "me-copies", "me-requests", "me-holds", "me-restriction", "me-communications", "me-who", "me-values", "me-notices", "me-privacy", "rights")


def own_pages(client: Client) -> dict[str, str]:
    """Every page of the person, without what differs each time."""
    from django.urls import reverse
    found = {}
    for name in OWN:
        answer = client.get(reverse(name))
        assert answer.status_code == 200, name
        found[name] = re.sub(r'(name="(csrfmiddlewaretoken|key)" value="|nonce="|data-csrf="|hx-headers=.)[^"\']*|[0-9a-f]{8}-[0-9a-f-]{27}|\d+ (second|minute)s? ago|just now', "", answer.content.decode())
    for path in ("me/ledger/", "me/powers/", "me/requests/", "me/holds/", "me/copies/", "me/"):
        answer = client.get(f"/api/v1/{path}")
        found[path] = f"{answer.status_code} {answer.content.decode() if answer.status_code == 200 else ''}"
    return found


def mails(person: Membership, template: str) -> Iterator[Mail]:
    with tenancy.installation("a test reads mail"):
        yield from Mail.objects.filter(account_id=person.account_id, template=template)


def sent() -> str:
    """Every mail that is due, as text."""
    with tenancy.installation("mail"):
        while outbox.deliver(now=datetime.now(UTC) + DAY):
            pass
    return "\n".join(f.read_text(errors="replace") for f in Path(live.MAILBOX).rglob("*") if f.is_file())


def test_from_the_matter_to_the_release_on_pages(world: World) -> None:
    org, there = world.north, world.contoso
    base, legal, other = f"/o/{org.slug}/", client_for(org.person("legal")), client_for(org.person("administrator"))
    assert "No matter yet" in legal.get(base + "holds/").content.decode()
    assert legal.post(base + "do/open-matter/", {"name": "Smith v. Jones", "note": ""}).status_code == 302
    with tenancy.scope(org=org.organization.id):
        word = people.matters(org.organization.id, None).get()
    data = {"matter": str(word.id), "custodians": f"WORKER@{org.slug}.example\n guest@{org.slug}.example", "categories": ["user.content.private"], "disclosure": "no", "ground": "The claim of Smith"}
    arrange(lambda: Membership.objects.filter(id=org.person("member").id).update(status="invited", joined_at=None))
    for wrong, words in (({"custodians": f"member@{org.slug}.example"}, "nobody’s who is or was"), ({"custodians": "nobody@nowhere.example"}, "nobody’s who is or was"), ({"custodians": ""}, "Name at least one"), ({"matter": str(uuid.uuid4())}, "There is nothing here"), ({"ground": ""}, "required"),
                         ({"first_day": "2026-02-01", "last_day": "2026-01-01"}, "first day is after"), ({"groups": [str(uuid.uuid4())]}, "There is nothing here"), ({"categories": ["x"]}, "valid choice")):
        answer = legal.post(base + "do/place-hold/", {**data, **wrong})
        assert answer.status_code == 422 and words in answer.content.decode(), wrong
    answer = legal.post(base + "do/place-hold/", data)
    assert answer.status_code == 302 and answer["Location"] == base + "holds/"
    with tenancy.scope(org=org.organization.id):
        hold = LegalHold.objects.get(matter=word)
        assert {one.subject for one in people.custodies(org.organization.id, hold=hold.id)} == {org.person("worker").account_id, org.person("guest").account_id}
    number_all()
    with tenancy.scope(org=org.organization.id):
        seen = queries.page(org=org.organization.id, filters=queries.Filters(action="data.legal_hold.placed")).entries[0]
    text = orjson.dumps(seen.record).decode() + str(seen.open)
    assert str(org.person("worker").account_id) not in text and "Smith" not in text and seen.record["facts"]["people"] == 2, "whoever only reads the log finds neither whom nor why"
    refused = legal.post(base + "do/confirm-hold/", {"hold": str(hold.id)})
    assert refused.status_code == 422 and "not whoever placed" in refused.content.decode()
    assert other.post(base + "do/confirm-hold/", {"hold": str(hold.id)}).status_code == 302
    shown = legal.get(f"{base}holds/{hold.id}/").content.decode()
    assert "The claim of Smith" in shown and "Messages and notes" in shown and "In force" in shown and f"worker@{org.slug}.example" in shown
    assert "Smith v. Jones" in legal.get(f"{base}holds/matters/{word.id}/").content.decode()
    api = legal.get(f"/api/v1/orgs/{org.slug}/holds/{hold.id}/").json()
    assert api["state"] == "in_force" and len(api["custodians"]) == 2 and api["people"] == 2
    assert legal.post(base + "do/close-matter/", {"matter": str(word.id)}).status_code == 422
    stranger = client_for(there.person("owner"))
    for path in (f"holds/{hold.id}/", f"holds/matters/{word.id}/"):
        assert stranger.get(f"/o/{there.slug}/{path}").status_code == 404 and client_for(org.person("auditor")).get(base + path).status_code in {403, 404}
    assert stranger.get(f"/api/v1/orgs/{there.slug}/holds/{hold.id}/").status_code == 404
    for slug in ("release-hold", "add-custodians", "confirm-hold"):
        with pytest.raises(Refused) as found:
            does(there, slug, by="owner", hold=str(hold.id), custodians="x@y.example", ground="g")
        assert found.value.codes == ["not_found"]
    release(org, hold)
    assert "Released" in legal.get(f"{base}holds/{hold.id}/").content.decode()
    assert legal.post(base + "do/close-matter/", {"matter": str(word.id)}).status_code == 302


def test_nobody_finds_out_about_a_hold_of_which_they_are_not_told(world: World) -> None:
    """Not a letter of their pages and answers changes; nor does anything tell an administrator who is held, or reads the log."""
    org, person, administrator = world.north, world.north.person("worker"), world.north.person("administrator")
    client, boss = client_for(person), client_for(administrator)
    before = own_pages(client)
    hold = place(org, person, administrator, confirmed="owner")
    follow()
    running.run(now=datetime.now(UTC) + timedelta(days=800))
    follow()
    after = own_pages(client)
    assert {name for name in before if before[name] != after[name]} == set()
    assert "legal reason" in client.get("/me/delete/").content.decode(), "what is asked for is answered truthfully"
    assert not list(mails(person, "hold-news")) and not list(mails(administrator, "hold-managers")) and list(mails(org.person("second-owner"), "hold-managers"))
    base = f"/o/{org.slug}/"
    with tenancy.scope(org=org.organization.id):
        name = LegalHold.objects.select_related("matter").get(id=hold.id).matter
    assert name.name in client_for(org.person("owner")).get(base + "holds/").content.decode()
    for path in ("holds/", "do/place-hold/", "do/release-hold/", "do/close-matter/", "audit/retention/", "audit/?action=data.legal_hold.placed"):
        shown = boss.get(base + path).content.decode()
        assert name.name not in shown and str(hold.id) not in shown.replace(f"hold&quot;: &quot;{hold.id}", ""), path
    assert boss.get(f"{base}holds/{hold.id}/").status_code == boss.get(f"{base}holds/matters/{name.id}/").status_code == 404
    assert boss.get(f"/api/v1/orgs/{org.slug}/holds/").json() == {"holds": []} and boss.get(f"/api/v1/orgs/{org.slug}/holds/{hold.id}/").status_code == 404
    with pytest.raises(Refused):
        does(org, "release-hold", by="administrator", hold=str(hold.id), ground="mine")
    with pytest.raises(Refused):
        does(org, "release-hold", by="legal", second="administrator", hold=str(hold.id), ground="theirs")
    with tenancy.scope(org=org.organization.id):
        assert log_holds.covers(org=org.organization.id, subject=administrator.account_id)


def test_a_deletion_that_waits_says_so_everywhere_and_goes_on_everywhere(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    arrange(lambda: scheduled_for(person, "schedule-deletion"))
    owner, base = client_for(org.person("owner")), f"/o/{org.slug}/"
    hold = place(org, person)
    assert "A legal hold prevents this" in owner.get(base + "scheduled/").content.decode() and "It waits" in owner.get(f"{base}people/{person.id}/").content.decode()
    assert owner.get(f"/api/v1/orgs/{org.slug}/scheduled/").json()["scheduled"][0]["waits_for"][0]["code"] == "on_hold"
    assert "legal reason" in client_for(person).get("/me/").content.decode()
    release(org, hold)
    made: list[Deletion] = []
    arrange(lambda: made.append(deletion_for(person, by_person=True)))
    date = made[0].purge_at.strftime("%Y-%m-%d")
    visit = Client()
    arrange(lambda: RightsVisit.objects.create(account_id=person.account_id, session_hash=rights._hash("word"), address_hash=rights._of(person.account), made_at=datetime.now(UTC), link_until=datetime.now(UTC), until=datetime.now(UTC) + DAY))
    visit.cookies["steward_rights"] = "word"
    keep = own_deletion.link(made[0]).replace(live.STEWARD_URL, "")

    def shown() -> dict[str, str]:
        return {"person": owner.get(f"{base}people/{person.id}/").content.decode(), "list": owner.get(f"{base}people/?status=pending_deletion").content.decode(),
                "rights": visit.get("/rights/page/").content.decode(), "keep": visit.get(keep).content.decode(),
                "api": owner.get(f"/api/v1/orgs/{org.slug}/people/{person.id}/").content.decode()}
    before = shown()
    assert all(date in text for text in before.values()), {name: date in text for name, text in before.items()}
    hold = place(org, person)
    at_once = {name: text for name, text in shown().items() if name in {"person", "rights", "keep"}}
    follow()
    for name, text in {**at_once, **{f"{name}, later": text for name, text in shown().items()}}.items():
        assert date not in text.replace(f"{date} hold", "") and ("wait" in text), name
    now = shown()
    assert "legal reason" in now["rights"] and "legal reason" in now["keep"] and "legal hold" not in (now["rights"] + now["keep"]).lower()
    assert orjson.loads(now["api"])["purge_at"] is None and orjson.loads(now["api"])["purge_waits"] is True
    mail = sent()
    assert "A deletion waits" in mail and "It is not deleted for now" in mail
    arrange(lambda: Deletion.objects.filter(id=made[0].id).update(warned=False))
    with tenancy.installation("deletions are due"):
        purging.warn(now=made[0].purge_at - DAY)
    follow()
    assert not list(mails(person, "deletion-news")), "nobody is told a date that is none"
    release(org, hold)
    follow()
    assert orjson.loads(shown()["api"])["purge_waits"] is False and deletion(person).state == "waiting"  # type: ignore[union-attr]


def test_who_is_told_reads_it_is_reminded_and_hears_of_the_end(world: World) -> None:
    org, person, late = world.north, world.north.person("worker"), world.north.person("guest")
    hold = place(org, person, disclosure="yes")
    does(org, "add-custodians", hold=str(hold.id), custodians=late.account.email)
    follow()
    with tenancy.installation("look"):
        assert HoldNotice.objects.filter(hold=hold).count() == 2
    client = client_for(person)
    page = client.get("/me/holds/").content.decode()
    assert org.organization.name in page and "Do not delete" in page and hold.ground not in page
    with tenancy.installation("look"):
        mine, theirs = HoldNotice.objects.get(hold=hold, account_id=person.account_id), HoldNotice.objects.get(hold=hold, account_id=late.account_id)
    client.post("/me/holds/", {"notice": str(theirs.id)})
    client.post("/me/holds/", {"notice": str(mine.id)})
    with tenancy.installation("look"):
        assert HoldNotice.objects.get(id=mine.id).acknowledged_at and not HoldNotice.objects.get(id=theirs.id).acknowledged_at
    assert "You read it" in client.get("/me/holds/").content.decode() and "Not yet" in client_for(org.person("legal")).get(f"/o/{org.slug}/holds/{hold.id}/").content.decode()
    running.run(now=datetime.now(UTC) + timedelta(days=364))
    follow()
    assert len(list(mails(person, "hold-news"))) == 1
    running.run(now=datetime.now(UTC) + timedelta(days=366))
    running.run(now=datetime.now(UTC) + timedelta(days=366))
    follow()
    assert len(list(mails(person, "hold-news"))) == 2
    release(org, hold)
    follow()
    assert len(list(mails(person, "hold-news"))) == 3 and "Ended" in client.get("/me/holds/").content.decode()
    after = place(org, late, disclosure="after")
    follow()
    assert len(list(mails(late, "hold-news"))) == 3
    release(org, after)
    follow()
    assert len(list(mails(late, "hold-news"))) == 4 and "There was a legal hold on you" in sent()


def test_without_a_second_person_it_ends(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    hold = place(org, person, confirmed="")
    follow()
    assert "needs a second person" in sent()
    running.run(now=datetime.now(UTC) + timedelta(days=6))
    with tenancy.scope(org=org.organization.id):
        assert LegalHold.objects.get(id=hold.id).released_at is None
    running.run(now=datetime.now(UTC) + timedelta(days=8))
    with tenancy.scope(org=org.organization.id):
        row = LegalHold.objects.get(id=hold.id)
        assert row.lapsed and row.released_at and not log_holds.covers(org=org.organization.id, subject=person.account_id)
    with pytest.raises(Refused):
        does(org, "confirm-hold", by="owner", hold=str(hold.id))


def test_a_part_of_a_legal_hold_cannot_be_released_by_itself(world: World) -> None:
    """The log's own power does not reach what belongs to a legal hold."""
    org = world.north
    hold = place(org, org.person("worker"))
    with tenancy.scope(org=org.organization.id):
        row = log_holds.covers(org=org.organization.id)[0]
        assert row.within == hold.id and log_holds.every(org=org.organization.id) == []
    with pytest.raises(Refused):
        does(org, "release-audit-hold", hold=str(row.id), private_note="n")


def test_whoever_manages_the_hold_does_not_decide_about_the_deletion(world: World) -> None:
    from tests.situations import ready
    org = world.north
    person = ready(org, "delete-as-requested")
    place(org, person, by="administrator", confirmed="legal")
    for by, code in (("administrator", True), ("owner", False)):
        with pytest.raises(Refused) as refused, tenancy.scope(org=org.organization.id):
            door.perform(power=BY_SLUG["delete-as-requested"], actor=org.actor(by), ids=[person.id], data={}, now=datetime.now(UTC))
        assert ("hold_manager" in refused.value.codes) == code and "on_hold" in refused.value.codes

