"""A service that the organization's people sign in to, and who has access: each member, groups, or everybody."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.fields import Identified, Versioned
from accounts.models.membership import Group, Membership
from accounts.models.organization import Organization

LEVELS = [("full", "full"), ("read_only", "read_only")]


class Service(Versioned):
    """Something the organization's people use with their account."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "slug": "public", "name": "public", "description": "public", "url": "public", "answered_by": "public",
             "state": "public", "categories": "public", "everyone": "public", "client_changed_at": "unrecorded", "created_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="services")
    slug = models.SlugField(max_length=50)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    url = models.URLField(blank=True)
    answered_by = models.UUIDField(null=True, blank=True)
    """The membership of who answers for it in the organization; nothing follows from it but that people know whom to ask."""
    state = models.CharField(max_length=10, default="active", db_default="active", choices=[("active", "active"), ("suspended", "suspended")])
    """`suspended`: nobody gets in, and who has access is kept."""
    categories = ArrayField(models.CharField(max_length=80), default=list, db_default=[])
    """Which data about people it holds: Fideslang keys, as in the data map."""
    everyone = models.CharField(max_length=10, blank=True, default="", db_default="", choices=LEVELS)
    """What everybody in the organization may do there who has nothing of their own; empty: nothing."""
    client_changed_at = models.DateTimeField(null=True, blank=True)
    """When its addresses or its secret were last changed."""
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "slug"], name="service_slug_once")]

    def __str__(self) -> str:
        return self.name


class ServiceAccess(Identified):
    """A member's own access to one service: it decides, whatever groups or everybody have. Kept while suspended, so that a restore gives back what was there."""

    AUDIT = {"id": "public", "organization": "public", "membership": "public", "service": "public",
             "state": "public", "resumes": "public", "granted_at": "public", "last_used_at": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="service_access")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="access")
    state = models.CharField(max_length=10, default="full", choices=[*LEVELS, ("off", "off")])
    """`off`: taken away from this person, although a group of theirs or everybody has access."""
    resumes = models.CharField(max_length=10, blank=True, default="", db_default="", choices=[*LEVELS, ("off", "off"), ("none", "none")])
    """What it was before the membership was restricted, and is again when that ends. `none`: there was no row; what a restriction leaves of a group's access is written down as one."""
    granted_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["membership", "service"], name="service_access_once")]


class GroupService(Identified):
    """Access of a group to one service: whoever is in the group has it, and loses it with the group."""

    AUDIT = {"id": "public", "organization": "public", "group": "public", "service": "public", "state": "public", "granted_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="services")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="groups")
    state = models.CharField(max_length=10, default="full", choices=LEVELS)
    granted_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["group", "service"], name="group_service_once")]


class AccessRound(Identified):
    """People whose access to services changed by one act over a group or over everybody, until each of them was told. One row for all who are told the same."""

    AUDIT = {"id": "public", "organization": "public", "number": "public", "services": "public", "before": "public", "after": "public", "people": "unrecorded", "entry": "unrecorded",
             "told": "unrecorded", "begun_at": "public", "finished_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    number = models.UUIDField()
    """The same for all rows of the act; its entry says it."""
    services = ArrayField(models.CharField(max_length=100))
    before = ArrayField(models.CharField(max_length=10, blank=True))
    after = ArrayField(models.CharField(max_length=10, blank=True))
    """How far they reached in each of these services, and reach now: `full`, `read_only`, or empty for not at all."""
    people = ArrayField(models.UUIDField())
    """Their accounts; nobody any more once all were told."""
    entry = models.UUIDField(null=True)
    """The entry that the mails follow from; telling begins when the log has it."""
    told = models.PositiveIntegerField(default=0)
    """How many of `people`, from the beginning, were told."""
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["number"], name="access_round_number"), models.Index(fields=["begun_at"], condition=models.Q(finished_at=None), name="access_round_open")]
