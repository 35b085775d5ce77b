"""The page about one's data and rights: who decides what, by when, and how it stands, for an unmanaged, a managed, a suspended and a restricted person."""
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from html import unescape

from django.test import Client
from django.utils.formats import date_format

from accounts import tenancy
from accounts.models import Account, Management, Membership, RightsRequest
from dsar.cases import intake
from dsar.cases.models import Action, Case
from dsar.models import Copy
from dsar.restriction.model import Restriction
from portal import my_rights, standing
from portal.urls import urlpatterns
from tests.browse import client_for
from tests.cast import PASSWORD, World
from tests.deletion.acts import act
from tests.situations import arrange, case_for, restriction_for

RIGHTS = ("Get a copy", "Take it elsewhere", "Correct it", "Restrict its use", "Object to a use", "Withdraw a consent", "No mail beyond what is needed", "Deactivate", "Delete", "Complain")


def text(person: Membership) -> str:
    answer = client_for(person).get("/me/privacy/")
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def test_four_people(world: World) -> None:
    org, managed, alone = world.north, world.north.person("worker"), world.north.person("member")
    reference = intake.reference()
    arrange(lambda: (Management.objects.filter(account_id=alone.account_id).delete(), case_for(managed, reference, "triage"), restriction_for(alone), Case.objects.filter(reference=reference).update(statutory_due=date(2027, 1, 4)),
                     Copy.objects.create(account_id=alone.account_id, asked_at=datetime.now(UTC))))
    words = text(managed)
    assert all(f">{right}</h3>" in words for right in RIGHTS), words
    assert f"{org.organization.name} manages your account" in words and f"{org.organization.name}, which manages your account." in words
    assert reference in words and f"Answer due {date_format(date(2027, 1, 4))}." in words and "data protection authority" in words
    words = text(alone)
    assert "Nobody but you manages your account" in words and "A copy is being made." in words and f"Restricted at {org.organization.name}." in words
    assert reference not in words, "what somebody else asked is nowhere"
    arrange(lambda: Membership.objects.filter(id=managed.id).update(status="suspended"))
    assert all(f">{right}</h3>" in text(managed) for right in RIGHTS)


def test_the_date_is_the_clocks(world: World) -> None:
    """31 January is the day that naive months get wrong."""
    now = datetime(2027, 1, 31, 12, tzinfo=UTC)
    member = [world.north.person("worker")]
    place, = my_rights.places(member, None, now=now)
    assert place.due >= datetime(2027, 2, 28).date() and place.due <= datetime(2027, 3, 2).date()
    cards = my_rights.cards(world.north.person("worker").account, [place], resting=standing.Standing((), ()), now=now)
    assert next(c for c in cards if c.key == "correct").by_when == f"If you ask today: by {date_format(place.due)}."
    assert my_rights.places(member, None, now=now + timedelta(days=30))[0].due > place.due


def test_whoever_is_suspended_uses_every_right(world: World) -> None:
    """Signed in anew after the suspension: every page of one's own opens, and each right is used to its end there (RIGHTS 3, POWERS P1 and P2)."""
    org, person = world.north, world.north.person("worker")
    arrange(lambda: Membership.objects.filter(id=person.id).update(title="Enginer"))
    act(org, "suspend", person, reason_code="absence", message="Until you are back.", until=datetime.now(UTC) + timedelta(days=9))
    client, address = Client(), Account.objects.get(id=person.account_id).email
    assert client.post("/sign-in/", {"login": address, "password": PASSWORD}).status_code == 302
    door = client.get(f"/o/{org.slug}/?services")
    assert door.status_code == 403 and "/me/privacy/" in door.content.decode()
    for path in [f"/{p.pattern}" for p in urlpatterns if str(p.pattern).startswith("me/") and "<" not in str(p.pattern) and p.name not in {"me-new-organization", "me-new-notices"}]:
        assert client.get(path).status_code == 200, path
    words = " ".join(unescape(client.get("/me/privacy/").content.decode()).split())
    for said in (f"Your access to {org.organization.name} is suspended", "On leave or away", "Until you are back.", "It comes back by itself at", "every right on this page is yours", "closed while your access is suspended"):
        assert said in words, said
    assert "Edit your title" not in client.get("/me/who/").content.decode()

    def post(path: str, **data: str) -> None:
        answer = client.post(path, data)
        assert answer.status_code == 302 and "/sign-in/" not in answer["Location"], (path, answer.status_code, answer.get("Location"))

    key = {"organization": org.slug, "key": "k"}
    post("/me/copies/", key="c")
    post("/me/requests/", right="object", message="No longer.", **key)
    post("/me/restriction/", membership=str(person.id), trigger="asked", message="", key="r")
    post("/me/communications/", wanted="off", key="o")
    form = client.get(f"/o/{org.slug}/people/{person.id}/dispute-value/?field=title").content.decode()
    assert f"/o/{org.slug}/find/" not in form and f'href="/o/{org.slug}/people/"' not in form and 'href="/me/values/"' in form, "it leads nowhere that is closed"
    post(f"/o/{org.slug}/people/{person.id}/dispute-value/", field="title", proposed="Engineer", words="A letter is missing.", key="v")
    assert "Nobody has answered yet." in client.get("/me/values/").content.decode()
    post(f"/o/{org.slug}/people/{person.id}/withdraw-dispute/", field="title", key="w")
    post("/me/delete/", act="ask-own-deletion", words="I have left.")
    with tenancy.installation("a test looks"):
        assert Copy.objects.filter(account_id=person.account_id).count() == 1 and Restriction.objects.filter(account_id=person.account_id).exclude(state="lifted").count() == 1
        assert {row.right for row in Action.objects.filter(account_id=person.account_id)} >= {"object", "correct"}
        assert RightsRequest.objects.filter(account_id=person.account_id, state="open").count() == 1
    other = org.person("member")
    assert client.post(f"/o/{org.slug}/people/{other.id}/dispute-value/", {"field": "title", "proposed": "X", "words": "x"}).status_code == 404, "nobody else's values"
    assert client.post(f"/o/{org.slug}/people/{person.id}/edit-own-details/", {"title": "X"}).status_code == 403, "what is no right stays closed"
    manager = client_for(org.person("people-manager"))
    act(org, "suspend", org.person("people-manager"), reason_code="absence")
    assert manager.get(f"/o/{org.slug}/people/{other.id}/dispute-value/").status_code == 404, "a right gives no look at others"
    arrange(lambda: Management.objects.filter(account_id=person.account_id).delete())
    post("/me/deactivate/")
    assert Account.objects.get(id=person.account_id).status == "deactivated"
