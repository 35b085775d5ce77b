"""A real small program on loopback that gets requests of people and signs what it answers with a key of its own."""
from __future__ import annotations

import base64
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.models import App, Installation, OAuthApplication
from dsar.relays.models import Relay, Responder
from tests.cast import Org
from tests.situations import arrange

HEADER = "Steward-Signature"


@dataclass
class Program:
    """What it got, and how it behaves: a status, or a function that does something with the handler itself; None: a signed receipt."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    url: str = ""
    got: list[tuple[dict[str, Any], bytes, str]] = field(default_factory=list)
    behave: Callable[[int], Any] = lambda _n: None

    @property
    def public(self) -> str:
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    def sign(self, body: bytes) -> str:
        return base64.b64encode(self.key.sign(body)).decode()

    def said(self, asked: dict[str, Any], status: str, **more: Any) -> bytes:
        """An answer to what it was asked, right unless `more` says otherwise."""
        now = datetime.now(UTC)
        return json.dumps({"id": asked["id"], "from": asked["application"], "to": asked["callback"], "issued_at": now.isoformat(), "expires_at": (now + timedelta(minutes=5)).isoformat(),
                           "nonce": base64.urlsafe_b64encode(os.urandom(18)).decode(), "status": status, **more}).encode()


@contextmanager
def running() -> Iterator[Program]:
    program = Program()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            program.got.append((json.loads(body), body, self.headers[HEADER]))
            said = program.behave(len(program.got))
            if callable(said):
                with suppress(OSError):
                    said(self)
                return
            status, headers, answer = said if isinstance(said, tuple) else (said or 201, {}, b"")
            if said is None:
                answer = program.said(program.got[-1][0], "pending", expected_completion=(datetime.now(UTC) + timedelta(days=2)).isoformat())
                headers = {HEADER: program.sign(answer)}
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    program.url = f"http://127.0.0.1:{server.server_address[1]}/requests"
    try:
        yield program
    finally:
        server.shutdown()
        server.server_close()


def installed(org: Org, name: str = "Notes", **more: Any) -> Responder:
    """An app that the organization installed, with its client, reached as `more` says; by mail to its provider without."""
    found: list[Responder] = []

    def make() -> None:
        now = datetime.now(UTC)
        app = App.objects.create(organization=org.organization, slug=f"{name.lower()}-{uuid.uuid4().hex[:6]}", name=name, provider="Notes Ltd", provider_email="privacy@notes.example",
                                 privacy_url="https://notes.example/privacy", created_at=now)
        one = Installation.objects.create(organization=org.organization, app=app, installed_at=now)
        OAuthApplication.objects.create(organization=org.organization, installation=one, client_type="confidential", authorization_grant_type="authorization-code", name=name)
        found.append(Responder.objects.create(organization=org.organization, installation=one, **{"way": "mail", "email": "privacy@notes.example", **more}))

    arrange(make)
    return found[0]


def relays(responder: Responder, **match: Any) -> list[Relay]:
    found: list[Relay] = []
    arrange(lambda: found.extend(Relay.objects.filter(responder=responder, **match).order_by("asked_at", "type")))
    return found
