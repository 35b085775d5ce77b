"""Webhooks: reading how they fare, and which events there are. They are added, changed and tried by their actions."""

from __future__ import annotations

from typing import Any

from accounts.models import WebhookDelivery
from accounts.reasons import NotFound
from portal import webhooks
from portal.api import shapes
from portal.api.operation import Call, Operation
from portal.api.schema import choice, many, nullable, number, text, thing

PERMISSION = "manage_apps"
WEBHOOK = thing(
    {
        "id": shapes.ID,
        "name": text(60, sample="Payroll"),
        "host": text(260, sample="https://hooks.example.com", about="The address without its path."),
        "events": many(text(80, sample="membership.*")),
        "service_id": shapes.MAYBE_ID,
        "installation_id": shapes.MAYBE_ID,
        "public_key": text(60, sample="whpk_…", about="For the v1a signatures."),
        "state": choice(*webhooks.STATES),
        "waiting": number(0, about="Messages that wait to be sent."),
        "oldest_waiting": shapes.MAYBE_STAMP,
        "given_up": number(0, about="Messages that were tried for days and are tried no more, unless somebody asks."),
        "failures": number(0, about="Attempts that failed since the last success."),
        "failing_since": shapes.MAYBE_STAMP,
        "next_try": shapes.MAYBE_STAMP,
        "last_success": shapes.MAYBE_STAMP,
        "last_error": text(40, sample="", about="A code, empty after a success."),
        "last_status": nullable(number(100, 999, sample=204)),
        "last_error_at": shapes.MAYBE_STAMP,
        "old_secret_until": shapes.MAYBE_STAMP,
        "created_at": shapes.STAMP,
    }
)
ATTEMPT = thing({"at": shapes.STAMP, "error": text(40, sample=""), "status": nullable(number(100, 999, sample=204)), "milliseconds": number(0)})
DELIVERY = thing(
    {
        "id": shapes.ID,
        "message_id": text(40, sample="msg_…", about="The header webhook-id, the same however often the message is sent."),
        "event": text(80, sample="membership.suspended"),
        "entry": shapes.MAYBE_ID,
        "number": number(0, about="The number of the entry in the log; 0 for a test."),
        "occurred_at": shapes.STAMP,
        "state": choice("due", "done", "failed"),
        "next_try": shapes.MAYBE_STAMP,
        "made_at": shapes.STAMP,
        "done_at": shapes.MAYBE_STAMP,
        "attempts": many(ATTEMPT),
    }
)
SIGNALS = thing(
    {
        "id": shapes.ID,
        "program": text(100, sample="Notes"),
        "service_id": shapes.MAYBE_ID,
        "installation_id": shapes.MAYBE_ID,
        "method": choice("push", "poll"),
        "host": text(260, sample="https://notes.example.com", about="The address without its path, where events are pushed."),
        "events": many(text(120, sample="https://schemas.openid.net/secevent/caep/event-type/session-revoked")),
        "state": choice("enabled", "paused", "disabled"),
        "asked_state": choice("enabled", "paused", "disabled"),
        "paused_since": shapes.MAYBE_STAMP,
        "waiting": number(0, about="Events that wait to be taken."),
        "given_up": number(0),
        "failures": number(0, about="Attempts that failed since the last success."),
        "next_try": shapes.MAYBE_STAMP,
        "last_success": shapes.MAYBE_STAMP,
        "last_error": text(40, sample="", about="A code, empty after a success."),
        "created_at": shapes.STAMP,
    }
)
WEBHOOKS = thing({"webhooks": many(WEBHOOK)})
IN_FULL = thing(WEBHOOK["properties"] | {"deliveries": many(DELIVERY)})
EVENTS = thing({"events": many(thing({"name": text(80, sample="membership.suspended"), "means": text(300, sample="… suspended …")}))})


def listed(call: Call) -> dict[str, Any]:
    """The webhooks, by name."""
    return {"webhooks": [webhooks.as_json(found) for found in webhooks.healths(call.organization_id)]}


def one(call: Call) -> dict[str, Any]:
    """One webhook with its last messages."""
    found = webhooks.one(call.organization_id, call.ids["webhook_id"])
    return {**webhooks.as_json(found), "deliveries": [webhooks.delivery_json(row) for row in webhooks.deliveries(found.row)]}


def delivery(call: Call) -> dict[str, Any]:
    """One message and its attempts."""
    row = WebhookDelivery.objects.filter(organization_id=call.organization_id, id=call.ids["delivery_id"]).first()
    if row is None:
        raise NotFound
    return webhooks.delivery_json(webhooks.Delivery(row))


def events(_call: Call) -> dict[str, Any]:
    """Every event by its name: the actions of the audit log."""
    return {"events": [{"name": name, "means": words} for _family, rows in webhooks.catalogue() for name, words in rows]}


def signals(call: Call) -> dict[str, Any]:
    """Who gets security events: `asked_state` is what the program wants, `paused_since` is when an administrator paused it, `state` is what is so."""
    return {"streams": [webhooks.signal_json(row) for row in webhooks.signal_streams(call.organization_id)]}


OPERATIONS = (
    Operation(
        name="security-event-streams",
        method="GET",
        path="orgs/{slug}/security-event-streams/",
        part="Webhooks",
        summary="List the programs that get security events",
        permission=PERMISSION,
        run=signals,
        answers={200: thing({"streams": many(SIGNALS)})},
    ),
    Operation(name="webhooks", method="GET", path="orgs/{slug}/webhooks/", part="Webhooks", summary="List webhooks", permission=PERMISSION, run=listed, answers={200: WEBHOOKS}),
    Operation(
        name="webhook",
        method="GET",
        path="orgs/{slug}/webhooks/{webhook_id}/",
        part="Webhooks",
        summary="One webhook and its last messages",
        permission=PERMISSION,
        run=one,
        answers={200: IN_FULL},
    ),
    Operation(
        name="webhook-delivery",
        method="GET",
        path="orgs/{slug}/webhook-deliveries/{delivery_id}/",
        part="Webhooks",
        summary="One message and its attempts",
        permission=PERMISSION,
        run=delivery,
        answers={200: DELIVERY},
    ),
    Operation(name="webhook-events", method="GET", path="orgs/{slug}/webhook-events/", part="Webhooks", summary="List the events there are", permission=PERMISSION, run=events, answers={200: EVENTS}),
)
