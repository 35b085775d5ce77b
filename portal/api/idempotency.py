"""An Idempotency-Key for what does not go through the door: making a plan. The same key makes the same plan, once (guard rail 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.db import connection

from accounts.door import KEY_LIFETIME
from accounts.models import IdempotencyKey, Plan
from accounts.reasons import KeyReused
from audit.canonical import canonical
from portal.api.operation import Call


def once(call: Call, body: Any, make: Callable[[], Plan]) -> tuple[Plan, bool]:
    """The plan, and whether an earlier call made it. A call that fails gives its key back."""
    if call.key is None:
        return make(), False
    digest, actor = hashlib.sha256(canonical({"plan": body})).hexdigest(), call.actor.key
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_idempotencykey WHERE actor = %s AND key = %s AND created_at < %s", [actor, call.key, call.now - KEY_LIFETIME])
        cursor.execute(
            "INSERT INTO accounts_idempotencykey (actor, key, body_hash, organization_id, created_at) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (actor, key) DO NOTHING RETURNING id",
            [actor, call.key, digest, call.organization_id, call.now],
        )
        taken = cursor.fetchone()
    mine = IdempotencyKey.objects.filter(actor=actor, key=call.key)
    if taken is None:
        earlier = mine.get()
        if earlier.body_hash != digest or earlier.receipt is None:
            raise KeyReused
        return Plan.objects.get(organization_id=call.organization_id, id=earlier.receipt["plan_id"]), True
    try:
        plan = make()
    except Exception:
        mine.delete()
        raise
    mine.update(receipt={"plan_id": str(plan.id)})
    return plan, False
