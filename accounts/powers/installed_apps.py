"""Install an app, decide what it asks for anew, stop it for a while, remove it (POWERS P5)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import policy
from accounts.actor import Actor
from accounts.catalogue import delivering, ending, life
from accounts.models import App, AppGrant, Installation, OAuthApplication
from accounts.oauth import clients
from accounts.power import Data, Effect
from accounts.powers import apps
from accounts.powers.apps import AppForm
from accounts.powers.forms import ahead, time_field
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work, plain
from audit.streams import secrets


class InstallForm(AppForm):
    until = time_field(label=gettext_lazy("Until"), required=False, help_text=gettext_lazy("Optional. It is then removed by itself. Where the approval of the app ends earlier, that day counts."))

    def clean_until(self) -> datetime | None:
        return ahead(self.cleaned_data["until"])


def _let_in(actor: Actor, target: OrganizationTarget, app: App, _data: Data, now: datetime) -> Iterable[str]:
    if life.installed(target.id, app.id) is not None:
        yield "app_installed"
        return
    yield from life.why_not_install(policy.of(target.id).app_policy, app, life.review_of(target.id, app.id), now)
    yield from apps.beyond(actor, app.scopes)
    if any(clients.refused(uri) for uri in app.redirect_uris):
        yield "app_address"


def install_tier(_actor: Actor, target: OrganizationTarget, data: Data) -> int:
    app = apps.chosen(target, data)
    return apps.tier(app.scopes) if app else 1


def install_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    app = apps.chosen(target, data)
    if app is None:
        return []
    return [*apps.in_words(app.scopes), *apps.facts_of(app),
            Effect("later", "you_named", _("Your name and your e-mail address go to the provider, at %(address)s.") % {"address": app.provider_email}),
            *([Effect("later", "secret_sent", _("The identifier and the secret of its client go to the provider’s program too, once."))] if app.events_url else []),
            Effect("later", "shown_once", _("The secret of its client is shown once.")),
            Effect("kept", "consent", _("It acts for nobody before they have agreed themselves."))]


def install(work: Work, target: OrganizationTarget, data: Data) -> None:
    app = apps.chosen(target, data)
    if app is None:
        raise Stale
    review = life.review_of(target.id, app.id)
    ends = [moment for moment in (data.get("until"), review.until if life.approved(review, work.now) and review else None) if moment]
    row = Installation(id=uuid.uuid4(), organization=target.organization, app=app, scopes=app.scopes, installed_by_id=work.people[0] if work.people else None, installed_at=work.now,
                       expires_at=min(ends) if ends else None)
    signing = secrets.mint()
    row.events_secret = secrets.seal(signing, stream=row.id)
    client, secret = clients.make(work, organization=target.organization, name=app.name, installation=row, redirect_uris=app.redirect_uris, logout_url=app.logout_url)
    work.add(row)
    work.add(client)
    if app.events_url:
        work.add(delivering.owe(row, "app.installed", {
            "scopes": app.scopes, "client_id": client.client_id, "client_secret": secret, "signing_secret": signing.text, "signing_key": signing.public,
            "installed_by": delivering.contact(work.people[0] if work.people else None)}, now=work.now))
    work.note(target.id, _also=[app], _secret=secret, app=app.slug, installation=str(row.id), scopes=app.scopes, client_id=client.client_id,
              **({"until": plain(row.expires_at)} if row.expires_at else {}))


def _pending(_actor: Actor, target: OrganizationTarget, app: App, _data: Data, _now: datetime) -> Iterable[str]:
    row = life.installed(target.id, app.id)
    if row is not None and not row.pending_scopes:
        yield "nothing_pending"


def _within_rank(actor: Actor, target: OrganizationTarget, app: App, _data: Data, _now: datetime) -> Iterable[str]:
    row = life.installed(target.id, app.id)
    yield from apps.beyond(actor, row.pending_scopes if row else [])


def _row(target: OrganizationTarget, data: Data) -> Installation | None:
    app = apps.chosen(target, data)
    return life.installed(target.id, app.id) if app else None


def scopes_tier(_actor: Actor, target: OrganizationTarget, data: Data) -> int:
    row = _row(target, data)
    return apps.tier(row.pending_scopes) if row else 1


def scopes_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = _row(target, data)
    return [*apps.in_words(row.pending_scopes), Effect("kept", "consent", _("It acts for nobody in these ways before they have agreed themselves."))] if row else []


def approve_scopes(work: Work, target: OrganizationTarget, data: Data) -> None:
    _app, row = apps.loaded(work, target, data)
    work.note(target.id, approved=row.pending_scopes)
    row.scopes, row.pending_scopes = sorted({*row.scopes, *row.pending_scopes}), []


def refuse_scopes(work: Work, target: OrganizationTarget, data: Data) -> None:
    _app, row = apps.loaded(work, target, data)
    work.note(target.id, refused=row.pending_scopes)
    row.pending_scopes = []


def refused_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = _row(target, data)
    return [*(Effect("lost", f"scope:{one.code}", one.text) for one in apps.in_words(row.pending_scopes)), Effect("kept", "scopes", _("What it has goes on."))] if row else []


def suspend_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "tokens", _("Whoever is signed in at it is signed out there, and its tokens end.")),
            Effect("later", "webhooks", _("Its webhooks and its stream of security events rest until it goes on.")), Effect("kept", "consents", _("What people allowed stays for when it comes back."))]


def suspend(work: Work, target: OrganizationTarget, data: Data) -> None:
    _app, row = apps.loaded(work, target, data)
    row.state = "suspended"
    work.note(target.id, tokens=ending.credentials([row.id], now=work.now))


def resume(work: Work, target: OrganizationTarget, data: Data) -> None:
    _app, row = apps.loaded(work, target, data)
    row.state = "active"


def _may_resume(_actor: Actor, target: OrganizationTarget, app: App, _data: Data, now: datetime) -> Iterable[str]:
    review = life.review_of(target.id, app.id)
    if review is not None and review.state == "blocked":
        yield "app_blocked"


def _agreed(n: int) -> str:
    return ngettext("%(n)d person had allowed it something. That ends, and they are told.", "%(n)d people had allowed it something. That ends, and they are told.", n)


def uninstall_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = _row(target, data)
    if row is None:
        return []
    n = AppGrant.objects.filter(installation=row, ended_at=None).count()
    return [Effect("lost", "all", _("Its tokens, its webhooks and what was to be sent to it end at once. Nothing of that comes back, also not when it is installed again.")),
            *([Effect("lost", "grants", _agreed(n) % {"n": n}, n)] if n else []),
            Effect("later", "erase", _("The provider is told, and asked to erase what it has."))]


def uninstall(work: Work, target: OrganizationTarget, data: Data) -> None:
    _app, row = apps.loaded(work, target, data)
    work.note(target.id, **ending.everything(row, why="uninstalled", now=work.now))
    row.state, row.ended_at, row.ended_why, row.pending_scopes = "ended", work.now, "uninstalled", []


def renew_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "shown_once", _("The new secret is shown once.")),
            Effect("lost", "old", _("The secret before stops working at once. The app cannot sign anybody in until it has the new one."))]


def renew(work: Work, target: OrganizationTarget, data: Data) -> None:
    _app, row = apps.loaded(work, target, data)
    client = OAuthApplication.objects.select_for_update().get(installation=row)
    work.track(client)
    work.note(target.id, _secret=clients.new_secret(client), client_id=client.client_id)


POWERS = (
    apps.power("install-app", "install", "installed", form=InstallForm, rule=apps.rule_of(_let_in), effects=install_effects, apply=install, tier_for=install_tier,
               title=gettext_lazy("Install an app"), button=gettext_lazy("Install it"),
               does=gettext_lazy("Lets an app of somebody else into your organization, with what it asks for and nothing more."),
               does_not=gettext_lazy("Gives it no password, no right over administrators and nothing of the audit log."),
               sentence=gettext_lazy("%(actor)s installed the app “%(target)s”")),
    apps.power("approve-app-scopes", "scopes_approve", "scopes_approved", form=AppForm, rule=apps.rule_of(apps.there("active", "suspended"), _pending, _within_rank), effects=scopes_effects,
               apply=approve_scopes, tier_for=scopes_tier,
               title=gettext_lazy("Approve what an app asks for anew"), button=gettext_lazy("Approve it"),
               does=gettext_lazy("Lets an installed app do what it asks for since it was installed."), does_not=gettext_lazy("Changes nothing of what people agreed to."),
               sentence=gettext_lazy("%(actor)s approved what the app “%(target)s” asks for anew")),
    apps.power("refuse-app-scopes", "scopes_refuse", "scopes_refused", form=AppForm, rule=apps.rule_of(apps.there("active", "suspended"), _pending), effects=refused_effects, apply=refuse_scopes,
               title=gettext_lazy("Refuse what an app asks for anew"), button=gettext_lazy("Refuse it"),
               does=gettext_lazy("Says no to what an installed app asks for since it was installed."), does_not=gettext_lazy("Takes away nothing that it has."),
               sentence=gettext_lazy("%(actor)s refused what the app “%(target)s” asks for anew")),
    apps.power("suspend-app", "suspend", "suspended", form=AppForm, rule=apps.rule_of(apps.there("active")), effects=suspend_effects, apply=suspend, undo="resume-app",
               title=gettext_lazy("Suspend an app"), button=gettext_lazy("Suspend it"),
               does=gettext_lazy("Stops an installed app at once, for everybody."), does_not=gettext_lazy("Removes nothing: it can go on as it was."),
               sentence=gettext_lazy("%(actor)s suspended the app “%(target)s”")),
    apps.power("resume-app", "resume", "resumed", form=AppForm, rule=apps.rule_of(apps.there("suspended"), _may_resume), apply=resume, undo="suspend-app",
               title=gettext_lazy("Let a suspended app go on"), button=gettext_lazy("Let it go on"),
               does=gettext_lazy("Lets a suspended app work again, with what it had."), does_not=gettext_lazy("Brings no token back: people sign in at it again."),
               sentence=gettext_lazy("%(actor)s let the suspended app “%(target)s” go on")),
    apps.power("uninstall-app", "uninstall", "uninstalled", form=AppForm, rule=apps.rule_of(apps.there("active", "suspended")), effects=uninstall_effects, apply=uninstall, ladder=2,
               title=gettext_lazy("Remove an app"), button=gettext_lazy("Remove it"),
               does=gettext_lazy("Ends an app in your organization for good, and asks its provider to erase what it has."),
               does_not=gettext_lazy("Reaches nothing at the provider by itself: erasing there is up to them."),
               sentence=gettext_lazy("%(actor)s removed the app “%(target)s”")),
    apps.power("renew-app-secret", "secret_renew", "secret_renewed", form=AppForm, rule=apps.rule_of(apps.there("active", "suspended")), effects=renew_effects, apply=renew, tier=2,
               title=gettext_lazy("Renew the secret of an app"), button=gettext_lazy("Make a new secret"),
               does=gettext_lazy("Makes a new secret for the client of an installed app."), does_not=gettext_lazy("Ends no sign-in that is there."),
               sentence=gettext_lazy("%(actor)s renewed the secret of the app “%(target)s”")),
)
