"""The brake on harm: whoever does more harmful acts in a day than one person should is paused until a second one agrees (guard rail 12).

Counted in PostgreSQL, by account and organization, whatever the surface and the token: one statement of each act adds to the one
row of its actor, so two acts at once queue for it.
"""
from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from accounts import access, approvers, entries
from accounts.actor import Actor
from accounts.models import Brake
from accounts.power import Power
from accounts.reasons import Refused
from accounts.roles import OWNER_RANK
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

LEAST, SHARE, WINDOW = 25, 20, timedelta(hours=24)
"""More harmful acts by one person in a day than 25 or a twentieth of the organization, whichever is more, pause that person."""
SLOT = timedelta(minutes=10)
ALONE = timedelta(hours=48)
"""After this time a pause that nobody else could end ends by itself."""

_PEOPLE = "(SELECT COALESCE(sum(p.n), 0) FROM accounts_peoplecount p WHERE p.organization_id = %(org)s AND p.kind = 'person' AND p.status NOT IN ('removed', 'purged'))"
_COUNT = f"""
INSERT INTO accounts_brake AS b (id, organization_id, account_id, hits, paused_over) VALUES (%(id)s, %(org)s, %(account)s, jsonb_build_object(%(slot)s::text, %(n)s::int), '')
ON CONFLICT (organization_id, account_id) DO UPDATE SET hits =
  (SELECT jsonb_object_agg(h.key, h.value) FROM jsonb_each(b.hits || jsonb_build_object(%(slot)s::text, COALESCE((b.hits ->> %(slot)s::text)::int, 0) + %(n)s::int)) h WHERE h.key >= %(oldest)s)
RETURNING paused_at IS NOT NULL, (SELECT sum(h.value::int) FROM jsonb_each_text(b.hits) h), {_PEOPLE}"""
_SO_FAR = f"""SELECT COALESCE((SELECT sum(h.value::int) FROM accounts_brake b, jsonb_each_text(b.hits) h
  WHERE b.organization_id = %(org)s AND b.account_id = %(account)s AND h.key >= %(oldest)s), 0), {_PEOPLE}"""


class Braked(Refused):
    """One harmful act too many. `paused` says whether the actor was paused before it."""

    def __init__(self, ids: Iterable[UUID], *, paused: bool) -> None:
        self.paused = paused
        super().__init__({str(i): ["actor_paused"] for i in ids} or {"": ["actor_paused"]})


def limit(people: int) -> int:
    """How many harmful acts one person may do alone in a day, in an organization of this size."""
    return max(LEAST, people // SHARE)


def concerns(*, power: Power, actor: Actor) -> bool:
    """Whether acts of this kind by this actor count. What falls due now was counted when it was decided."""
    return power.brake and actor.account_id is not None and actor.organization_id is not None and actor.kind in {"user", "api_token"}


def count(*, actor: Actor, ids: list[UUID], now: datetime) -> None:
    """Count so many harmful acts, inside the transaction and the open act that does them; Braked if they are too many. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _values(actor, now) | {"id": uuid4(), "n": len(ids)})
        paused, done, people = cursor.fetchone()
    if paused or done > limit(people):
        raise Braked(ids, paused=paused)


def over(*, actor: Actor, more: int, now: datetime) -> bool:
    """Whether so many further harmful acts would be more than one person may do alone in a day."""
    with connection.cursor() as cursor:
        cursor.execute(_SO_FAR, _values(actor, now))
        done, people = cursor.fetchone()
    return bool(done + more > limit(people))


def _values(actor: Actor, now: datetime) -> dict[str, Any]:
    return {"org": actor.organization_id, "account": actor.account_id, "slot": _slot(now), "oldest": _slot(now - WINDOW)}


def _slot(moment: datetime) -> str:
    """The ten minutes that a moment is in, as text that sorts by time."""
    at = moment.astimezone(UTC)
    return f"{at - timedelta(minutes=at.minute % (SLOT.seconds // 60)):%Y-%m-%dT%H:%M}"


class _PausedAlready(Exception):
    pass


def pause(*, actor: Actor, power: Power, now: datetime) -> None:
    """From now on the actor may use no power that brakes, until somebody else agrees. Recorded once, however many attempts come at once."""
    assert actor.organization_id is not None
    with suppress(_PausedAlready), transaction.atomic(), recording.opened(org=actor.organization_id, now=now) as act:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO accounts_brake AS b (id, organization_id, account_id, hits, paused_at, paused_over) VALUES (%s, %s, %s, '{}', %s, %s)"
                " ON CONFLICT (organization_id, account_id) DO UPDATE SET paused_at = EXCLUDED.paused_at, paused_over = EXCLUDED.paused_over WHERE b.paused_at IS NULL RETURNING 1",
                [uuid4(), actor.organization_id, actor.account_id, now, power.slug])
            if cursor.fetchone() is None:
                raise _PausedAlready
        act.write([EntryDraft(org=actor.organization_id, action="actor.paused", category="brake", outcome="success", actor=entries.actor_ref(actor), via=actor.via, targets=[
            TargetRef(type="person", id=actor.account_id, label=actor.name or actor.email, subject=actor.account_id),
            *([TargetRef(type="membership", id=actor.membership_id)] if actor.membership_id else [])], facts={"power": power.code})])


def releasers(*, organization_id: UUID, account_id: UUID) -> int:
    """How many people could end this pause: they rank above whoever is paused, or both are owners."""
    held = access.standing(account_id=account_id, organization_id=organization_id)
    rank = held.rank if held else 0
    return sum(1 for _account, actor in approvers.who_could(organization_id=organization_id, permissions=(), rank=min(rank, OWNER_RANK), without=account_id)
               if actor.rank > rank or rank >= OWNER_RANK)


def lift(*, organization_id: UUID, now: datetime) -> None:
    """Where nobody else could agree, a pause ends by itself after 48 hours: else an organization with one administrator could never act again."""
    for row in Brake.objects.filter(organization_id=organization_id, paused_at__lte=now - ALONE):
        if releasers(organization_id=organization_id, account_id=row.account_id):
            continue
        with transaction.atomic(), recording.opened(org=organization_id, now=now) as act:
            Brake.objects.filter(id=row.id).update(paused_at=None, paused_over="", hits={})
            act.write([EntryDraft(org=organization_id, action="actor.pause_ended", category="brake", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                                  targets=[TargetRef(type="person", id=row.account_id, subject=row.account_id)])])
