"""An access that two people agreed on: who may read what of whom, until when, and when the person is told."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Account, Organization
from accounts.models.fields import Versioned


class ContentAccess(Versioned):
    """One person may read records of another one for a few days, and nothing else may be done with them.

    Nothing of it stands in a copy or is counted on the person's page: the entries of the log tell it, from the moment on in which the person was told.
    """

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "account": "public", "viewer": "public", "approved_by": "public", "ground": "public", "words": "unrecorded",
             "kinds": "public", "since": "public", "until": "public", "granted_at": "public", "ends_at": "public", "tell_at": "public", "told_at": "public", "ended_at": "public",
             "ended_how": "public", "opened": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="content_accesses")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="content_accesses")
    """Whose records."""
    viewer = models.UUIDField()
    """The account of whoever asked, who alone reads."""
    approved_by = models.UUIDField(null=True)
    """The account of the second person; None where the operator stood for them."""
    ground = models.CharField(max_length=40)
    words = models.CharField(max_length=500)
    """What it is about, as the person is told and as every page says that is opened."""
    kinds = ArrayField(models.TextField())
    since = models.DateField(null=True)
    until = models.DateField(null=True)
    """Records of these days, both included; None for no limit but the beginning of the management."""
    granted_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    tell_at = models.DateTimeField()
    """When the person is told. Nobody can put it off any further."""
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=40, blank=True)
    """`over`, `withdrawn`, or the reason for which it could not go on."""
    opened = models.PositiveIntegerField(default=0)
    """How many items were opened, each of them an entry."""

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["organization", "-granted_at"], name="content_access_of"),
                   models.Index(fields=["ends_at"], condition=models.Q(ended_at=None), name="content_access_open"),
                   models.Index(fields=["tell_at"], condition=models.Q(told_at=None), name="content_access_untold")]
