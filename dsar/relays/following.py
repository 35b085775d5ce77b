"""What programs are asked because something happened: read from the committed log, so that nothing is lost, and a restriction is at them within minutes."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Account
from accounts.profile.aside import PROFILE
from accounts.tenancy import installation
from audit import recording
from audit.subscribers import Sealed, Subscriber
from dsar.cases.models import Action, Case, Outcome, Right
from dsar.relays import answering, asking
from dsar.relays.models import OPEN, Relay, Type

AT_ONCE = {Right.ACCESS: Type.ACCESS, Right.PORTABILITY: Type.PORTABILITY, Right.OBJECT: Type.OBJECTION, Right.OPT_OUT: Type.OBJECTION, Right.WITHDRAW_CONSENT: Type.WITHDRAW}
"""Asked of programs as soon as it is known that the person asked: so their answers are there when ours is given."""
GRANTED = {Right.ERASURE: Type.ERASURE, Right.CORRECT: Type.RECTIFICATION}
"""Asked of programs once the organization has granted it."""
RESTRICTED = {"use.restricted": Type.RESTRICTION, "use.restriction_asked": Type.RESTRICTION, "use.restriction_lifted": Type.LIFT, "use.restriction_ended": Type.LIFT}
ADMITTED, DONE, OVER = ("case.admitted", "case.proven"), ("case.fulfilled", "case.fulfilled_in_part"), ("case.refused", "case.withdrawn", "case.closed_unverified")
ENDED = "membership.ended_with_organization"


class _AskedBefore(Exception):
    """The entry was read before; nothing is written, and nothing is said."""


def handle(batch: list[Sealed]) -> None:
    """Each entry in a transaction of its own. What is read twice is asked once: the id of what is asked follows from its cause."""
    for sealed in batch:
        if sealed.outcome != "success":
            continue
        with installation("programs of every organization are asked"), transaction.atomic():
            if sealed.action in RESTRICTED:
                _ask(sealed.org, _person(sealed), _of_restriction(sealed), cause=sealed.entry)
            elif sealed.action == ENDED:
                _ask(sealed.org, _person(sealed), [Type.ERASURE], cause=_person(sealed))
            elif sealed.action in OVER:
                answering.call_off(sealed.record["facts"].get("case"), now=datetime.now(UTC))
            else:
                _case(sealed)


def _of_restriction(sealed: Sealed) -> list[Type]:
    """Of a value of the profile they read the data anew: what is restricted is not in it, and what is lifted is again. No program is told of groups."""
    what = str(sealed.record.get("facts", {}).get("what", ""))
    if not what:
        return [RESTRICTED[sealed.action]]
    return [Type.RECTIFICATION] if what.partition(".")[0] == PROFILE else []


def _person(sealed: Sealed) -> UUID:
    return next(UUID(target["id"]) for target in sealed.record["targets"] if target["type"] == "person")


def _case(sealed: Sealed) -> None:
    case = Case.objects.filter(id=sealed.record.get("facts", {}).get("case"), organization_id=sealed.org).first()
    if case is None:
        return
    actions = list(Action.objects.filter(case=case))
    if sealed.action in DONE:
        types = [GRANTED[a.right] for a in actions if a.right in GRANTED and a.outcome in {Outcome.GRANTED, Outcome.PARTIAL}]  # type: ignore[index]
    else:
        types = [AT_ONCE[a.right] for a in actions if a.right in AT_ONCE and a.outcome == Outcome.OPEN and (a.verified or a.right == Right.OPT_OUT)]  # type: ignore[index]
    if types:
        _ask(case.organization_id, case.account_id, list(dict.fromkeys(types)), cause=case.id, case=case)


def _ask(organization_id: UUID, account_id: UUID, types: list[Type], *, cause: UUID, case: Case | None = None) -> None:
    """An act only where somebody is to be asked: most organizations have nobody."""
    if not types or not Account.objects.filter(id=account_id).exists() or not asking.any_responder(organization_id):
        return
    now = datetime.now(UTC)
    try:
        with transaction.atomic(), recording.opened(org=organization_id, now=now) as act:
            rows = asking.owe(organization_id=organization_id, account_id=account_id, types=types, cause=cause, case=case, now=now)
            if not rows:
                raise _AskedBefore
            act.write(asking.drafts(rows))
    except _AskedBefore:
        return


def erasures(account: Account, _address: str) -> dict[str, int]:
    """A part of the deletion of an account: every program in every organization of the person is asked to delete too.

    It stands before the parts that forget where the person was. Needs an open act.
    """
    now, asked = datetime.now(UTC), 0
    for organization_id in asking.organizations_of(account.id):
        case = Case.objects.filter(organization_id=organization_id, account_id=account.id, actions__right=Right.ERASURE, actions__outcome=Outcome.OPEN).order_by("received_at").first()
        asked += len(asking.owe(organization_id=organization_id, account_id=account.id, types=[Type.ERASURE], cause=case.id if case else account.id, case=case, now=now))
    Relay.objects.filter(account=account, state__in=OPEN).exclude(type=Type.ERASURE).update(state="cancelled", next_try=None, answered_at=now)
    return {"programs_asked": asked}


SUBSCRIBER = Subscriber(name="relays", handle=handle, actions=frozenset({*RESTRICTED, ENDED, *ADMITTED, *DONE, *OVER}))
