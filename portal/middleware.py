"""What happens around every request: its context, its scope, whether its credential still works, and honest answers."""
from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from accounts import fetch, purposes, tenancy
from accounts.communications import choices
from accounts.models import Session
from accounts.reasons import KeyReused, NotFound, Refused, Stale, StepUpNeeded
from accounts.seen import seen
from audit.context import Context, within
from portal import zones
from portal.organization import Door, Moved, moved
from portal.views import errors
from portal.views.stepup import ask

Get = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")


class RequestContext:
    """Every entry and log line of this request carries its id; a well-formed one from a proxy is kept."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        via = "api" if request.path.startswith("/api/") else "ui"
        context = Context(request_id=request.id, route=request.path.split("/")[1][:40], method=request.method or "", via=via,  # type: ignore[attr-defined]
                          ip=get_adapter(request).get_client_ip(request) or "", user_agent=request.headers.get("User-Agent", "")[:400])
        with within(context):
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response


class BodyLimit:
    """What is larger than anything that this page takes is refused by what it says of itself, before any of it is read; and what does not say how large it is."""

    MOST = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., HttpResponse], _args: object, _kwargs: object) -> HttpResponse | None:
        """Comes before the check of the form's token, which reads the body."""
        if request.path.startswith("/api/"):
            return None  # the API says so in its own terms
        most = getattr(view, "body_limit", self.MOST)
        try:
            fits = int(request.META.get("CONTENT_LENGTH") or 0) <= most
        except ValueError:
            fits = False
        unsaid = "HTTP_TRANSFER_ENCODING" in request.META
        if fits and not unsaid:
            return None
        response = errors.no_length(request) if unsaid else errors.too_large(request, most)
        response.headers["Connection"] = "close"
        return response


class Scope:
    """A request begins and ends without a scope: what forgets to set one finds nothing."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/static/"):
            return self.get_response(request)
        tenancy.clear()
        try:
            return self.get_response(request)
        finally:
            try:
                tenancy.clear()
            except DatabaseError:
                connection.close()


class Access:
    """The session is compared with the account on every request; ending sessions elsewhere is only housekeeping."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = request.organization = request.steward_session = None  # type: ignore[attr-defined]
        if request.path.startswith("/static/") or not request.user.is_authenticated:
            return self.get_response(request)
        account, now = request.user, timezone.now()
        row = fetch.one(Session, "id", request.session.get("steward_session"))
        if row is None or row.account_id != account.id or row.ended_at is not None or row.auth_epoch != account.auth_epoch or account.status != "active" or account.is_over(now):
            logout(request)
            if request.path.startswith("/api/"):
                return self.get_response(request)  # programs are told so in their own terms
            messages.info(request, _("You were signed out. Sign in again to continue."))
            if request.headers.get("HX-Request"):
                return HttpResponse(headers={"HX-Redirect": "/sign-in/"})
            return redirect("account_login")
        request.steward_session = row  # type: ignore[attr-defined]
        tenancy.set_request_scope(org=None, account=account.id, purpose=purposes.OWN)
        zones.use(account.time_zone)
        seen(session=row, now=now)
        if account.gpc_at is None and request.headers.get("Sec-GPC") == "1":
            choices.by_signal(account.id, now=now)
            account.gpc_at = now
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()


class Answers:
    """Refusals become pages a person understands; personal pages are never stored by browsers or proxies."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ["HX-Request", "Cookie"])
            response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response

    def process_view(self, request: HttpRequest, _view: Callable[..., HttpResponse], _args: object, _kwargs: object) -> HttpResponse | None:
        """No text of ours holds a zero character, and PostgreSQL takes none: what is searched with one finds nothing. The API and programs say so in their own terms."""
        if "%00" in request.META.get("QUERY_STRING", "") and not request.path.startswith(("/api/", "/oauth/", "/ssf/")):
            given = QueryDict(mutable=True)
            for name, values in request.GET.lists():
                given.setlist(name.replace("\0", "\ufffd"), [value.replace("\0", "\ufffd") for value in values])
            request.GET = given  # type: ignore[assignment]
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if request.path.startswith("/api/"):
            return None
        if isinstance(error, Door):
            return errors.door_closed(request, error.code, error.membership)
        if isinstance(error, Moved):
            return HttpResponse(status=308, headers={"Location": moved(request, error.slug)})
        if isinstance(error, NotFound):
            if not request.user.is_authenticated:
                return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
            return errors.not_found(request)
        if isinstance(error, Refused):
            return errors.refused(request, error)
        if isinstance(error, Stale | KeyReused):
            return errors.stale(request)
        if isinstance(error, StepUpNeeded):
            return ask(request, error.tier)
        return None
