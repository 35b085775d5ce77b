"""An organization's own records of the catalogue: add an app, change what is said of it, offer it no more."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.catalogue import life, manifests, publishing
from accounts.models import App, Organization
from accounts.oauth.scopes import SCOPES
from accounts.power import Data, Effect
from accounts.powers import apps, choosing
from accounts.powers.apps import AppForm
from accounts.powers.forms import StrictForm
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work

MOST = 200


class DetailsForm(StrictForm):
    """What a manifest says, field by field."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    about = forms.CharField(label=gettext_lazy("What it is for"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    provider = forms.CharField(label=gettext_lazy("Provider"), max_length=200, help_text=gettext_lazy("The company or person that runs it."))
    provider_email = forms.EmailField(label=gettext_lazy("E-mail address of the provider"), max_length=254, help_text=gettext_lazy("There they learn who installed it, and that they have to erase."))
    website = forms.CharField(label=gettext_lazy("Website"), max_length=500, required=False)
    privacy_url = forms.CharField(label=gettext_lazy("Their page about data protection"), max_length=500, help_text=gettext_lazy("Such as https://example.com/privacy"))
    categories = forms.MultipleChoiceField(label=gettext_lazy("Data about people that it holds"), choices=lambda: list(manifests.categories().items()), widget=forms.CheckboxSelectMultiple)
    countries = forms.CharField(label=gettext_lazy("Countries in which it is kept"), max_length=200, help_text=gettext_lazy("Two capital letters each, with commas between, such as DE, FR."))
    scopes = forms.MultipleChoiceField(label=gettext_lazy("What it asks for"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple)
    redirect_uris = forms.CharField(label=gettext_lazy("Addresses to which people are sent back"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3}),
                                    help_text=gettext_lazy("One in each line, each exactly as the app sends it."))
    logout_url = forms.CharField(label=gettext_lazy("Where it is told that somebody was signed out"), max_length=500, required=False)
    events_url = forms.CharField(label=gettext_lazy("Where it is told that it was installed or removed"), max_length=500, required=False)
    requests_url = forms.CharField(label=gettext_lazy("Where requests of people about their data go"), max_length=500, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            _said, wrong = manifests.read(manifest(cleaned))
            for field, words in wrong.items():
                self.add_error(field if field in self.fields else None, words)
        return cleaned


def manifest(data: Data) -> dict[str, Any]:
    """The form's fields as a manifest has them."""
    found = {name: str(data.get(name) or "") for name in manifests.LENGTHS}
    return {**found, "slug": found["slug"] or "unnamed", "categories": list(data.get("categories") or []), "scopes": list(data.get("scopes") or []),
            "countries": [one.strip() for one in str(data.get("countries") or "").split(",") if one.strip()],
            "redirect_uris": [one.strip() for one in str(data.get("redirect_uris") or "").splitlines() if one.strip()]}


class AddForm(DetailsForm):
    slug = forms.CharField(label=gettext_lazy("Short name"), max_length=50, help_text=gettext_lazy("Small letters, digits and hyphens. It does not change any more."))
    field_order = ("name", "slug")


class ChangeForm(AppForm, DetailsForm):
    field_order = ("app", *DetailsForm.base_fields)

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The record as it is."""
        super().choices_for(organization, actor)
        row = life.app_of(organization.id, str(self.initial.get("app") or ""))
        if row is not None:
            self.initial.update({name: getattr(row, name) for name in DetailsForm.base_fields}, countries=", ".join(row.countries), redirect_uris="\n".join(row.redirect_uris))


def add_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    rows = App.objects.filter(organization_id=target.id)
    if data.get("slug") and rows.filter(slug=data["slug"]).exists():
        yield "app_there"
    if rows.count() >= MOST:
        yield "too_many_apps"


def add(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = publishing.new(manifests.read(manifest(data))[0], organization_id=target.id, now=work.now)
    work.add(row)
    work.note(target.id, _made=[row], app=row.slug)


def _own(_actor: Actor, target: OrganizationTarget, app: App, _data: Data, _now: datetime) -> Iterable[str]:
    if app.organization_id != target.id:
        yield "app_of_operator"


def _said(app: App, data: Data) -> dict[str, Any]:
    return {**manifests.read(manifest(data))[0], "slug": app.slug}


def _differs(_actor: Actor, target: OrganizationTarget, app: App, data: Data, _now: datetime) -> Iterable[str]:
    if data.get("name") and app.organization_id == target.id and app.state == "offered" and all(getattr(app, name) == value for name, value in _said(app, data).items()):
        yield "nothing_to_change"


def change_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    app = apps.chosen(target, data)
    if app is None or not data.get("name") or app.organization_id != target.id:
        return []
    said, row = _said(app, data), life.installed(target.id, app.id)
    added, gone = sorted(set(said["scopes"]) - set(app.scopes)), sorted(set(app.scopes) - set(said["scopes"]))
    found = [Effect("later", "offered", _("It is offered again."))] if app.state == "withdrawn" else []
    if row is None:
        return found
    if added:
        found.append(Effect("later", f"pending:{','.join(added)}", _("What it asks for anew waits until somebody approves it. What it has goes on.")))
    if gone:
        found.append(Effect("lost", f"gone:{','.join(gone)}", _("What it no longer asks for, it can do no more from now on.")))
    return found


def change(work: Work, target: OrganizationTarget, data: Data) -> None:
    app = _loaded(work, target, data)
    news = publishing.change(app, _said(app, data), now=work.now)
    app.state = "offered"
    work.note(target.id, scopes=app.scopes, pending=[name for _row, names in news for name in names])


def _loaded(work: Work, target: OrganizationTarget, data: Data) -> App:
    row = apps.chosen(target, data)
    if row is None or row.organization_id != target.id:
        raise Stale
    found: App = choosing.locked(work, target.id, row, app=row.slug)
    return found


def _offered(_actor: Actor, _target: OrganizationTarget, app: App, _data: Data, _now: datetime) -> Iterable[str]:
    if app.state == "withdrawn":
        yield "wrong_status"


def withdraw_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    app = apps.chosen(target, data)
    if app is None or life.installed(target.id, app.id) is None:
        return []
    return [Effect("kept", "installed", _("It stays installed. Remove it if it is to end too."))]


def withdraw(work: Work, target: OrganizationTarget, data: Data) -> None:
    _loaded(work, target, data).state = "withdrawn"


POWERS = (
    apps.power("add-app", "add", "added", form=AddForm, rule=add_rule, apply=add,
               title=gettext_lazy("Add an app to the catalogue"), button=gettext_lazy("Add the app"),
               does=gettext_lazy("Writes down an app of somebody else: who provides it, what it asks for, what it holds and where."),
               does_not=gettext_lazy("Installs nothing. Other organizations do not see it."),
               sentence=gettext_lazy("%(actor)s added the app “%(target)s” to the catalogue")),
    apps.power("change-app", "change", "changed", form=ChangeForm, rule=apps.rule_of(_own, _differs), effects=change_effects, apply=change,
               title=gettext_lazy("Change an app of the catalogue"), button=gettext_lazy("Save"),
               does=gettext_lazy("Changes what is said of an app that your organization added."),
               does_not=gettext_lazy("Gives an installed app nothing that it did not have."),
               sentence=gettext_lazy("%(actor)s changed what the catalogue says of the app “%(target)s”")),
    apps.power("withdraw-app", "withdraw", "withdrawn", form=AppForm, rule=apps.rule_of(_own, _offered), effects=withdraw_effects, apply=withdraw,
               title=gettext_lazy("Take an app out of the catalogue"), button=gettext_lazy("Take it out"),
               does=gettext_lazy("From now on nobody installs it or asks for it. Changing it offers it again."),
               does_not=gettext_lazy("Removes no app that is installed."),
               sentence=gettext_lazy("%(actor)s took the app “%(target)s” out of the catalogue")),
)
