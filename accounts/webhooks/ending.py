"""The end of webhooks and streams of security events: with the service or the app that they belong to."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from accounts.models import SignalStream, Webhook


def end(*, services: Iterable[UUID] | None = None, installations: Iterable[UUID] | None = None, now: datetime) -> dict[str, int]:
    """Remove every webhook and every stream of security events of these services and installations, with what was still to be sent. Called inside an open act, which records it; set-based.

    What was on its way this moment may still arrive: the sender reads the webhook anew before each message.
    """
    hooks = Q(service_id__in=list(services or ())) | Q(installation_id__in=list(installations or ()))
    clients = Q(application__service_id__in=list(services or ())) | Q(application__installation_id__in=list(installations or ()))
    found = {"webhooks": Webhook.objects.filter(hooks).count(), "signal_streams": SignalStream.objects.filter(clients).count()}
    Webhook.objects.filter(hooks).delete()
    SignalStream.objects.filter(clients).delete()
    return found
