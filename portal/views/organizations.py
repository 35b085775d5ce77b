"""A person makes an organization of their own, where the installation allows it."""
from __future__ import annotations

import zoneinfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.entries import actor_ref
from accounts.organizations import creating
from accounts.powers.forms import StrictForm
from accounts.reasons import NotFound, text
from portal.organization import myself
from portal.views.stepup import ask

A_DAY = 3
"""So many organizations one person may make within a day."""


class NewForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    slug = forms.CharField(label=gettext_lazy("Address"), max_length=50, help_text=gettext_lazy("Its part of the web address: letters a to z, digits and hyphens."))
    time_zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=64, initial="UTC", help_text=gettext_lazy("For example Europe/Berlin."))

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"])
        if name not in zoneinfo.available_timezones():
            raise ValidationError(_("“%(name)s” is not a time zone. Write it like Europe/Berlin.") % {"name": name}, code="zone")
        return name


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """The form, and what stands in the way. Whoever makes it owns it, so it asks for a second factor first."""
    if not settings.PEOPLE_MAY_CREATE_ORGANIZATIONS:
        raise NotFound
    actor, now = myself(request), timezone.now()
    code = creating.problem(request.user)
    form = NewForm(request.POST) if request.method == "POST" else NewForm()
    if request.method == "POST" and not code and form.is_valid():
        if actor.tier(now) < 2:
            return ask(request, 2)
        if not _within_rate(str(request.user.id)):
            form.add_error(None, ValidationError(_("You made three organizations today. Wait until tomorrow."), code="too_often"))
        else:
            try:
                made = creating.create(**form.cleaned_data, owner=request.user, actor=actor_ref(actor), via="ui", now=now)
            except ValidationError as error:
                _give_back(str(request.user.id))
                form.add_error("slug", error)
            else:
                messages.success(request, _("The organization is made, and you own it. Publish a contact for its people first."))
                return redirect("org-home", made.slug)
    return render(request, "me/new_organization.html", {"form": form, "blocked": text(code) if code else "", "enrol": code == "no_second_factor"}, status=422 if form.errors else 200)


def _within_rate(who: str) -> bool:
    return cache.count(_key(who), seconds=86400)[0] <= A_DAY


def _give_back(who: str) -> None:
    """A form that was wrong is no organization that was made."""
    cache.decr(_key(who))


def _key(who: str) -> str:
    return f"organizations-made:{who}"
