"""What the API page shows: every example is carried out, and the real answer has the shape of the one that is shown."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import tenancy
from accounts.models import Account, Claim, FieldPolicy, Mail, Membership, Plan
from audit import holds
from portal.api import schema
from portal.api.docs import curl, described, example_body
from portal.api.operation import Operation
from portal.api.table import OPERATIONS
from tests.api.calls import address, number_the_log, package_for, things
from tests.apps import acts as apps
from tests.audit.signing import state
from tests.browse import client_for
from tests.cast import World, add_person, make_org
from tests.situations import (
    CASES_OF_ALL,
    CASES_OF_ONE,
    CASES_OF_PERSON,
    CLAIMS,
    DATA,
    DELIVERY,
    HOLDS,
    REGISTERS,
    RELAYS,
    RUN,
    TRANSFERS,
    arrange,
    change_for,
    claims_for,
    domain_for,
    draft_for,
    group_for,
    ready,
    session_for,
    stream_for,
    succession_for,
    token_for,
    webhook_for,
)

PLAN = {"action": "suspend", "params": {"reason_code": "absence"}}


pytestmark = pytest.mark.usefixtures("signing")


def test_every_example_works_and_looks_as_shown(world: World) -> None:
    """In an organization of its own for each that leaves traces; the answer is a success, with the fields and types of the example."""
    tried = 0
    for number, operation in enumerate(OPERATIONS):
        cache.clear()
        answer = _tried(world, operation, number)
        assert answer.status_code in operation.answers, (operation.name, answer.status_code, answer.content)
        shape = operation.answers[answer.status_code]
        if shape is not None:
            assert schema.check(shape, answer.json()) == {}, (operation.name, answer.json())
            assert schema.check(shape, schema.sample(shape)) == {}, operation.name
            _alike(schema.sample(shape), answer.json(), operation.name)
        tried += 1
    assert tried == len(OPERATIONS) > 70


def _tried(world: World, operation: Operation, number: int) -> Any:
    slug = re.sub("[^a-z]", "", world.north.slug) + str(number)
    if "{slug}" in operation.path and (operation.method != "GET" or "plan_id" in operation.path):
        people = [*((role, role, True) for role in ("owner", "administrator")), ("second-owner", "owner", True), ("guest", "member", False), ("worker", "member", True)]
        org = make_org_for(slug, people)
    else:
        org = world.north
    who = _caller(operation)
    ids = _ids(org, operation, who)
    client = client_for(org.person(who))
    path, body = address(operation, org.slug, ids), example_body(operation)
    if operation.name == "plan-execute":
        with tenancy.installation("look"):
            plan = Plan.objects.get(id=ids["plan_id"])
        body = {"digest": plan.digest, "count": plan.summary["doable"]}
    if operation.name in HOLDS:
        body.update(DATA[operation.name])
    if operation.name == "release-audit-hold":
        body["hold"] = _hold(org)
    if operation.power is not None and operation.power.slug in CLAIMS:
        body.update(DATA[operation.power.slug])
    if operation.name in RETENTION:
        body = {name: value for name, value in DATA[operation.name].items() if value not in (None, "", [])}
    if operation.name in RELAYS:
        body = {name: value for name, value in DATA[operation.name].items() if value not in (None, "", [])}
    if operation.name in PROGRAMS:
        body = {name: value for name, value in DATA[operation.name].items() if value not in (None, "", [])}
    if operation.name == "change-webhook":
        body["url"] = "https://hooks.example.com/steward"
    if operation.name == "remove-service":
        body = {"name": "Program"}
    if operation.name == "answer-export":
        body.update(DATA[operation.name])
    if operation.name in TRANSFERS or operation.name in VALUES:
        body.update(DATA[operation.name])
    if operation.name in {"cancel-scheduled", "reschedule"}:
        body["scheduled"] = str(ids["scheduled_id"])
    if operation.name in REGISTERS and operation.name not in {"add-recipient", "announce-business-transfer"}:
        body.update({name: value for name, value in DATA[operation.name].items() if value not in (None, "", [])})
    if operation.name in CASES_OF_ONE:
        body["request"] = DATA[operation.name]["request"]
    if operation.name in CASES_OF_ALL:  # nobody has more than one that can be meant
        body["request"] = ""
    if operation.name == "add-to-request":
        body["message"] = DATA[operation.name]["message"]
    if operation.name in {"bar-from-request", "choose-handler", "assign-request"}:
        body["administrator"] = f"administrator@{org.slug}.example"
    if operation.name == "record-request":
        body["person"] = f"worker@{org.slug}.example"
    if operation.name == "delete-organization":
        body["address"] = org.slug
    if operation.name == "audit":
        number_the_log()
    if operation.method == "GET":
        return client.get(path)
    if operation.method == "DELETE":
        return client.delete(path)
    if operation.takes == "text/csv":
        return client.post(path, body, content_type="text/csv")
    return client.post(path, body or {}, content_type="application/json")


def make_org_for(slug: str, people: list[tuple[str, str, bool]]) -> Any:
    with tenancy.installation("tests make their world"):
        return make_org(slug, people)


RETENTION = ("set-retention-rule", "remove-retention-rule", "continue-retention-run")
PROGRAMS = (*apps.DATA, *(name for name in DATA if name.endswith(("-webhook", "-webhook-secret", "-security-events"))))
VALUES = ("suggest-change", "accept-suggestion", "decline-suggestion", "dispute-value", "withdraw-dispute", "answer-value-dispute")


def _caller(operation: Operation) -> str:
    if operation.name == "leave":
        return "guest"
    if operation.name == "present-recovery-codes":
        return "administrator"
    if operation.name == "delete-own-account":  # nobody else's example comes from them
        return "member"
    if operation.name == "deactivate-own-account":
        return "auditor"
    return "worker" if operation.name in {"accept-ownership", "decline-succession", "answer-invitation", "me-notice-read", "me-notice-acknowledge", "end-own-session", "me-ledger", "restrict-own-use", "end-own-restriction", "accept-suggestion", "decline-suggestion", "dispute-value", "withdraw-dispute", "answer-child-report"} else "owner"


def _ids(org: Any, operation: Operation, who: str) -> dict[str, Any]:
    ids = things(org, operation)
    if operation.name == "leave":
        ids["person_id"] = org.person("guest").id
    if operation.name == "edit-own-details":
        ids["person_id"] = org.person(who).id
        arrange(lambda: FieldPolicy.objects.create(organization=org.organization, field="title", owner="both", set_at=timezone.now()))
    if operation.name == "create-token":
        ids["person_id"] = org.person(who).id
    if operation.name in {"add-to-group", "remove-from-group"}:
        arrange(lambda: group_for(org, "Support", *([org.person("worker")] if operation.name.startswith("remove") else [])))
    if operation.name.endswith(("-log-stream", "-log-stream-secret")) and not operation.name.startswith("add-"):
        arrange(lambda: stream_for(org, "SIEM", state="paused" if operation.name.startswith("resume-") else "active"))
    if operation.name in {"webhook", "webhook-delivery"}:
        arrange(lambda: ids.update(webhook_id=webhook_for(org, "Payroll", delivery=True).id, delivery_id=DELIVERY))
    if operation.name in {"prove-domain", "renew-domain-token", "remove-domain"}:
        arrange(lambda: domain_for(org, "north-mail.com"))
    if operation.power is not None and operation.power.slug in {"name-successors", "stop-succession", "present-recovery-codes", "accept-ownership", "decline-succession"}:
        arrange(lambda: Account.objects.filter(id=org.person("worker").account_id).update(has_second_factor=True))
        arrange(lambda: succession_for(org, operation.name, org.person("worker")))
    if operation.name == "change-email":
        arrange(lambda: domain_for(org, "example.com"))
    if operation.name == "email-changes":
        arrange(lambda: change_for(org, org.person("worker")))
    if operation.name in {"claims", "claim", "claim-accounts"} or (operation.power is not None and operation.power.slug in CLAIMS):
        arrange(lambda: claims_for(org, operation.power.slug if operation.power else "cancel-claim"))
        with tenancy.installation("look"):
            ids["claim_id"] = Claim.objects.filter(organization=org.organization).values_list("id", flat=True).first()
    if operation.name in {"discard-notice-draft", "publish-notice"}:
        arrange(lambda: draft_for(org))
    if operation.name in {"delete-organization", "cancel-organization-deletion", "end-calendar-link", "answer-child-report"}:
        ready(org, operation.name)
    if operation.name in CASES_OF_ONE or operation.name in CASES_OF_ALL or operation.name in CASES_OF_PERSON:
        ready(org, operation.name)
    if operation.name in {"transfers", "me-transfer", "object-to-transfer", "take-own-account"}:
        ready(org, operation.name if operation.power else "object-to-transfer")
    if "own-deletion" in operation.name or operation.name in {"delete-own-account", "deactivate-own-account"}:
        ready(org, operation.name, who if operation.name.endswith("-own-account") else "worker")
    if operation.name in {*VALUES, *REGISTERS, *RETENTION, *HOLDS, *RELAYS, *PROGRAMS, "stop-organization-export", "answer-export"}:
        ready(org, operation.name)
    if operation.name in {"recipients", "business-transfer"}:
        ready(org, "withdraw-business-transfer")
    if operation.name == "retention-run":
        ready(org, "continue-retention-run")
        ids["run_id"] = RUN
    if operation.name == "organization-export-file":
        arrange(lambda: ids.update(export_id=package_for(org).id))
    if operation.name == "person-sessions":
        arrange(lambda: session_for(org.person("worker")))
    if operation.name in {"tokens", "audit", "me-ledger", "plans", "entry", "entry-proof", "me-notices"}:
        _history(org, ids)
    if "plan_id" in operation.path or operation.name in {"approvals", "plans"}:
        ids["plan_id"] = _plan(org, operation)
    if operation.name in {"entry", "entry-proof"}:
        number_the_log()
        ids["entry_id"] = client_for(org.person("owner")).get(f"/api/v1/orgs/{org.slug}/audit/").json()["entries"][0]["id"]
    if operation.name == "entry-proof":
        state(org.organization.id)
    return ids


def _hold(org: Any) -> str:
    made: list[Any] = []
    arrange(lambda: made.append(holds.place(org=org.organization.id, kind="log", matter="Smith v. Jones", ground="a claim", by=None, now=timezone.now())))
    return str(made[0].id)


def _history(org: Any, ids: dict[str, Any]) -> None:
    """Something happened, and somebody was told."""
    client_for(org.person("owner")).post(f"/api/v1/orgs/{org.slug}/people/{org.person('worker').id}/actions/update-profile/", {"title": f"T{ids['token_id']}"[:50]}, content_type="application/json")
    arrange(lambda: token_for(org.person("owner")))
    arrange(
        lambda: Mail.objects.create(
            account_id=org.person("owner").account_id,
            entry=uuid.uuid4(),
            organization_id=org.organization.id,
            template="test",
            address="a@b.example",
            subject="Hello",
            body="Hello",
            state="sent",
            created_at=org.person("owner").created_at,
        )
    )
    number_the_log()


def _plan(org: Any, operation: Operation) -> str:
    """A plan in the state that the example needs."""
    base, asking = f"/api/v1/orgs/{org.slug}", client_for(org.person("second-owner"))
    if operation.name == "plan-columns":
        made = client_for(org.person("owner")).post(f"{base}/people/import/", "mail,shoe size,called\r\nnew@example.com,44,New\r\n", content_type="text/csv")
        return str(made.json()["id"])
    if operation.name in {"plan-approve", "plan-deny", "approvals"}:
        asked = (
            asking.post(f"{base}/people/{org.person('owner').id}/actions/suspend/", {"reason_code": "absence"}, content_type="application/json")
            if operation.name == "approvals"
            else asking.post(f"{base}/people/{_third_owner(org)}/actions/suspend/", {"reason_code": "absence"}, content_type="application/json")
        )
        return str(asked.json()["plan_id"])
    owner = client_for(org.person("owner"))
    many = operation.name == "plan-stop"
    if many:
        with tenancy.installation("a plan in the background needs more than fifty people"):
            arrange(lambda: [add_person(org, f"extra{n}", "member", True, org.person("worker").created_at) for n in range(3)])
    made = owner.post(f"{base}/plans/", {**PLAN, "filter": {"role": "member"}}, content_type="application/json").json()
    if operation.name in {"plan-results", "plan-results-file", "plan-receipt", "plan-stop"}:
        owner.post(f"{base}/plans/{made['id']}/execute/", {"digest": made["digest"], "count": made["doable"]}, content_type="application/json", headers={"Prefer": "respond-async"} if many else {})
    return str(made["id"])


def _third_owner(org: Any) -> Any:
    with tenancy.installation("a third owner"):
        arrange(lambda: add_person(org, "third-owner", "owner", True, org.person("owner").created_at))
        return Membership.objects.get(organization=org.organization, account__name="Third-Owner Person").id


def _alike(shown: Any, real: Any, where: str) -> None:
    """The same fields; of lists the first items are compared."""
    if isinstance(shown, dict) and isinstance(real, dict):
        for name in set(shown) & set(real):
            _alike(shown[name], real[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(real, list) and shown and real:
        _alike(shown[0], real[0], f"{where}[]")
    elif shown is not None and real is not None:
        assert type(shown) is type(real), where


def test_the_page_shows_every_operation_and_finds(world: World) -> None:
    client = Client()
    page = client.get("/api/").content.decode()
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in page, operation.name
        assert described(operation)["response"].startswith("HTTP 2")
        assert curl(operation).startswith("curl ")
    found = client.get("/api/?q=suspend").content.decode()
    assert 'id="suspend"' in found
    assert 'id="tokens"' not in found
    assert client.get("/api/?q=%00").status_code == 200
    assert "Nothing matches" in client.get("/api/?q=zzzz").content.decode()
    assert client_for(world.north.person("member")).get("/api/").status_code == 200
    assert "//" not in re.sub(r"https?://(localhost|testserver)[^\s<\"&]*|http://www.w3.org[^\"]*", "", found)
