"""Webhooks as people and programs see them: whose they are, what they get, how they fare, and what became of each message."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from accounts.models import SignalStream, Webhook, WebhookDelivery
from accounts.reasons import NotFound
from accounts.webhooks import events
from accounts.work import plain
from portal.streams import error

STATES: dict[str, tuple[str, str, str | Promise]] = {
    "idle": ("ok", "ok", gettext_lazy("Up to date")), "behind": ("info", "clock", gettext_lazy("Sending")), "failing": ("bad", "warn", gettext_lazy("Failing, tried again")),
    "paused": ("warn", "pause", gettext_lazy("Paused")), "gone": ("bad", "off", gettext_lazy("Paused: the receiver is gone")),
    "stopped": ("bad", "off", gettext_lazy("Paused: the receiver took nothing for days"))}
_PAUSED = {"gone": "gone", "failing": "stopped"}
OUTCOMES: dict[str, str | Promise] = {"done": gettext_lazy("Taken"), "due": gettext_lazy("Waits"), "failed": gettext_lazy("Given up")}
SHOWN = 50


@dataclass
class Health:
    """One webhook and how it fares."""

    row: Webhook
    waiting: int
    oldest: datetime | None
    given_up: int

    @property
    def state(self) -> str:
        if self.row.state == "paused":
            return _PAUSED.get(self.row.paused_why, "paused")
        if self.row.failures:
            return "failing"
        return "behind" if self.waiting else "idle"

    @property
    def badge(self) -> tuple[str, str, str | Promise]:
        return STATES[self.state]

    @property
    def error(self) -> str:
        return error(self.row.last_error, self.row.last_status)

    @property
    def owner(self) -> str:
        """The service or the app that it belongs to; '' for one of the organization itself."""
        return self.row.service.name if self.row.service else self.row.installation.app.name if self.row.installation else ""

    @property
    def old_until(self) -> datetime | None:
        return self.row.old_until if self.row.old_until and self.row.old_until > timezone.now() else None


@dataclass
class Delivery:
    """One message and what became of it."""

    row: WebhookDelivery

    @property
    def outcome(self) -> str | Promise:
        return OUTCOMES[self.row.state]

    @property
    def tries(self) -> list[Any]:
        return sorted(self.row.tries.all(), key=lambda one: one.at)

    @property
    def last(self) -> Any:
        return self.tries[-1] if self.tries else None

    @property
    def error(self) -> str:
        return error(self.last.code, self.last.status) if self.last else ""


def healths(organization_id: UUID, *, only: UUID | None = None) -> list[Health]:
    """The webhooks of an organization by name, with what waits for each."""
    rows = Webhook.objects.filter(organization_id=organization_id).select_related("service", "installation__app").order_by("name")
    found = list(rows.filter(id=only) if only else rows)
    counts = {r["webhook"]: r for r in WebhookDelivery.objects.filter(webhook__in=[row.id for row in found], state__in=("due", "failed")).order_by().values("webhook").annotate(
        waiting=Count("id", filter=Q(state="due")), oldest=Min("occurred_at", filter=Q(state="due")), given_up=Count("id", filter=Q(state="failed")))}
    return [Health(row, *((c["waiting"], c["oldest"], c["given_up"]) if (c := counts.get(row.id)) else (0, None, 0))) for row in found]


def one(organization_id: UUID, webhook_id: UUID) -> Health:
    """One webhook, or NotFound."""
    found = healths(organization_id, only=webhook_id)
    if not found:
        raise NotFound
    return found[0]


def deliveries(row: Webhook) -> list[Delivery]:
    """The last messages, newest first."""
    return [Delivery(one) for one in WebhookDelivery.objects.filter(webhook=row).prefetch_related("tries").order_by("-made_at", "-seq")[:SHOWN]]


def signal_streams(organization_id: UUID) -> list[SignalStream]:
    """The streams of security events that services and apps set up here."""
    return list(SignalStream.objects.filter(organization_id=organization_id).select_related("application__service", "application__installation__app").annotate(
        due=Count("waiting", filter=Q(waiting__state="due")), given_up=Count("waiting", filter=Q(waiting__state="failed"))).order_by("created_at"))


def signal_json(row: SignalStream) -> dict[str, Any]:
    """A stream of security events as the API shows it: never its path, nor the header that the program gave us."""
    client = row.application
    return {"id": str(row.id), "program": row.program, "service_id": plain(client.service_id), "installation_id": plain(client.installation_id), "method": row.method, "host": row.host,
            "events": row.events, "state": row.state, "asked_state": row.status, "paused_since": plain(row.held_at), "waiting": row.due, "given_up": row.given_up,  # type: ignore[attr-defined]
            "failures": row.failures, "next_try": plain(row.next_try), "last_success": plain(row.last_success), "last_error": row.last_error, "created_at": plain(row.created_at)}


def catalogue() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every event with its sentence, by families. The places of names are dots."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, words in events.catalogue().items():
        found.setdefault(name.partition(".")[0], []).append((name, str(words) % {"actor": "…", "target": "…"}))
    return list(found.items())


def as_json(health: Health) -> dict[str, Any]:
    """A webhook as the API shows it: never its secret, nor the path of its address."""
    row = health.row
    return {
        "id": str(row.id), "name": row.name, "host": row.host, "events": row.events, "service_id": plain(row.service_id), "installation_id": plain(row.installation_id), "public_key": row.public_key,
        "state": health.state, "waiting": health.waiting, "oldest_waiting": plain(health.oldest), "given_up": health.given_up, "failures": row.failures, "failing_since": plain(row.failing_since),
        "next_try": plain(row.next_try), "last_success": plain(row.last_success), "last_error": row.last_error, "last_status": row.last_status, "last_error_at": plain(row.last_error_at),
        "old_secret_until": plain(health.old_until), "created_at": plain(row.created_at)}


def delivery_json(found: Delivery) -> dict[str, Any]:
    row = found.row
    return {"id": str(row.id), "message_id": f"msg_{row.id.hex}", "event": row.action, "entry": plain(row.entry), "number": row.seq, "occurred_at": plain(row.occurred_at), "state": row.state,
            "next_try": plain(row.next_try), "made_at": plain(row.made_at), "done_at": plain(row.done_at),
            "attempts": [{"at": plain(one.at), "error": one.code, "status": one.status, "milliseconds": one.took} for one in found.tries]}
