"""Law: the kept counts of the people list are what counting would give, after any act, by whatever way rows were written."""
from __future__ import annotations

import random
import threading
from datetime import UTC, datetime

from django.db import connection, connections, transaction

from accounts import door, listing_query, tenancy
from accounts.models import Account, Membership, PeopleCount
from accounts.powers import BY_SLUG
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft
from tests.cast import World, add_person
from tests.situations import WHY, arrange


def counted(world: World) -> dict[str, int]:
    """By counting."""
    rows = list(Membership.objects.filter(organization=world.north.organization, account__kind="person").values_list("effective_status", "account__has_second_factor"))
    found = {status: sum(1 for s, _f in rows if s == status) for status in {s for s, _f in rows}}
    return {**found, "no_mfa": sum(1 for s, f in rows if s == "active" and not f), "all": sum(1 for s, _f in rows if s != "removed")}


def agree(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id):
        kept = {key: n for key, n in listing_query.counts(organization_id=world.north.organization.id).items() if n or key in {"no_mfa", "all"}}
        assert kept == counted(world)


def test_after_acts_and_raw_changes(world: World) -> None:
    org, chance = world.north, random.Random(7)
    agree(world)
    arrange(lambda: [add_person(org, f"count{n}", "member", True, datetime.now(UTC)) for n in range(12)])
    agree(world)
    for _round in range(12):
        with tenancy.scope(org=org.organization.id):
            person = chance.choice(list(Membership.objects.filter(account__email__startswith="count")))
            power = {"active": "suspend", "suspended": "restore", "restricted": "suspend"}.get(person.status)
            if power and person.effective_status == person.status:
                door.perform(power=BY_SLUG[power], actor=org.actor("owner"), ids=[person.id], data={**WHY, **({"how": "reinstate"} if power == "restore" else {})}, now=datetime.now(UTC))
        agree(world)
    arrange(lambda: Account.objects.filter(memberships__organization=org.organization, email__startswith="count1").update(has_second_factor=True))
    agree(world)
    arrange(lambda: Account.objects.filter(email__startswith="count2").update(status="locked"))
    agree(world)
    arrange(lambda: Account.objects.filter(email__startswith="count3").update(kind="service"))
    agree(world)
    arrange(lambda: Membership.objects.filter(account__email__startswith="count4").update(title="Only a title"))
    agree(world)
    arrange(lambda: Membership.objects.filter(account__email__startswith="count5").delete())
    agree(world)
    with tenancy.installation("differences are added up"):
        before = PeopleCount.objects.filter(organization_id=org.organization.id).count()
        listing_query.fold_counts(least=1)
        assert PeopleCount.objects.filter(organization_id=org.organization.id).count() < before
    agree(world)


def test_two_acts_at_once_do_not_wait_for_the_counter(world: World) -> None:
    """One transaction has changed somebody's status and not committed; another one's act on somebody else goes through."""
    org, done = world.north, threading.Event()

    def other() -> None:
        try:
            with tenancy.scope(org=org.organization.id):
                door.perform(power=BY_SLUG["suspend"], actor=org.actor("owner"), ids=[org.person("worker").id], data=WHY, now=datetime.now(UTC))
            done.set()
        finally:
            connections.close_all()

    with tenancy.installation("one of two"), transaction.atomic(), recording.opened(org=INSTALLATION, now=datetime.now(UTC)) as act:
        Membership.objects.filter(id=org.person("member").id).update(status="suspended")
        thread = threading.Thread(target=other)
        thread.start()
        assert done.wait(10)
        act.write([EntryDraft(org=INSTALLATION, action="test.arranged", category="test", outcome="success", actor=ActorRef(type="operator"))])
    thread.join(10)
    agree(world)


def test_nobody_who_serves_can_write_them(world: World) -> None:
    from django.db import DatabaseError

    try:
        with tenancy.scope(org=world.north.organization.id), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_peoplecount SET n = 0")
    except DatabaseError:
        return
    raise AssertionError("the counts could be written")
