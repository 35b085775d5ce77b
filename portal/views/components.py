"""Every component in every state, on one page: for whoever changes the look, and for the checks that run over it."""
from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.reasons import NotFound
from portal.templatetags.steward import STATUS


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=_("Name"), help_text=_("As it is shown to others."))
    until = forms.DateTimeField(label=_("Until"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}), help_text=_("Optional."))
    ground = forms.ChoiceField(label=_("Ground"), choices=[("", _("Choose one")), ("absence", _("On leave or away"))])
    mode = forms.ChoiceField(label=_("Restrict to"), widget=forms.RadioSelect, choices=[("a", _("Reading only")), ("b", _("Only chosen services"))], initial="a")
    note = forms.CharField(label=_("Private note"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    agree = forms.BooleanField(label=_("I have read this"), help_text=_("Needed once."))


def page(request: HttpRequest) -> HttpResponse:
    """Only where the installation asks for it: STEWARD_COMPONENTS=1."""
    if not settings.COMPONENTS:
        raise NotFound
    wrong: Any = SampleForm({"mode": "a"}, prefix="wrong")
    wrong.is_valid()
    now = timezone.now()
    return render(request, "components_page.html", {
        "plain": SampleForm(prefix="plain"), "form": wrong, "statuses": list(STATUS), "now": now, "earlier": now - timedelta(hours=5), "long_ago": now - timedelta(days=40),
        "kinds": ["first", "nothing", "forbidden", "failed"], "buttons": ["", "primary", "danger", "danger solid", "ghost"], "banners": ["info", "warn", "bad"]})
