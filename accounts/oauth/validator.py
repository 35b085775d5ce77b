"""What we change about django-oauth-toolkit: exact addresses, hashed codes, tokens that hang on a session which is checked at every use, and statements signed with our own key."""
from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from oauth2_provider.models import Grant, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749 import errors

from accounts.models import OAuthApplication, ProgramSession
from accounts.oauth import claims, clients, keys, sessions, usage


class Validator(OAuth2Validator):
    """Asked by oauthlib at each step. Whoever calls it has set the reach: a program names its organization."""

    # --- the program

    def _load_application(self, client_id: str, request: Any) -> Any:
        """With what every use asks of it."""
        if request.client is None:
            request.client = OAuthApplication.objects.select_related("organization", "service").filter(client_id=client_id).first()
        return super()._load_application(client_id, request)

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return bool(stored_secret) and clients.same(provided_secret, stored_secret)

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Exactly one of the registered addresses, sign by sign (RFC 9700, section 2.1); and one that could be registered today."""
        return redirect_uri in request.client.redirect_uris.split() and not clients.refused(redirect_uri)

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """Every request names its address: what is not said cannot be compared."""
        return

    def validate_response_type(self, client_id: str, response_type: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        return response_type == "code"

    def validate_grant_type(self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        return grant_type in {"authorization_code", "refresh_token"}

    def validate_scopes(self, client_id: str, scopes: list[str], client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """What is known and allowed to this program remains; nothing that remains is a request for nothing."""
        most = sessions.allowed(client)
        request.scopes = [name for name in dict.fromkeys(scopes) if name in most]
        return bool(request.scopes)

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return ["openid"]

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return True

    def validate_silent_login(self, request: Any) -> bool:
        """Whether somebody is signed in and allowed it is decided by the page, which knows the session."""
        return True

    def validate_silent_authorization(self, request: Any) -> bool:
        return True

    # --- the code

    def save_authorization_code(self, client_id: str, code: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        """The session at the program begins; the code itself is not kept, only its hash."""
        session = request.beginning.write(code_hash=sessions.digest(code["code"]), wanted=list(request.scopes))
        usage.seen(session, "sign_in", now=request.beginning.now)
        self._create_authorization_code(request, {**code, "code": sessions.digest(code["code"])})

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        kept, now = sessions.digest(code), timezone.now()
        session = ProgramSession.objects.select_for_update(of=("self",)).select_related("client", "account").filter(code_hash=kept, client=client, way="code").first()
        if session is None:
            return False
        if session.ended_at is None and not Grant.objects.filter(code=kept).exists():
            sessions.misused(session, event="session.code_reused", now=now)
            return False
        if not super().validate_code(client_id, kept, client, request) or sessions.state(session, now=now).refusal:
            return False
        request.program_session, request.scopes = session, sessions.in_force(session)
        return bool(request.scopes)

    def confirm_redirect_uri(self, client_id: str, code: str, redirect_uri: str, client: Any, *args: Any, **kwargs: Any) -> bool:
        return bool(redirect_uri) and Grant.objects.filter(code=sessions.digest(code), application=client, redirect_uri=redirect_uri).exists()

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any) -> None:
        super().invalidate_authorization_code(client_id, sessions.digest(code), request)

    def get_code_challenge(self, code: str, request: Any) -> Any:
        return super().get_code_challenge(sessions.digest(code), request)

    def get_code_challenge_method(self, code: str, request: Any) -> Any:
        return super().get_code_challenge_method(sessions.digest(code), request)

    def get_authorization_code_scopes(self, client_id: str, code: str, redirect_uri: str, request: Any) -> Any:
        return super().get_authorization_code_scopes(client_id, sessions.digest(code), redirect_uri, request)

    def get_authorization_code_nonce(self, client_id: str, code: str, redirect_uri: str, request: Any) -> Any:
        return super().get_authorization_code_nonce(client_id, sessions.digest(code), redirect_uri, request)

    # --- the tokens

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        now = timezone.now()
        row = RefreshToken.objects.select_for_update().filter(token_checksum=sessions.digest(refresh_token), application=client).order_by("revoked").first()
        session = ProgramSession.objects.select_related("client", "account").filter(id=row.token_family).first() if row is not None else None
        if row is None or session is None or session.ended_at is not None:
            return False
        if row.revoked is not None:
            sessions.misused(session, event="session.refresh_reused", now=now)
            return False
        if row.created + REFRESH <= now or sessions.state(session, now=now).refusal:
            return False
        request.user, request.refresh_token, request.refresh_token_instance, request.program_session = session.account, refresh_token, row, session
        usage.seen(session, "refresh", now=now)
        return True

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        """At most what is in force now: what was taken back since is not in the next token."""
        found = sessions.in_force(request.program_session)
        if not found:
            raise errors.InvalidGrantError(request=request)
        return found

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        """Only whoever may stay signed in while the person is away gets something to refresh with (OpenID Connect Core 1.0, section 11)."""
        if "offline_access" not in request.program_session.scopes:
            token.pop("refresh_token", None)
        super().save_bearer_token(token, request, *args, **kwargs)

    def _create_access_token(self, expires: Any, request: Any, token: dict[str, Any], source_refresh_token: Any = None) -> Any:
        return super()._create_access_token(expires, request, {key: value for key, value in token.items() if key != "id_token"}, source_refresh_token)

    def _create_refresh_token(self, request: Any, refresh_token_code: str, access_token: Any, previous_refresh_token: Any) -> Any:
        """The family of a refresh token is the session that it came of."""
        made = RefreshToken(user=request.user, application=request.client, access_token=access_token, token_family=request.program_session.id)
        self._set_token_value(made, refresh_token_code)
        made.save()
        return made

    def finalize_id_token(self, id_token: dict[str, Any], token: Any, token_handler: Any, request: Any) -> str:
        """The statement that says who signed in. It is signed, and kept nowhere."""
        now, session = timezone.now(), request.program_session
        said = {**id_token, "iss": sessions.issuer(), "aud": request.client.client_id, "exp": int(now.timestamp()) + LIFETIME, "iat": int(now.timestamp()),
                **claims.of_session(session), **claims.of_access(session.account_id, session.client, now=now)}
        if request.nonce:
            said["nonce"] = request.nonce
        return keys.sign(said, now=now)


LIFETIME = 600
"""Seconds for which an access token and a statement about a sign-in are valid."""
REFRESH = timedelta(days=30)
"""A refresh token that nobody used for so long is worth nothing."""
