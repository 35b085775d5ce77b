"""Calls as a program makes them: with the token of a named person, on addresses of the table."""

from __future__ import annotations

import base64
import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from accounts import outbox, tenancy
from accounts.models import Mail, Membership, Plan, SavedView
from audit import sequencer
from audit.export import files
from audit.models import Export
from dsar.cases import intake
from dsar.export import run, sealed
from dsar.models import Copy, OrganizationExport
from dsar.wholesale import run as wholesale
from portal.api.operation import Operation
from portal.powers import BY_SLUG
from tests.apps.acts import app_for, installation_for
from tests.cast import Org, World
from tests.situations import HOLD, arrange, case_for, disclosure_for, domain_for, export_of, group_for, hold_for, ready, role_for, scheduled_for, service_for, session_for, stream_for, token_for


class Api:
    """One person's token, and the organization it is for."""

    def __init__(self, world: World, name: str = "administrator", **token: Any) -> None:
        made: list[Any] = []
        arrange(lambda: made.append(token_for(world.north.person(name), **token)))
        self.token, self.secret = made[0]
        self.base = f"/api/v1/orgs/{world.north.slug}"
        self.client = Client()
        self.headers = {"headers": {"Authorization": f"Bearer {self.secret}"}}

    def call(self, method: str, path: str, body: Any = None, type: str = "application/json", **headers: str) -> Any:
        kwargs: dict[str, Any] = {"headers": {"Authorization": f"Bearer {self.secret}", **headers}}
        if body is not None:
            kwargs |= {"data": body if isinstance(body, bytes | str) else json.dumps(body), "content_type": type}
        return getattr(self.client, method)(self.base + path if not path.startswith("/api") else path, **kwargs)


def address(operation: Operation, slug: str, ids: dict[str, Any] | None = None) -> str:
    """The operation's address in this organization; ids that are not given exist nowhere."""
    found = operation.path.replace("{slug}", slug)
    for name in re.findall(r"{(\w+)}", found):
        found = found.replace(f"{{{name}}}", str((ids or {}).get(name) or uuid.uuid4()))
    return f"/api/v1/{found}"


def things(org: Org, operation: Operation | None = None) -> dict[str, Any]:
    """One of each thing that addresses name, in the state that the operation needs."""
    name = "worker" if "worker" in org.people else "member"
    person = ready(org, operation.power.slug, name) if operation and operation.power and operation.power.over == "member" else org.person(name)
    made: dict[str, Any] = {"person_id": person.id, "membership_id": person.id}

    def make() -> None:
        mail = Mail.objects.create(
            account_id=person.account_id, entry=uuid.uuid4(), organization_id=org.organization.id, template="test", address="a@b.example", subject="Hello", body="Hello", state="sent", created_at=person.created_at, asks="read", about=uuid.uuid4()
        )
        view = SavedView.objects.create(organization=org.organization, owner=org.person("owner"), page="people", name=f"Mine {uuid.uuid4()}", created_at=person.created_at)
        made.update(
            role_id=role_for(org, f"Spare {uuid.uuid4().hex[:6]}", 10, "view_people").id,
            group_id=group_for(org, "Spare").id,
            service_id=service_for(org, "Program", operation.name if operation else "").id,
            token_id=token_for(person)[0].id,
            session_id=session_for(person).id,
            notice_id=mail.id,
            view_id=view.id,
            export_id=export_for(org, operation.name if operation else "").id,
            stream_id=stream_for(org, f"Spare {uuid.uuid4().hex[:6]}").id,
            scheduled_id=scheduled_for(org.person("worker" if "worker" in org.people else "member"), "restrict").id,
            domain_id=domain_for(org, f"spare-{uuid.uuid4().hex[:6]}.com").id,
            disclosure_id=disclosure_for(org, person).entry if operation and operation.name in {"disclosure", "disclosures"} else None,
            case_id=case_for(person, intake.reference(), "withdrawn").id if operation and operation.name == "request" else None,
            copy_id=copy_for(org.person("owner" if operation and operation.name == "me-copy-file" else name), None if operation and operation.name == "me-copy-file" else org).id,
        )

    arrange(make)
    if operation and operation.name in {"apps", "app-queue", "app", "app-catalogue", "me-apps"}:
        arrange(lambda: made.update(app_id=installation_for(org, app_for(org.organization), person, org.person("owner")).app_id))
    if operation and (operation.name in {"holds", "hold", "matters", "me-holds"} or "hold_id" in operation.path):
        arrange(lambda: hold_for(org, org.person("guest" if "guest" in org.people else name), "acknowledge-hold" if operation.name == "me-holds" else "release-hold"))
        made["hold_id"] = HOLD
    return made


def copy_for(person: Membership, org: Org | None = None) -> Copy:
    """A copy that is ready, the person's own or one that the organization asked for. Needs an open act."""
    now, key = datetime.now(UTC), sealed.new_key()
    row = Copy.objects.create(account_id=person.account_id, organization=org.organization if org else None, state="ready", asked_at=now, snapshot_at=now, ready_at=now, expires_at=now + run.KEPT, size=3,
                              sha256="0" * 64, key=outbox.seal_text(base64.b64encode(key).decode()))
    with sealed.Sealer(run.folder() / f"{row.id}.sealed", key) as sink:
        sink.write(b"zip")
    return row


def package_for(org: Org) -> OrganizationExport:
    """An export of the whole organization that is ready for the owner who asked. Needs an open act."""
    now, key = datetime.now(UTC), sealed.new_key()
    row = export_of(org, state="ready", snapshot_at=now, ready_at=now, expires_at=now + wholesale.KEPT, size=3, sha256="0" * 64, key=outbox.seal_text(base64.b64encode(key).decode()))
    with sealed.Sealer(wholesale.folder() / f"{row.id}.sealed", key) as sink:
        sink.write(b"zip")
    return row


def export_for(org: Org, operation: str = "") -> Export:
    """An export of the log in the state that the operation needs. Needs an open act."""
    now = datetime.now(UTC)
    states = {"audit-export-stop": "running", "audit-export-resume": "failed", "audit-export-file": "sealed"}
    row = Export.objects.create(id=uuid.uuid4(), org=org.organization.id, state=states.get(operation, "stopped"), requester=org.person("owner").account_id, via="api", purpose="A lawsuit", zone="UTC",
                                shown=True, ocsf="1.8.0", prefix="NW", name="Northwind", asked_at=now, expires_at=now + timedelta(days=1))
    if row.state == "sealed":
        files.write(files.bundle(row.id) / "SHA256SUMS", b"x\n")
        Export.objects.filter(id=row.id).update(files=[{"name": "SHA256SUMS", "size": 2, "sha256": files.sha256(files.bundle(row.id) / "SHA256SUMS")}])
    return row


def number_the_log() -> None:
    while sequencer.run_once():
        pass


def untouched(person: Membership) -> bool:
    """Whether nothing was done to the person."""
    with tenancy.installation("look"):
        row = Membership.objects.select_related("account").get(id=person.id)
        return (row.status, row.version, row.account.version) == (person.status, person.version, person.account.version)


__all__ = ["BY_SLUG", "Api", "Plan", "address", "number_the_log", "things", "untouched"]
