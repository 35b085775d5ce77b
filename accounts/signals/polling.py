"""Fetching security events: the receiver asks, says what it has, and gets what waits (RFC 8936)."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import SignalEvent, SignalStream
from accounts.signals import tokens
from accounts.signals.streams import Bad
from accounts.webhooks.delivery import resting

MOST, USUAL = 1000, 100


def poll(stream: SignalStream, asked: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Take the acknowledgements, then hand out what waits. What was handed out stays until it is acknowledged, so a lost answer loses nothing."""
    acks, errors, most = asked.get("ack", []), asked.get("setErrs", {}), asked.get("maxEvents", USUAL)
    if not isinstance(acks, list) or not isinstance(errors, dict) or isinstance(most, bool) or not isinstance(most, int) or most < 0 or len(acks) > MOST or len(errors) > MOST:
        raise Bad("invalid_request", "ack is a list, setErrs an object, maxEvents a number")
    rows = SignalEvent.objects.filter(stream=stream)
    rows.filter(id__in=[one for one in map(tokens.jti, acks) if one]).delete()
    for word, problem in errors.items():
        code = str(problem.get("err", "")) if isinstance(problem, dict) else ""
        rows.filter(id=tokens.jti(word), state="due").update(state="failed", error=code[:40] if code.replace("_", "").isalnum() else "refused")
    SignalStream.objects.filter(id=stream.id).update(last_success=now, served_at=now, last_error="", failures=0)
    most = min(most, MOST)
    away = stream.state != "enabled" or resting(stream.application.service_id, stream.application.installation_id, now)
    found = [] if away else list(rows.filter(state="due").order_by("at", "issued_at", "id")[:most + 1])
    return {"sets": {str(row.id): tokens.token(row, client_id=stream.application.client_id) for row in found[:most]}, "moreAvailable": len(found) > most}
