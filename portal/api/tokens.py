"""API tokens: one's own, and everybody's for those who may revoke them. A secret is shown once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse

from accounts.keyset import fetch
from accounts.models import ApiToken
from accounts.reasons import NotFound
from accounts.work import plain
from portal.api import forms, parameters, shapes
from portal.api.acts import act
from portal.api.operation import Call, Operation, Param
from portal.api.people import fitting
from portal.api.schema import choice, uuid
from portal.powers import BY_SLUG

CREATE = BY_SLUG["create-token"]


def token_json(row: ApiToken, now: datetime) -> dict[str, Any]:
    """A token as it may be shown: never its secret, of which only a hash is kept."""
    state = "expired" if row.state == "active" and row.expires_at <= now else row.state
    return {
        "id": str(row.id),
        "label": row.label,
        "prefix": row.prefix,
        "person_id": str(row.membership_id),
        "scopes": row.scopes,
        "sensitive": row.sensitive,
        "networks": row.allowed_networks,
        "state": state,
        "created_at": plain(row.created_at),
        "expires_at": plain(row.expires_at),
        "last_used_at": plain(row.last_used_at),
        "ended_at": plain(row.ended_at),
        "ended_reason": row.ended_reason,
    }


def listed(call: Call) -> dict[str, Any]:
    """One's own tokens; with `of=everybody` those of all whom one's role reaches."""
    everybody, person = call.query.get("of") == "everybody", call.query.get("person", "")
    if (everybody or person) and not (call.actor.may("revoke_tokens") or call.actor.may("manage_settings")):
        raise NotFound
    where, values = ["t.organization_id = %s"], [call.organization_id]
    if person:
        where.append("t.membership_id = %s")
        values.append(person)
    elif not everybody:
        where.append("t.membership_id = %s")
        values.append(call.actor.membership_id)
    if (everybody or person) and call.actor.scope_groups is not None:
        where.append("EXISTS (SELECT 1 FROM accounts_groupmembership g WHERE g.membership_id = t.membership_id AND g.group_id = ANY(%s))")
        values.append(list(call.actor.scope_groups))
    page = fetch(
        select="SELECT t.id",
        source="accounts_apitoken t",
        where=where,
        values=values,
        keys=(("-extract(epoch FROM t.created_at)", "numeric"), ("t.id", "uuid")),
        binding=f"tokens:{call.organization_id}:{call.actor.membership_id}:{everybody}:{person}",
        cursor=call.query.get("cursor", ""),
        size=call.query.get("limit", 25),
    )
    fitting(page.lost)
    rows = {row.id: row for row in ApiToken.objects.filter(id__in=[r[0] for r in page.rows])}
    return {"tokens": [token_json(rows[r[0]], call.now) for r in page.rows], "next": page.next or None, "previous": page.previous or None}


def create(call: Call) -> HttpResponse:
    """A token for oneself. Its secret is in this answer and nowhere else."""
    assert call.actor.membership_id is not None
    return act(call, CREATE, [call.actor.membership_id])


OPERATIONS = (
    Operation(
        name="tokens",
        method="GET",
        path="orgs/{slug}/tokens/",
        part="Tokens",
        summary="List API tokens",
        run=listed,
        answers={200: shapes.TOKENS},
        query=(
            Param(name="of", schema=choice("me", "everybody"), about="Everybody's needs the permission to revoke tokens."),
            Param(name="person", schema=uuid(), about="Only those of this member."),
            parameters.P_CURSOR,
            parameters.P_LIMIT,
        ),
    ),
    Operation(
        name="token-create",
        method="POST",
        path="orgs/{slug}/tokens/",
        part="Tokens",
        summary="Create an API token for yourself",
        run=create,
        body=forms.body_of(CREATE),
        example=forms.example_of(CREATE),
        answers={200: shapes.RECEIPT},
        refusals=(403, 409),
        match=True,
        keyed=True,
        about="Signed in to the portal; a token makes no tokens. `secret` is shown this once. For a service account use the action on it.",
        power=CREATE,
    ),
)
