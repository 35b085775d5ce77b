"""Which apps an organization lets in, who asks for one, and what is decided about it (POWERS P5)."""
from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import policy
from accounts.actor import Actor
from accounts.catalogue import ending, life
from accounts.models import App, AppRequest, AppReview, Installation, Organization, OrganizationPolicy
from accounts.power import Data, Effect
from accounts.powers import apps, choosing
from accounts.powers.apps import AppForm
from accounts.powers.forms import StrictForm, ahead, time_field
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work, plain


class PolicyForm(StrictForm):
    policy = forms.ChoiceField(label=gettext_lazy("Which apps come in"), choices=list(life.POLICIES.items()), widget=forms.RadioSelect)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        self.initial["policy"] = policy.of(organization.id).app_policy


def policy_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("policy") and data["policy"] == policy.of(target.id).app_policy:
        yield "nothing_to_change"


def policy_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "installed", _("What is installed stays, and so does what was approved, denied or blocked."))]


def set_policy(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = policy.of(target.id)
    if row._state.adding:
        work.add(row)
    else:
        row = OrganizationPolicy.objects.select_for_update().get(id=row.id)
        work.track(row)
    work.note(target.id, before=row.app_policy, policy=data["policy"])
    row.app_policy = str(data["policy"])


class AskForm(AppForm):
    message = forms.CharField(label=gettext_lazy("What you need it for"), help_text=gettext_lazy("Whoever decides reads it."), **apps.MESSAGE)


def _mine(actor: Actor, app: App) -> AppRequest | None:
    return AppRequest.objects.filter(organization_id=actor.organization_id, app=app, account_id=actor.account_id, ended_at=None).first()


def _may_ask(actor: Actor, target: OrganizationTarget, app: App, _data: Data, now: datetime) -> Iterable[str]:
    if life.installed(target.id, app.id) is not None:
        yield "app_installed"
        return
    yield from life.why_not_ask(policy.of(target.id).app_policy, app, life.review_of(target.id, app.id), now)
    if _mine(actor, app) is not None:
        yield "app_asked"
    elif AppRequest.objects.filter(organization_id=target.id, account_id=actor.account_id, ended_at=None).count() >= life.MOST_ASKED:
        yield "app_asked_much"


def ask_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    if actor.account_id is None:
        yield "no_permission"
    elif data.get("app"):
        app = apps.chosen(target, data)
        yield from _may_ask(actor, target, app, data, now) if app else ["unknown_app"]


def ask(work: Work, target: OrganizationTarget, data: Data) -> None:
    app = _chosen(target, data)
    row = AppRequest(id=uuid.uuid4(), organization_id=target.id, app=app, account_id=work.people[0], words=str(data.get("message") or ""), asked_at=work.now)
    work.add(row)
    review = _review(work, target, app)
    first = review.state not in life.WAITING
    if first:
        review.state, review.words, review.until, review.decided_by_id, review.decided_at = "needs_review", "", None, None, None
    work.note(target.id, _also=[app], app=app.slug, first=first)


def _chosen(target: OrganizationTarget, data: Data) -> App:
    app = apps.chosen(target, data)
    if app is None:
        raise Stale
    return app


def _review(work: Work, target: OrganizationTarget, app: App) -> AppReview:
    """The organization's decision about the app, to be changed. The organization is locked, so there is never a second one."""
    row = AppReview.objects.select_for_update().filter(organization_id=target.id, app=app).first()
    if row is None:
        row = life.new_review(target.id, app.id, now=work.now)
        row.state = ""
        work.add(row)
    else:
        work.track(row)
    return row


def unask_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    app = apps.chosen(target, data) if data.get("app") else None
    if data.get("app") and (app is None or _mine(actor, app) is None):
        yield "app_not_asked"


def unask(work: Work, target: OrganizationTarget, data: Data) -> None:
    app = _chosen(target, data)
    rows = AppRequest.objects.select_for_update().filter(organization_id=target.id, app=app, ended_at=None)
    mine = rows.filter(account_id=work.people[0]).first()
    if mine is None:
        raise Stale
    work.track(mine)
    mine.ended_at, mine.outcome = work.now, "withdrawn"
    last = not rows.exclude(id=mine.id).exists()
    review = _review(work, target, app)
    if last and review.state in life.WAITING:
        review.state = "withdrawn"
    work.note(target.id, _also=[app], app=app.slug, last=last)


class ApproveForm(AppForm):
    until = time_field(label=gettext_lazy("Until"), required=False, help_text=gettext_lazy("Optional. The approval then ends by itself, and the app with it where it is installed."))

    def clean_until(self) -> datetime | None:
        return ahead(self.cleaned_data["until"])


class WhyForm(AppForm):
    message = forms.CharField(label=gettext_lazy("Why"), help_text=gettext_lazy("Whoever asked for it reads this."), **apps.MESSAGE)


def _differs(state: str) -> Callable[[Actor, OrganizationTarget, App, Data, datetime], Iterable[str]]:
    def rule(_actor: Actor, target: OrganizationTarget, app: App, data: Data, _now: datetime) -> Iterable[str]:
        row = life.review_of(target.id, app.id)
        if row is not None and row.state == state and not (state == "approved" and plain(row.until) != plain(data.get("until"))):
            yield "nothing_to_change"
    return rule


def _waits(_actor: Actor, target: OrganizationTarget, app: App, _data: Data, _now: datetime) -> Iterable[str]:
    row = life.review_of(target.id, app.id)
    if row is None or row.state != "needs_review":
        yield "wrong_status"


def _not_installed(_actor: Actor, target: OrganizationTarget, app: App, _data: Data, _now: datetime) -> Iterable[str]:
    if life.installed(target.id, app.id) is not None:
        yield "app_installed"


def _asked(target: OrganizationTarget, app: App) -> int:
    return AppRequest.objects.filter(organization_id=target.id, app=app, ended_at=None).count()


def decide_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    app = apps.chosen(target, data)
    n = _asked(target, app) if app else 0
    told = [Effect("later", "told", ngettext("%(n)d person who asked is told.", "%(n)d people who asked are told.", n) % {"n": n}, n)] if n else []
    return [*told, *(apps.facts_of(app) if app else [])]


def block_effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    app = apps.chosen(target, data)
    here = app and life.installed(target.id, app.id)
    return [*([Effect("lost", "installed", _("It is installed. It ends at once, with every consent, token and webhook, and its provider is asked to erase."))] if here else []),
            *decide_effects(target, data, now)]


def _decide(work: Work, target: OrganizationTarget, data: Data, state: str) -> App:
    app = _chosen(target, data)
    review = _review(work, target, app)
    before = review.state
    review.state, review.words, review.until, review.decided_by_id, review.decided_at = state, str(data.get("message") or ""), data.get("until"), work.people[0], work.now
    told = AppRequest.objects.filter(organization_id=target.id, app=app, ended_at=None).update(ended_at=work.now, outcome=state, decision=work.act)
    work.note(target.id, _also=[app], app=app.slug, before=before, decision=str(work.act), asked=told, **({"until": plain(review.until)} if review.until else {}))
    return app


def look(work: Work, target: OrganizationTarget, data: Data) -> None:
    app = _chosen(target, data)
    _review(work, target, app).state = "in_review"
    work.note(target.id, _also=[app], app=app.slug)


def approve(work: Work, target: OrganizationTarget, data: Data) -> None:
    app = _decide(work, target, data, "approved")
    row = life.installed(target.id, app.id)
    if row is not None and row.expires_at != data.get("until"):
        row = Installation.objects.select_for_update().get(id=row.id)
        work.track(row)
        row.expires_at = data.get("until")
        work.note(target.id, installation=str(row.id))


def deny(work: Work, target: OrganizationTarget, data: Data) -> None:
    _decide(work, target, data, "denied")


def block(work: Work, target: OrganizationTarget, data: Data) -> None:
    app = _decide(work, target, data, "blocked")
    if life.installed(target.id, app.id) is not None:
        _app, row = apps.loaded(work, target, data)
        work.note(target.id, **ending.everything(row, why="blocked", now=work.now))
        row.state, row.ended_at, row.ended_why, row.pending_scopes = "ended", work.now, "blocked", []


POWERS = (
    apps.power("set-app-policy", "policy", "policy_set", form=PolicyForm, rule=policy_rule, effects=policy_effects, apply=set_policy,
               title=gettext_lazy("Decide which apps come in"), button=gettext_lazy("Save"),
               does=gettext_lazy("Says which apps may be installed in your organization, and whether people may ask for others."),
               does_not=gettext_lazy("Installs and removes nothing."),
               sentence=gettext_lazy("%(actor)s decided which apps may be installed")),
    apps.power("request-app", "request", "requested", form=AskForm, rule=ask_rule, apply=ask, permission=None, tier=0, ladder=0,
               title=gettext_lazy("Ask for an app"), button=gettext_lazy("Ask for it"),
               does=gettext_lazy("Asks the administrators of your organization to approve an app. You are told what they decide."),
               does_not=gettext_lazy("Gives the app nothing of yours."),
               sentence=gettext_lazy("%(actor)s asked for the app “%(target)s”")),
    apps.power("withdraw-app-request", "request_withdraw", "request_withdrawn", form=AppForm, rule=unask_rule, apply=unask, permission=None, tier=0, ladder=0,
               title=gettext_lazy("Take back that you asked for an app"), button=gettext_lazy("Take it back"),
               does=gettext_lazy("Ends your own request. Other people’s stay."), does_not=gettext_lazy("Removes no app."),
               sentence=gettext_lazy("%(actor)s no longer asks for the app “%(target)s”")),
    apps.power("review-app", "review", "in_review", form=AppForm, rule=apps.rule_of(_waits), apply=look, tier=0,
               title=gettext_lazy("Take an app into review"), button=gettext_lazy("Take it into review"),
               does=gettext_lazy("Shows that somebody looks at it."), does_not=gettext_lazy("Decides nothing."),
               sentence=gettext_lazy("%(actor)s took the app “%(target)s” into review")),
    apps.power("approve-app", "approve", "approved", form=ApproveForm, rule=apps.rule_of(_differs("approved")), effects=decide_effects, apply=approve,
               title=gettext_lazy("Approve an app"), button=gettext_lazy("Approve it"),
               does=gettext_lazy("Lets administrators install it, for good or until a day. It lifts a denial and a block."),
               does_not=gettext_lazy("Installs nothing."),
               sentence=gettext_lazy("%(actor)s approved the app “%(target)s”")),
    apps.power("deny-app", "deny", "denied", form=WhyForm, rule=apps.rule_of(_not_installed, _differs("denied")), effects=decide_effects, apply=deny,
               title=gettext_lazy("Deny an app"), button=gettext_lazy("Deny it"),
               does=gettext_lazy("Says no to an app, with a reason. After 30 days people may ask again."),
               does_not=gettext_lazy("Ends nothing: an app that is installed has to be removed."),
               sentence=gettext_lazy("%(actor)s denied the app “%(target)s”")),
    apps.power("block-app", "block", "blocked", form=WhyForm, rule=apps.rule_of(_differs("blocked")), effects=block_effects, apply=block, ladder=2,
               title=gettext_lazy("Block an app"), button=gettext_lazy("Block it"),
               does=gettext_lazy("Keeps an app out: nobody installs it or asks for it. Where it is installed, it ends at once."),
               does_not=gettext_lazy("Takes back nothing that its provider already has."),
               sentence=gettext_lazy("%(actor)s blocked the app “%(target)s”")),
)
