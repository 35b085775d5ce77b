"""What people can do without: what they chose about it, which addresses must not be written to, and what was sent."""
from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.fields import Identified
from accounts.models.organization import Organization


class How(models.TextChoices):
    PAGE = "page", _("by you, signed in")
    LINK = "link", _("by whoever opened the link in a mail to you")
    ONE_CLICK = "one_click", _("by the unsubscribe button of your mail program")
    GPC = "gpc", _("by your browser, which sends Global Privacy Control")


class Consent(Identified):
    """One line of the ledger: somebody switched one kind of optional communication of one organization on or off. Written once, never changed; goes with the account."""

    AUDIT = {"id": "public", "account": "public", "organization": "public", "kind": "public", "wanted": "public", "how": "public", "at": "public"}

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="consents")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="consents")
    kind = models.CharField(max_length=20)
    wanted = models.BooleanField()
    how = models.CharField(max_length=10, choices=How)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["account", "organization", "kind", "-at"], name="consent_latest")]


class Suppression(Identified):
    """An address to which one organization must not send one kind of optional communication. It outlives the account: else whoever objected would be written to again.

    The address stands here only as a hash under a key that the installation derives for the organization (`accounts.communications.links.mac`).
    """

    AUDIT = {"id": "public", "organization": "public", "kind": "public", "address_mac": "unrecorded", "made_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="suppressions")
    kind = models.CharField(max_length=20)
    address_mac = models.BinaryField(max_length=32)
    made_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "kind", "address_mac"], name="suppressed_once")]


class Announcement(Identified):
    """What administrators wrote to the members of their organization, and how far the sending has come."""

    AUDIT = {"id": "public", "organization": "public", "kind": "public", "subject": "unrecorded", "text": "unrecorded", "sent_by": "public", "sent_at": "public", "entry": "unrecorded",
             "reached": "unrecorded", "told": "unrecorded", "left_out": "unrecorded", "finished_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="announcements")
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=150)
    text = models.TextField(max_length=5000)
    sent_by = models.UUIDField(null=True)
    """The membership of whoever wrote it."""
    sent_at = models.DateTimeField()
    entry = models.UUIDField(null=True)
    """The entry of the log that the mails follow from; sending begins when the log has it."""
    reached = models.UUIDField(null=True)
    """The last membership that was looked at."""
    told = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    """How many do not want this kind."""
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["organization", "-sent_at"], name="announcement_list"), models.Index(fields=["sent_at"], condition=models.Q(finished_at=None), name="announcement_open")]
