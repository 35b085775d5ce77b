"""The dates of requests as a calendar: correct to the byte, without anybody's name, and only as long as whoever made the link may handle requests."""
from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import door, tenancy
from accounts.models import Account, Membership
from dsar.cases import calendar
from dsar.cases.calendar import Day
from dsar.cases.models import CalendarLink, Case
from dsar.powers import calendar_link, dialogue
from portal import logs
from tests.browse import client_for
from tests.cases.helpers import happen, received
from tests.cases.test_acts import own
from tests.cases.test_without_session import proven
from tests.cast import Org, World
from tests.situations import arrange, calendar_link_for


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


def parsed(text: str) -> list[dict[str, str]]:
    """The events, read as RFC 5545 says: lines end with CR LF, are at most 75 bytes, and are unfolded before anything else."""
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "") and "\r" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    lines = re.sub("\r\n[ \t]", "", text).split("\r\n")[:-1]
    assert lines[:2] == ["BEGIN:VCALENDAR", "VERSION:2.0"] and lines[-1] == "END:VCALENDAR" and all(re.match(r"[A-Z-]+[;:]", line) for line in lines)
    found: list[dict[str, str]] = []
    for line in lines:
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and line != "END:VEVENT" and line != "END:VCALENDAR":
            name, _colon, value = line.partition(":")
            assert name not in found[-1]
            found[-1][name] = value
    assert all({"UID", "DTSTAMP", "DTSTART;VALUE=DATE", "SUMMARY"} <= set(one) for one in found)
    return found


def test_escaping_and_folding() -> None:
    """Commas, semicolons, backslashes and line ends are no structure; a long line of wide letters is cut between letters."""
    words = "a,b;c\\d\r\nBEGIN:VEVENT\x00\x0b " + "日本" * 40 + "é" * 60
    event, = parsed(calendar.calendar([Day(UUID(int=7), "due", date(2026, 12, 31), words)], now=datetime(2026, 11, 27, 8, tzinfo=UTC)))
    assert event["SUMMARY"] == "a\\,b\\;c\\\\d\\nBEGIN:VEVENT " + "日本" * 40 + "é" * 60
    assert (event["DTSTART;VALUE=DATE"], event["DTEND;VALUE=DATE"], event["DTSTAMP"]) == ("20261231", "20270101", "20261127T080000Z") and event["UID"].startswith("00000000-0000-0000-0000-000000000007-due@")


def made(org: Org, name: str = "privacy-officer") -> str:
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=calendar_link.MAKE, actor=org.actor(name), data={}, now=datetime.now(UTC)).secret


def read(secret: str) -> tuple[int, str]:
    answer = Client().get(f"/calendar/{secret.split('/calendar/')[-1].split('/')[0]}/requests.ics")
    return answer.status_code, answer.content.decode()


def test_a_link_shows_references_and_rights_and_nobody(world: World) -> None:
    org, officer, person = world.north, world.north.person("privacy-officer"), world.north.person("worker")
    case, other = received(person, "access", "correct"), received(world.contoso.person("member"), "erasure")
    mine, barred = received(officer, "object"), received(world.north.person("guest"), "object")
    own(world.north.person("guest"), dialogue.BAR, request=barred.reference, administrator=str(officer.account_id))
    link = made(org)
    status, text = read(link)
    event, = parsed(text)
    assert status == 200 and case.reference in event["SUMMARY"] and "A copy of their data" in event["SUMMARY"] and event["DTSTART;VALUE=DATE"] == f"{case.statutory_due:%Y%m%d}"
    account = Account.objects.get(id=person.account_id)
    assert not any(word in text for word in (account.name, account.email, other.reference, mine.reference, barred.reference, str(person.account_id)))
    assert parsed(read(link)[1])[0]["UID"] == event["UID"], "the same date stays the same event"
    with tenancy.installation("look"):
        stored = CalendarLink.objects.get(account_id=officer.account_id)
    secret = link.split("/calendar/")[1].split("/")[0]
    assert bytes(stored.secret_hash) == calendar.digest(secret) and secret not in logs.mask(f"GET /calendar/{secret}/requests.ics")
    page = client_for(officer).get(f"/o/{org.slug}/requests/").content.decode()
    assert "end-calendar-link" in page and secret not in page
    second = made(org)
    assert read(link)[0] == 404 and read(second)[0] == 200, "one each: a new one ends the old one"
    happen(case, "refused", who="administrator", actor=officer.account_id, code="unfounded")
    assert parsed(read(second)[1]) == []
    with tenancy.scope(org=org.organization.id):
        door.perform(power=calendar_link.END, actor=org.actor("privacy-officer"), data={}, now=datetime.now(UTC))
    assert read(second)[0] == 404


def test_it_ends_with_what_it_rests_on(world: World) -> None:
    """A role that may not handle requests, a suspension, an end of all sessions: the next reading finds nothing. An unknown link, a long one and one too often are answered without a trace."""
    org = world.north

    def fresh() -> tuple[Membership, str]:
        person, found = org.person("privacy-officer"), []
        arrange(lambda: (Membership.objects.filter(id=person.id).update(status="active", role=org.roles["privacy-officer"]), found.append(calendar_link_for(person))))
        return person, found[0]

    for change in (lambda p: Membership.objects.filter(id=p.id).update(role=org.roles["member"]), lambda p: Membership.objects.filter(id=p.id).update(status="suspended"),
                   lambda p: Membership.objects.filter(id=p.id).update(access_epoch=99), lambda p: Account.objects.filter(id=p.account_id).update(auth_epoch=99)):
        person, secret = fresh()
        assert read(secret)[0] == 200
        arrange(lambda change=change, person=person: change(person))
        assert read(secret)[0] == 404
    assert read("stw_cal_" + "x" * 43)[0] == 404 and read("x" * 5000)[0] == 404
    assert 429 in [read("stw_cal_often")[0] for _ in range(41)]


def test_the_person_gets_a_file_of_their_own_request(world: World) -> None:
    person = world.north.person("worker")
    case = received(person, "access")
    client = client_for(person)
    answer = client.get(f"/me/requests/{case.id}/dates.ics")
    assert answer["Content-Type"].startswith("text/calendar") and case.reference in answer["Content-Disposition"]
    assert [one["DTSTART;VALUE=DATE"] for one in parsed(answer.content.decode())] == [f"{case.statutory_due:%Y%m%d}"]
    assert client_for(world.north.person("guest")).get(f"/me/requests/{case.id}/dates.ics").status_code == 404 and Client().get(f"/me/requests/{case.id}/dates.ics").status_code == 302
    assert f"/me/requests/{case.id}/dates.ics" in client.get(f"/me/requests/{case.id}/").content.decode()
    happen(case, "refused", who="administrator", code="unfounded")
    with tenancy.installation("look"):
        closed = Case.objects.get(id=case.id).closed_at
    assert closed is not None
    event, = parsed(client.get(f"/me/requests/{case.id}/dates.ics").content.decode())
    assert event["DTSTART;VALUE=DATE"] == f"{closed + timedelta(days=60):%Y%m%d}"
    follower = proven(person)
    assert parsed(follower.get("/rights/status/dates.ics").content.decode()) and Client().get("/rights/status/dates.ics").status_code == 404
