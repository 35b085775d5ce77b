"""The page about one's data and rights: who decides what, by when, and how it stands, for an unmanaged, a managed, a suspended and a restricted person."""
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from html import unescape

from django.utils.formats import date_format

from accounts.models import Management, Membership
from dsar.cases import intake
from dsar.cases.models import Case
from dsar.models import Copy
from portal import my_rights
from tests.browse import client_for
from tests.cast import World
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
    place, = [p for p in my_rights.places(world.north.person("worker").account, now=now) if p.organization.id == world.north.organization.id]
    assert place.due >= datetime(2027, 2, 28).date() and place.due <= datetime(2027, 3, 2).date()
    cards = my_rights.cards(world.north.person("worker").account, [place], now=now)
    assert next(c for c in cards if c.key == "correct").by_when == f"If you ask today: by {date_format(place.due)}."
    assert my_rights.places(world.north.person("worker").account, now=now + timedelta(days=30))[0].due > place.due
