"""The person's notices: the mails that followed from recorded acts, to be read here too."""
from __future__ import annotations

import re
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts import acknowledging, notices, tenancy
from accounts.models import Organization
from accounts.reasons import NotFound
from portal.organization import myself


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Everything the person was told, newest first; unread ones are marked."""
    if request.method == "POST":
        return _mark(request)
    with tenancy.installation("the names of the organizations that told a person something"):
        page = notices.listed(request.user.id, cursor=request.GET.get("cursor", ""))
        waiting = acknowledging.waiting(request.user.id) if not page.previous else []
        names = page.organizations | dict(Organization.objects.filter(id__in={m.organization_id for m in waiting if m.organization_id}).values_list("id", "name"))
    rows, above = ([{"mail": mail, "organization": names.get(mail.organization_id, ""), "body": linked(mail.body)} for mail in mails] for mails in (page.rows, waiting))
    return render(request, "notices/index.html", {"rows": rows, "waiting": above, "page": page, "first": not page.previous, "any_unread": bool(notices.unread(request.user.id))})


def _mark(request: HttpRequest) -> HttpResponse:
    everything, confirmed = "all" in request.POST, "confirm" in request.POST
    try:
        chosen = UUID(request.POST.get("confirm" if confirmed else "all" if everything else "notice", ""))
    except ValueError:
        raise NotFound from None
    if confirmed:
        acknowledging.confirm(actor=myself(request), mail_id=chosen, now=timezone.now())
        messages.success(request, _("It is recorded that you have read this."))
        return redirect(request.get_full_path())
    if not notices.mark(account_id=request.user.id, mail_id=chosen, now=timezone.now(), and_older=everything):
        raise NotFound
    messages.success(request, _("All notices are marked as read.") if everything else _("The notice is marked as read."))
    return redirect(request.get_full_path())


def linked(body: str) -> SafeString:
    """The words of a mail with addresses of this portal as links. Others, which somebody may have written, stay words."""
    parts = re.split(rf"({re.escape(settings.STEWARD_URL)}/[\w\-/]*)", body.strip())
    shown = [format_html('<a href="{}">{}</a>', part.removeprefix(settings.STEWARD_URL), part) if n % 2 else conditional_escape(part) for n, part in enumerate(parts)]
    return mark_safe("".join(shown))  # noqa: S308 -- every part is escaped above
