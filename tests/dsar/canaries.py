"""A word of its own in every field of every table that the data map declares, for one person in one organization: where it turns up later says where the field went."""
from __future__ import annotations

import itertools
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from accounts.addresses import address_key
from accounts.models import Account, Membership, Organization
from dsar.datamap import MAP
from dsar.datamap.checks import hops
from dsar.datamap.documents import DOCUMENTS, By, Key, Many, Schema, leaves
from dsar.datamap.kinds import Unit
from dsar.holding import condition

_numbers = itertools.count(1)
WORD = re.compile(rb"q[pb][xy0]z[0-9a-f]{4}[0-9]{4}z")
"""Whose it is (p or b), in which organization (x, y, or 0 for the account), this run, and a number."""
_HEX = re.compile(rb"\\\\x((?:[0-9a-f]{2})+)")
"""How a dump writes bytes."""
_RUN = f"{os.getpid() % 0xffff:04x}"

MEANING = {
    "accounts_account.email_key": "", "accounts_account.language": "de", "accounts_account.time_zone": "Europe/Berlin", "dsar_copy.language": "de", "dsar_case.time_zone": "UTC", "dsar_case.country": "DE", "dsar_disclosure.country": "DE", "dsar_tolddisclosure.country": "DE", "accounts_mail.template": "own-security",
    "accounts_deletion.last_address": "", "dsar_copy.key": "", "accounts_membership.list_name": "", "accounts_membership.list_email": "", "accounts_account.password": "",
    "accounts_membership.effective_status": "", "accounts_oauthapplication.client_secret": "", "accounts_service.name": "Program", "oauth2_provider_accesstoken.token_checksum": "", "oauth2_provider_refreshtoken.token_checksum": "",
}
"""Fields in which no word can stand, because the software reads something else in them; '' is left as it is."""
BY_ITSELF = {
    "dsar_certificate": "written long after the deletion", "accounts_searchtoken": "follows from the name by a trigger", "accounts_deletion": "made by the deletion that the test schedules", "accounts_account_groups": "two numbers",
    "accounts_account_user_permissions": "two numbers", "guardian_userobjectpermission": "two numbers", "accounts_organizationuserpermission": "two numbers", "accounts_tombstone": "made by the deletion itself",
}
"""Tables in which the test writes nothing by hand."""

ONCE = {"accounts_dormancy": "an account is under one rule at most", "accounts_management": "an account is managed by one organization at most", "accounts_closing": "an organization ends once; the first of both people writes there"}


@dataclass
class Canary:
    """A word, and where it was put."""

    word: str
    unit: Unit
    column: str
    org: str

    def __str__(self) -> str:
        return f"{self.unit.table}.{self.column}"


@dataclass
class Who:
    """A person whose fields are marked. `letter` is p or b."""

    letter: str
    account: Account
    members: dict[str, Membership]
    """By the letter of the organization, x or y."""
    actor: Membership
    put: dict[str, Canary] = field(default_factory=dict)

    def word(self, unit: Unit, column: str, org: str) -> str:
        word = f"q{self.letter}{org}z{_RUN}{next(_numbers):04d}z"
        self.put[word] = Canary(word, unit, column, org)
        return word


def mark(who: Who) -> None:
    """Needs an open act. Every table once for each organization, or once where it belongs to the account."""
    built: dict[tuple[str, str], models.Model] = {}
    by_table = {m._meta.db_table: m for m in apps.get_models(include_auto_created=True) if not m._meta.proxy}
    units = [unit for unit in MAP.units if unit.about and not unit.table.startswith("audit_") and unit.table not in BY_ITSELF]
    for unit in sorted(units, key=lambda unit: unit.table != "accounts_account"):  # the account first: others repeat its address
        if unit.table == "accounts_closing" and who.letter == "b":
            continue
        for org in ("x",) if unit.table in ONCE else who.members if unit.scope else ("0",):
            _row(who, unit, by_table[unit.table], org, built)


def _row(who: Who, unit: Unit, model: type[models.Model], org: str, built: dict[tuple[str, str], models.Model]) -> models.Model:
    member = who.members["x" if org == "0" else org]
    org = "x" if org == "0" and unit.scope else org
    if (unit.table, org) in built:
        return built[unit.table, org]
    found = _there(who, unit, model, org, member)
    values: dict[str, Any] = {}
    for one in model._meta.local_concrete_fields:
        if isinstance(one, models.GeneratedField) or one.column not in unit.columns or (one.primary_key and found):
            continue
        value = _value(who, unit, one, org, member, built, new=found is None)
        if value is not _AS_IT_IS:
            values[one.attname] = value
    if unit.table == "accounts_account":
        values["email_key"] = address_key(values["email"])
    if found:
        model._base_manager.filter(pk=found.pk).update(**values)
        found.refresh_from_db()
    else:
        found = model(**values)
        found.save(force_insert=True)
    built[unit.table, org] = found
    return found


def _there(who: Who, unit: Unit, model: type[models.Model], org: str, member: Membership) -> models.Model | None:
    """The row that there is already, of a table that has one for each person."""
    path = next(one.path for one in sorted(unit.about, key=lambda one: one.role != "subject"))
    where, values = condition(unit.table, path), [str(who.account.id)]
    if unit.scope:
        where, values = f'({where}) AND "{unit.scope}" = %s', [*values, member.organization_id]
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{model._meta.pk.column}" FROM "{unit.table}" WHERE {where} LIMIT 1', values)
        found = cursor.fetchone()
    return model._base_manager.get(pk=found[0]) if found else None


_AS_IT_IS = object()
_TEXT = (models.CharField, models.TextField)


def _value(who: Who, unit: Unit, one: models.Field, org: str, member: Membership, built: dict[tuple[str, str], models.Model], *, new: bool) -> Any:
    name = f"{unit.table}.{one.column}"
    if name in MEANING:
        return MEANING[name] if MEANING[name] or (new and not one.null) else _AS_IT_IS
    led = next((subject for subject in unit.about if hops(subject.path)[0][0] == one.column), None)
    if led is not None and not (one.is_relation and not new):
        return _person(who, led.path, led.role, one, member, built, org)
    if one.column == unit.scope:
        return _AS_IT_IS if not new else str(member.organization_id) if isinstance(one, _TEXT) else member.organization_id
    if one.is_relation:
        return _relation(who, one, org, member, built) if new and not one.null else _AS_IT_IS
    if one.primary_key:
        return uuid.uuid4() if isinstance(one, models.UUIDField) else who.word(unit, one.column, org) if isinstance(one, _TEXT) else _AS_IT_IS
    if one.name == "state" and one.choices and new:  # the last one: over, so that several may stand side by side
        return list(one.choices)[-1][0]
    if one.choices or isinstance(one, models.BooleanField):
        return _AS_IT_IS if not new or one.has_default() else one.choices[0][0] if one.choices else False
    if isinstance(one, models.GenericIPAddressField):
        return f"198.18.{next(_numbers) % 250}.{next(_numbers) % 250}"
    if isinstance(one, models.BinaryField):
        return who.word(unit, one.column, org).encode()
    if isinstance(one, models.JSONField):
        if one.name != "resource" and not any(leaves(DOCUMENTS[f"{unit.table}.{one.column}"], "")):
            return _AS_IT_IS  # nothing may be in it
        word = who.word(unit, one.column, org)
        return [f"https://{word}.example/"] if one.name == "resource" else document(DOCUMENTS[f"{unit.table}.{one.column}"], word)
    if isinstance(one, ArrayField):
        text = isinstance(one.base_field, _TEXT) and not one.base_field.choices and (one.base_field.max_length or 99) >= 13
        return [who.word(unit, one.column, org)] if text else _AS_IT_IS
    if isinstance(one, _TEXT):
        if (one.max_length or 99) < 13:
            return _AS_IT_IS if not new or one.has_default() or one.blank else f"x{next(_numbers)}"
        mail = unit.columns[one.column].category == "user.contact.email"
        return who.word(unit, one.column, org) + ("@marked.example" if mail else "")
    if not new:
        return _AS_IT_IS
    if isinstance(one, models.UUIDField):
        return uuid.uuid4()
    if isinstance(one, models.DateTimeField | models.DateField):
        return datetime.now(UTC) - timedelta(hours=1)
    return _AS_IT_IS if one.has_default() or one.null or isinstance(one, models.AutoField) else 1000 + next(_numbers)


def _person(who: Who, path: str, role: str, one: models.Field, member: Membership, built: dict[tuple[str, str], models.Model], org: str) -> Any:
    """Whoever the row is about, or acted in it: the number of an account or of a membership, as the way says. Where nobody is its subject, the person acted in it."""
    steps, name = hops(path), f"{one.model._meta.db_table}.{one.column}"
    mine = role in {"subject", "recipient"} or not any(s.role in {"subject", "recipient"} for s in MAP.by_table[one.model._meta.db_table].about)
    if name == "accounts_idempotencykey.actor":
        return f"user:{who.account.id}:"
    if len(steps) == 1:
        value: Any = who.account.id if mine else who.actor.account_id
    elif steps[0][1] == "accounts_membership":
        value = member.id if mine else who.actor.id
    else:
        there, by = steps[0][1], steps[0][2]
        model = next(m for m in apps.get_models() if m._meta.db_table == there)
        value = getattr(_row(who, MAP.by_table[there], model, org if MAP.by_table[there].scope else "0", built), by or "pk")
    return [value] if isinstance(one, ArrayField) else value


def _relation(who: Who, one: models.Field, org: str, member: Membership, built: dict[tuple[str, str], models.Model]) -> Any:
    model: Any = one.related_model
    table = model._meta.db_table
    if model is Account:
        return who.account.id
    if model is Membership:
        return member.id
    if model is Organization:
        return member.organization_id
    unit = MAP.by_table.get(table)
    if unit is not None and unit.about and table not in BY_ITSELF:
        return _row(who, unit, model, org if unit.scope else "0", built).pk
    rows = model._base_manager.all()
    if any(f.name == "organization" for f in model._meta.local_concrete_fields):
        rows = rows.filter(organization_id=member.organization_id)
    return (rows.first() or _plain(model, member, org, who, built)).pk


_GIVEN = {"dsar_responder": {"service_id"}}
"""Which of several relations that may be empty, but not all of them, a row gets."""


def _plain(model: type[models.Model], member: Membership, org: str, who: Who, built: dict[tuple[str, str], models.Model]) -> models.Model:
    """Something of the organization that a row needs to refer to, without a word of anybody."""
    values: dict[str, Any] = {}
    for one in model._meta.local_concrete_fields:
        if (one.null and one.attname not in _GIVEN.get(model._meta.db_table, ())) or (one.has_default() and not one.primary_key) or isinstance(one, models.GeneratedField | models.AutoField):
            continue
        values[one.attname] = (_relation(who, one, org, member, built) if one.is_relation else uuid.uuid4() if isinstance(one, models.UUIDField) else datetime.now(UTC) if isinstance(one, models.DateTimeField)
                               else one.choices[0][0] if one.choices else f"thing-{next(_numbers)}" if isinstance(one, _TEXT) else 1)
    return model._base_manager.create(**values)


_LOOKS = ("2026-01-01T00:00", "suspend", "kept:account", "again", "case.state", "00000000-0000-4000-8000-000000000000")


def document(schema: Schema, word: str) -> Any:
    """A document of declared keys with the marker in it."""
    if isinstance(schema, Key):
        return word
    if isinstance(schema, Many):
        return [found] if (found := document(schema.each, word)) else []
    if isinstance(schema, By):
        return {next(key for key in _LOOKS if re.fullmatch(schema.looks, key)): document(schema.each, word)}
    name, first = next(iter(schema.keys.items()), ("", None))
    return {name: document(first, word)} if first is not None else {}


def words(data: bytes) -> Iterator[str]:
    """Every word of ours that stands in these bytes."""
    found = set(WORD.findall(data))
    for one in set(_HEX.findall(data)):
        found.update(WORD.findall(bytes.fromhex(one.decode())))
    yield from (one.decode() for one in found)
