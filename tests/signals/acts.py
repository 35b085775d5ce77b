"""A program of an organization, as it calls the transmitter and reads what it sends."""
from __future__ import annotations

import base64
import json
from typing import Any

from django.test import Client
from jwcrypto import jwk, jwt

from accounts.models import OAuthApplication
from accounts.oauth import clients
from accounts.signals.mapping import SUPPORTED
from tests.cast import Org
from tests.situations import arrange


def client_of(org: Org, service: str, **more: Any) -> tuple[OAuthApplication, str]:
    """The client of a service of the organization, with its secret."""
    values = {"service": next(one for one in org.services if one.slug == service)} if not more else more
    client, secret = clients.make(None, organization=org.organization, name=service, redirect_uris=["https://notes.example/back"], **values)
    arrange(lambda: client.save(force_insert=True))
    return client, secret


class Program:
    """It speaks HTTP with its client id and secret, and checks tokens with the published keys."""

    def __init__(self, org: Org, service: str = "notes", **more: Any) -> None:
        self.client, self.secret = client_of(org, service, **more)
        self.http = Client(enforce_csrf_checks=True)
        self.stream: dict[str, Any] = {}

    def call(self, method: str, path: str, body: Any = None, *, secret: str = "", raw: bytes | None = None) -> Any:
        word = base64.b64encode(f"{self.client.client_id}:{secret or self.secret}".encode()).decode()
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        return self.http.generic(method, path, data, content_type="application/json", headers={"Authorization": f"Basic {word}"})

    def subscribe(self, *kinds: str, url: str = "", header: str | None = None) -> dict[str, Any]:
        delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": url, **({"authorization_header": header} if header else {})} if url else {"method": "urn:ietf:rfc:8936"}
        answer = self.call("POST", "/ssf/stream", {"events_requested": list(kinds or SUPPORTED), "delivery": delivery})
        assert answer.status_code == 201, answer.content
        self.stream = answer.json()
        return self.stream

    def poll(self, **asked: Any) -> dict[str, Any]:
        answer = self.call("POST", f"/ssf/poll/{self.stream['stream_id']}", {"returnImmediately": True, **asked})
        assert answer.status_code == 200, answer.content
        return answer.json()

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token, checked by jwcrypto: signature, algorithm, audience, type."""
        keys = jwk.JWKSet.from_json(self.http.get("/ssf/jwks.json").content.decode())
        checked = jwt.JWT(jwt=token, key=keys, algs=["EdDSA"], check_claims={"aud": self.client.client_id, "jti": None, "iat": None, "iss": None})
        assert json.loads(checked.header)["typ"] == "secevent+jwt"
        return json.loads(checked.claims)

    def events(self, **asked: Any) -> list[tuple[str, str, dict[str, Any]]]:
        """What waits: the short name of the type, whom it is about, its claims. It is acknowledged."""
        sets = self.poll(**asked)["sets"]
        found = []
        for jti, token in sets.items():
            claims = self.read(token)
            assert claims["jti"] == jti and "sub" not in claims and "exp" not in claims, "RFC 8417, section 2.2; SSF 1.0, section 4"
            ((kind, event),) = claims["events"].items()
            found.append((kind.rpartition("/")[2], claims["sub_id"].get("sub", claims["sub_id"].get("id")), event))
        if sets:
            self.poll(maxEvents=0, ack=list(sets))
        return found
