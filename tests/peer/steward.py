"""How Notes speaks to Steward: discovery, the code flow with PKCE (OpenID Connect Core 1.0, RFC 7636), keys, and statements that are checked with jwcrypto."""
from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from jwcrypto import jwk, jwt
from jwcrypto.common import JWException

from tests.peer.config import Config

EVENT_TYPES = [f"https://schemas.openid.net/secevent/{one}" for one in (
    "caep/event-type/session-revoked", "risc/event-type/account-disabled", "risc/event-type/account-enabled", "risc/event-type/account-purged", "risc/event-type/identifier-changed")]
SCOPES = "openid profile email"
_KEYS_FOR = 300.0


class Untrue(Exception):
    """A statement that is not to be believed."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        """Nothing that Steward answers to a program is a redirect."""


class Steward:
    """The installation that Notes belongs to."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({}))
        self._found: dict[str, Any] = {}
        self._keys: dict[str, tuple[float, jwk.JWKSet]] = {}
        self._lock = threading.Lock()

    def call(self, method: str, url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body. Raises OSError where nothing was answered."""
        asked = urllib.request.Request(url, data=body, method=method, headers={"User-Agent": "Notes", "Accept": "application/json", **(headers or {})})
        try:
            with self._opener.open(asked, timeout=10) as answer:
                return answer.status, answer.read(1_000_000)
        except urllib.error.HTTPError as error:
            return error.code, error.read(1_000_000)

    def found(self) -> dict[str, Any]:
        """What discovery says, read once. Its issuer has to be the one that Notes was told of (OpenID Connect Discovery 1.0, section 4.3)."""
        if not self._found:
            said = json.loads(self.call("GET", f"{self.config.issuer}/.well-known/openid-configuration")[1])
            if said["issuer"] != self.config.issuer:
                raise Untrue("another issuer")
            self._found = said
        return self._found

    @property
    def basic(self) -> dict[str, str]:
        pair = f"{quote(self.config.client_id, safe='')}:{quote(self.config.client_secret, safe='')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    @property
    def back(self) -> str:
        return f"{self.config.address}/back"

    # Signing in

    def leave(self) -> tuple[str, str, str, str]:
        """Where to send somebody who wants to sign in; and state, verifier and nonce, to be kept until they are back."""
        state, verifier, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = urlencode({"response_type": "code", "client_id": self.config.client_id, "redirect_uri": self.back, "scope": SCOPES, "state": state, "nonce": nonce,
                           "code_challenge": challenge, "code_challenge_method": "S256"})
        return f"{self.found()['authorization_endpoint']}?{query}", state, verifier, nonce

    def who(self, code: str, verifier: str, nonce: str) -> dict[str, Any]:
        """Who came back with this code. Raises Untrue."""
        form = urlencode({"grant_type": "authorization_code", "code": code, "redirect_uri": self.back, "code_verifier": verifier}).encode()
        status, body = self.call("POST", self.found()["token_endpoint"], body=form, headers={**self.basic, "Content-Type": "application/x-www-form-urlencoded"})
        if status != 200:
            raise Untrue(f"the code was answered with {status}")
        tokens = json.loads(body)
        claims = self.statement(tokens["id_token"], kind="JWT", algorithm="RS256", keys=self.found()["jwks_uri"], needs=("exp", "iat", "sub", "sid"))
        if claims.get("nonce") != nonce:
            raise Untrue("the nonce of another sign-in")
        status, body = self.call("GET", self.found()["userinfo_endpoint"], headers={"Authorization": f"Bearer {tokens['access_token']}"})
        told = json.loads(body) if status == 200 else {}
        if told.get("sub") != claims["sub"]:
            raise Untrue("what is said about the person is about another one")
        return {**claims, **told}

    # Statements

    def statement(self, text: str, *, kind: str, algorithm: str, keys: str, needs: tuple[str, ...]) -> dict[str, Any]:
        """The claims of a token for Notes: type, algorithm, signature, issuer, audience and times are right, and what is needed is there. Raises Untrue."""
        try:
            try:
                token = self._checked(text, algorithm, self._keyset(keys))
            except JWException:
                token = self._checked(text, algorithm, self._keyset(keys, anew=True))  # a key that came since
            header, claims = json.loads(token.header), json.loads(token.claims)
        except (JWException, ValueError, TypeError) as error:
            raise Untrue("the signature, a time or the audience is wrong") from error
        if header.get("typ") != kind or claims.get("iss") != self.config.issuer or not all(claims.get(name) for name in needs):
            raise Untrue("another kind of token, or from another issuer")
        return dict(claims)

    def _checked(self, text: str, algorithm: str, keys: jwk.JWKSet) -> jwt.JWT:
        return jwt.JWT(jwt=text, key=keys, algs=[algorithm], check_claims={"aud": self.config.client_id, "iss": self.config.issuer})

    def _keyset(self, url: str, *, anew: bool = False) -> jwk.JWKSet:
        """The keys at an address, read anew after five minutes, and at most every ten seconds where one is missing."""
        with self._lock:
            at, found = self._keys.get(url, (0.0, None))
            if found is None or time.monotonic() - at > (10.0 if anew else _KEYS_FOR):
                found = jwk.JWKSet.from_json(self.call("GET", url)[1].decode())
                self._keys[url] = (time.monotonic(), found)
            return found

    def request_keys(self, kid: str) -> Any:
        """The public key with which Steward signs requests of people; None where it has no such key."""
        url = f"{self.config.issuer}/relays/keys.json"
        found = self._keyset(url).get_key(kid) or self._keyset(url, anew=True).get_key(kid)
        return found.get_op_key("verify") if found is not None else None

    # Security events

    def subscribe(self, authorization: str) -> bool:
        """Set up the stream of security events, or put it right. Whether Steward took it."""
        wanted = {"events_requested": EVENT_TYPES, "delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": f"{self.config.address}/events", "authorization_header": authorization}}
        url, headers = f"{self.config.issuer}/ssf/stream", {**self.basic, "Content-Type": "application/json"}
        status, body = self.call("POST", url, body=json.dumps(wanted).encode(), headers=headers)
        if status == 409:
            status, body = self.call("GET", url, headers=self.basic)
            known = json.loads(body) if status == 200 else {}
            known = known[0] if isinstance(known, list) else known
            status, body = self.call("PATCH", url, body=json.dumps({**wanted, "stream_id": known.get("stream_id")}).encode(), headers=headers)
        if status not in {200, 201}:
            print(f"notes: security events are not set up ({status})", file=sys.stderr, flush=True)
        return status in {200, 201}
