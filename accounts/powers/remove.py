"""Remove: the membership ends; a snapshot is kept 90 days so that a mistake can be undone (POWERS P2)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.models import MembershipSnapshot
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import ended_access, ended_sessions, set_status, strip_access
from accounts.powers.forms import ReasonForm, later
from accounts.powers.grants import set_role
from accounts.work import Work

SNAPSHOT_DAYS = 90


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status not in {"active", "restricted", "suspended"}:
        yield "wrong_status"


def effects(person: Person, _data: Data, now: datetime) -> list[Effect]:
    until = timezone.localtime(now + timedelta(days=SNAPSHOT_DAYS)).strftime("%Y-%m-%d %H:%M %Z")
    return [
        *ended_sessions(person, everywhere=False), *ended_access(person, tokens="revoked"),
        Effect("lost", "membership", _("The person leaves the organization; role, groups and assignments end.")),
        Effect("kept", "snapshot", _("Until %(date)s the removal can be undone with groups and services.") % {"date": until}),
        Effect("kept", "account", _("The account itself and everything in other organizations stay. Their name stays on what they made.")),
    ]


def apply(work: Work, person: Person, data: Data) -> None:
    membership = person.membership
    assert membership is not None
    groups, access = person.extra["groups"], person.extra["services"]
    kept = [row for row in access if row.resumes != "none"]
    for old in person.extra["snapshots"]:
        work.remove(old)
    work.add(MembershipSnapshot(
        organization_id=membership.organization_id, membership=membership, role_id=membership.role_id, groups=[g.group_id for g in groups],
        services=[a.service_id for a in kept], levels=[a.resumes or ("full" if membership.restricted_mode else a.state) for a in kept],
        taken_at=work.now, expires_at=work.now + timedelta(days=SNAPSHOT_DAYS)))
    for row in [*groups, *access]:
        work.remove(row)
    set_role(work, person, person.extra["roles"]["member"])
    set_status(work, person, data, "removed")
    strip_access(work, person, tokens="revoked", reason="removed")


POWER = Power(
    slug="remove", code="access.remove", event="membership.removed", over="member", permission="manage_access", tier=2, ladder=2,
    form=later(ReasonForm), rule=rule, effects=effects, apply=apply, ends_ownership=True, undo="restore", instead="suspend", bulk=True, brake=True,
    gather=(gathering.groups, gathering.services, gathering.snapshots, gathering.roles, gathering.auth_groups),
    title=gettext_lazy("Remove from the organization"), button=gettext_lazy("Remove"),
    does=gettext_lazy("Ends the membership with its role, groups, services and API tokens."),
    does_not=gettext_lazy("Never deletes the account. For 90 days you can bring the person back."),
    sentence=gettext_lazy("%(actor)s removed %(target)s from the organization"),
)
