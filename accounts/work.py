"""The unit of work of one act: what powers ask to be written, flushed with one statement per table."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from accounts.models import Account, AddressChange, ApiToken, Membership, Session
from accounts.models.fields import Versioned
from accounts.oauth import ending
from accounts.services import reached
from accounts.tenancy import installation
from audit.record import Change


def snapshot(row: models.Model) -> dict[str, Any]:
    """The stored values of a row, by attribute, to compare with later."""
    return {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields}


def plain(value: Any) -> Any:
    """A stored value as an entry holds it: text, whole number, true/false, null or a list of those."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, list | tuple | frozenset | set):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


@dataclass
class Work:
    """Powers change loaded targets and tell `work` which rows to add, remove or end; only the door flushes it."""

    now: datetime
    actor_membership: UUID | None = None
    act: UUID | None = None
    people: tuple[UUID, ...] = ()
    """The accounts that decided: who acts, and who approved."""
    tracked: dict[int, tuple[models.Model, dict[str, Any]]] = field(default_factory=dict)
    added: list[models.Model] = field(default_factory=list)
    removed: dict[type[models.Model], list[UUID]] = field(default_factory=lambda: defaultdict(list))
    gone: list[models.Model] = field(default_factory=list)
    """What is removed, as it was: the entry says it, so that the log has what no table has any more (RIGHTS 3f)."""
    sessions_of: dict[UUID, str] = field(default_factory=dict)
    one_session: dict[UUID, str] = field(default_factory=dict)
    tokens_of: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    kept_tokens: list[tuple[Account, Membership | None]] = field(default_factory=list)
    invitations_by: set[UUID] = field(default_factory=set)
    notes: dict[UUID, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    removed_last: dict[type[models.Model], list[UUID]] = field(default_factory=lambda: defaultdict(list))
    touched: set[UUID] = field(default_factory=set)
    told: list[tuple[Any, str, dict[str, Any]]] = field(default_factory=list)
    """(person, event, facts): whom the act reaches besides its target; each gets an entry of their own."""
    less_of: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    """By service: the accounts that may do less there from now on. Whoever has no access to it any more is found, and need not be named."""
    for_many: list[reached.Many] = field(default_factory=list)
    """What many have together in services, that the act changes: whoever reaches less or more by it is told."""
    joined: dict[UUID, reached.Joined] = field(default_factory=dict)
    """By group: who joins or leaves it by the act, and with it what the group has in services."""
    doubted: set[UUID] = field(default_factory=set)
    cancelled_for: set[UUID] = field(default_factory=set)
    elsewhere: list[tuple[UUID, str, UUID]] = field(default_factory=list)
    """(organization, event, account): entries due in other organizations' logs (guard rail 8)."""
    across: list[tuple[UUID, str, Any, dict[str, Any]]] = field(default_factory=list)
    """(organization, event, person, facts): what another organization has to know of the act, in its log; never who did it, unless it was the person."""
    answered: list[tuple[UUID, str, str, dict[str, Any]]] = field(default_factory=list)
    """(organization, event, address, facts): what the person who acts answered to an organization, for its log too. It knows them by this address."""

    def track(self, row: models.Model | None) -> None:
        """Compare this row with itself later and write what changed."""
        if row is not None and id(row) not in self.tracked:
            self.tracked[id(row)] = (row, snapshot(row))

    def add(self, row: models.Model) -> None:
        self.added.append(row)

    def remove(self, row: models.Model) -> None:
        self.removed[type(row)].append(row.pk)
        self.gone.append(row)

    def remove_last(self, row: models.Model) -> None:
        """Remove a row that others point to until this act has written them."""
        self.removed_last[type(row)].append(row.pk)

    def touch(self, membership: Membership | None) -> None:
        """The person changed although no field of theirs did, as by joining a group: what somebody else has on the screen is stale."""
        if membership is not None:
            self.touched.add(membership.pk)

    def tell(self, person: Any, event: str, **facts: Any) -> None:
        """Write an entry about a person whom the act reaches though it is not about them alone, such as the holder of a role."""
        self.told.append((person, event, facts))

    def joins_or_leaves(self, group: UUID, *, organization: UUID, account: UUID, target: UUID) -> None:
        """The entry about this person says what they gain or lose in services by the group."""
        self.joined.setdefault(group, reached.Joined(organization)).people[account] = target

    def end_sessions(self, account_id: UUID, reason: str) -> None:
        """End every session of the account."""
        self.sessions_of[account_id] = reason

    def end_tokens(self, membership_id: UUID, *, state: str, reason: str) -> None:
        """Disable or revoke the API tokens of a membership."""
        self.tokens_of[membership_id] = (state, reason)

    def keep_tokens(self, account: Account, *, membership: Membership | None = None) -> None:
        """API tokens that work now go on working although an epoch grows: they learn the new one."""
        self.kept_tokens.append((account, membership))

    def doubt(self, membership_id: UUID) -> None:
        """The rank of this membership rests until somebody in its organization confirms who the person is."""
        self.doubted.add(membership_id)

    def cancel_address_changes(self, account_id: UUID) -> None:
        """Changes of the account's addresses that are under way come to nothing; their links are dead."""
        self.cancelled_for.add(account_id)

    def withdraw_invitations(self, membership_id: UUID) -> None:
        """Revoke the pending invitations this member issued."""
        self.invitations_by.add(membership_id)

    def note(self, target_id: UUID, **facts: Any) -> None:
        """Something the entry should say that is not a change of a field."""
        self.notes[target_id].update(facts)

    def changes_of(self, row: models.Model, *, subject: UUID | None) -> list[Change]:
        """What changed in a tracked row since it was loaded, in the form an entry records."""
        before = self.tracked[id(row)][1]
        return [change(row, name, before[name], getattr(row, name), subject=subject)
                for name in _changed(row, before) if row.AUDIT[_field_name(row, name)] != "unrecorded"]

    def lost_by(self, *, account: UUID, membership: UUID | None) -> list[Change]:
        """What was removed of somebody, in the form an entry records: each field that an entry may name."""
        theirs = [row for row in self.gone if getattr(row, "account_id", None) == account or (membership is not None and getattr(row, "membership_id", None) == membership)]
        return [change(row, f.attname, getattr(row, f.attname), None, subject=account, op="remove") for row in theirs for f in row._meta.concrete_fields
                if getattr(row, "AUDIT", {}).get(f.name) in {"public", "pii"} and f.name not in {"id", "organization", "account", "membership"} and f.attname in row.__dict__
                and row.__dict__[f.attname] not in (None, "", [])]

    def flush(self) -> dict[str, dict[UUID, int]]:
        """Write everything, set-based. Returns how many sessions and tokens ended, by account and membership."""
        was = reached.before(self)
        for model, ids in self.removed.items():
            model._base_manager.filter(pk__in=ids).delete() if _has_dependants(model) else model._base_manager.filter(pk__in=ids)._raw_delete("default")
        groups: dict[tuple[type[models.Model], tuple[str, ...]], list[models.Model]] = defaultdict(list)
        for row, before in self.tracked.values():
            if names := _changed(row, before):
                groups[(type(row), tuple(names))].append(row)
        for (model, names), rows in groups.items():
            update_rows(model, names, rows)
        for model, rows in _by_model(self.added).items():
            model._base_manager.bulk_create(rows, batch_size=2000)
        if self.touched:
            _execute(f"UPDATE {Membership._meta.db_table} SET version = version + 1 WHERE id = ANY(%s)", [list(self.touched)])
        for model, ids in self.removed_last.items():
            model._base_manager.filter(pk__in=ids).delete()
        self._reach_out()
        self._keep_tokens()
        ended = {"sessions": self._end_sessions(), "tokens": self._end_tokens(), "invitations": self._withdraw()}
        ending.follow(self)
        reached.after(self, was)
        return ended

    def _reach_out(self) -> None:
        """What an act on the account itself does outside of the organization that acts."""
        if not self.doubted and not self.cancelled_for:
            return
        with installation("an act on an account reaches its memberships and its addresses everywhere"):
            if self.doubted:
                _execute(f"UPDATE {Membership._meta.db_table} SET identity_changed_at = %s, version = version + 1 WHERE id = ANY(%s)", [self.now, list(self.doubted)])
            if self.cancelled_for:
                _execute(f"UPDATE {AddressChange._meta.db_table} SET state = 'cancelled', finished_at = %s, expires_at = NULL, link_hash = NULL, version = version + 1"
                         " WHERE account_id = ANY(%s) AND state IN ('requested', 'waiting')", [self.now, list(self.cancelled_for)])

    def _keep_tokens(self) -> None:
        for name, match in (("auth_epoch", "account_id"), ("access_epoch", "membership_id")):
            rows = [account if membership is None else membership for account, membership in self.kept_tokens if (membership is None) == (name == "auth_epoch")]
            if not rows:
                continue
            with installation("tokens of an account live in every organization"):
                _execute(f"UPDATE {ApiToken._meta.db_table} t SET {name} = u.fresh FROM unnest(%s::uuid[], %s::int[], %s::int[]) AS u(id, fresh, old)"
                         f" WHERE t.{match} = u.id AND t.{name} = u.old AND t.state = 'active'",
                         [[row.pk for row in rows], [getattr(row, name) for row in rows], [self.tracked[id(row)][1][name] for row in rows]])

    def _end_sessions(self) -> dict[UUID, int]:
        ended: dict[UUID, int] = defaultdict(int)
        keys: list[str] = []
        for column, wanted in (("account_id", self.sessions_of), ("id", self.one_session)):
            for reason, ids in _by_value(wanted).items():
                rows = _returning(
                    f"UPDATE {Session._meta.db_table} SET ended_at = %s, ended_reason = %s WHERE {column} = ANY(%s) AND ended_at IS NULL RETURNING account_id, session_key",
                    [self.now, reason, ids])
                for account_id, key in rows:
                    ended[account_id] += 1
                    keys.append(key)
        if keys:
            _returning("DELETE FROM django_session WHERE session_key = ANY(%s) RETURNING 1", [keys])
        return ended

    def _end_tokens(self) -> dict[UUID, int]:
        ended: dict[UUID, int] = defaultdict(int)
        for (state, reason), ids in _by_value(self.tokens_of).items():
            with installation("tokens of an account live in every organization"):
                rows = _returning(
                    f"UPDATE {ApiToken._meta.db_table} SET state = %s, ended_at = %s, ended_reason = %s, version = version + 1"
                    " WHERE membership_id = ANY(%s) AND state = ANY(%s) RETURNING membership_id",
                    [state, self.now, reason, ids, ["active"] if state == "disabled" else ["active", "disabled"]])
            for (membership_id,) in rows:
                ended[membership_id] += 1
        return ended

    def _withdraw(self) -> dict[UUID, int]:
        ended: dict[UUID, int] = defaultdict(int)
        if self.invitations_by:
            rows = _returning(
                f"UPDATE {Membership._meta.db_table} SET status = 'removed', reason_code = 'inviter_lost_access', status_changed_at = %s, version = version + 1"
                " WHERE invited_by = ANY(%s) AND status = 'invited' RETURNING invited_by", [self.now, list(self.invitations_by)])
            for (inviter,) in rows:
                ended[inviter] += 1
        return ended


def change(row: models.Model, name: str, before: Any, after: Any, *, subject: UUID | None, op: str = "replace") -> Change:
    """One changed field, classed as the model declares it."""
    field_name = _field_name(row, name)
    return Change(path=f"{row._meta.model_name}.{field_name}", op=op, before=plain(before), after=plain(after),
                  klass=row.AUDIT[field_name], subject=subject)


def update_rows(model: type[models.Model], names: Sequence[str], rows: Sequence[models.Model]) -> None:
    """One UPDATE … FROM unnest(…) for all rows of a table in which the same columns changed; versions grow by one."""
    fields = [f for f in model._meta.concrete_fields if f.attname in names]
    arrays = any(isinstance(f, ArrayField) for f in fields)
    bump = ", version = t.version + 1" if issubclass(model, Versioned) else ""
    table = model._meta.db_table
    if len(rows) == 1 or arrays:
        assignments = ", ".join(f'"{f.column}" = %s' for f in fields)
        for row in rows:
            values = [f.get_db_prep_save(getattr(row, f.attname), connection) for f in fields]
            _execute(f"UPDATE {table} AS t SET {assignments}{bump} WHERE t.id = %s", [*values, row.pk])
    else:
        columns = ", ".join(f'"{f.column}"' for f in fields)
        types = ", ".join(f"%s::{_type(f)}[]" for f in fields)
        assignments = ", ".join(f'"{f.column}" = u."{f.column}"' for f in fields)
        values = [[f.get_db_prep_save(getattr(row, f.attname), connection) for row in rows] for f in fields]
        _execute(f"UPDATE {table} AS t SET {assignments}{bump} FROM unnest(%s::uuid[], {types}) AS u(id, {columns}) WHERE t.id = u.id",
                 [[row.pk for row in rows], *values])
    if bump:
        for row in rows:
            row.version += 1


def _type(f: models.Field) -> str:
    return f.target_field.db_type(connection) if f.is_relation else f.db_type(connection)


def _field_name(row: models.Model, attname: str) -> str:
    return next(f.name for f in row._meta.concrete_fields if f.attname == attname)


def _changed(row: models.Model, before: dict[str, Any]) -> list[str]:
    return [name for name, old in before.items() if name not in {"version"} and getattr(row, name) != old]


def _by_model(rows: Iterable[models.Model]) -> dict[type[models.Model], list[models.Model]]:
    found: dict[type[models.Model], list[models.Model]] = defaultdict(list)
    for row in rows:
        found[type(row)].append(row)
    return found


def _by_value(wanted: dict[UUID, Any]) -> dict[Any, list[UUID]]:
    found: dict[Any, list[UUID]] = defaultdict(list)
    for key, value in wanted.items():
        found[value].append(key)
    return found


def _has_dependants(model: type[models.Model]) -> bool:
    return bool(model._meta.related_objects)


def _execute(sql: str, parameters: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def _returning(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
