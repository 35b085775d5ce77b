"""A claim: an organization that has proven a domain takes control of the accounts that have their address in it (POWERS P9, policy A10)."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.domain import Domain
from accounts.models.fields import Versioned
from accounts.models.organization import Organization


class ClaimState(models.TextChoices):
    ANNOUNCING = "announcing", _("People are being told")
    ANNOUNCED = "announced", _("Announced")
    FINISHED = "finished", _("Finished")
    CANCELLED = "cancelled", _("Cancelled")
    ENDED = "ended", _("Ended with the domain")


class Choice(models.TextChoices):
    ALL = "all", _("All accounts that can be claimed")
    MEMBERS = "members", _("Members of the organization only")
    OTHERS = "others", _("Only accounts that are not members")
    INACTIVE = "inactive", _("Only accounts that have not been active for some days")
    LISTED = "listed", _("The addresses of a list")


class Claim(Versioned):
    """One announcement to the accounts of one domain, from the telling to the last answer."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "domain": "public", "state": "public", "choice": "public", "inactive_days": "public", "days": "public",
        "listed": "public", "told": "unrecorded", "reached": "unrecorded", "announced_by": "public", "announced_at": "public", "effective_at": "public", "notice_version": "public",
        "ended_at": "public",
    }

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="claims")
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="claims")
    state = models.CharField(max_length=12, choices=ClaimState, default=ClaimState.ANNOUNCING)
    choice = models.CharField(max_length=10, choices=Choice, default=Choice.ALL)
    inactive_days = models.PositiveSmallIntegerField(null=True, blank=True)
    listed = ArrayField(models.UUIDField(), default=list)
    """The accounts that a list named."""
    days = models.PositiveSmallIntegerField()
    """Days between the telling and the taking effect; whoever the organization did not create has seven at least."""
    reached = models.UUIDField(null=True, blank=True)
    """The last account that the telling has passed."""
    told = models.PositiveIntegerField(default=0)
    announced_by = models.UUIDField(null=True, blank=True)
    """The membership that announced it."""
    announced_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    notice_version = models.CharField(max_length=40)
    """The id of the version of the organization's notice that people are shown."""
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["organization", "-announced_at"], name="claim_of_organization"),
                   models.Index(fields=["id"], condition=models.Q(state__in=["announcing", "announced", "cancelled", "ended"]), name="claim_at_work")]


class Standing(models.TextChoices):
    ANNOUNCED = "announced", _("Told, no answer yet")
    ACCEPTED = "accepted", _("Accepted")
    OBJECTED = "objected", _("Objected")
    REJECTED = "rejected", _("The objection was declined")
    LEFT = "left", _("Left with another address")
    EXEMPTED = "exempted", _("Left out")
    MISSED = "missed", _("Could not be claimed on the date")
    WITHDRAWN = "withdrawn", _("The claim was withdrawn")
    MANAGED = "managed", _("Managed")
    ENDING = "ending", _("Is being released")
    RELEASED = "released", _("Released")


READY = (Standing.ANNOUNCED, Standing.ACCEPTED, Standing.REJECTED)
"""The states from which control begins when the date has come."""
CONTROLLED = (Standing.MANAGED, Standing.ENDING)
"""The states in which the organization manages the account by this claim."""
UNDECIDED = (*READY, Standing.OBJECTED)
"""The states in which the claim has neither taken effect nor ended for the account."""


class ClaimedAccount(Versioned):
    """One account in a claim: what its person was told and answered, and what became of it."""

    AUDIT = {
        "id": "public", "version": "unrecorded", "claim": "public", "organization": "public", "account": "public", "state": "public", "address": "pii", "created_here": "public",
        "announced_at": "public", "effective_at": "public", "reminded": "unrecorded", "objected_at": "public", "object_until": "public", "objection": "pii", "answer": "pii", "answer_code": "public",
        "leaving_address": "pii", "leaving_at": "public", "problem": "public", "changed_at": "unrecorded",
    }

    claim = models.ForeignKey(Claim, on_delete=models.CASCADE, related_name="accounts")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="claimed")
    state = models.CharField(max_length=10, choices=Standing, default=Standing.ANNOUNCED)
    address = models.EmailField(max_length=254)
    """The address in the domain, as it was when the person was told."""
    created_here = models.BooleanField(default=False)
    announced_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    reminded = models.BooleanField(default=False)
    objected_at = models.DateTimeField(null=True, blank=True)
    object_until = models.DateTimeField(null=True, blank=True)
    objection = models.TextField(max_length=2000, blank=True)
    answer_code = models.CharField(max_length=60, blank=True)
    answer = models.TextField(max_length=2000, blank=True)
    leaving_address = models.EmailField(max_length=254, blank=True)
    leaving_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=60, blank=True)
    """The reason code for which it could not be claimed, or for which control ended."""
    changed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["claim", "account"], name="claimed_once"),
            models.UniqueConstraint(fields=["organization", "account"], condition=models.Q(state__in=UNDECIDED), name="claimed_open_once"),
        ]
        indexes = [
            models.Index(fields=["claim", "state", "address", "id"], name="claimed_by_state"),
            models.Index(fields=["claim", "address", "id"], name="claimed_by_address"),
            models.Index(fields=["account", "-announced_at"], name="claimed_recently"),
            models.Index(fields=["effective_at"], condition=models.Q(state__in=READY), name="claimed_due"),
            models.Index(fields=["object_until"], condition=models.Q(state="objected"), name="claimed_objected"),
            models.Index(fields=["organization"], condition=models.Q(state="ending"), name="claimed_ending"),
        ]
