"""What restricts by itself: an answer that the person disagrees with, a date that was missed, an objection that is looked at, and what is kept of what was to be deleted (RIGHTS 3e)."""
from __future__ import annotations

from datetime import UTC, datetime

from audit.subscribers import Sealed, Subscriber
from dsar import disputed
from dsar.cases import children
from dsar.cases.models import Action, Case, Channel, Outcome, Right, State
from dsar.restriction import life
from dsar.restriction.model import Trigger

ASKED = {Right.OBJECT: Trigger.OBJECTION, Right.RESTRICT: Trigger.ASKED, Right.CHILD: Trigger.CHILD}
"""What holds from the moment in which it is known that the person asked, and not only from an answer on."""


def handle(batch: list[Sealed]) -> None:
    """Restrict at once and provisionally; the organization has its window to object. Nothing follows from what nobody has proven."""
    for sealed in batch:
        if sealed.outcome != "success":
            continue
        row = Case.objects.filter(id=sealed.record.get("facts", {}).get("case"), organization_id=sealed.org).prefetch_related("actions").first()
        trigger = _trigger(sealed.action, row, list(row.actions.all())) if row is not None else ""
        if row is not None and trigger:
            now = datetime.now(UTC)
            life.by_itself(organization_id=row.organization_id, account_id=row.account_id, trigger=trigger, now=now, deadline=now if trigger == Trigger.DELAY else None)


def _trigger(event: str, row: Case, actions: list[Action]) -> str:
    if not any(action.verified for action in actions):
        return ""
    if event == "case.breached":
        return Trigger.DELAY if row.closed_at is None else ""
    if event == "case.disputed":
        values_alone = disputed.of(row).exists() and disputed.alone(row)  # these are contested, and out of use
        return Trigger.DISPUTE if row.state == State.DISPUTED and not values_alone else ""
    if event == "case.fulfilled_in_part":
        return Trigger.REMAINDER if any((action.right, action.outcome) == (Right.ERASURE, Outcome.PARTIAL) for action in actions) else ""
    if row.channel == Channel.REPORT and children.flooded(row):
        return ""
    return next((trigger for right, trigger in ASKED.items() if any((action.right, action.outcome) == (right, Outcome.OPEN) for action in actions)), "")


SUBSCRIBER = Subscriber(name="restriction-triggers", handle=handle, actions=frozenset({"case.breached", "case.disputed", "case.fulfilled_in_part", "case.admitted", "case.proven"}))
