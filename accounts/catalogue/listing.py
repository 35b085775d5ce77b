"""What pages and the API show of apps: the catalogue as an organization sees it, the queue, one app with who uses it, and what apps hold of a person."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.catalogue import life, manifests
from accounts.models import Account, App, AppDelivery, AppGrant, AppRequest, AppReview, AppUse, Installation, Mail, Membership, OAuthApplication
from accounts.oauth.scopes import SCOPES, SIGN_IN, TO_PERSON

PEOPLE = 100
"""So many people stand on the page of an app; how many there are is said."""


@dataclass
class Listed:
    """One app as an organization sees it."""

    app: App
    review: AppReview | None = None
    installation: Installation | None = None
    asked: int = 0
    mine: bool = False
    """Whether whoever looks has asked for it."""

    @property
    def state(self) -> str:
        """One word: what is installed says more than what was decided."""
        if self.installation is not None:
            return "suspended" if self.installation.state == "suspended" else "installed"
        if self.review is not None and self.review.state:
            return self.review.state
        return "withdrawn_offer" if self.app.state == "withdrawn" else "offered"


def listed(organization_id: UUID, *, account_id: UUID | None = None) -> list[Listed]:
    """Every app of the catalogue, what is installed first, then by name. Of what is not offered any more only what is installed or decided."""
    reviews = {row.app_id: row for row in AppReview.objects.filter(organization_id=organization_id)}
    there = {row.app_id: row for row in Installation.objects.filter(organization_id=organization_id).exclude(state="ended")}
    open_requests = AppRequest.objects.filter(organization_id=organization_id, ended_at=None)
    asked = dict(open_requests.values_list("app_id").annotate(n=Count("id")))
    mine = set(open_requests.filter(account_id=account_id).values_list("app_id", flat=True)) if account_id else set()
    rows = [Listed(app, reviews.get(app.id), there.get(app.id), asked.get(app.id, 0), app.id in mine) for app in life.catalogue(organization_id).order_by("name", "slug")]
    return sorted((one for one in rows if one.app.state == "offered" or one.installation or one.review), key=lambda one: one.installation is None)


def queue(organization_id: UUID) -> list[Listed]:
    """What waits for a decision: what most people ask for first, then what waits longest."""
    rows = [one for one in listed(organization_id) if one.review is not None and one.review.state in life.WAITING]
    return sorted(rows, key=lambda one: (-one.asked, one.review.created_at if one.review else None))


def _shown(organization_id: UUID) -> Any:
    """Whose names may be read here now: the database leaves out whoever's data may only be stored. They are counted all the same."""
    return Membership.objects.filter(organization_id=organization_id).values("account_id")


def requests(organization_id: UUID, app_ids: Iterable[UUID]) -> dict[UUID, list[AppRequest]]:
    """The open requests for these apps, with who asks and why."""
    found: dict[UUID, list[AppRequest]] = {}
    rows = AppRequest.objects.filter(organization_id=organization_id, app_id__in=list(app_ids), ended_at=None, account_id__in=_shown(organization_id))
    for row in rows.select_related("account").order_by("asked_at"):
        found.setdefault(row.app_id, []).append(row)
    return found


@dataclass(frozen=True)
class Line:
    """One line of the scorecard."""

    good: bool
    text: str


@dataclass
class Detail:
    """One app with everything that administrators see of it."""

    listed: Listed
    requests: list[AppRequest]
    client: OAuthApplication | None = None
    people: int = 0
    grants: list[AppGrant] = field(default_factory=list)
    uses: list[AppUse] = field(default_factory=list)
    deliveries: list[AppDelivery] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    before: list[Installation] = field(default_factory=list)
    score: list[Line] = field(default_factory=list)
    installer: str = ""
    """Who installed it, if their name may be read."""


def detail(organization_id: UUID, app_id: UUID) -> Detail | None:
    app = life.catalogue(organization_id).filter(id=app_id).first()
    if app is None:
        return None
    row = life.installed(organization_id, app.id)
    asking = requests(organization_id, [app.id]).get(app.id, [])
    asked = AppRequest.objects.filter(organization_id=organization_id, app=app, ended_at=None).count()
    found = Detail(Listed(app, life.review_of(organization_id, app.id), row, asked), asking)
    found.before = list(Installation.objects.filter(organization_id=organization_id, app=app, state="ended").order_by("-ended_at")[:20])
    found.deliveries = list(AppDelivery.objects.filter(organization_id=organization_id, installation__app=app).order_by("-created_at")[:20])
    if row is not None:
        open_grants = AppGrant.objects.filter(organization_id=organization_id, installation=row, ended_at=None)
        found.people = open_grants.count()
        found.grants = list(open_grants.filter(account_id__in=_shown(organization_id)).select_related("account").order_by("-granted_at")[:PEOPLE])
        found.uses = list(AppUse.objects.filter(organization_id=organization_id, installation=row).order_by("-last_at")[:50])
        found.client = OAuthApplication.objects.filter(organization_id=organization_id, installation=row).first()
        found.mails = list(Mail.objects.filter(organization_id=organization_id, template="app-provider", address=app.provider_email, created_at__gte=row.installed_at).order_by("-created_at")[:5])
        found.score = scorecard(row)
        found.installer = next((one.name or one.email for one in Account.objects.filter(id=row.installed_by_id).filter(id__in=_shown(organization_id))), "") if row.installed_by_id else ""
    return found


def scorecard(row: Installation) -> list[Line]:
    """Plain facts about an installed app and its provider, and what others add (`settings.APP_SCORES`). No number: each line can be checked."""
    app = row.app
    failed = AppDelivery.objects.filter(installation=row, state="failed").count()
    lines = [
        Line(bool(app.website), _("The provider names a website.") if app.website else _("The provider names no website.")),
        Line(bool(app.requests_url), _("Requests of people reach it by program.") if app.requests_url else _("Requests of people reach its provider by e-mail only.")),
        Line(bool(app.events_url), _("It is told by program that it was removed.") if app.events_url else _("It is told by e-mail only that it was removed.")),
        Line(not failed, ngettext("%(n)d event did not arrive.", "%(n)d events did not arrive.", failed) % {"n": failed} if failed else _("Every event for it arrived or is on its way.")),
        Line(set(row.scopes) <= set(SIGN_IN), _("It asks only for what signing in needs.") if set(row.scopes) <= set(SIGN_IN) else _("It asks for more than signing in needs.")),
        Line(app.state == "offered", _("It is still offered.") if app.state == "offered" else _("It is not offered any more.")),
    ]
    for path in settings.APP_SCORES:
        lines += import_string(path)(row)
    return lines


def words(scopes: Iterable[str], *, to_person: bool = False) -> list[str]:
    """What each scope lets a program do: over the organization's people, or, said to a person, over them."""
    known = TO_PERSON if to_person else SCOPES
    return [str(known[name]) for name in scopes if name in known]


def held(app: App) -> list[str]:
    return [str(manifests.categories().get(key, key)) for key in app.categories]


def places(app: App) -> list[str]:
    names = manifests.countries()
    return [names.get(code, code) for code in app.countries]


@dataclass
class Mine:
    """An app that holds, or held, data about the person, and why."""

    installation: Installation
    grant: AppGrant | None
    """What the person allowed it, if they did."""

    @property
    def by_organization(self) -> list[str]:
        """What it may do with data about people without asking each of them, because the organization installed it so."""
        return sorted(name for name in self.installation.scopes if name not in SIGN_IN)


def mine(account_id: UUID) -> tuple[list[Mine], list[Mine]]:
    """The apps that may hold data about the person now, and those that did. Needs a reach that sees the person's organizations."""
    there = Membership.objects.filter(account_id=account_id).exclude(status__in=("invited", "removed")).values("organization_id")
    grants: dict[UUID, AppGrant] = {}
    for grant in AppGrant.objects.filter(account_id=account_id).order_by("granted_at"):
        grants[grant.installation_id] = grant  # the newest says how it stands
    rows = Installation.objects.filter(Q(organization_id__in=there) | Q(id__in=list(grants))).select_related("app", "organization").order_by("organization__name", "app__name", "installed_at")
    now, past = [], []
    for row in rows:
        grant = grants.get(row.id)
        open_grant = grant if grant is not None and grant.ended_at is None else None
        one = Mine(row, open_grant or grant)
        if row.state != "ended" and (open_grant is not None or one.by_organization):
            now.append(Mine(row, open_grant))
        elif grant is not None:
            past.append(one)
    return now, past
