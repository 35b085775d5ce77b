"""The one rule of what a directory governs, which the door asks for every power: what it governs is changed there and not by hand.

A directory governs an account (`Management.basis`), a membership (`Membership.directory`), a group (`Group.directory`), or a field of every profile (`FieldPolicy`). What protects
people or services stays possible by hand and holds until a hand lifts it: locking down, suspending, restricting, ending sessions. What a group gives is decided here, whoever is in it.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from accounts.actor import Actor
from accounts.models import FieldPolicy
from accounts.models.profile import FieldOwner
from accounts.people import Person

DIRECTORY = "directory"
"""The ground of a suspension by the directory: only the directory ends it. Whoever was suspended by hand is restored by hand."""
ENDS = frozenset({"remove", "set-contract-end", "cancel-invitation"})
"""A governed membership begins and ends in the directory."""
GROUP = frozenset({"rename-group", "delete-group"})
IN_GROUP = frozenset({"add-to-group", "remove-from-group"})
ROWS = frozenset({"invite", "import-people"})
_FIELDS = ("title", "department")
ASKED = ENDS | GROUP | IN_GROUP | ROWS | {"restore"}
"""The powers that it can refuse, beside those over accounts that say so themselves (`Power.directory`)."""


def refusals(*, slug: str, account_power: bool, actor: Actor, target: Any, data: Any) -> Iterable[str]:
    """Why not, as reason codes: `managed_by_idp`, and for a field `field_of_directory`. Without data, what holds whatever is typed."""
    if isinstance(target, Person):
        if (account_power and target.governed) or (target.membership is not None and _of_member(slug, target, data)):
            yield "managed_by_idp"
    elif slug in GROUP and target.group.directory:
        yield "managed_by_idp"
    elif slug in ROWS and actor.kind != "schedule":
        yield from _of_row(target)


def _of_member(slug: str, person: Person, data: Any) -> bool:
    membership = person.membership
    assert membership is not None
    if slug in ENDS:
        return membership.directory
    if slug == "restore":
        return membership.directory and (membership.status == "removed" or (membership.status == "suspended" and membership.reason_code == DIRECTORY))
    if slug in IN_GROUP and data and data.get("group"):
        from accounts.powers.grouping import chosen  # the powers are made of what this is asked for

        group = chosen(person, data)
        return group is not None and group.directory
    return False


def _of_row(row: Any) -> Iterable[str]:
    """Of a line that invites or imports: a membership that a directory ended, a group that it fills, a field that is its alone."""
    from accounts.powers.joining import group_names

    member = row.member.membership if row.member else None
    if member is not None and member.directory and member.status == "removed":
        yield "managed_by_idp"
    held = row.member.group_ids if row.member else frozenset()
    wanted = [row.directory.groups.get(name.casefold()) for name in group_names(row.values.get("groups"))]
    if any(group is not None and group.directory and group.id not in held for group in wanted):
        yield "managed_by_idp"
    named = [name for name in _FIELDS if str(row.values.get(name) or "") not in {"", getattr(member, name, "")}]
    if named and set(named) & _fields(row):
        yield "field_of_directory"


def _fields(row: Any) -> frozenset[str]:
    """The fields that are the directory's alone, looked up once for all lines."""
    found = row.directory
    if found.fields is None:
        found.fields = frozenset(FieldPolicy.objects.filter(organization_id=found.organization.id, owner=FieldOwner.DIRECTORY).values_list("field", flat=True))
    return found.fields
