"""What needs an administrator's attention: numbers, each with the way to exactly those it counts."""
from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from accounts import listing_query
from accounts.actor import Actor
from accounts.people import usable_owners
from accounts.roles import SECOND_FACTOR_RANK

JOINED, LEFT = ("membership.accepted",), ("membership.removed", "membership.left")

_NUMBERS = f"""
SELECT
  (SELECT count(*) FROM accounts_plan WHERE organization_id = %(org)s AND state = 'awaiting_approval' AND expires_at > %(now)s AND requested_by <> %(me)s),
  (SELECT count(*) FROM accounts_plan WHERE organization_id = %(org)s AND state IN ('planned', 'uploaded') AND expires_at > %(now)s AND requested_by = %(me)s),
  (SELECT count(*) FROM accounts_plan WHERE organization_id = %(org)s AND state = 'failed' AND finished_at > %(week)s),
  (SELECT count(*) FROM accounts_membership m JOIN accounts_role r ON r.id = m.role_id JOIN accounts_account a ON a.id = m.account_id
   WHERE m.organization_id = %(org)s AND r.organization_id = %(org)s AND r.rank >= %(rank)s AND m.effective_status = 'active' AND a.kind = 'person' AND NOT a.has_second_factor),
  (SELECT count(*) FROM accounts_membership m WHERE m.organization_id = %(org)s AND m.effective_status <> 'removed' AND {listing_query.DUE['invitation']}),
  (SELECT count(*) FROM accounts_membership m WHERE m.organization_id = %(org)s AND m.effective_status <> 'removed' AND {listing_query.DUE['return']}),
  (SELECT count(*) FROM accounts_membership m WHERE m.organization_id = %(org)s AND m.effective_status <> 'removed' AND {listing_query.DUE['contract']}),
  (SELECT count(*) FROM accounts_membership m WHERE m.organization_id = %(org)s AND {listing_query.DUE['inactive']}),
  (SELECT count(DISTINCT v.account_id) FROM accounts_valuedispute v JOIN accounts_membership m ON m.account_id = v.account_id AND m.organization_id = v.organization_id
   WHERE v.organization_id = %(org)s AND v.state = 'open' AND m.effective_status <> 'removed'),
  (SELECT count(DISTINCT e.account_id) FROM accounts_mail e JOIN accounts_membership m ON m.account_id = e.account_id AND m.organization_id = e.organization_id
   WHERE e.organization_id = %(org)s AND e.state = 'failed' AND m.effective_status <> 'removed'),
  (SELECT count(DISTINCT t.membership_id) FROM accounts_apitoken t WHERE t.organization_id = %(org)s AND t.state = 'active' AND t.expires_at BETWEEN %(now)s AND %(fortnight)s),
  (SELECT count(*) FROM accounts_brake WHERE organization_id = %(org)s AND paused_at IS NOT NULL),
  (SELECT count(*) FROM accounts_successioncase WHERE organization_id = %(org)s AND ended_at IS NULL),
  (SELECT count(*) FROM accounts_successor s JOIN accounts_membership m ON m.id = s.membership_id JOIN accounts_account a ON a.id = m.account_id
   WHERE s.organization_id = %(org)s AND s.declined_at IS NULL AND NOT (m.effective_status = 'active' AND a.has_second_factor AND a.email_verified_at IS NOT NULL)),
  (SELECT count(DISTINCT c.organization_id) FROM accounts_recoverycode c WHERE c.organization_id = %(org)s AND c.made_at < %(year)s)
"""
_NAMES = ("approvals", "unconfirmed", "failed_jobs", "administrators_without_factor", "invitations", "returns", "contracts", "inactive", "disputes", "notices",
          "tokens", "paused", "successions", "successors_unable", "codes_old")


def numbers(*, actor: Actor, now: datetime) -> dict[str, int]:
    """How many of each there are now. The same few queries for an organization of any size."""
    assert actor.organization_id is not None
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, {"org": actor.organization_id, "me": actor.membership_id, "now": now, "week": now - timedelta(days=7), "fortnight": now + timedelta(days=14),
                                  "rank": SECOND_FACTOR_RANK, "year": now - timedelta(days=365)})
        found: dict[str, int] = dict(zip(_NAMES, cursor.fetchone(), strict=True))
    people = listing_query.counts(organization_id=actor.organization_id)
    return found | {"locked": people.get("locked", 0), "no_factor": people["no_mfa"], "owners": usable_owners(organization_id=actor.organization_id, without=[]), "people": people["all"],
                    **{f"status_{status}": people.get(status, 0) for status in listing_query.STATUSES}}


def moves(*, organization_id: UUID, since: datetime) -> list[tuple[Any, int, int]]:
    """Month by month, how many joined and how many left or were removed, as the audit log says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc('month', recorded_at AT TIME ZONE 'UTC')::date, count(*) FILTER (WHERE action = ANY(%s)), count(*) FILTER (WHERE action = ANY(%s))"
            " FROM audit_leaf WHERE org = %s AND action = ANY(%s) AND outcome = 'success' AND recorded_at >= %s GROUP BY 1 ORDER BY 1",
            [list(JOINED), list(LEFT), organization_id, [*JOINED, *LEFT], since])
        return cursor.fetchall()
