"""What the powers over apps have in common: which app is meant, what it asks for in words, and how far whoever acts may let it in."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.catalogue import life, manifests
from accounts.models import App, Installation, Organization
from accounts.oauth.scopes import NEVER, SCOPES, SENSITIVE, SIGN_IN
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work

PERMISSION = "manage_apps"
MESSAGE: dict[str, Any] = {"max_length": 1000, "widget": forms.Textarea(attrs={"rows": 3})}


class AppForm(StrictForm):
    """Which app; by its short name or its id."""

    app = AnyChoiceField(label=gettext_lazy("App"), max_length=60)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The apps of the catalogue; the one on whose page the act was chosen is looked at before anything is typed."""
        rows = life.catalogue(organization.id).order_by("name", "slug").values_list("slug", "name")
        self.fields["app"].choices = [("", gettext_lazy("Choose one")), *rows]  # type: ignore[attr-defined]
        if self.initial.get("app"):
            self.fields["app"].initial = self.initial["app"]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        return {"app": query.get("app", "")[:60]}


def chosen(target: OrganizationTarget, data: Data) -> App | None:
    return life.app_of(target.id, str(data.get("app") or ""))


def rule_of(*more: Callable[[Actor, OrganizationTarget, App, Data, datetime], Iterable[str]]) -> Callable[[Actor, OrganizationTarget, Data, datetime], Iterable[str]]:
    """Nobody who reaches only some people; an app that is there; and what else the act asks of it."""
    def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
        yield from choosing.unreached(actor)
        if data.get("app"):
            app = chosen(target, data)
            if app is None:
                yield "unknown_app"
                return
            for one in more:
                yield from one(actor, target, app, data, now)
    return rule


def there(*states: str) -> Callable[[Actor, OrganizationTarget, App, Data, datetime], Iterable[str]]:
    """The app is installed, in one of these states."""
    def rule(_actor: Actor, target: OrganizationTarget, app: App, _data: Data, _now: datetime) -> Iterable[str]:
        row = life.installed(target.id, app.id)
        if row is None:
            yield "app_not_installed"
        elif row.state not in states:
            yield "wrong_status"
    return rule


def loaded(work: Work, target: OrganizationTarget, data: Data) -> tuple[App, Installation]:
    """The installation, locked, to be changed; the entry names app and installation."""
    app = chosen(target, data)
    row = life.installed(target.id, app.id) if app else None
    if app is None or row is None:
        raise Stale
    fresh = Installation.objects.select_for_update().get(id=row.id)
    if fresh.state == "ended":
        raise Stale
    fresh.app, fresh.organization = app, target.organization
    work.track(fresh)
    work.note(target.id, _also=[app], app=app.slug, installation=str(fresh.id))
    return app, fresh


def beyond(actor: Actor, scopes: Iterable[str]) -> Iterable[str]:
    """Nobody lets an app do what they may not do themselves, and nobody at all lets it near credentials, ownership or the log (POWERS P5)."""
    wanted = set(scopes)
    if wanted & NEVER or wanted - set(SCOPES):
        yield "app_never"
    elif wanted - set(SIGN_IN) - actor.permissions:
        yield "app_above"


def tier(scopes: Iterable[str]) -> int:
    return 2 if SENSITIVE & set(scopes) else 1


def in_words(scopes: Iterable[str], *, kind: Any = "later") -> list[Effect]:
    """What each scope lets the app do."""
    return [Effect(kind, f"scope:{name}", _("It may: %(what)s.") % {"what": SCOPES[name]}) for name in sorted(scopes) if name in SCOPES]


def facts_of(app: App) -> list[Effect]:
    """Whom the organization has to do with, what they hold, and where."""
    names = manifests.countries()
    return [
        Effect("fact", "provider", _("Provider: %(provider)s, %(address)s.") % {"provider": app.provider, "address": app.provider_email}),
        Effect("fact", "policy", _("What they say about data: %(link)s") % {"link": app.privacy_url}),
        Effect("fact", "holds", _("Data it holds: %(what)s.") % {"what": ", ".join(str(manifests.categories().get(key, key)) for key in app.categories)}),
        Effect("fact", "where", _("Countries in which it is kept: %(where)s.") % {"where": ", ".join(names.get(code, code) for code in app.countries)}),
    ]


def power(slug: str, code: str, event: str, *, form: Any, rule: Any, apply: Any, **more: Any) -> Power:
    return Power(**{"slug": slug, "code": f"app.{code}", "event": f"app.{event}", "over": "organization", "permission": PERMISSION, "tier": 1, "form": form, "rule": rule, "apply": apply,
                    "notice": False, **more})
