"""What restricts the use of somebody's data by itself, and what does not."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from accounts import tenancy
from audit import subscribers
from dsar.cases import running
from dsar.cases.models import Case
from dsar.powers import cases, dialogue
from dsar.restriction.model import Restriction
from tests.audit.logs import number_all
from tests.cases.helpers import happen, received
from tests.cases.test_acts import own, the_case
from tests.cast import World


def follow() -> None:
    number_all()
    with tenancy.installation("the worker"):
        subscribers.drain()


def triggers(world: World, name: str = "worker") -> list[tuple[str, str]]:
    with tenancy.installation("a test looks"):
        return list(Restriction.objects.filter(account_id=world.north.person(name).account_id).values_list("trigger", "state"))


def refused(world: World, right: str) -> Case:
    case = received(world.north.person("worker"), right)
    happen(case, "refused", who="administrator", code="not_applicable")
    return case


def test_an_answer_that_the_person_disagrees_with(world: World) -> None:
    case = refused(world, "erasure")
    follow()
    assert triggers(world) == []
    own(world.north.person("worker"), dialogue.DISPUTE, request=str(case.id), message="No.")
    follow()
    follow()
    assert triggers(world) == [("dispute", "provisional")]


@pytest.mark.parametrize(("right", "level", "found"), [("object", 1, [("objection", "provisional")]), ("restrict", 1, [("asked", "provisional")]), ("access", 2, []), ("object", 0, [])])
def test_what_is_asked_for_and_known_to_be_asked(world: World, right: str, level: int, found: list[tuple[str, str]]) -> None:
    received(world.north.person("worker"), right, level=level)
    follow()
    assert triggers(world) == found


def test_a_date_that_was_missed_of_what_is_proven(world: World) -> None:
    late = datetime.now(UTC) - timedelta(days=60)
    received(world.north.person("worker"), "access", now=late)
    happen(received(world.north.person("guest"), "access", level=1), "breached", code="forced")
    running.look(now=datetime.now(UTC))
    follow()
    assert triggers(world) == [("delay", "provisional")]
    assert triggers(world, "guest") == [], "nobody proved that it was them"


def test_what_is_kept_of_what_was_to_be_deleted(world: World) -> None:
    case = received(world.north.person("worker"), "erasure")
    for event, who in (("planned", "administrator"), ("approved", "administrator"), ("started", "schedule")):
        happen_planned(case, event, who)
    happen(case, "fulfilled_in_part", who="administrator", outcomes={"erasure": "partial"}, code="legal_claims")
    follow()
    assert triggers(world) == [("remainder", "provisional")]


def happen_planned(case: Case, event: str, who: str) -> None:
    from tests.situations import arrange

    if event == "approved":
        arrange(lambda: Case.objects.filter(id=case.id).update(plan_hash="x"))
    happen(case, event, who=who)


def test_what_was_settled_before_anybody_looked_restricts_nothing(world: World) -> None:
    """A subscriber that comes late, or is new, sees the case as it is."""
    worker = world.north.person("worker")
    case = refused(world, "access")
    own(worker, dialogue.DISPUTE, request=str(case.id), message="No.")
    happen(case, "upheld", who="administrator", actor=uuid4())
    own(worker, cases.ASK, right="object", organization="", message="")
    own(worker, cases.WITHDRAW, request=str(the_case(worker).id))
    follow()
    assert triggers(world) == []
