"""The clock: the vectors of RIGHTS 2b, what each law allows, and what holds for every sequence of events."""
from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from dsar.clock.days import Seat, add_months
from dsar.clock.explained import explain
from dsar.clock.reckoning import Clock, Event, Kind, NotReceived, Reckoned, clock
from dsar.clock.regimes import applicable, read, regimes
from tests.dsar import walker

ENGLAND, BERLIN = Seat("GB", "ENG", "Europe/London"), Seat("DE", "BE", "Europe/Berlin")
CALIFORNIA, BRAZIL, RICHMOND = Seat("US", "CA", "America/Los_Angeles"), Seat("BR", "SP", "America/Sao_Paulo"), Seat("US", "VA", "America/New_York")


def on(seat: Seat, *events: tuple[Kind, str]) -> list[Event]:
    """Events at noon of these days at the seat."""
    return [Event(kind, datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(seat.zone))) for kind, day in events]


def reckon(law: str, seat: Seat, *events: tuple[Kind, str], right: str = "access") -> Reckoned:
    return clock(on(seat, *events), under=[law], right=right, seat=seat).reckoned[0]


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(("received", "raw", "england", "berlin", "raw3", "england3", "berlin3"), [
    ("2026-03-05", "2026-04-05", "2026-04-07", "2026-04-07", "2026-06-05", "2026-06-05", "2026-06-05"),
    ("2026-01-31", "2026-02-28", "2026-03-02", "2026-03-02", "2026-04-30", "2026-04-30", "2026-04-30"),
    ("2028-01-31", "2028-02-29", "2028-02-29", "2028-02-29", "2028-04-30", "2028-05-02", "2028-05-02"),
    ("2026-08-31", "2026-09-30", "2026-09-30", "2026-09-30", "2026-11-30", "2026-11-30", "2026-11-30"),
    ("2026-09-03", "2026-10-03", "2026-10-05", "2026-10-05", "2026-12-03", "2026-12-03", "2026-12-03"),
    ("2026-11-25", "2026-12-25", "2026-12-29", "2026-12-28", "2027-02-25", "2027-02-25", "2027-02-25"),
    ("2026-11-30", "2026-12-30", "2026-12-30", "2026-12-30", "2027-02-28", "2027-03-01", "2027-03-01"),
    ("2026-04-03", "2026-05-03", "2026-05-05", "2026-05-04", "2026-07-03", "2026-07-03", "2026-07-03"),
])
def test_months(received: str, raw: str, england: str, berlin: str, raw3: str, england3: str, berlin3: str) -> None:
    assert (add_months(day(received), 1), add_months(day(received), 3)) == (day(raw), day(raw3))
    for law, seat, due, due3 in (("uk", ENGLAND, england, england3), ("eu", BERLIN, berlin, berlin3)):
        plain = reckon(law, seat, ("received", received))
        assert plain.statutory_due == day(due)
        assert plain.extension_notice_by == day(raw), "the notice is due un-rolled"
        longer = reckon(law, seat, ("received", received), ("extended", raw))
        assert (longer.extended, longer.statutory_due) == (True, day(due3))


def test_california() -> None:
    first = reckon("california", CALIFORNIA, ("received", "2026-12-18"))
    assert (first.acknowledge_by, first.statutory_due) == (day("2027-01-05"), day("2027-02-01"))
    assert first.acknowledge_target == day("2027-01-01"), "the target skips weekends only"
    assert reckon("california", CALIFORNIA, ("received", "2026-12-18"), ("extended", "2027-01-20")).statutory_due == day("2027-03-18")
    assert reckon("california", CALIFORNIA, ("received", "2026-03-27")).acknowledge_by == day("2026-04-13"), "Cesar Chavez Day is skipped"
    asked = reckon("california", CALIFORNIA, ("received", "2026-12-18"), ("identity_asked", "2026-12-19"), ("identity_proven", "2027-01-10"))
    assert (asked.statutory_due, asked.refused) == (day("2027-02-01"), ("no_pauses",))
    opt_out = reckon("california", CALIFORNIA, ("received", "2026-03-27"), ("extended", "2026-04-01"), right="opt_out")
    assert (opt_out.statutory_due, opt_out.internal_target, opt_out.refused) == (day("2026-04-20"), day("2026-04-17"), ("no_extension",))


def test_united_kingdom_clarification_and_start() -> None:
    asked = reckon("uk", ENGLAND, ("received", "2026-03-02"), ("clarification_asked", "2026-03-04"), ("clarified", "2026-03-10"))
    assert (asked.statutory_due, asked.extension_notice_by) == (day("2026-04-09"), day("2026-04-09"))
    open_ = reckon("uk", ENGLAND, ("received", "2026-03-02"), ("clarification_asked", "2026-03-04"))
    assert (open_.standing_still_since, open_.statutory_due) == (day("2026-03-04"), day("2026-04-02"))
    waiting = reckon("uk", ENGLAND, ("received", "2026-03-02"), ("identity_asked", "2026-03-03"))
    assert (waiting.started_on, waiting.statutory_due) == (None, None)
    begun = reckon("uk", ENGLAND, ("received", "2026-03-02"), ("identity_asked", "2026-03-03"), ("identity_proven", "2026-03-20"), ("fee_asked", "2026-03-03"), ("fee_paid", "2026-03-10"))
    assert (begun.started_on, begun.statutory_due) == (day("2026-03-20"), day("2026-04-20"))


def test_united_kingdom_complaint() -> None:
    assert reckon("uk", ENGLAND, ("received", "2025-06-05"), right="complaint").acknowledge_by == day("2025-07-07")
    assert reckon("uk", ENGLAND, ("received", "2025-06-05")).acknowledge_by is None


def test_europe_stands_still_only_when_asked_at_once() -> None:
    prompt = reckon("eu", BERLIN, ("received", "2026-06-01"), ("identity_asked", "2026-06-03"), ("identity_proven", "2026-06-10"))
    assert prompt.statutory_due == day("2026-07-08"), "seven days, from asking up to the day before the answer"
    late = reckon("eu", BERLIN, ("received", "2026-06-01"), ("identity_asked", "2026-06-07"), ("identity_proven", "2026-06-10"))
    assert (late.statutory_due, late.refused) == (day("2026-07-01"), ("asked_too_late",))
    assert reckon("eu", BERLIN, ("received", "2026-06-01"), ("identity_asked", "2026-06-06"), ("identity_proven", "2026-06-08")).statutory_due == day("2026-07-03"), "the fifth day is in time"
    both = reckon("eu", BERLIN, ("received", "2026-06-01"), ("identity_asked", "2026-06-02"), ("clarification_asked", "2026-06-03"), ("clarified", "2026-06-05"), ("identity_proven", "2026-06-10"))
    assert both.statutory_due == day("2026-07-09"), "days on which two questions are open count once"


def test_brazil_and_virginia() -> None:
    brazil = reckon("brazil", BRAZIL, ("received", "2026-06-01"), ("extended", "2026-06-05"))
    assert (brazil.acknowledge_by, brazil.statutory_due, brazil.refused) == (day("2026-06-01"), day("2026-06-16"), ("no_extension",))
    virginia = reckon("virginia", RICHMOND, ("received", "2026-06-01"), ("extended", "2026-07-16"))
    assert virginia.statutory_due == day("2026-08-30")
    assert reckon("virginia", RICHMOND, ("received", "2026-06-01"), ("extended", "2026-07-17")).refused == ("extended_too_late",)
    assert reckon("virginia", RICHMOND, ("received", "2026-06-01"), right="appeal").statutory_due == day("2026-07-31")


def test_several_regimes_take_the_earliest() -> None:
    found = clock(on(BERLIN, ("received", "2026-01-31")), under=["eu", "california"], right="access", seat=BERLIN)
    assert found.earliest("statutory_due") == (day("2026-03-02"), "eu")
    assert found.earliest("acknowledge_by") == (day("2026-02-13"), "california")
    assert (found.days_left(day("2026-03-01")), found.days_left(day("2026-03-02")), found.days_left(day("2026-03-05"))) == (1, 0, -3)


def test_answered() -> None:
    for when, late in (("2026-03-02", False), ("2026-03-03", True)):
        found = clock(on(BERLIN, ("received", "2026-01-31"), ("answered", when)), under=["eu"], right="access", seat=BERLIN)
        assert (found.late, found.days_left(day("2026-05-01"))) == (late, None)


def test_the_day_is_the_one_at_the_seat() -> None:
    """The same instant is the last of January in Los Angeles and the first of February in Berlin."""
    instant = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    assert (BERLIN.day(instant), CALIFORNIA.day(instant)) == (day("2026-02-01"), day("2026-01-31"))
    assert BERLIN.end_of(day("2026-03-29")) == datetime(2026, 3, 29, 22, tzinfo=UTC), "the day on which summer time begins is an hour shorter"


@pytest.mark.parametrize(("seat", "residence", "employee", "laws"), [
    ("DE", "", False, ("eu",)), ("GB", "FR", False, ("eu", "uk")), ("US", "US-CA", True, ("california",)), ("US", "US-VA", False, ("virginia",)), ("US", "US-VA", True, ("eu",)),
    ("NO", "BR", False, ("eu", "brazil")), ("JP", "", False, ("eu",)), ("de", "us-ca", False, ("eu", "california"))])
def test_which_law_applies(seat: str, residence: str, employee: bool, laws: tuple[str, ...]) -> None:
    assert applicable(seat=seat, residence=residence, employee=employee) == laws


def test_every_date_is_explained() -> None:
    words = explain(reckon("eu", BERLIN, ("received", "2026-01-31")))
    assert words == ["Received on Jan. 31, 2026; European data protection law (GDPR) applies.",
                     "1 month, the day it begins not counted, ends on Feb. 28, 2026. That month has no day with the same number, so it is its last day.", "Feb. 28, 2026 is a Saturday.", "Due by the end of March 2, 2026."]
    assert "The extension was told too late and does not count." in explain(reckon("eu", BERLIN, ("received", "2026-01-31"), ("extended", "2026-04-01")))
    assert "Easter Monday" in " ".join(explain(reckon("uk", ENGLAND, ("received", "2026-03-06"))))
    events: list[tuple[Kind, str]] = [("received", "2026-06-01"), ("identity_asked", "2026-06-02"), ("identity_proven", "2026-06-05"), ("fee_asked", "2026-06-02"), ("fee_paid", "2026-06-03"),
                                      ("clarification_asked", "2026-06-04"), ("clarified", "2026-06-30"), ("clarification_asked", "2026-07-01"), ("extended", "2026-06-20"), ("extended", "2026-06-21")]
    for law, seat in (("eu", BERLIN), ("uk", ENGLAND), ("california", CALIFORNIA), ("brazil", BRAZIL), ("virginia", RICHMOND)):
        for some in range(1, len(events) + 1):
            assert explain(reckon(law, seat, *events[:some])), "each step has words"


def test_without_a_receipt_there_is_no_clock() -> None:
    with pytest.raises(NotReceived):
        clock(on(BERLIN, ("answered", "2026-01-31")), under=["eu"], right="access", seat=BERLIN)


@pytest.mark.parametrize("text", ["", "[eu]\nperiod = 1", "[eu]\nsource = 's'\nstarts = 'receipt'\nroll = true\npauses = 'never'\nperiod = {months = 1}", "nonsense", "[eu]\nsurprise = 1",
                                  "[eu]\nsource = 's'\nstarts = 'receipt'\nroll = true\npauses = 'none'\nperiod = {weeks = 1}"])
def test_a_wrong_file_of_numbers_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "numbers.toml"
    if text:
        path.write_text(text)
    with pytest.raises(ImproperlyConfigured):
        read(path)


def test_a_wrong_file_is_found_by_check(settings: object, tmp_path: Path) -> None:
    from dsar.checks import legal_numbers

    assert legal_numbers() == []
    path = tmp_path / "numbers.toml"
    for text in ("surprise", "[eu]\nsource = 's'\nstarts = 'receipt'\nroll = true\npauses = 'none'\nperiod = {months = 1}"):
        path.write_text(text)
        settings.LEGAL_NUMBERS = str(path)  # type: ignore[attr-defined]
        assert [error.id for error in legal_numbers()] == ["dsar.E003"]


_KINDS: list[Kind] = ["identity_asked", "identity_proven", "fee_asked", "fee_paid", "clarification_asked", "clarified", "extended", "answered"]
_SEATS = {"eu": BERLIN, "uk": ENGLAND, "california": CALIFORNIA, "brazil": BRAZIL, "virginia": RICHMOND}
_START = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, list[Event]]:
    law = draw(st.sampled_from(sorted(_SEATS)))
    received = _START + timedelta(hours=draw(st.integers(0, 24 * 900)))
    more = draw(st.lists(st.tuples(st.sampled_from(_KINDS), st.integers(1, 24 * 80)), max_size=8, unique_by=lambda e: e[1]))
    return law, [Event("received", received), *(Event(kind, received + timedelta(hours=h)) for kind, h in more)]


def _of(law: str, events: list[Event]) -> Clock:
    return clock(events, under=[law], right="access", seat=_SEATS[law])


@given(histories(), st.randoms())
def test_whatever_happened(history: tuple[str, list[Event]], chance: object) -> None:
    law, events = history
    found = _of(law, events).reckoned[0]
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _of(law, shuffled).reckoned[0] == found, "replaying gives the same, in whatever order the events are kept"
    plain = _of(law, [e for e in events if e.kind == "received"]).reckoned[0]
    if found.statutory_due is None:
        assert law == "uk"
        return
    assert found.internal_target is not None and plain.statutory_due is not None
    assert found.internal_target <= found.statutory_due
    assert found.statutory_due >= plain.statutory_due, "nothing that happens makes a deadline earlier"
    if regimes()[law].roll:
        assert not _SEATS[law].closed(found.statutory_due)
    if regimes()[law].pauses == "none":
        assert found.standing_still_since is None and found.statutory_due in {plain.statutory_due, _of(law, [events[0], Event("extended", events[0].at)]).statutory_due}


@given(st.sampled_from(sorted(_SEATS)), st.integers(0, 900), st.integers(0, 400))
def test_who_asks_later_is_answered_no_earlier(law: str, first: int, more: int) -> None:
    days = [_of(law, [Event("received", _START + timedelta(days=n, hours=12))]).statutory_due for n in (first, first + more)]
    assert days[0] <= days[1]  # type: ignore[operator]


def test_a_hundred_thousand_cases_against_a_walker() -> None:
    """Every date of a second clock, written another way, for random histories under every law."""
    chance = random.Random(2026)
    laws = sorted(_SEATS)
    for _n in range(100_000):
        law = chance.choice(laws)
        seat = _SEATS[law]
        received = date(2024, 1, 1) + timedelta(days=chance.randrange(2200))
        pauses, day = [], received
        for _pause in range(chance.choice([0, 0, 1, 2])):
            asked = day + timedelta(days=chance.randrange(0, 9))
            day = asked + timedelta(days=chance.randrange(0, 12))
            pauses.append((asked, day))
            day += timedelta(days=1)
        extended = chance.random() < 0.3
        noon = time(12, tzinfo=ZoneInfo(seat.zone))
        events = [Event("received", datetime.combine(received, time(9, tzinfo=ZoneInfo(seat.zone))))]
        for asked, answered in pauses:
            events += [Event("clarification_asked", datetime.combine(asked, noon)), Event("clarified", datetime.combine(answered, noon) + timedelta(hours=1))]
        if extended:
            events.append(Event("extended", datetime.combine(received, noon) + timedelta(minutes=1)))
        found = clock(events, under=[law], right="access", seat=seat).reckoned[0].statutory_due
        assert found == walker.due(law, received, pauses, extended=extended, seat=seat), (law, received, pauses, extended)
