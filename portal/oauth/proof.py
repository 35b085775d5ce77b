"""How and when the person in front of us proved who they are, for programs that ask: `auth_time`, `acr`, `max_age`, `prompt`."""
from __future__ import annotations

from datetime import UTC, datetime

from allauth.account.internal.flows.login import get_authentication_records
from django.http import HttpRequest
from django.utils import timezone

_ASKED = "steward_oauth_asked"
_DETOUR = "steward_oauth_detour"
_FACTORS = frozenset({"totp", "webauthn", "recovery_codes"})


def of(request: HttpRequest) -> tuple[datetime, str]:
    """When the person last proved it in this session, and how strongly."""
    records = get_authentication_records(request, request.user)
    times = [datetime.fromtimestamp(record["at"], UTC) for record in records if "at" in record]
    strong = any(record.get("method") == "mfa" and record.get("type") in _FACTORS for record in records)
    started: datetime = request.steward_session.started_at  # type: ignore[attr-defined]
    return max(times, default=started), "second_factor" if strong else "password"


def asked_anew(request: HttpRequest, name: str) -> datetime | None:
    """When this very request began to ask for a fresh proof; remembered, so that whoever comes back with one goes on."""
    found = request.session.get(_ASKED)
    return datetime.fromisoformat(found[1]) if found and found[0] == name else None


def ask_anew(request: HttpRequest, name: str) -> None:
    request.session[_ASKED] = [name, timezone.now().replace(microsecond=0).isoformat()]


def answered(request: HttpRequest) -> None:
    request.session.pop(_ASKED, None)


def detour(request: HttpRequest) -> None:
    """The person is about to send one of our forms and come back here. Browsers hold a form's redirects to our own address, so the way out is a page then."""
    request.session[_DETOUR] = True


def came_by_form(request: HttpRequest) -> bool:
    return bool(request.session.pop(_DETOUR, False)) or request.method == "POST"
