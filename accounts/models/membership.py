"""Membership (account in an organization), management (control of the account itself), groups, protection."""
from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.account import Account
from accounts.models.fields import Identified, Versioned
from accounts.models.organization import Organization, Role


class MembershipStatus(models.TextChoices):
    INVITED = "invited", _("Invited")
    ACTIVE = "active", _("Active")
    RESTRICTED = "restricted", _("Restricted")
    SUSPENDED = "suspended", _("Suspended")
    REMOVED = "removed", _("Removed")


class Membership(Versioned):
    """An account in an organization: its role, its access to the services, and what the organization notes about it.

    The `list_*` columns and `effective_status` are kept by a database trigger from the account and this row, so that
    the people list reads one table whatever way either was written.
    """

    AUDIT = {
        "id": "public", "version": "unrecorded", "organization": "public", "account": "public", "status": "public",
        "role": "public", "role_scope": "public", "title": "pii", "department": "pii", "access_epoch": "public",
        "reason_code": "public", "reason_text": "pii", "private_note": "pii", "status_until": "public",
        "status_changed_by": "public", "status_changed_at": "unrecorded", "invited_by": "public",
        "invited_at": "public", "invitation_expires_at": "public", "joined_at": "public",
        "restricted_mode": "public", "reset_required_at": "public", "reset_required_by": "public",
        "protected": "public", "external_id": "public", "directory": "public", "list_name": "unrecorded", "list_email": "unrecorded",
        "access_ends_at": "public", "role_until": "public", "role_since": "unrecorded", "contract_ends_on": "public",
        "inactivity_warned_at": "public", "inactivity_reminded_at": "public",
        "use_restricted": "public", "use_freed": "public", "set_aside": "public",
        "identity_changed_at": "public", "effective_status": "unrecorded", "last_active_at": "unrecorded", "created_at": "public",
    }

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    status = models.CharField(max_length=12, choices=MembershipStatus, default=MembershipStatus.INVITED)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="memberships")
    role_scope = ArrayField(models.UUIDField(), null=True, blank=True)
    """Groups that the role reaches; null is the whole organization. Only for ranks of 50 and below."""
    title = models.CharField(_("title"), max_length=200, blank=True)
    department = models.CharField(_("department"), max_length=200, blank=True)

    access_epoch = models.PositiveIntegerField(default=1)
    """Every credential used in this organization remembers it; raising it ends them here at their next use."""
    restricted_mode = models.CharField(max_length=12, blank=True, choices=[("read_only", _("Read only")), ("subset", _("Chosen services only"))])
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.TextField(blank=True, max_length=2000)
    private_note = models.TextField(blank=True, max_length=2000)
    status_until = models.DateTimeField(null=True, blank=True)
    status_changed_by = models.UUIDField(null=True, blank=True)
    status_changed_at = models.DateTimeField(null=True, blank=True)
    access_ends_at = models.DateTimeField(null=True, blank=True)
    """From then on no credential of the person works here, whether or not somebody has carried out what was scheduled."""
    role_until = models.DateTimeField(null=True, blank=True)
    """When the role that was given for a time ends; from then on it gives nothing."""
    role_since = models.DateTimeField(default=timezone.now, db_default=Now())
    """Since when the role is this one: PostgreSQL writes it with every change of the role, whichever way that comes."""
    contract_ends_on = models.DateField(null=True, blank=True)
    """The last day of the contract, in the organization's time zone; what follows is scheduled (accounts/powers/contract.py). It stays when the membership has ended by it."""
    inactivity_warned_at = models.DateTimeField(null=True, blank=True)
    """When the person was told that staying away ends their access, for the first time and for the last; either counts only if they were not here since (accounts/inactivity)."""
    inactivity_reminded_at = models.DateTimeField(null=True, blank=True)
    reset_required_at = models.DateTimeField(null=True, blank=True)
    reset_required_by = models.UUIDField(null=True, blank=True)

    invited_by = models.UUIDField(null=True, blank=True)
    invited_at = models.DateTimeField(null=True, blank=True)
    invitation_expires_at = models.DateTimeField(null=True, blank=True)
    joined_at = models.DateTimeField(null=True, blank=True)
    protected = models.BooleanField(default=False)
    identity_changed_at = models.DateTimeField(null=True, blank=True)
    """Another organization, which manages the account, changed its address or second factor: the rank here rests until somebody confirms who this is."""
    use_restricted = models.BooleanField(default=False, db_default=False)
    """What the organization holds about the person may only be stored (RIGHTS 3e). Kept with the row in `dsar_restriction`; PostgreSQL shows the row only for purposes that are named and allowed."""
    use_freed = ArrayField(models.TextField(), default=list, db_default=[])
    """Purposes that were given free again on a ground, while the rest stays restricted."""
    set_aside = ArrayField(models.TextField(), default=list, db_default=[])
    """Parts of it that may only be stored, as codes (`accounts.profile.aside`). PostgreSQL moves what they name out of the profile and marks groups, with this column and in the same statement."""
    external_id = models.CharField(max_length=200, blank=True)
    """What the organization's directory knows the person by. It is the link, never the e-mail address."""
    directory = models.BooleanField(default=False, db_default=False)
    """A directory decides whether the person is a member: nobody ends the membership by hand (accounts/directory)."""
    created_at = models.DateTimeField()
    last_active_at = models.DateTimeField(null=True, blank=True)

    list_name = models.TextField(default="", editable=False, db_collation="C")
    list_email = models.TextField(default="", editable=False, db_collation="C")
    effective_status = models.CharField(max_length=20, default="invited", editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["organization", "account"], name="membership_once")]
        indexes = [
            models.Index(fields=["organization", "list_name", "id"], name="membership_by_name"),
            models.Index(fields=["organization", "list_email", "id"], name="membership_by_email"),
            models.Index(fields=["organization", "effective_status", "list_name", "id"], name="membership_by_status"),
            models.Index(fields=["status_until"], condition=models.Q(status_until__isnull=False), name="membership_until"),
            models.Index(fields=["organization", "contract_ends_on"], condition=models.Q(contract_ends_on__isnull=False), name="membership_contract"),
            models.Index(fields=["organization"], condition=models.Q(inactivity_warned_at__isnull=False), name="membership_inactivity"),
            models.Index(fields=["invited_by"], condition=models.Q(status="invited"), name="membership_inviter"),
        ]


class MembershipSnapshot(Identified):
    """What a removed member held, kept 90 days so that a mistake can be undone (POWERS P2)."""

    AUDIT = {"id": "public", "membership": "public", "organization": "public", "role": "public", "groups": "public",
             "services": "public", "levels": "public", "taken_at": "public", "expires_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    membership = models.OneToOneField(Membership, on_delete=models.CASCADE, related_name="snapshot")
    role = models.ForeignKey(Role, on_delete=models.PROTECT)
    groups = ArrayField(models.UUIDField(), default=list)
    services = ArrayField(models.UUIDField(), default=list)
    levels = ArrayField(models.CharField(max_length=10), default=list, db_default=[])
    """How far each of these reached, in the same order; empty where that was not noted: all of it."""
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()


class ManagementBasis(models.TextChoices):
    DOMAIN_CLAIM = "domain_claim", _("the organization proved that it owns the e-mail domain")
    CREATED_BY_ORG = "created_by_org", _("the organization created the account")
    SCIM = "scim", _("the organization's directory created the account")
    TRANSFER = "transfer", _("the organization that managed it before handed it over")


class Management(Versioned):
    """The organization controls the account itself, on a stated basis since a stated date. At most one per account."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "account": "public", "basis": "public",
             "since": "public", "notice_version": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="managements")
    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="management")
    basis = models.CharField(max_length=20, choices=ManagementBasis)
    since = models.DateTimeField()
    notice_version = models.CharField(max_length=40, blank=True)

    class Meta:
        default_permissions = ()


class Group(Versioned):
    """A named set of people; it may carry a role, which then counts as theirs (guard rail 3)."""

    AUDIT = {"id": "public", "version": "unrecorded", "organization": "public", "name": "public", "role": "public",
             "external_id": "public", "directory": "public", "created_at": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=100)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, null=True, blank=True, related_name="groups")
    external_id = models.CharField(max_length=200, blank=True, default="", db_default="")
    """What the organization's directory knows the group by."""
    directory = models.BooleanField(default=False, db_default=False)
    """A directory decides what it is called and who is in it (accounts/directory). What it gives, role and services, is decided here."""
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint("organization", Lower("name"), name="group_name_once")]


class GroupMembership(Identified):
    """A membership in a group."""

    AUDIT = {"id": "public", "organization": "public", "group": "public", "membership": "public", "use_restricted": "unrecorded"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="group_memberships")
    use_restricted = models.BooleanField(default=False, db_default=False, editable=False)
    """Whether that the person is in it may only be stored: PostgreSQL keeps it from `Membership.set_aside`, and shows the row only for purposes that go on."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["group", "membership"], name="group_membership_once")]


class Protection(Identified):
    """A named administrator who may act on a protected person; everybody else may not (guard rail 5)."""

    AUDIT = {"id": "public", "organization": "public", "membership": "public", "administrator": "public", "since": "public", "set_by": "public"}

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="protections")
    administrator = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField(null=True, blank=True)
    set_by = models.UUIDField(null=True, blank=True)
    """The membership of whoever named them."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["membership", "administrator"], name="protection_once")]
