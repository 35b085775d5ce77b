"""The demo's Notes (`tests/peer`): a program of its own that is known here as Northwind's service, with everything that a service can have, so that a newcomer sees what reaches one.

It is told what it has to know, secrets too, in a file of the data folder that only its owner may read. Where `make run` does not start it, nothing of this is made.
"""
from __future__ import annotations

import base64
import json
import os
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from accounts import receivers
from accounts.models import OAuthApplication, Service, Webhook
from accounts.oauth import clients
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.streams import secrets
from dsar.relays.models import Responder, Way

EVENTS = ["account.*", "membership.*", "service.*"]


def file() -> Path:
    return Path(settings.DATA) / "notes" / "notes.json"


def address() -> str:
    """Where it listens: http://127.0.0.1:8001, or '' where it is not started."""
    return next((f"http://{host}:{port}" for host, port in settings.DEMO_NOTES), "")


def make(service: Service, *, now: datetime) -> None:
    """Make Notes known, and write the file. Needs an open act and the transaction that makes the organization: without a commit the next start makes all of it anew."""
    if not address():
        return
    given = equip(service, address(), now=now)
    _write({**given, "service": str(service.id)})


def equip(service: Service, at: str, *, now: datetime) -> dict[str, str]:
    """A client, a webhook and an address for requests of people, at this address. Needs an open act. Returns what the program is to know."""
    organization, seed, hook, shared = service.organization, os.urandom(32), uuid.uuid4(), secrets.mint()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    client, secret = clients.make(None, organization=organization, name=service.name, service=service, redirect_uris=[f"{at}/back"], logout_url=f"{at}/logout")
    client.save(force_insert=True)
    Webhook.objects.create(id=hook, organization=organization, service=service, name=service.name, url=f"{at}/webhooks", host=receivers.shown(at), events=EVENTS,
                           secret=secrets.seal(shared, stream=hook), public_key=shared.public, created_at=now)
    Responder.objects.create(id=uuid.uuid4(), organization=organization, service=service, way=Way.PUSH, url=f"{at}/requests", public_key=base64.b64encode(public).decode())
    Service.objects.filter(id=service.id).update(url=f"{at}/", client_changed_at=now)
    return {"issuer": settings.STEWARD_URL, "organization": organization.name, "address": at, "client_id": client.client_id, "client_secret": secret, "application": str(client.id),
            "signing_key": base64.b64encode(seed).decode(), "webhook_secret": shared.text}


def follow(*, now: datetime) -> None:
    """After a start with another port: the addresses of what this data folder's demo made, and only of that, are the new ones. What somebody removed since stays removed."""
    at = address()
    if not at or not file().exists():
        return
    known = json.loads(file().read_text())
    if (known["address"], known["issuer"]) == (at, settings.STEWARD_URL):
        return
    old = known["address"]
    with transaction.atomic():
        service = Service.objects.filter(id=known["service"]).first()
        if service is None:
            return
        with recording.opened(org=service.organization_id, now=now) as act:
            OAuthApplication.objects.filter(id=known["application"], redirect_uris=f"{old}/back").update(redirect_uris=f"{at}/back", logout_url=f"{at}/logout")
            Webhook.objects.filter(service=service, url=f"{old}/webhooks").update(url=f"{at}/webhooks", host=receivers.shown(at))
            Responder.objects.filter(service=service, url=f"{old}/requests").update(url=f"{at}/requests")
            Service.objects.filter(id=service.id, url=f"{old}/").update(url=f"{at}/")
            act.write([EntryDraft(org=service.organization_id, action="service.changed", category="service", outcome="success", actor=ActorRef(type="operator"),
                                  targets=[TargetRef(type="service", id=service.id)], via="cli", facts={"redirect_uris": [f"{at}/back"], "logout_url": f"{at}/logout"})])
        _write({**known, "address": at, "issuer": settings.STEWARD_URL})


def _write(known: dict[str, Any]) -> None:
    """All of it or nothing, and never readable by others."""
    folder = file().parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / ".notes.json"
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(known, out)
    part.replace(file())
