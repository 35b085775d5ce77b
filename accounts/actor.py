"""Who acts: an explicit, frozen value that every power, query and entry takes first."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Kind = Literal["user", "api_token", "schedule", "operator", "anonymous"]

T1_WINDOW = timedelta(minutes=15)
T2_WINDOW = timedelta(minutes=5)
CLOCK_SKEW = timedelta(minutes=1)
STRONG = frozenset({"totp", "passkey"})
"""Ways of proving oneself that count for T2. Recovery codes do not: they are for getting back in."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How and when the person last proved who they are, in this session."""

    method: str = ""
    at: datetime | None = None

    def tier(self, now: datetime) -> int:
        """0, 1 or 2: the highest step-up tier that this proof still satisfies (POWERS section 2)."""
        if self.at is None or not self.method or self.at - now > CLOCK_SKEW:
            return 0  # a proof from the future is no proof: the clock was turned back
        age = now - self.at
        if self.method in STRONG and age <= T2_WINDOW:
            return 2
        return 1 if age <= T1_WINDOW and self.method != "recovery_code" else 0


@dataclass(frozen=True, kw_only=True)
class Through:
    """The app that acts in a person's name: its client at our provider, what it is called, and the consent that it acts by."""

    client: UUID
    name: str = ""
    grant: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person in an organization with a rank, their token, a schedule, the operator, or somebody not signed in.

    `organization_id` is None when people act on their own account. `tier_granted` is set where step-up is not a
    matter of the session: a sensitive token, the command line on the server, a schedule.
    """

    kind: Kind
    account_id: UUID | None = None
    organization_id: UUID | None = None
    membership_id: UUID | None = None
    rank: int = 0
    role: str = ""
    """The slug of the highest role they hold there, as entries and the ledger of whoever it is done to name it."""
    permissions: frozenset[str] = frozenset()
    scope_groups: frozenset[UUID] | None = None
    name: str = ""
    email: str = ""
    via: str = "ui"
    session_id: UUID | None = None
    token_id: UUID | None = None
    through: Through | None = None
    """An app that the person let act in their name, and that does it now: `token_id` is then its session."""
    proof: Proof = field(default_factory=Proof)
    tier_granted: int = 0
    managing_organization_id: UUID | None = None
    paused: bool = False
    """Did more harm in a day than one person should, and waits for a second one to agree (`accounts.brake`)."""

    def may(self, permission: str | None) -> bool:
        """Whether the actor's role, token and scope allow this; None is what everybody may do."""
        return permission is None or permission in self.permissions

    def tier(self, now: datetime) -> int:
        """The step-up tier the actor satisfies now."""
        return max(self.tier_granted, self.proof.tier(now))

    def proved(self, method: str, at: datetime) -> Actor:
        """The same actor, having just proved who they are."""
        return replace(self, proof=Proof(method=method, at=at))

    @property
    def key(self) -> str:
        """What an idempotency key is bound to: this person or token, in this organization."""
        return f"{self.kind}:{self.token_id or self.account_id or ''}:{self.organization_id or ''}"
