"""Step-up: proving again who you are. What was typed survives the detour in the session."""
from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Proof

_KEPT = "steward_detour"
_METHODS = {"totp": "totp", "webauthn": "passkey", "recovery_codes": "recovery_code"}


def proof_of(request: HttpRequest) -> Proof:
    """The strongest proof of this session that still counts. No record, no proof: nobody passes by default."""
    from datetime import UTC, datetime

    now, best = timezone.now(), Proof()
    for record in get_authentication_records(request, request.user):
        method = _METHODS.get(record.get("type", ""), "") if record.get("method") == "mfa" else "password" if record.get("method") == "password" else ""
        found = Proof(method=method, at=datetime.fromtimestamp(record["at"], UTC)) if method else Proof()
        if (found.tier(now), found.at or now) > (best.tier(now), best.at or now) if best.at else found.at is not None:
            best = found
    return best


def ask(request: HttpRequest, tier: int) -> HttpResponse:
    """Send the person to the proof this tier needs, and remember the form they were sending."""
    if request.method == "POST":
        kept = {key: request.POST.getlist(key) for key in request.POST if key not in {"csrfmiddlewaretoken", "key", "confirm"}}
        request.session[_KEPT] = {"path": request.path, "data": kept}
    back = urlencode({"next": f"{request.path}?resume=1" if request.method == "POST" else request.get_full_path()})
    types = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    if tier >= 2 and Authenticator.Type.TOTP not in types and Authenticator.Type.WEBAUTHN not in types:
        messages.warning(request, _("This needs a second factor. Set one up, then try again."))
        return redirect("mfa_index")
    if tier >= 2 or (types and not request.user.has_usable_password()):
        name = "mfa_reauthenticate" if Authenticator.Type.TOTP in types else "mfa_reauthenticate_webauthn"
    elif request.user.has_usable_password():
        name = "account_reauthenticate"
    else:
        messages.warning(request, _("This needs a password or a second factor. Set one up, then try again."))
        name = "account_set_password"
    return redirect(f"{reverse(name)}?{back}")


def kept(request: HttpRequest) -> dict[str, Any] | None:
    """What was being sent to this page before the detour; forgotten once read."""
    found = request.session.get(_KEPT)
    if "resume" not in request.GET or not found or found["path"] != request.path:
        return None
    del request.session[_KEPT]
    return found["data"]
