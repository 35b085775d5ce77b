"""A missed date brings an apology and a new date; a dispute has a time of its own; what was done by hand needs two people and evidence."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from accounts import tenancy
from accounts.reasons import Refused
from dsar.cases import dates, running
from dsar.cases.models import Action, Case, Happening, Task
from dsar.powers import carrying, dialogue
from tests.cases.helpers import happen, received
from tests.cases.test_acts import by, letters
from tests.cases.test_carrying import agree
from tests.cast import World
from tests.situations import arrange


def now_is(case: Case) -> Case:
    with tenancy.installation("look"):
        return Case.objects.get(id=case.id)


def codes(case: Case, event: str) -> list[str]:
    with tenancy.installation("look"):
        return list(Happening.objects.filter(case=case, event=event).order_by("at").values_list("code", flat=True))


def test_a_missed_date_brings_a_new_one_that_is_watched_too(world: World) -> None:
    person, now = world.north.person("worker"), datetime.now(UTC)
    case = received(person, "object", now=now - timedelta(days=40))
    for moment in (now, now + timedelta(days=1), now + timedelta(days=6, hours=1), now + timedelta(days=6, hours=2), now + timedelta(days=9), now + timedelta(days=12)):
        running.look(now=moment)
    promised = (now + timedelta(days=7)).date().isoformat()
    assert len(codes(case, "breached")) == 1 and codes(case, "warned") == [f"{promised}:promise", f"{promised}:promise-missed"]
    told = next(words for words in letters(person.account_id) if "was missed" in words)
    assert "We are sorry" in told and "Now you are to be answered by" in told and "data protection authority" in told
    assert len(letters(world.north.person("owner").account_id, "case-waits")) >= 3


def test_warnings_come_once_at_seven_three_and_one_day(world: World) -> None:
    start = datetime.now(UTC) - timedelta(days=60)
    case = received(world.north.person("worker"), "object", now=start)
    due = case.statutory_due
    assert due is not None
    noon = datetime(due.year, due.month, due.day, 12, tzinfo=UTC)
    for days in (8, 7, 7, 5, 3, 2, 1, 1, 0):
        running.look(now=noon - timedelta(days=days))
    assert codes(case, "warned") == [f"{due}:7", f"{due}:3", f"{due}:1", f"{due}:0"]


def test_a_dispute_has_a_time_of_its_own_and_a_reversal_is_put_right_soon(world: World) -> None:
    """Under the law of Virginia sixty days; elsewhere as a request of that day. The first date, long past, is not missed a second time."""
    person, now = world.north.person("worker"), datetime.now(UTC)
    case = received(person, "object", now=now - timedelta(days=50))
    happen(case, "refused", who="administrator", actor=uuid4(), now=now - timedelta(days=30), code="unfounded")
    happen(case, "disputed", who="person", words="No.", now=now)
    row = now_is(case)
    assert row.statutory_due is not None and timedelta(days=27) < row.statutory_due - now.date() < timedelta(days=36)
    running.look(now=now)
    assert codes(case, "breached") == []
    arrange(lambda: Case.objects.filter(id=case.id).update(regimes=["virginia"]))
    with tenancy.installation("look"):
        row = Case.objects.get(id=case.id)
        assert dates.reckoned(row, row.actions.all(), row.happenings.all())["statutory_due"] == now.date() + timedelta(days=60)
    arrange(lambda: Case.objects.filter(id=case.id).update(regimes=["eu"]))
    by(world, "owner", dialogue.RESOLVE, case, outcome="reversed")
    row = now_is(case)
    assert row.state == "planned" and row.statutory_due == now.date() + timedelta(days=14)
    with tenancy.installation("look"):
        assert "put right" in " ".join(dates.explained(row, row.actions.all(), row.happenings.all()))


def test_two_people_finish_by_hand_with_evidence(world: World) -> None:
    person = world.north.person("worker")
    case = received(person, "access")
    assert not carrying.HandForm({"request": str(case.id), "outcome": "granted", "message": "Done.", "evidence": ""}).is_valid()
    with pytest.raises(Refused) as early:
        by(world, "owner", carrying.HAND, case, outcome="granted", ground="", evidence="Letter 17")
    assert early.value.codes == ["wrong_status"]
    for event, who in (("planned", "administrator"), ("approved", "administrator"), ("started", "schedule"), ("blocked", "schedule")):
        arrange(lambda: Case.objects.filter(id=case.id).update(plan_hash="x"))
        happen(case, event, who=who, actor=uuid4())
    arrange(lambda: Task.objects.create(case=case, action=Action.objects.get(case=case), organization=case.organization, account=case.account, kind="copy", state="failed"))
    plan = by(world, "privacy-officer", carrying.HAND, case, outcome="granted", ground="", evidence="Letter 17").plan_id
    assert plan and now_is(case).state == "blocked", "nobody alone"
    agree(world, plan, carrying.HAND, "owner")
    with tenancy.installation("look"):
        assert now_is(case).state == "fulfilled" and Task.objects.get(case=case).state == "done" and Happening.objects.get(case=case, event="by_hand").words == "Letter 17"
    assert any("It is done." in words for words in letters(person.account_id))
