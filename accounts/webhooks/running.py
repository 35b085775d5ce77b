"""What time alone brings about: webhooks that took nothing for days are paused, and what was delivered is forgotten."""
from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import F

from accounts.models import Webhook, WebhookDelivery
from accounts.tenancy import installation
from accounts.webhooks import delivery
from audit.streams.delivery import scoped

logger = logging.getLogger("steward.webhooks")
PATIENCE, TRIED = timedelta(days=5), timedelta(days=3)
KEPT = timedelta(days=30)
"""For so long deliveries are kept, so that they can be sent once more; then they go, sent or not. The log has everything."""
MOST = 10_000
"""Deliveries of one webhook that are kept after they were taken."""


def run(*, now: datetime) -> int:
    """Pause what has failed for five days, and remove old deliveries. Returns how many webhooks were paused."""
    with installation("webhooks of every organization"):
        failing = list(Webhook.objects.filter(state="active", failing_since__lte=now - PATIENCE, last_error_at__gte=F("failing_since") + TRIED))
        everybody = list(Webhook.objects.values_list("id", "organization_id"))
    paused = 0
    for row in failing:
        try:
            paused += delivery.pause(row, why="failing", now=now)
        except Exception as error:
            logger.exception("webhook %s is looked at again later: %s", row.id, type(error).__name__)
    for webhook_id, org in everybody:
        with scoped(org):
            rows = WebhookDelivery.objects.filter(webhook_id=webhook_id)
            rows.filter(made_at__lt=now - KEPT).delete()
            last = rows.exclude(state="due").order_by("-made_at").values_list("made_at", flat=True)[MOST:MOST + 1].first()
            if last is not None:
                rows.exclude(state="due").filter(made_at__lte=last).delete()
    return paused
