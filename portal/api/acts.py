"""Every power as an operation. The address names the target, the body is the power's form; the door decides everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.urls import reverse

from accounts import door, targets
from accounts.access import actor_in, standing
from accounts.entries import log_of
from accounts.models import Account, Membership
from accounts.people import Person, load_people
from accounts.power import Power
from accounts.purposes import OWN
from accounts.reasons import NotFound
from accounts.tenancy import installation, set_request_scope
from audit import receipts
from portal.api import forms, shapes
from portal.api.operation import Call, Operation
from portal.powers import BY_SLUG, POWERS
from portal.views.people import reached
from portal.views.stepup import proof_of

PLACES = {
    "member": "orgs/{slug}/people/{person_id}/actions/",
    "organization": "orgs/{slug}/actions/",
    "row": "orgs/{slug}/actions/",
    "role": "orgs/{slug}/roles/{role_id}/actions/",
    "group": "orgs/{slug}/groups/{group_id}/actions/",
    "service": "orgs/{slug}/services/{service_id}/actions/",
    "token": "orgs/{slug}/tokens/{token_id}/actions/",
    "session": "me/sessions/{session_id}/actions/",
    "own_account": "me/actions/",
}
PARTS = {"member": "People", "organization": "Organization", "row": "Organization", "role": "Roles", "group": "Groups",
         "service": "Services", "token": "Tokens", "session": "Oneself", "own_account": "Oneself"}
ELSEWHERE = frozenset({"import-people", "answer-invitation", "grant-ownership"})
"""A file is uploaded to /people/import/; an invitation is answered under /me/; what only the schedule does has no address."""


def find(call: Call) -> Person:
    """The member in the address, in the actor's organization and within their reach. Oneself everybody may name."""
    person_id = call.ids["person_id"]
    found = load_people(organization_id=call.organization_id, ids=[person_id], lock=False)
    if not found or not reached(call.actor, found[0]) or not (call.actor.may("view_people") or call.actor.membership_id == person_id):
        raise NotFound
    return found[0]


def act(call: Call, power: Power, ids: list[UUID], body: dict[str, Any] | None = None) -> HttpResponse:
    """Plan and perform in one call. 202 where it now waits for a second person."""
    data = forms.cleaned(power, call.body if body is None else body, call.request, call.actor)
    receipt = door.perform(power=power, actor=call.actor, ids=ids, data=data, now=call.now, version=_version(call, power, ids, data), key=call.key)
    answered = {**receipt.as_json(), "repeated": receipt.repeated, **({"secret": receipt.secret} if receipt.secret else {})}
    if promise := receipts.issue(org=log_of(call.actor), entries=[UUID(entry) for entry in receipt.entries], now=call.now):
        answered["promise"] = promise
    response = JsonResponse(answered, status=202 if receipt.plan_id else 200)
    if receipt.plan_id:
        response.headers["Location"] = reverse("api:plan", args=[call.slug, receipt.plan_id])
    if receipt.repeated:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _version(call: Call, power: Power, ids: list[UUID], data: dict[str, Any]) -> str | None:
    """The ETag to hold the target to: of several that were given the one it has now, if it is among them."""
    if len(call.tags) < 2:
        return call.tags[0] if call.tags else None
    found = targets.load(power=power, actor=call.actor, ids=ids, data=data, lock=False)
    return next((t.etag for t in found if hasattr(t, "etag") and t.etag in call.tags), call.tags[0])


def run(call: Call, power: Power) -> HttpResponse:
    """The power on the target that the address names."""
    if power.over == "member":
        find(call)
    if power.over == "token":
        _own_or_may(call)
    return act(call, power, list(call.ids.values()))


def _own_or_may(call: Call) -> None:
    """Other people's tokens are not there for those who could do nothing with them."""
    found = targets.load(power=BY_SLUG["revoke-token"], actor=call.actor, ids=call.ids.values(), data={}, lock=False)
    if not found or not (found[0].token.membership_id == call.actor.membership_id or call.actor.may("revoke_tokens") or call.actor.may("manage_settings")):
        raise NotFound


def answer_invitation(call: Call) -> HttpResponse:
    """The person becomes a member, or does not: with the rights of whoever is invited, which are none."""
    account = Account.objects.get(id=call.actor.account_id)
    with installation("an invitation of the person who calls"):
        invited = Membership.objects.filter(id=call.ids["membership_id"], account=account, status="invited").first()
    if invited is None:
        raise NotFound
    set_request_scope(org=invited.organization_id, account=account.id, purpose=OWN)
    found = standing(account_id=account.id, organization_id=invited.organization_id)
    assert found is not None
    actor = actor_in(found, proof=proof_of(call.request), via="api", session_id=call.actor.session_id)
    data = forms.cleaned(BY_SLUG["answer-invitation"], call.body, call.request, actor)
    receipt = door.perform(power=BY_SLUG["answer-invitation"], actor=actor, ids=[invited.id], data=data, now=call.now, key=call.key)
    return JsonResponse({**receipt.as_json(), "repeated": receipt.repeated})


def _operation(power: Power, path: str, name: str, run_: Any, *, who: str, part: str, summary: str = "") -> Operation:
    visible = power.permission if power.over in {"organization", "row", "role", "group", "service"} else None
    return Operation(
        name=name,
        method="POST",
        path=path,
        part=part,
        summary=summary or str(power.title),
        about=f"{power.does} {power.does_not}",
        who=who,
        permission=visible,  # type: ignore[arg-type]
        body=forms.body_of(power),
        run=run_,
        answers={200: shapes.RECEIPT, 202: shapes.RECEIPT},
        refusals=(403, 409),
        match=True,
        keyed=True,
        power=power,
        example=forms.example_of(power),
    )


def operations() -> Iterator[Operation]:
    """One for each power, and the invitation also where REST would have it."""
    for power in POWERS:
        if power.slug not in ELSEWHERE:
            own = power.over in {"session", "own_account"}
            yield _operation(power, f"{PLACES[power.over]}{power.slug}/", power.slug, lambda call, power=power: run(call, power), who="session" if own else "member", part=PARTS[power.over])
    yield _operation(
        BY_SLUG["invite"], "orgs/{slug}/people/", "invite-person", lambda call: act(call, BY_SLUG["invite"], []), who="member", part="People", summary="Invite a person (the same as the action)"
    )
    yield _operation(BY_SLUG["answer-invitation"], "me/invitations/{membership_id}/actions/answer-invitation/", "answer-invitation", answer_invitation, who="session", part="Oneself")


OPERATIONS = tuple(operations())
