"""What we change about django-allauth: who may sign in, where sessions are registered, and that mail goes to the outbox."""
from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts import fetch, outbox, own_deactivation, own_deletion, purposes
from accounts.addresses import address_key, clean_address
from accounts.emails import switching
from accounts.models import Account, Membership, Session
from portal import quarantine
from portal.views import my_registers

MAILS = {"account/email/password_reset_key": "password-reset-link", "account/email/email_confirmation": "confirm-address",
         "account/email/email_confirmation_signup": "confirm-address"}


class AddressBackend(AuthenticationBackend):
    """Finds the account by the comparison form of its address; an unknown address costs the same time as a known one."""

    def _authenticate_by_email(self, email: str, password: str) -> Account | None:
        account = Account.objects.filter(email_key=address_key(email)).first()
        if account is None or account.kind != "person":
            return None
        return account if self._check_password(account, password) else None

    def get_user(self, user_id: Any) -> Account | None:
        """The account of a session. Whether the session may go on is decided by `accounts.access`, at every request."""
        return fetch.one(Account, "id", user_id)

    def user_can_authenticate(self, user: Account) -> bool:
        """Whether a session of this account may go on is decided by `accounts.access`, at every request."""
        return user.status == "active" and user.kind == "person" and not user.is_over(timezone.now())


class Adapter(DefaultAccountAdapter):
    """Accounts come from invitations only; mail is owed, not sent, inside a request."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def clean_email(self, email: str) -> str:
        return clean_address(email)

    def pre_login(self, request: HttpRequest, user: Account, **kwargs: Any) -> HttpResponse | None:
        """An account that is not active gets no further, whatever it presented; nor does anybody but the operator while a restored backup is not repaired."""
        if not quarantine.may_sign_in(user):
            return quarantine.closed(request)
        if user.status != "active" or user.is_over(timezone.now()):
            if back := own_deletion.way_back(user) or own_deactivation.way_back(user):
                return redirect(back)
            user.is_active = False
        return super().pre_login(request, user, **kwargs)

    def post_login(self, request: HttpRequest, user: Account, **kwargs: Any) -> HttpResponse:
        """Notices that are new to the person come first, once."""
        response = super().post_login(request, user, **kwargs)
        if response.status_code == 302:
            response["Location"] = my_registers.first(request, response["Location"])
        return response

    def login(self, request: HttpRequest, user: Account) -> None:
        """Sign in, and register the session so that it can be seen and ended."""
        super().login(request, user)
        now = timezone.now()
        request.session.save()
        row = Session.objects.create(
            account=user, session_key=request.session.session_key, auth_epoch=Account.objects.values_list("auth_epoch", flat=True).get(id=user.id),
            started_at=now, last_seen_at=now, ip=self.get_client_ip(request) or None, user_agent=request.headers.get("User-Agent", "")[:400])
        request.session["steward_session"] = str(row.id)
        remember_epochs(request, user)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Owe the mail in this transaction. Unknown addresses get none: the page answers the same either way."""
        template = MAILS.get(template_prefix)
        account = Account.objects.filter(email_key=address_key(email)).first()
        if template is None or account is None or ((account.status != "active" or account.is_over(timezone.now())) and template == "password-reset-link"):
            return
        link = context.get("password_reset_url") or context.get("activate_url") or ""
        outbox.owe(template=template, account=account, context={"link": str(link).replace("http://testserver", settings.STEWARD_URL)}, entry=None,
                   organization_id=None, now=timezone.now())

    def add_message(self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any) -> None:
        """Signing in and out needs no message: the page that follows says it."""
        if message_template not in {"account/messages/logged_in.txt", "account/messages/logged_out.txt"}:
            super().add_message(request, level, message_template, *args, **kwargs)

    def set_password(self, user: Account, password: str) -> None:
        """Store the new password; the mailbox that the link reached is hereby proven."""
        super().set_password(user, password)
        if self.request is not None and self.request.resolver_match and self.request.resolver_match.url_name == "account_reset_password_from_key":
            switching.prove(user)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Second factors, with their secrets encrypted at rest."""

    def encrypt(self, text: str) -> str:
        return outbox.seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        return outbox.open_text(encrypted_text)

    def get_public_key_credential_user_entity(self, user: Account) -> dict[str, Any]:
        return {**super().get_public_key_credential_user_entity(user), "name": user.email, "display_name": user.name or user.email}


def remember_epochs(request: HttpRequest, user: Account) -> None:
    """The session remembers the access epoch of each membership; a raised one closes that organization to it.

    Without a scope set yet, the person's own memberships are found by the person's own scope.
    """
    from accounts.tenancy import scope

    with scope(account=user.id, purpose=purposes.OWN):
        request.session["steward_epochs"] = {str(i): e for i, e in Membership.objects.filter(account=user).values_list("organization_id", "access_epoch")}


def display_name(user: Account) -> str:
    """What allauth calls the person on its pages."""
    return user.name or user.email
