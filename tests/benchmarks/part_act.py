"""One audited act through the door, compared with the same change without a record and with the packages of the trade."""
from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from accounts import access, door, tenancy
from accounts.actor import Actor
from accounts.powers import BY_SLUG
from tests.benchmarks import profile, seed
from tests.benchmarks.measure import Pace, slices
from tests.benchmarks.peers import tables
from tests.benchmarks.peers.models import Historied, Logged, Plain, Record, Tracked
from tests.benchmarks.report import Goal, Part, Table
from tests.benchmarks.services import bare

_PEOPLE = 200
TEXT = "{" + '"record":"' + "x" * 700 + '"}'
"""A record of the usual length."""


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """The organization is one of the middle size."""
    tables.make()
    org = orgs[2]
    actor = access_of(org)
    ids = [seed.membership_of(org.first + 10 + n) for n in range(min(_PEOPLE, org.size - 10))]
    with tenancy.scope(org=org.id):
        variants = _variants(org, actor, ids)
        queries = profile.write(variants["our act"], folder / "act_profile.txt", title="One act through the door: update-profile of one member")
        for _n in range(_PEOPLE):
            variants["our act"]()  # everybody has had an entry before, as an invitation gives one
        figures = slices(variants, baseline="get + save", pace=Pace(scale.rounds, scale.seconds))
    with bare() as connection_:
        seed.forget_waiting(connection_)
    ours, auditlog = figures["our act"].ratio, figures["django-auditlog"].ratio
    return Part(
        name="act", tables=[Table("One audited act, relative to the same change by get + save without a record", "get + save", list(figures.values()))],
        goals=[Goal("our act against get + save", ours, 2.0), Goal("our act against django-auditlog", ours / auditlog, 1.0)], facts={"queries of our act": len(queries)})


def access_of(org: seed.Org) -> Actor:
    """The organization's owner."""
    with tenancy.scope(org=org.id):
        return access.actor_for(account_id=seed.account_of(org.first), organization_id=org.id)


def _variants(org: seed.Org, actor: Actor, ids: list[uuid.UUID]) -> dict[str, Callable[[], object]]:
    turn = itertools.count()
    title = map(f"Title {uuid.uuid4().hex[:8]} {{}}".format, itertools.count())  # never what it was before, not even in the last run
    peers = list(Plain.objects.order_by("organization_id").values_list("id", flat=True)[:_PEOPLE])

    def of_ours() -> uuid.UUID:
        return ids[next(turn) % len(ids)]

    def act() -> None:
        door.perform(power=BY_SLUG["update-profile"], actor=actor, ids=[of_ours()], data={"title": next(title)}, now=timezone.now())

    def save(model: type) -> Callable[[], None]:
        def change() -> None:
            with transaction.atomic():
                row = model.objects.get(pk=peers[next(turn) % len(peers)])
                row.title = next(title)
                row.save()
        return change

    def save_and_create() -> None:
        with transaction.atomic():
            row = Plain.objects.get(pk=peers[next(turn) % len(peers)])
            row.title = next(title)
            row.save()
            Record.objects.create(org=org.id, actor=actor.account_id, target=row.pk, action="profile.updated", occurred_at=timezone.now(), record=TEXT)

    def raw() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            key = peers[next(turn) % len(peers)]
            cursor.execute("UPDATE peers_plain SET title = %s, version = version + 1 WHERE id = %s", [next(title), key])
            cursor.execute("INSERT INTO peers_record (id, org, actor, target, action, occurred_at, record) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                           [uuid.uuid4(), org.id, actor.account_id, key, "profile.updated", timezone.now(), TEXT])

    return {"get + save": save(Plain), "raw UPDATE + INSERT": raw, "get + save + create": save_and_create, "django-pghistory": save(Tracked), "django-simple-history": save(Historied),
            "django-auditlog": save(Logged), "our act": act}
