"""Import people: each row invites somebody new or changes a member's organization fields; one entry per row."""
from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import GroupMembership
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm
from accounts.powers.joining import ends_on, group_names, invite_row, problems
from accounts.profile import aside
from accounts.targets import Row
from accounts.work import Work

FIELDS = ("title", "department")


class ImportForm(StrictForm):
    rows = forms.JSONField()
    message = forms.CharField(required=False, max_length=2000)


def _is_new(row: Row) -> bool:
    return row.member is None or row.member.membership is None or row.member.membership.status == "removed"


def _new_values(row: Row) -> dict[str, str]:
    membership = row.member.membership if row.member else None
    return {f: str(row.values[f]) for f in FIELDS if membership is not None and row.values.get(f) not in (None, "", getattr(membership, f))}


def _new_groups(row: Row) -> list[str]:
    """Groups that the person is not in yet. One of which nobody may know that they are in it is left as it is."""
    held, member = (row.member.group_ids, row.member.membership) if row.member else (frozenset(), None)
    wanted = {n: row.directory.groups[n.casefold()].id for n in group_names(row.values.get("groups")) if n.casefold() in row.directory.groups}
    return [n for n, group in wanted.items() if group not in held and not aside.group_restricted(member, group)]


def rule(actor: Actor, row: Row, _data: Data, now: datetime) -> Iterable[str]:
    yield from problems(actor, row, now)
    if row.deleted:
        yield "deleted_before"  # a file brings nobody back: who really comes again is invited by hand, with a ground
    if _is_new(row) or row.member is None or row.member.membership is None:
        return
    member = row.member
    if actor.rank <= member.rank and actor.account_id != member.account.id:
        yield "rank"
    if actor.scope_groups is not None and not actor.scope_groups & member.group_ids:
        yield "out_of_scope"
    if member.membership is not None and member.membership.protected and actor.membership_id not in member.protectors:
        yield "protected"
    if row.values.get("name") and row.values["name"] != member.account.name:
        yield "not_managed"
    if row.values.get("role") and row.directory.roles.get(str(row.values["role"]).casefold()) not in {None, member.membership.role if member.membership else None}:
        yield "no_permission"
    with suppress(ValueError):  # what is no day was said above
        if ends_on(row) not in {None, member.membership.contract_ends_on}:
            yield "contract_elsewhere"
    if not _new_values(row) and not _new_groups(row):
        yield "nothing_to_change"


def effects(row: Row, _data: Data, _now: datetime) -> list[Effect]:
    if _is_new(row):
        found = [Effect("later", "create", _("Is invited as %(role)s.") % {"role": row.values.get("role") or "member"})]
        day = str(row.values.get("contract_ends_on") or "")
        return [*found, *([Effect("later", f"contract:{day}", _("The contract ends when %(day)s is over.") % {"day": day})] if day else [])]
    found = [Effect("lost", f"field:{f}:{value}", _("%(field)s becomes “%(value)s”.") % {"field": f, "value": value}) for f, value in _new_values(row).items()]
    return found + [Effect("kept", f"group:{name}", _("Joins the group “%(name)s”.") % {"name": name}) for name in _new_groups(row)]


def apply(work: Work, row: Row, data: Data) -> None:
    if _is_new(row):
        invite_row(work, row, data)
        return
    assert row.member is not None and row.member.membership is not None
    membership = row.member.membership
    row.values |= {"_account": membership.account_id, "_membership": membership.id}
    for name, value in _new_values(row).items():
        setattr(membership, name, value)
    for name in _new_groups(row):
        work.add(GroupMembership(organization_id=membership.organization_id, group=row.directory.groups[name.casefold()], membership=membership))
    work.note(row.id, event="profile.updated", groups=_new_groups(row))


POWER = Power(
    slug="import-people", code="people.import", event="membership.invited", over="row", permission="import_people", tier=1, form=ImportForm,
    rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Import people"), button=gettext_lazy("Import"),
    does=gettext_lazy("Invites everybody in the file who is new and updates title, department and groups of members."),
    does_not=gettext_lazy("Changes no names, roles, addresses or contracts of people who are already members, and removes nobody."),
    sentence=gettext_lazy("%(actor)s invited %(target)s"),
)
