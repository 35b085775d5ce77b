"""The account: one person on this installation, and where they are signed in."""
from __future__ import annotations

from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_key
from accounts.models.fields import Identified, Versioned


class AccountStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    DEACTIVATED = "deactivated", _("Deactivated")
    LOCKED = "locked", _("Locked")
    PENDING_DELETION = "pending_deletion", _("Deletion scheduled")
    PURGED = "purged", _("Deleted")


class AccountManager(BaseUserManager["Account"]):
    """Finds accounts by their address, however it is written."""

    def get_by_natural_key(self, username: str | None) -> Account:
        return self.get(email_key=address_key(username or ""))


class Account(AbstractBaseUser, PermissionsMixin, Versioned):
    """A person on this installation. The e-mail address is how they sign in, never their identity."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "kind": "public", "email": "pii", "email_key": "unrecorded", "name": "pii",
        "language": "public", "time_zone": "public", "status": "public", "reason_code": "public",
        "reason_text": "pii", "status_until": "public", "status_changed_by": "public",
        "status_changed_at": "unrecorded", "auth_epoch": "public", "credential_epoch": "unrecorded",
        "password": "secret", "last_login": "unrecorded", "reset_required_at": "public",
        "reset_required_by": "public", "mfa_reset_at": "public", "mfa_stop_until": "public",
        "is_operator": "public", "is_superuser": "unrecorded", "is_active": "unrecorded",
        "created_at": "public", "last_active_at": "unrecorded", "email_verified_at": "public",
        "has_second_factor": "public", "refuses_invitations": "public", "recovery_email": "pii", "access_ends_at": "public", "gpc_at": "public",
        "credentials_changed_at": "unrecorded", "reported_at": "public",
    }

    kind = models.CharField(max_length=10, default="person", db_default="person", choices=[("person", _("Person")), ("service", _("Service account"))])
    """A service account belongs to an organization, has no sign-in and no mailbox, and acts by API tokens only."""
    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    email_key = models.CharField(max_length=320, unique=True)
    """The address in comparison form: `accounts.addresses.address_key`."""
    email_verified_at = models.DateTimeField(null=True, blank=True)
    recovery_email = models.EmailField(_("recovery address"), max_length=254, blank=True, default="", db_default="")
    """A second mailbox of the person, proven by a link: told of what happens to the account, never a way to sign in."""
    name = models.CharField(_("name"), max_length=200)
    language = models.CharField(_("language"), max_length=12, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)

    status = models.CharField(max_length=20, choices=AccountStatus, default=AccountStatus.ACTIVE)
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.TextField(blank=True, max_length=2000)
    status_until = models.DateTimeField(null=True, blank=True)
    status_changed_by = models.UUIDField(null=True, blank=True)
    status_changed_at = models.DateTimeField(null=True, blank=True)

    access_ends_at = models.DateTimeField(null=True, blank=True)
    """From then on no credential of the account works anywhere, whether or not somebody has carried out what was scheduled."""
    auth_epoch = models.PositiveIntegerField(default=1)
    """Every credential remembers it; raising it ends them all, everywhere, at their next use."""
    credential_epoch = models.PositiveIntegerField(default=1)
    """Part of every mailed reset link; raising it makes earlier links worthless."""
    reset_required_at = models.DateTimeField(null=True, blank=True)
    reset_required_by = models.UUIDField(null=True, blank=True)
    mfa_reset_at = models.DateTimeField(null=True, blank=True)
    mfa_stop_until = models.DateTimeField(null=True, blank=True)
    """After a second-factor reset: until then the person can stop it, and nobody can enrol anew."""
    has_second_factor = models.BooleanField(default=False)

    refuses_invitations = models.BooleanField(default=False)
    gpc_at = models.DateTimeField(null=True, blank=True)
    """When a browser of the person first sent Global Privacy Control. From then on nothing optional is sent but what they switch on themselves."""
    credentials_changed_at = models.DateTimeField(null=True, blank=True)
    """When the address, the password or a second factor last became another one. For 72 hours nothing is disclosed, deleted or corrected in the account's name."""
    reported_at = models.DateTimeField(null=True, blank=True)
    """Since when somebody reports that it is a child's, and nobody has decided: meanwhile it joins no organization. Only of accounts that are in none."""
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    last_active_at = models.DateTimeField(null=True, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects = AccountManager()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["id"], condition=models.Q(kind="service"), name="account_service")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_staff(self) -> bool:
        return self.is_operator

    def is_over(self, now: datetime) -> bool:
        """Whether the moment has come at which the account was to be closed, even if nobody has carried it out."""
        return self.access_ends_at is not None and self.access_ends_at <= now

    def get_full_name(self) -> str:
        return self.name

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Binds a session to the account and not, as the library does, to the hash of the password: that one is made anew at a sign-in after an update that asks for more work, and nobody is to be
        signed out for it. A password that changes raises `auth_epoch`, and that ends sessions."""
        return salted_hmac("accounts.models.Account.session", str(self.id), secret=secret, algorithm="sha256").hexdigest()


class Session(Identified):
    """One place where a person is signed in; the person sees it, and it can be ended from here or by a power."""

    AUDIT = {
        "id": "public", "account": "public", "session_key": "secret", "auth_epoch": "public",
        "started_at": "public", "last_seen_at": "unrecorded", "ended_at": "public", "ended_reason": "public",
        "ip": "pii", "user_agent": "pii",
    }

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=40, unique=True)
    auth_epoch = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=60, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=400, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["account", "-started_at"], condition=models.Q(ended_at=None),
                                name="session_open")]
