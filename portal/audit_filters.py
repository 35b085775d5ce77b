"""The filters of the audit log as page, timeline, saved view and API write them: one reading of them for all."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.addresses import address_key
from accounts.models import Membership
from audit.queries import Filters

FIELDS = ("actor", "acted_as", "person", "target", "target_type", "action", "category", "outcome", "token", "plan", "ticket", "matter", "address", "since", "until")
KINDS = ("person", "membership", "organization", "api_token", "session", "role", "group", "service", "plan", "service_account", "audit_export", "log_stream", "webhook")
OUTCOMES = ("success", "denied", "failure")


@dataclass
class Asked:
    """What was asked for, as far as it makes sense, and in words what does not."""

    filters: Filters = field(default_factory=Filters)
    network: IPv4Network | IPv6Network | None = None
    problems: list[str] = field(default_factory=list)
    people: tuple[UUID, ...] = ()
    """The accounts that filters name: they become targets of the entry that records the search."""
    facts: dict[str, Any] = field(default_factory=dict)
    """The filters without anything personal."""


def read(given: Mapping[str, str], organization_id: UUID) -> Asked:
    """From the address of the page. People are named by their e-mail address in this organization."""
    asked, values = Asked(), {name: "".join(sign for sign in given.get(name, "").strip()[:300] if sign.isprintable()) for name in FIELDS}
    people = {name: _account(values[name], organization_id, asked) for name in ("actor", "acted_as", "person") if values[name]}
    ids = {name: _id(values[name], name, asked) for name in ("target", "token", "plan") if values[name]}
    since, until = (_day(values[name], asked) for name in ("since", "until"))
    if since and until and since > until:
        asked.problems.append(_("The first day is after the last day."))
    kind = values["target_type"] if values["target_type"] in KINDS else "person"
    target, kind = (people["person"], "person") if people.get("person") else (ids.get("target"), kind)
    if values["person"] and values["target"]:
        asked.problems.append(_("Ask either about a person or about another thing, not about both."))
    asked.network = _network(values["address"], asked)
    plain = {name: values[name][:200] for name in ("action", "category", "ticket", "matter") if values[name]}
    if values["outcome"] in OUTCOMES:
        plain["outcome"] = values["outcome"]
    asked.filters = Filters(actor=people.get("actor"), acted_as=people.get("acted_as"), target=target, target_type=kind, token=ids.get("token"),
                            plan=ids.get("plan"), since=since, until=until, **plain)
    asked.people = tuple(sorted({person for person in people.values() if person}))
    asked.facts = {**{k: v for k, v in plain.items() if k not in {"ticket", "matter"}}, **{k: str(v) for k, v in ids.items() if v}, **({"target_type": kind} if ids.get("target") else {}),
                   **{k: v.isoformat() for k, v in (("since", since), ("until", until)) if v}, **{k: True for k in ("ticket", "matter", "address", "actor", "acted_as", "person") if values[k]}}
    return asked


def _account(typed: str, organization_id: UUID, asked: Asked) -> UUID | None:
    found = Membership.objects.filter(organization_id=organization_id, account__email_key=address_key(typed)).values_list("account_id", flat=True).first()
    if found is None:
        asked.problems.append(_("Nobody in this organization has the address “%(address)s”.") % {"address": typed})
    return found


def _id(typed: str, name: str, asked: Asked) -> UUID | None:
    try:
        return UUID(typed)
    except ValueError:
        asked.problems.append(_("“%(value)s” is no id. Copy it from an entry.") % {"value": typed[:40]})
        return None


def _day(typed: str, asked: Asked) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        asked.problems.append(_("“%(value)s” is not a date. Write it like 2026-11-23.") % {"value": typed[:40]})
        return None


def _network(typed: str, asked: Asked) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(typed, strict=False) if typed else None
    except ValueError:
        asked.problems.append(_("“%(value)s” is no network address. Write it like 192.0.2.7 or 192.0.2.0/24.") % {"value": typed[:60]})
        return None
