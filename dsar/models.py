"""What `dsar` keeps itself: the copies that people asked for."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Organization
from accounts.models.fields import Identified, Versioned


class CopyState(models.TextChoices):
    ASKED = "asked", _("Waiting to be made")
    READY = "ready", _("Ready")
    ENDED = "ended", _("Removed")
    FAILED = "failed", _("Could not be made")


class Copy(Versioned):
    """A copy of what is held about one person, as they or their organization asked for it: made once, kept sealed for a week, fetched at most three times (policy B1, B2, A4)."""

    AUDIT = {"id": "public", "version": "unrecorded", "account": "public", "organization": "public", "requested_by": "public",
             "state": "public", "language": "public", "asked_at": "public", "snapshot_at": "public", "ready_at": "public",
             "expires_at": "public", "downloads": "public", "size": "public", "sha256": "public", "manifest": "public", "counts": "unrecorded",
             "key": "secret", "reminded": "unrecorded", "failure": "public", "attempts": "unrecorded", "for_case": "public",
             "code_hash": "secret", "code_tries": "unrecorded",
             "tell_at": "public", "untold": "unrecorded"}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="copies")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="copies")
    """Which organization asked for it, and gets what is its own; None where the person asked, who gets everything."""
    requested_by = models.UUIDField(null=True, blank=True)
    """The account of the administrator who asked."""
    state = models.CharField(max_length=10, choices=CopyState, default=CopyState.ASKED)
    language = models.CharField(max_length=12, default="en")
    asked_at = models.DateTimeField()
    snapshot_at = models.DateTimeField(null=True)
    """As of when it tells: everything in it was read from one moment of the database."""
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    downloads = models.PositiveSmallIntegerField(default=0)
    size = models.BigIntegerField(null=True)
    """Bytes of the package that the person gets."""
    sha256 = models.CharField(max_length=64, blank=True)
    manifest = models.CharField(max_length=64, blank=True)
    """SHA-256 of its manifest, which names the hash of every file."""
    counts = models.JSONField(default=dict)
    key = models.CharField(max_length=120, blank=True)
    """What seals the file, itself sealed; destroyed when the copy ends, which ends every copy of the file."""
    reminded = models.BooleanField(default=False, db_default=False)
    """Whether whoever may fetch it was told that it goes in a day."""
    failure = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    code_hash = models.CharField(max_length=64, blank=True, default="", db_default="")
    """What is kept of the code that somebody who cannot sign in needs to fetch it."""
    code_tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    for_case = models.UUIDField(null=True, blank=True)
    """The request for which the organization made it: the person fetches it, once it was released, and the organization never."""
    tell_at = models.DateTimeField(null=True, blank=True)
    """When the person is told of a copy of which two people agreed that they are told later. Nobody can put it off any further."""
    untold = models.BooleanField(default=False, db_default=False)
    """Whether they do not know of it yet: then it is neither counted on their page nor in a copy of theirs."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account"], condition=models.Q(state="asked", organization=None), name="copy_asked_once"),
                       models.UniqueConstraint(fields=["account", "organization"], condition=models.Q(state="asked", organization__isnull=False), name="copy_asked_once_by")]
        indexes = [models.Index(fields=["account", "-asked_at"], name="copy_of_account"),
                   models.Index(fields=["state", "expires_at"], condition=models.Q(state__in=["asked", "ready"]), name="copy_to_do")]


class Certificate(Identified):
    """That what was deleted is gone from backups too: written once, when the last backup that could have it has ended (RIGHTS 3b, row 29)."""

    AUDIT = {"id": "public", "organization_id": "public", "account": "public", "until": "public", "certified_at": "public"}

    organization_id = models.UUIDField(null=True)
    account = models.UUIDField(unique=True)
    """Whose deletion it was: a number that leads to nobody any more."""
    until = models.DateField()
    certified_at = models.DateTimeField()

    class Meta:
        default_permissions = ()


from dsar.backups.models import Backup  # noqa: E402, F401  (Django finds models here)
from dsar.cases.account_report import AccountReport  # noqa: E402, F401
from dsar.cases.models import Action, Agent, CalendarLink, Case, ChildReport, Evidence, Happening, Inquiry, Task  # noqa: E402, F401  its models are found here
from dsar.content.model import ContentAccess  # noqa: E402, F401  (Django finds models here)
from dsar.holds.models import HoldNotice, LegalHold, Matter  # noqa: E402, F401
from dsar.ledger.models import LedgerMark, LedgerSeen  # noqa: E402, F401
from dsar.registers.models import (  # noqa: E402, F401
    BusinessTransfer,
    Controller,
    Disclosure,
    DisclosureFile,
    NoticeSeen,
    PrivacyNotice,
    Recipient,
    RecordVersion,
    Round,
    ToldDisclosure,
)
from dsar.relays.models import Relay, RelayNonce, Responder  # noqa: E402, F401  (Django finds models here)
from dsar.restriction.model import Restriction  # noqa: E402, F401  (Django finds models here)
from dsar.retention.models import RetentionRule, RetentionRun  # noqa: E402, F401
from dsar.wholesale.model import ExportConsent, OrganizationExport  # noqa: E402, F401
