"""Two people at once, with real connections: one wins, the other is told, and there is one entry each time."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import connections

from accounts import bulk, bulk_run, door, tenancy
from accounts.models import Account, Membership
from accounts.people import load_people, usable_owners
from accounts.powers import BY_SLUG
from accounts.reasons import KeyReused, NotFound, Refused, Stale
from audit.models import Entry
from tests.cast import World
from tests.situations import WHY, arrange

Act = Callable[[], Any]


def at_once(world: World, *acts: Act) -> list[Any]:
    """What each act answered, or its refusal; they begin together, each on its own connection."""
    gate, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number: int, act: Act) -> None:
        try:
            with tenancy.scope(org=world.north.organization.id):
                gate.wait(10)
                answers[number] = act()
        except (Refused, Stale, NotFound, KeyReused) as refusal:
            answers[number] = refusal
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def entries(world: World, word: str) -> int:
    with tenancy.installation("counting"):
        return Entry.objects.filter(org=world.north.organization.id, record__contains=word).count()


def test_two_administrators_on_the_same_person_two_hundred_times(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    with tenancy.scope(org=org.organization.id):
        first, second = org.actor("administrator"), org.actor("people-manager")
    for number in range(200):
        with tenancy.scope(org=org.organization.id):
            version = load_people(organization_id=org.organization.id, ids=[person.id], lock=False)[0].etag

        def act(actor: Any, word: str, version: str = version) -> Any:
            return door.perform(power=BY_SLUG["update-profile"], actor=actor, ids=[person.id], data={"title": word}, now=datetime.now(UTC), version=version)

        answers = at_once(world, lambda n=number: act(first, f"first {n}"), lambda n=number: act(second, f"second {n}"))
        assert sorted(type(answer).__name__ for answer in answers) == ["Receipt", "Stale"]
        winner = "first" if isinstance(answers[0], door.Receipt) else "second"
        with tenancy.scope(org=org.organization.id):
            assert Membership.objects.get(id=person.id).title == f"{winner} {number}"
    with tenancy.installation("counting"):
        found = Entry.objects.filter(org=org.organization.id, record__contains='"profile.updated"')
        assert found.filter(record__contains='"success"').count() == 200
        assert found.filter(record__contains='"stale"').count() == 200


def test_an_owner_always_remains(world: World) -> None:
    """The two owners lock each other's account at the same moment, again and again."""
    org = world.north
    owner, second = org.person("owner"), org.person("second-owner")
    for _round in range(25):
        with tenancy.scope(org=org.organization.id):
            pairs = [(org.actor("owner"), second.id), (org.actor("second-owner"), owner.id)]
        answers = at_once(world, *(lambda actor=actor, target=target: door.perform(power=BY_SLUG["lockdown"], actor=actor, ids=[target], data=WHY, now=datetime.now(UTC)) for actor, target in pairs))
        with tenancy.scope(org=org.organization.id):
            assert usable_owners(organization_id=org.organization.id, without=[]) == 1
        assert sorted(type(answer).__name__ for answer in answers) == ["Receipt", "Refused"]
        arrange(lambda: Account.objects.filter(id__in=[owner.account_id, second.account_id]).update(status="active"))


def test_an_owners_suspension_ends_by_itself(world: World) -> None:
    """The schedule is nobody who could ask for a second person: what it does was agreed on before."""
    from datetime import timedelta

    from accounts import due

    person = world.north.person("second-owner")
    arrange(lambda: Membership.objects.filter(id=person.id).update(status="suspended", status_until=datetime.now(UTC) - timedelta(minutes=1)))
    due.run(now=datetime.now(UTC))
    with tenancy.scope(org=world.north.organization.id):
        assert Membership.objects.get(id=person.id).status == "active"


def test_the_same_key_twice_at_once_is_one_act(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("owner")
    for number in range(30):
        key = uuid.uuid4().hex

        def act(key: str = key, number: int = number) -> Any:
            return door.perform(power=BY_SLUG["update-profile"], actor=actor, ids=[person.id], data={"title": f"t{number}"}, now=datetime.now(UTC), key=key)

        one, other = at_once(world, act, act)
        assert one.entries == other.entries
        assert sorted((one.repeated, other.repeated)) == [False, True]


def test_a_plan_confirmed_twice_at_once_runs_once(world: World) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("owner")
    for _round in range(10):
        with tenancy.scope(org=org.organization.id):
            plan = bulk.freeze(power=BY_SLUG["revoke-sessions"], actor=actor, data={}, now=datetime.now(UTC), ids=[org.person("worker").id, org.person("guest").id])
        before = entries(world, '"person.sessions.revoked"')
        confirm = lambda plan=plan: bulk.confirm(actor=actor, plan_id=plan.id, digest=plan.digest, count=2, now=datetime.now(UTC))  # noqa: E731
        answers = at_once(world, confirm, confirm)
        assert sorted(type(answer).__name__ for answer in answers) == ["Plan", "Refused"]
        run = lambda plan=plan: bulk_run.run(plan_id=plan.id, organization_id=org.organization.id)  # noqa: E731
        at_once(world, run, run)
        bulk_run.resume()
        assert entries(world, '"person.sessions.revoked"') == before + 2
