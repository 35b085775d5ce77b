"""May this credential be used now? One function for sessions, API tokens and jobs; and who the actor then is."""
from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts import tokens
from accounts.actor import Actor, Proof, Through
from accounts.models import ApiToken, AppGrant, Management, OAuthApplication
from accounts.roles import SECOND_FACTOR_RANK
from accounts.tenancy import installation

ORGANIZATION_WIDE = frozenset({"view_audit", "export_audit", "manage_settings", "manage_apps", "approve_plans"})
"""What cannot be cut down to some people: whoever's role is limited to groups does not have it."""
USABLE = frozenset({"active", "restricted"})

_STANDING = """
SELECT m.id, m.organization_id, m.status, m.access_epoch, m.role_scope, m.reset_required_at IS NOT NULL, m.last_active_at,
       COALESCE(LEAST(m.access_ends_at, a.access_ends_at) <= %(now)s, false), COALESCE(m.role_until <= %(now)s, false),
       a.id, a.status, a.auth_epoch, a.reset_required_at IS NOT NULL, a.name, a.email, a.has_second_factor, mg.organization_id,
       (SELECT COALESCE(max(r.rank), 0) FROM accounts_role r WHERE r.id = ANY(held.roles)) AS rank,
       ARRAY(SELECT DISTINCT p.codename FROM accounts_organizationgrouppermission op JOIN auth_permission p ON p.id = op.permission_id
             JOIN accounts_role r ON r.auth_group_id = op.group_id WHERE op.content_object_id = m.organization_id AND r.id = ANY(held.roles)) AS permissions,
       EXISTS (SELECT 1 FROM accounts_brake b WHERE b.organization_id = m.organization_id AND b.account_id = m.account_id AND b.paused_at IS NOT NULL) AS paused,
       m.identity_changed_at IS NOT NULL AS doubted,
       (SELECT r.slug FROM accounts_role r WHERE r.id = ANY(held.roles) ORDER BY r.rank DESC, r.slug LIMIT 1) AS role
FROM accounts_membership m
JOIN accounts_account a ON a.id = m.account_id
LEFT JOIN accounts_management mg ON mg.account_id = a.id
CROSS JOIN LATERAL (SELECT array_append(ARRAY(SELECT g.role_id FROM accounts_groupmembership gm JOIN accounts_group g ON g.id = gm.group_id
                                              WHERE gm.membership_id = m.id AND g.role_id IS NOT NULL), m.role_id) AS roles) held
WHERE m.account_id = %(account)s AND m.organization_id = %(organization)s
"""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an account stands in an organization right now: everything a credential is compared with, in one query."""

    membership_id: UUID
    organization_id: UUID
    membership_status: str
    access_epoch: int
    role_scope: list[UUID] | None
    reset_here: bool
    last_active_at: datetime | None
    over: bool
    """The moment has come at which access was to end, whether or not that was carried out."""
    role_over: bool
    account_id: UUID
    account_status: str
    auth_epoch: int
    reset_everywhere: bool
    name: str
    email: str
    has_second_factor: bool
    managed_by: UUID | None
    rank: int
    permissions: list[str]
    paused: bool
    doubted: bool
    """The organization that manages the account changed who signs in to it: a rank rests until somebody here confirms the person."""
    role: str
    """The slug of the highest role."""

    @property
    def refusal(self) -> str:
        """Why no credential of this person works in this organization now, or ''."""
        if self.account_status != "active":
            return "account_unavailable"
        if self.membership_status not in USABLE:
            return "not_a_member" if self.membership_status in {"removed", "invited"} else "suspended"
        if self.over:
            return "access_over"
        if self.reset_here or self.reset_everywhere:
            return "password_reset_required"
        return ""

    @property
    def needs_enrolment(self) -> bool:
        """Whether the role needs a second factor that the person does not have yet."""
        return self.rank >= SECOND_FACTOR_RANK and not self.has_second_factor


def standing(*, account_id: UUID, organization_id: UUID, now: datetime | None = None) -> Standing | None:
    """How the account stands in the organization, or None if it never had a membership there. Needs the scope."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"account": account_id, "organization": organization_id, "now": now or timezone.now()})
        row = cursor.fetchone()
    return Standing(**dict(zip(Standing.__dataclass_fields__, row, strict=True))) if row else None


def actor_in(found: Standing, *, proof: Proof, via: str = "ui", session_id: UUID | None = None, **more: Any) -> Actor:
    """The actor for a standing. A role that needs a second factor gives nothing until one is enrolled, one given for a time nothing after it, and none gives anything while the person is in doubt."""
    powerless = found.needs_enrolment or found.role_over or found.doubted
    held = frozenset(found.permissions) - (ORGANIZATION_WIDE if found.role_scope is not None else frozenset())
    return Actor(
        kind="user", account_id=found.account_id, organization_id=found.organization_id, membership_id=found.membership_id,
        rank=0 if powerless else found.rank, role=found.role, permissions=frozenset() if powerless else held,
        scope_groups=frozenset(found.role_scope) if found.role_scope is not None else None, name=found.name, email=found.email,
        via=via, session_id=session_id, proof=proof, paused=found.paused, **more)


def actor_for(*, account_id: UUID, organization_id: UUID, proof: Proof | None = None, via: str = "ui", **more: Any) -> Actor:
    """The actor for this person in this organization; without any power when no credential of theirs would work."""
    found = standing(account_id=account_id, organization_id=organization_id)
    if found is None or found.refusal:
        return Actor(kind="user", account_id=account_id, organization_id=organization_id, membership_id=found.membership_id if found else None,
                     name=found.name if found else "", email=found.email if found else "", via=via)
    return actor_in(found, proof=proof or Proof(), via=via, **more)


def own_actor(*, account: Any, proof: Proof, session_id: UUID | None, via: str = "ui") -> Actor:
    """The person acting on their own account."""
    managed_by = Management.objects.filter(account_id=account.id).values_list("organization_id", flat=True).first()
    return Actor(kind="user", account_id=account.id, name=account.name, email=account.email, proof=proof, session_id=session_id, via=via,
                 managing_organization_id=managed_by)


@dataclass(frozen=True)
class TokenUse:
    """A token that may be used now, with its standing; or the reason why not."""

    token: ApiToken | None
    standing: Standing | None
    refusal: str = ""


def check_token(*, secret: str, now: datetime, ip: str) -> TokenUse:
    """Compare a presented API token with everything that could have ended it. An unknown one is told nothing."""
    prefix = tokens.prefix_of(secret)
    if prefix is None:
        return TokenUse(None, None, "token_invalid")
    with installation("an API token names its organization"):
        token = ApiToken.objects.filter(prefix=prefix).select_related("organization").first()
        found = standing(account_id=token.account_id, organization_id=token.organization_id, now=now) if token else None
    if token is None or found is None or not tokens.same(secret, token.secret_hash):
        return TokenUse(None, None, "token_invalid")
    if token.state != "active" or token.expires_at <= now or (token.auth_epoch, token.access_epoch) != (found.auth_epoch, found.access_epoch):
        return TokenUse(None, None, "token_ended")
    if token.allowed_networks and not any(ipaddress.ip_address(ip or "0.0.0.0") in ipaddress.ip_network(n, strict=False) for n in token.allowed_networks):  # noqa: S104
        return TokenUse(None, None, "token_network")
    return TokenUse(token, found, found.refusal)


def actor_of_token(use: TokenUse) -> Actor:
    """A token acts with its owner's rank now and the permissions that both hold (guard rail 3)."""
    assert use.token is not None and use.standing is not None
    owner = actor_in(use.standing, proof=Proof(), via="api")
    return replace(owner, kind="api_token", token_id=use.token.id, permissions=owner.permissions & frozenset(use.token.scopes),
                   tier_granted=2 if use.token.sensitive else 1)


def actor_of_app(found: Standing, *, token_id: UUID, client: UUID, scopes: frozenset[str]) -> Actor:
    """An app acts with the person's rank and the permissions that their role and the scopes they allowed both hold. It proves nothing: what needs a second factor it cannot do.

    Entries say that the person did it, through this app."""
    person = actor_in(found, proof=Proof(), via="api")
    return replace(person, kind="api_token", token_id=token_id, through=through(client, account_id=found.account_id), permissions=person.permissions & scopes, tier_granted=1)


def through(client: UUID | None, *, account_id: UUID) -> Through | None:
    """The program as entries name it, by what it is called now; of one that is gone only the number is left."""
    if client is None:
        return None
    with installation("a program names its organization"):
        row = OAuthApplication.objects.filter(id=client).values_list("service__name", "installation__app__name", "name", "installation_id").first()
        if row is None:
            return Through(client=client)
        grant = AppGrant.objects.filter(installation_id=row[3], account_id=account_id, ended_at=None).values_list("id", flat=True).first() if row[3] else None
    return Through(client=client, name=row[0] or row[1] or row[2], grant=grant)
