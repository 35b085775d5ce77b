"""What programs read about our provider before they use it (OpenID Connect Discovery 1.0; RFC 8414), and the keys that they verify with."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.oauth import claims, keys
from accounts.oauth.scopes import SCOPES
from accounts.oauth.sessions import issuer
from portal.oauth.token import DEVICE


@require_safe
def configuration(request: HttpRequest) -> HttpResponse:
    """What the provider can do and where."""
    at = {name: issuer() + reverse(f"oauth-{name}") for name in ("authorize", "token", "introspect", "revoke", "userinfo", "keys", "device-begin", "logout")}
    methods = ["client_secret_basic", "client_secret_post"]
    return JsonResponse({
        "issuer": issuer(), "authorization_endpoint": at["authorize"], "token_endpoint": at["token"], "userinfo_endpoint": at["userinfo"], "jwks_uri": at["keys"],
        "introspection_endpoint": at["introspect"], "revocation_endpoint": at["revoke"], "device_authorization_endpoint": at["device-begin"], "end_session_endpoint": at["logout"],
        "scopes_supported": list(SCOPES), "response_types_supported": ["code"], "response_modes_supported": ["query"], "grant_types_supported": ["authorization_code", "refresh_token", DEVICE],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"], "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods, "revocation_endpoint_auth_methods_supported": methods, "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": list(claims.ACR), "claims_supported": list(claims.NAMES), "prompt_values_supported": ["none", "login", "consent"],
        "authorization_response_iss_parameter_supported": True, "backchannel_logout_supported": True, "backchannel_logout_session_supported": True,
        "request_parameter_supported": False, "request_uri_parameter_supported": False, "claims_parameter_supported": False,
    }, headers={"Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"})


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """The public halves of the keys that sign our statements (RFC 7517)."""
    return JsonResponse(keys.public(now=timezone.now()), headers={"Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"})
