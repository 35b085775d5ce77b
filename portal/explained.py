"""What a power means, in words that follow from the power itself: who may, what proof, who is told, what is recorded, why it may be refused."""
from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from types import CodeType
from typing import Any

from django import forms
from django.conf import settings
from django.template.loader import TemplateDoesNotExist, get_template
from django.utils.translation import gettext as _

from accounts import brake, policy, purposes
from accounts.actor import T1_WINDOW, T2_WINDOW
from accounts.directory import rules as directory
from accounts.models import Account, Management, Membership, Organization, Role
from accounts.organizations import contact
from accounts.people import Person
from accounts.permissions import PERMISSIONS
from accounts.power import Effect, Power
from accounts.profile import rules, telling
from accounts.reasons import REASONS
from accounts.services import telling as access_telling
from portal.api.forms import example_of
from portal.api.operation import Operation
from portal.api.table import OPERATIONS
from portal.powers import BY_SLUG, POWERS
from portal.sentences import EVENTS

SESSIONS, TOKENS, SERVICES, INVITATIONS = 3, 2, 4, 1
"""What the sample person has."""
COMPARED = ("restrict", "suspend", "remove", "deactivate", "lockdown", "schedule-deletion")
_ASPECTS = {
    "sessions": ("sessions", "organization_sessions"), "sign_in": ("sign_in", "password", "second_factor"), "services": ("services", "restricted:read_only"), "tokens": ("tokens",),
    "groups": ("assignments", "membership", "data"), "content": ("content", "data", "account"), "undo": ("snapshot", "sticky"),
}
_SAMPLE_FACTS = {"role_before": "Member", "role_after": "Auditor", "role": "Auditor", "group": "Finance",
                 "service": "Notes", "before": "full", "after": "none", "rank_before": 0, "rank_after": 20, "groups": [], "field": "title", "outcome": "kept"}


def groups_of_powers() -> list[tuple[str, list[Power]]]:
    """The powers as the overview shows them: by what they act on."""
    own = [p for p in POWERS if p.code.startswith("own.")]
    rest = [p for p in POWERS if p not in own]
    return [(_("On a person’s access to the organization"), [p for p in rest if p.over == "member" and not p.account_power]),
            (_("On an account that the organization manages"), [p for p in rest if p.account_power]),
            (_("On the organization"), [p for p in rest if p.over in {"row", "organization"}]), (_("On services"), [p for p in rest if p.over == "service"]),
            (_("On groups, roles and tokens"), [p for p in rest if p.over in {"group", "role", "token"}]),
            (_("Your own acts"), own)]


def roles_for(power: Power, organization: Organization) -> list[Role]:
    """The organization's roles that include the power, its own ones too; [] when everybody has it."""
    if power.permission is None:
        return []
    return list(Role.objects.filter(organization=organization, permissions__contains=[power.permission]).order_by("-rank", "name"))


def permission(power: Power) -> str:
    """What the role has to allow, as the roles page calls it."""
    return str(PERMISSIONS[power.permission]) if power.permission else ""


def proof(power: Power) -> list[str]:
    """Which step-up it asks for."""
    minutes = {1: int(T1_WINDOW.total_seconds() // 60), 2: int(T2_WINDOW.total_seconds() // 60)}
    found = {0: _("None beyond being signed in."),
             1: _("You prove that it is you, at most %(n)d minutes before: with your password, a passkey or your authenticator app.") % {"n": minutes[1]},
             }.get(power.tier, _("You prove it with a second factor, at most %(n)d minutes before: a passkey or your authenticator app. A recovery code does not count.") % {"n": minutes[2]})
    return [found, *([_("More is asked where it gives more: that depends on what you choose, or on whom it is about.")] if power.tier_for else [])]


def second_person(power: Power) -> list[str]:
    """When somebody else has to agree before it happens."""
    found = [_("Always.")] if power.tier >= 3 else []
    if power.over == "member" and power.rank_rule and not power.self_allowed:
        found.append(_("Not even when it is about an owner: one other owner is enough.") if power.owner_lock else _("When it is about an owner: another owner agrees."))
    if power.brake:
        numbers = {"least": brake.LEAST, "share": brake.SHARE, "hours": int(brake.WINDOW.total_seconds() // 3600)}
        found.append(_("When one person uses harmful acts on many: more than %(least)d people, and more than one in %(share)d of the organization, within %(hours)d hours.") % numbers)
        found.append(_("Whoever goes beyond that one by one is paused until a second administrator agrees."))
    if power.tier_for:
        found.append(_("Where what is given or taken is as strong as that: the page says so before you confirm."))
    return found or [_("No.")]


def notice(power: Power, *, organization: Organization, actor: str, now: datetime) -> tuple[str, str] | None:
    """Subject and text of the notice, for a sample person; None where nobody is told by mail."""
    context = {
        "organization": organization.name, "actor": actor, "contact": contact.line(organization), "message": "", "reason": "absence" if "reason_code" in power.form.base_fields else "",
        "when": now.strftime("%Y-%m-%d %H:%M"), "event": power.event, "reference": "1204", "facts": _SAMPLE_FACTS, "until": "", "link": f"{settings.STEWARD_URL}/…", "url": settings.STEWARD_URL}
    name = "profile-digest" if power.event == telling.CHANGED else "service-access" if power.event in access_telling.CAUSES else power.slug
    context |= {"zone": "UTC", "changes": [{"when": context["when"], "field": str(rules.LABELS["title"]), "before": "—", "after": "Analyst"}], "more": 0}
    if name == "service-access":
        cause = access_telling.CAUSES[power.event]
        before, after = ("full", "none") if cause in {"deleted", "removed"} else ("none", "full")
        context |= {"changes": [{"service": "Wiki", "before": before, "after": after}], "cause": cause, "group": "Berlin"}
    try:
        subject, body = get_template(f"mail/{name}/subject.txt"), get_template(f"mail/{name}/body.txt")
    except TemplateDoesNotExist:
        return None
    return subject.render(context).strip(), body.render(context).strip()


def recorded(power: Power, *, actor: str, target: str) -> str:
    """The sentence of the entry."""
    return str(EVENTS[power.event]) % {"actor": actor, "target": target}


def refusals(power: Power) -> list[str]:
    """The codes with which it can be refused: what every power of its kind checks, and what its own rule says."""
    found = set(_ruled(power.rule))
    found |= {"no_permission"} if power.permission else set()
    found |= {"step_up"} if power.tier else set()
    if power.over == "member":
        found |= {"out_of_scope", "stale"} | ({"self", "protected"} if not power.self_allowed else set()) | ({"rank"} if power.rank_rule and not power.self_allowed else set())
    checks = {"service_account": power.people_only, "not_managed": power.account_power, "managed_by_idp": power.directory or power.slug in directory.ASKED, 
              "field_of_directory": power.slug in directory.ROWS, "actor_paused": power.brake, "last_owner": power.ends_ownership,
              "policy_off": power.governed, "use_restricted": power.over == "member" and not power.code.startswith(("own.", "token.")) and purposes.of_power(power.slug) not in purposes.ALWAYS,
              "owner_in_bulk": power.bulk and power.rank_rule}
    found |= {code for code, on in checks.items() if on}
    found |= {"same_person", "not_approver", "expired"} if second_person(power) != [_("No.")] else set()
    return [code for code in REASONS if code in found]


def _ruled(rule: Callable[..., Any]) -> Iterator[str]:
    """The reason codes that a rule names, and those of the functions of ours that it calls."""
    waiting, seen = [rule], set()
    while waiting:
        function = waiting.pop()
        code = getattr(function, "__code__", None)
        if code is None or code in seen:
            continue
        seen.add(code)
        yield from (text for text in _constants(code) if text in REASONS)
        waiting += [called for name in _names(code) if callable(called := function.__globals__.get(name)) and getattr(called, "__module__", "").startswith(("accounts.powers", "dsar.powers"))
                    and not isinstance(called, type)]
        waiting += [cell.cell_contents for cell in function.__closure__ or () if callable(cell.cell_contents)]


def _constants(code: CodeType) -> Iterator[str]:
    for value in code.co_consts:
        if isinstance(value, str):
            yield value
        elif isinstance(value, CodeType):
            yield from _constants(value)
        elif isinstance(value, tuple | frozenset):
            yield from (item for item in value if isinstance(item, str))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _names(value)


def sample(power: Power) -> dict[str, Any]:
    """The least that its form accepts, as the command line takes it."""
    return {name: _value(name, field) for name, field in power.form.base_fields.items() if (field.required and field.initial is None) or name in {"value", "proposed"}}


def _value(name: str, field: forms.Field) -> Any:
    choices = [str(key) for key, _label in getattr(field, "choices", []) if key]
    if isinstance(field, forms.MultipleChoiceField):
        return choices[:1] or ["view_people"]
    if isinstance(field, forms.IntegerField):
        return field.min_value or 1
    if isinstance(field, forms.UUIDField):
        return "00000000-0000-4000-8000-000000000000"
    return choices[0] if choices else {"email": "sam@example.org", "role": "auditor", "at": "2030-01-02T09:00Z", "ends_on": "2030-06-30", "value": "Sam", "proposed": "Sam"}.get(name, name.upper())


def operation(power: Power) -> Operation | None:
    """The API's operation for it that a token may call, if there is one."""
    return next((o for o in OPERATIONS if o.power is power and o.who == "member"), None)


def curl(power: Power, organization: Organization) -> str:
    """The request that does it through the API; '' where the API has none."""
    found = operation(power)
    if found is None:
        return ""
    path = re.sub(r"\{(\w+?)(?:_id)?\}", lambda part: organization.slug if part[1] == "slug" else f"{part[1].upper()}-ID", found.path)
    return (f"curl -X POST {settings.STEWARD_URL}/api/v1/{path} \\\n"
            '  -H "Authorization: Bearer $STEWARD_TOKEN" -H "Content-Type: application/json" \\\n'
            f"  -d '{json.dumps(found.example if found.example is not None else example_of(power))}'")


def command(power: Power, organization: Organization) -> str:
    """The command that does it on the server; '' where there is none."""
    if power.over not in {"member", "row"} or power.slug in {"import-people", "grant-ownership"}:
        return ""
    given = "".join(f" --set {name}={part}" for name, value in sample(power).items() for part in (value if isinstance(value, list) else [value]))
    who = " sam@example.org" if power.over == "member" else ""
    return f"python manage.py power {power.code} --org {organization.slug} --as you@example.org{who}{given} --dry-run"


def comparison(organization: Organization, now: datetime) -> tuple[list[tuple[str, list[list[Effect]]]], list[Power]]:
    """The rows (aspect, one cell for each act) and the acts; from what each power says it would do to the sample person."""
    powers = [BY_SLUG[slug] for slug in COMPARED if slug in BY_SLUG]
    sample = _sample_person(organization)
    effects = [list(power.effects(sample, {}, now)) for power in powers]
    titles = {"sessions": _("Sessions"), "sign_in": _("Signing in"), "services": _("Access to services"), "tokens": _("API tokens"), "groups": _("Role and groups"),
              "content": _("Data"), "undo": _("Way back")}
    rows = [(titles[aspect], [_undo(power, found) if aspect == "undo" else [e for e in found if e.code in codes] for power, found in zip(powers, effects, strict=True)])
            for aspect, codes in _ASPECTS.items()]
    known = {code for codes in _ASPECTS.values() for code in codes}
    rest = [[e for e in found if e.code not in known] for found in effects]
    return [*rows, (_("Also"), rest)], powers


def _undo(power: Power, effects: Iterable[Effect]) -> list[Effect]:
    back = BY_SLUG.get(power.undo)
    first = Effect("kept", "undo", _("Yes: “%(power)s”.") % {"power": back.title}) if back else Effect("lost", "undo", _("None."))
    return [first, *(e for e in effects if e.code in _ASPECTS["undo"])]


def _sample_person(organization: Organization) -> Person:
    """Somebody whom no database knows."""
    account = Account(id=uuid.uuid4(), email="sam@example.org", name="Sam Sample", has_second_factor=True)
    membership = Membership(id=uuid.uuid4(), organization=organization, account=account, role=Role(organization=organization, slug="member", name="Member", rank=0), status="active")
    extra: dict[str, Any] = dict.fromkeys(("services", "groups", "snapshots", "auth_groups", "elsewhere", "blocked"), ())
    return Person(account=account, membership=membership, management=Management(organization=organization, account=account, basis="created_by_org"), sessions=SESSIONS, tokens=TOKENS,
                  services=SERVICES, invitations=INVITATIONS, extra={**extra, "roles": {}, "organization_services": {}, "service_ways": {},
                                                                  "deletion": None, "deletion_days": policy.of(organization.id).deletion_days})
