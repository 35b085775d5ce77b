"""A saved view: a list's filter and order under a name, for oneself or for everybody in the organization."""
from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from accounts.models.fields import Identified
from accounts.models.membership import Membership
from accounts.models.organization import Organization


class SavedView(Identified):
    """The state of a list is its address; a view is a name for one. At most one default for each person and list."""

    AUDIT = dict.fromkeys(("id", "organization", "owner", "page", "name", "query", "shared", "is_default", "created_at"), "unrecorded")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    owner = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="views")
    page = models.CharField(max_length=20, choices=[("people", "people"), ("audit", "audit")])
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)
    """The query part of the address, without cursor."""
    shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint("owner", "page", Lower("name"), name="saved_view_name_once"),
            models.UniqueConstraint(fields=["owner", "page"], condition=models.Q(is_default=True), name="saved_view_one_default")]
