"""Programs as they meet our provider in tests: a service and an app of the first organization, and what a program does to sign somebody in."""
from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.http import HttpResponse
from django.test import Client

from accounts import tenancy
from accounts.models import App, Installation, Membership, OAuthApplication, Service, ServiceAccess
from accounts.oauth import clients
from tests.cast import Org
from tests.situations import arrange

BACK = "https://notes.example/back"
SCOPES = "openid profile email offline_access"


@dataclass
class Program:
    """A registered program with its secret."""

    client: OAuthApplication
    secret: str
    page: Client

    @property
    def basic(self) -> dict[str, str]:
        return {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(f"{self.client.client_id}:{self.secret}".encode()).decode()}

    def post(self, where: str, secret: str = "", **data: str) -> HttpResponse:
        headers = self.basic if not secret else {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(f"{self.client.client_id}:{secret}".encode()).decode()}
        return self.page.post(f"/oauth/{where}/", urlencode(data), content_type="application/x-www-form-urlencoded", **headers)

    def ask(self, **more: str | None) -> tuple[str, str]:
        """An address to send the person to, and the verifier that belongs to it."""
        verifier = secrets.token_urlsafe(48)
        values = {"response_type": "code", "client_id": self.client.client_id, "redirect_uri": BACK, "scope": SCOPES, "state": "st4te", "nonce": "n0nce",
                  "code_challenge": challenge(verifier), "code_challenge_method": "S256", **more}
        return f"/oauth/authorize/?{urlencode({k: v for k, v in values.items() if v is not None})}", verifier

    def exchange(self, code: str, verifier: str, **more: str) -> HttpResponse:
        return self.post("token", **{"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": verifier, **more})

    def sign_in(self, browser: Client, **more: str) -> dict[str, Any]:
        """The whole way: the tokens."""
        uri, verifier = self.ask(**more)
        got = back(browser.get(uri))
        answer = self.exchange(got["code"], verifier)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    def refresh(self, token: str, **more: str) -> HttpResponse:
        return self.post("token", grant_type="refresh_token", refresh_token=token, **more)

    def active(self, token: str) -> bool:
        return bool(self.post("introspect", token=token).json()["active"])

    def userinfo(self, token: str) -> HttpResponse:
        return self.page.get("/oauth/userinfo/", HTTP_AUTHORIZATION=f"Bearer {token}")


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def back(response: HttpResponse) -> dict[str, str]:
    """What the program gets at its address."""
    where = response.headers["Location"] if response.status_code == 302 else response.headers["Refresh"].removeprefix("0;url=")
    assert where.startswith(BACK), where
    return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}


def service_for(org: Org, *people: Membership, name: str = "Notes", logout_url: str = "") -> Program:
    """A service with a client, and people who have access."""
    made: list[Any] = []

    def write() -> None:
        row = Service.objects.create(id=uuid.uuid4(), organization=org.organization, slug=f"{name.lower()}-{uuid.uuid4().hex[:6]}", name=name, created_at=datetime.now(UTC))
        client, secret = clients.make(None, organization=org.organization, name=name, service=row, redirect_uris=[BACK], logout_url=logout_url)
        client.save()
        for person in people:
            ServiceAccess.objects.create(id=uuid.uuid4(), organization=org.organization, membership_id=person.id, service=row, granted_at=datetime.now(UTC))
        made.append(Program(client, secret, Client()))

    with tenancy.installation("tests make a service"):
        arrange(write)
    return made[0]


def app_for(org: Org, *scopes: str, name: str = "Charts", where: str = BACK) -> Program:
    """An app that the organization installed, with these scopes approved."""
    made: list[Any] = []

    def write() -> None:
        now = datetime.now(UTC)
        app = App.objects.create(id=uuid.uuid4(), organization=None, slug=f"{name.lower()}-{uuid.uuid4().hex[:6]}", name=name, provider="Charts Ltd", provider_email="hello@charts.example",
                                 privacy_url="https://charts.example/privacy", scopes=list(scopes), redirect_uris=[where], created_at=now)
        row = Installation.objects.create(id=uuid.uuid4(), organization=org.organization, app=app, scopes=list(scopes), installed_at=now)
        client, secret = clients.make(None, organization=org.organization, name=name, installation=row, redirect_uris=[where])
        client.save()
        made.append(Program(client, secret, Client()))

    with tenancy.installation("tests install an app"):
        arrange(write)
    return made[0]
