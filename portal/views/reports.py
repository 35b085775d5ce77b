"""The page on which somebody whose account was reported as a child's, and who is in no organization, reads what follows and answers (policy B12)."""
from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door
from accounts.reasons import Refused, text
from dsar.cases.account_report import AccountReport
from dsar.powers import answer_child_report
from portal.jobs import wake
from portal.organization import myself


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Where the last report stands, and the answer to one that waits."""
    power, refused = answer_child_report.POWER, ""
    row = AccountReport.objects.filter(account=request.user).order_by("-received_at").first()
    form = power.form(request.POST) if request.method == "POST" else power.form(initial={"message": row.answer} if row else {})
    if request.method == "POST" and form.is_valid():
        try:
            door.perform(power=power, actor=myself(request), data=form.cleaned_data, now=timezone.now())
        except Refused as refusal:
            refused = text(refusal.codes[0])
        else:
            wake()
            messages.success(request, _("Your answer is kept with the report."))
            return redirect("me-report")
    return render(request, "me/report.html", {"row": row, "form": form, "refused": refused, "now": timezone.now()}, status=422 if request.method == "POST" else 200)
