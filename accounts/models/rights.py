"""The rights door: how somebody who cannot sign in reaches the one page about themselves (POWERS P6, policy B5). What they ask there is a case (`dsar/cases`)."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization


class RightsAsk(Identified):
    """An address that was typed into the door's form. Every address is taken alike; whether somebody is behind it is looked up later, and told to the mailbox only."""

    AUDIT = dict.fromkeys(("id", "address", "asked_at"), "unrecorded")

    address = models.BinaryField()
    """Encrypted with the installation's key; the row goes within seconds."""
    asked_at = models.DateTimeField()

    class Meta:
        default_permissions = ()


class RightsVisit(Identified):
    """A link to the page, for one address, for one use; and once it was used, the visit that it began. Neither opens anything else."""

    AUDIT = {"id": "unrecorded", "account": "public", "link_hash": "secret", "session_hash": "secret", "address_hash": "secret", "made_at": "unrecorded", "link_until": "unrecorded",
             "opened_at": "unrecorded", "until": "unrecorded"}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    link_hash = models.BinaryField(max_length=32, null=True)
    """Gone once the link was used."""
    session_hash = models.BinaryField(max_length=32, null=True)
    address_hash = models.BinaryField(max_length=32)
    made_at = models.DateTimeField()
    link_until = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["link_hash"], name="rights_by_link"), models.Index(fields=["session_hash"], name="rights_by_session")]


class RightsKind(models.TextChoices):
    ACCOUNT = "account", _("Deletion of the account")


class RightsRequest(Versioned):
    """That a person asked the organization that manages their account to delete it, and what it answered. What else people ask is a case (`dsar/cases`)."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "account": "public", "kind": "public", "words": "pii", "state": "public", "asked_at": "public", "answered_at": "public",
             "answered_by": "public", "outcome": "public", "answer": "pii", "escalated": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="rights_requests")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="rights_requests")
    kind = models.CharField(max_length=12, choices=RightsKind)
    words = models.TextField(blank=True, max_length=2000)
    state = models.CharField(max_length=10, default="open", choices=[("open", _("Open")), ("answered", _("Answered")), ("ended", _("Ended without an answer"))])
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.UUIDField(null=True)
    """The membership of whoever answered."""
    outcome = models.CharField(max_length=10, blank=True, choices=[("granted", _("Granted")), ("refused", _("Refused"))])
    answer = models.TextField(blank=True, max_length=2000)
    escalated = models.PositiveSmallIntegerField(default=0, db_default=0)
    """After how many days without an answer more people were told."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "account", "kind"], condition=models.Q(state="open"), name="rights_request_open_once")]
        indexes = [models.Index(fields=["organization", "state", "-asked_at"], name="rights_request_newest")]
