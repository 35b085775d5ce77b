"""The people list and a person's page."""
from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit_reading, deletions, door, listing_query, notice, protected
from accounts.actor import Actor
from accounts.emails import life as emails
from accounts.gathering import needed
from accounts.models import ApiToken, Mail, Role, Session
from accounts.people import Person, load_people, veiled
from accounts.power import Power
from accounts.profile import aside
from accounts.reasons import NotFound, text
from accounts.schedules import listing
from accounts.services import ways
from audit import queries
from dsar.powers import restrict_use
from portal import addresses, rows, sentences, transfers, values
from portal import services_shown as shown
from portal.organization import enter
from portal.powers import BY_SLUG, POWERS
from portal.surfaces.bulk import offered
from portal.views import restriction, saved, scheduled

PERSON_POWERS = tuple(p for p in POWERS if p.over == "member" and not p.code.startswith(("own.", "token.")))
_TABS = ("", "active", "suspended", "restricted", "invited", "deactivated", "locked", "pending_deletion")


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The list; with htmx only what depends on the query."""
    actor = enter(request, slug, permission="view_people")
    organization = request.organization  # type: ignore[attr-defined]
    if (default := saved.opening(request, actor, "people")) is not None:
        return default
    want = listing_query.wanted(request.GET)
    found = listing_query.page(organization_id=organization.id, want=want, groups=actor.scope_groups)
    numbers = listing_query.counts(organization_id=organization.id, groups=actor.scope_groups)
    names, many = {s: _status_name(s) for s in listing_query.STATUSES}, offered(actor)
    context = {
        "people": found, "want": want, "numbers": numbers, "sort": f"{'-' if want.descending else ''}{want.sort}",
        "tabs": [{"href": "?" + urlencode({"status": t} if t else {"all": 1}), "label": names.get(t) or _("All"), "n": numbers.get(t or "all", 0), "on": want.status == t} for t in _TABS],
        "rows": rows.people(found.rows, slug=slug, tick=bool(many)), "statuses": rows.options(names.items(), want.status),
        "roles": rows.options(Role.objects.filter(organization=organization).order_by("-rank", "name").values_list("slug", "name"), want.role),
        "chips": _chips(want, names), "columns": _columns(want), "total": numbers["all"],
        "bulk_powers": rows.options(((p.slug, p.title) for p in many), ""), "query": urlencode([(key, request.GET[key]) for key in ("q", "status", "role", "mfa", "due") if request.GET.get(key)]),
        **saved.beside(request, actor, "people"),
        "may_invite": actor.may("invite_people"), "may_import": actor.may("import_people"),
    }
    return render(request, "people/_results.html" if request.headers.get("HX-Request") else "people/index.html", context)


def _status_name(value: str) -> str:
    from portal.templatetags.steward import STATUS

    return STATUS[value][2]()


def _chips(want: listing_query.Wanted, names: dict[str, str]) -> list[dict[str, str]]:
    found = [("q", _("Search"), want.q), ("status", _("Status"), names.get(want.status, "")), ("role", _("Role"), want.role),
             ("mfa", _("Second factor"), {"yes": _("set up"), "no": _("missing")}.get(want.mfa, "")),
             ("due", _("Soon"),
              {"invitation": _("the invitation ends"), "return": _("access comes back"), "contract": _("the contract ends within 30 days"),
               "inactive": _("suspended for inactivity within 14 days"),
               "notice": _("a notice was not delivered"), "token": _("an API token ends"), "dispute": _("a value is disputed")}.get(want.due, ""))]
    return [{"key": key, "label": label, "value": value} for key, label, value in found if value]


def _columns(want: listing_query.Wanted) -> list[dict[str, str]]:
    """Heads of the table: sortable ones know the address of the other order."""
    sortable = {"name": _("Person"), "active": _("Last active")}
    found = []
    for key, label in (("name", sortable["name"]), ("", _("Status")), ("role", _("Role")), ("mfa", _("Sign-in")), ("services", _("Services")), ("active", sortable["active"])):
        on = key == want.sort
        found.append({"key": key, "label": label, "sort": (f"-{key}" if on and not want.descending else key) if key in sortable else "",
                      "aria": ("descending" if want.descending else "ascending") if on else "", "low": key in {"services", "role"}})
    return found


def load(actor: Actor, person_id: UUID) -> Person:
    """The person with this id in the actor's organization, or NotFound."""
    assert actor.organization_id is not None
    found = load_people(organization_id=actor.organization_id, ids=[person_id], lock=False)
    if not found or not reached(actor, found[0]):
        raise NotFound
    return found[0] if person_id == actor.membership_id else veiled(found[0])


def reached(actor: Actor, person: Person) -> bool:
    """Whether the actor's role reaches this person; whom it does not reach they do not see either. Oneself one always sees."""
    return actor.scope_groups is None or bool(actor.scope_groups & person.group_ids) or person.id == actor.membership_id


def detail(request: HttpRequest, slug: str, person_id: UUID) -> HttpResponse:
    """Everything the organization may know about a member, and what the viewer can do, with reasons when not."""
    actor = enter(request, slug, permission="view_people")
    person = load(actor, person_id)
    assert person.membership is not None
    if person.account.kind == "service":
        return redirect("service-account", slug, person.id)
    if person.stored_only and person.id != actor.membership_id:
        return restriction.person(request, person.id)
    audit_reading.person_viewed(actor=actor, account_id=person.account.id, what="page", now=timezone.now())
    unnamed = aside.restricted(person.membership, "name") or aside.contested(person.membership, "name")  # the log says the name still: it is read there, as evidence, and not here
    history = queries.page(org=actor.organization_id, filters=queries.Filters(target=person.account.id), size=40) if actor.may("view_audit") and not unnamed else None
    capabilities = [_capability(power, actor, person) for power in PERSON_POWERS if actor.may(power.permission)]
    deletion = deletions.shown(account_id=person.account.id) if person.account.status == "pending_deletion" else None
    return render(request, "people/detail.html", {
        "person": person, "m": person.membership, "a": person.account, "capabilities": [c for c in capabilities if c["allowed"] and not c["power"].danger],
        "dangers": [c for c in capabilities if c["allowed"] and c["power"].danger], "impossible": [c for c in capabilities if not c["allowed"]],
        "services": [{"way": way, "level": shown.level(way.level), "through": shown.through(own=way.own, groups=way.groups, everyone=way.everyone)} for way in ways.of([person.id])],
        "tokens": ApiToken.objects.filter(membership=person.membership, state="active").order_by("-created_at"),
        "sessions": Session.objects.filter(account=person.account, ended_at=None).order_by("-last_seen_at")[:10] if person.managed else [],
        "undelivered": Mail.objects.filter(account=person.account, organization_id=actor.organization_id, state="failed").count(),
        "history": [sentences.line(seen) for seen in [one for one in history.entries if one.record["action"] != "data.viewed"][:8]] if history else None, "key": uuid4(),
        "scheduled": [scheduled.shown(one, actor) for one in listing.page(actor=actor, person=person.id, size=100)[0]],
        "deletion": deletion, "waits_for": [text(code) for code in deletion.waits_for] if deletion else [],
        "shown_notice": notice.shown([person.management.notice_version]).get(person.management.notice_version) if person.managed and person.management else None,
        "email_change": _email_change(actor, person), "may_email": actor.may("change_email"), "may_confirm": actor.may("manage_roles"),
        "protectors": [one for row in protected.listed(actor=actor, person=person.id) for one in row.protectors] if person.membership.protected else [],
        "transfers": transfers.about(person, person.membership.organization_id) if actor.may("manage_domains") else [],
        "values": values.beside(person, now=timezone.now()), "may_profile": actor.may("update_profiles"),
        "parts": restriction.parts_of(person) if person.membership.set_aside and actor.may(restrict_use.LIFT.permission) else [],
        "inherited_role": person.rank > person.membership.role.rank,
    })


def _email_change(actor: Actor, person: Person) -> addresses.Shown | None:
    """The change of the address that is under way and that this organization decides about."""
    needed((emails.address_change,), [person])
    row = emails.of(person, actor.organization_id) if person.managed else None
    return addresses.Shown(row, person.membership) if row is not None else None


def _capability(power: Power, actor: Actor, person: Person) -> dict[str, Any]:
    codes = door.capability(power=power, actor=actor, person=person, now=timezone.now())
    return {"power": power, "allowed": not codes, "reasons": [text(code) for code in codes], "direct": power.ladder == 0 and not power.form.base_fields}


def by_slug(slug: str) -> Power:
    """The power with this slug, or NotFound."""
    if slug not in BY_SLUG:
        raise NotFound
    return BY_SLUG[slug]
