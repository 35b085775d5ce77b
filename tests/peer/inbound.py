"""What Steward says by itself: somebody is signed out (OpenID Connect Back-Channel Logout 1.0), something happened (Standard Webhooks), something concerns security (RFC 8417, RFC 8935)."""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from tests.peer import store
from tests.peer.steward import Steward, Untrue
from tests.peer.store import Store

LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
_AGE = 300
Answer = tuple[int, dict[str, str]]


def logout(steward: Steward, kept: Store, body: bytes) -> Answer:
    """A logout token. What is signed out is the session that the sign-in began, or all of the person's (sections 2.6 and 2.7)."""
    try:
        text = parse_qs(body.decode("ascii")).get("logout_token", [""])[0]
        said = steward.statement(text, kind="logout+jwt", algorithm="RS256", keys=steward.found()["jwks_uri"], needs=("iat", "exp", "jti", "events"))
        if "nonce" in said or not isinstance(said["events"], dict) or LOGOUT not in said["events"] or not said.get("sub"):
            raise Untrue("no logout token")
    except (Untrue, UnicodeError):
        return 400, {"error": "invalid_request"}
    with kept.open() as db:
        if store.first_time(db, "logout", str(said["jti"])):
            count = store.signed_out(db, said["sub"], str(said.get("sid") or ""))
            store.hear(db, "Sign-out", "Somebody is signed out", f"{count} session{'s' if count != 1 else ''} ended here" if count else "They were not signed in here")
    return 200, {}


def webhook(secret: str, kept: Store, headers: Mapping[str, str], body: bytes) -> Answer:
    """A webhook: the signature over `id.timestamp.body` first, in constant time, then the age, then whether it came before."""
    word, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), f"{word}.{stamp}.".encode() + body, hashlib.sha256).digest()
    right = b"v1," + base64.b64encode(mac)
    if not any(hmac.compare_digest(right, one.encode()) for one in headers.get("webhook-signature", "").split()):
        return 401, {"error": "bad_signature"}
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > _AGE:
        return 400, {"error": "too_old"}
    try:
        kind = str(json.loads(body)["type"])[:80]
    except (ValueError, KeyError, TypeError):
        return 400, {"error": "not_json"}
    with kept.open() as db:
        if store.first_time(db, "webhook", word):
            store.hear(db, "Webhook", kind, "Noted")
    return 200, {}


def event(steward: Steward, kept: Store, authorization: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """A security event token. It is taken with 202, or refused with a code (RFC 8935, sections 2.2 and 2.3)."""
    if not hmac.compare_digest(authorization.encode(), headers.get("authorization", "").encode()):
        return 401, {"err": "authentication_failed", "description": "The header is not the one that the stream was given."}
    try:
        said = steward.statement(body.decode("ascii"), kind="secevent+jwt", algorithm="EdDSA", keys=f"{steward.config.issuer}/ssf/jwks.json", needs=("iat", "jti", "events", "sub_id"))
        about, events = said["sub_id"], said["events"]
        if "exp" in said or not isinstance(about, dict) or not isinstance(events, dict) or len(events) != 1:
            raise Untrue("no security event")
    except (Untrue, UnicodeError):
        return 400, {"err": "invalid_request", "description": "This is no security event token for Notes."}
    kind = next(iter(events)).rpartition("/")[2]
    with kept.open() as db:
        if store.first_time(db, "event", str(said["jti"])):
            store.hear(db, "Security event", kind, _follow(db, kind, str(about.get("sub") or "")))
    return 202, {}


def _follow(db: Any, kind: str, sub: str) -> str:
    """What Notes does. Whoever may come back proves it at Steward, so nothing has to be remembered about who may not."""
    if kind in {"session-revoked", "account-disabled", "identifier-changed"} and sub:
        return "Signed out here" if store.signed_out(db, sub) else "They were not signed in here"
    if kind == "account-purged" and sub:
        count = store.erase(db, sub)
        return "Nothing was known about them" if count < 0 else f"Deleted, with {count} note{'s' if count != 1 else ''}"
    return "Noted"
