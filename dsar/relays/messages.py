"""What goes over the wire, and how it is checked: JSON that is signed as it is, with Ed25519 (RFC 8032), by us and by them.

The order of the checks is that of the Data Rights Protocol: the signature over the bytes as they came, before anything of them is read; then who sent it, to whom, since when and until when it counts.
"""
from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from accounts.models import OAuthApplication
from accounts.oauth import subjects
from audit.canonical import canonical
from dsar.relays.models import SAID, Relay, Responder

HEADER = "Steward-Signature"
WINDOW = timedelta(minutes=5)
"""So old a message may be, and so long ours counts."""
SKEW = timedelta(minutes=1)
LARGEST = 1024 * 1024
"""Bytes of an answer."""
_CODES = frozenset({"legal_duty", "legal_claims", "public_interest", "security", "contract", "others_rights", "unfounded", "not_applicable", "identity", "suspected_fraud", "other"})


class Unfit(Exception):
    """A message that is not taken; `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@cache
def _key(secret: str) -> Ed25519PrivateKey:
    """Derived from the installation's secret, so that all of its processes have the same."""
    return Ed25519PrivateKey.from_private_bytes(HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"steward requests to programs: Ed25519").derive(secret.encode()))


def public_keys() -> dict[str, Any]:
    """Our public key, as a JSON Web Key Set (RFC 7517, RFC 8037)."""
    raw = _key(settings.SECRET_KEY).public_key().public_bytes_raw()
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": _kid(raw), "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}]}


def _kid(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw[:9]).decode()


def application(responder: Responder) -> UUID:
    """By which number a program is known to us: that of its client, or of the service where it has none."""
    client = OAuthApplication.objects.filter(service_id=responder.service_id, installation_id=responder.installation_id).values_list("id", flat=True).first()
    return client or responder.service_id or responder.installation_id


def callback(relay_id: UUID) -> str:
    """Where the answer to a request goes; an answer says it too, so that none can be brought elsewhere."""
    return f"{settings.STEWARD_URL}/relays/{relay_id}/"


def outgoing(relay: Relay, *, now: datetime) -> tuple[bytes, dict[str, str]]:
    """The request as it is posted, and its headers. Nothing in it names the person but the identifier that this program alone has."""
    known = application(relay.responder)
    body = canonical({
        "id": str(relay.id), "type": str(relay.type), "subject": subjects.subject(account_id=relay.account_id, application_id=known), "application": str(known),
        "organization": str(relay.organization_id), "role": "independent_controller" if relay.responder.independent else "processor",
        "submitted_time": _stamp(relay.asked_at), "respond_by": relay.respond_by.isoformat(), "callback": callback(relay.id), "from": settings.STEWARD_URL, "to": relay.responder.url,
        "issued_at": _stamp(now), "expires_at": _stamp(now + WINDOW), "nonce": base64.urlsafe_b64encode(os.urandom(18)).decode()})
    key = _key(settings.SECRET_KEY)
    signed = f"{_kid(key.public_key().public_bytes_raw())}:{base64.b64encode(key.sign(body)).decode()}"
    return body, {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Steward", HEADER: signed}


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Said:
    """What a program says about one request."""

    status: str
    code: str
    nonce: str
    expected_on: date | None
    data: Any


def public_key(text: str) -> Ed25519PublicKey | None:
    """The key in base64, or None for what is none."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None


def checked(raw: bytes, signature: str, *, relay: Relay, now: datetime) -> Said:
    """A receipt or an answer, once everything about it is right. Raises Unfit. Whether its number was used before is asked by whoever writes."""
    key = public_key(relay.responder.public_key) if relay.responder.public_key else None
    try:
        if key is None:
            raise Unfit("no_key")
        key.verify(base64.b64decode(signature.rpartition(":")[2].strip(), validate=True), raw)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise Unfit("bad_signature") from error
    said = _read(raw)
    if said.get("from") != str(application(relay.responder)):
        raise Unfit("wrong_sender")
    if said.get("to") != callback(relay.id):
        raise Unfit("wrong_addressee")
    issued, until = _moment(said.get("issued_at")), _moment(said.get("expires_at"))
    if issued < now - WINDOW or issued > now + SKEW:
        raise Unfit("wrong_time")
    if until <= now:
        raise Unfit("expired")
    if said.get("id") != str(relay.id):
        raise Unfit("another_request")
    return _said(said)


def _read(raw: bytes) -> Mapping[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key stands there twice")
        return dict(pairs)
    try:
        found = json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Unfit("not_json") from error
    if not isinstance(found, dict):
        raise Unfit("not_json")
    return found


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Unfit("wrong_time") from error
    if found.tzinfo is None:
        raise Unfit("wrong_time")
    return found


def _said(said: Mapping[str, Any]) -> Said:
    status, nonce, code, expected = said.get("status"), said.get("nonce"), said.get("code", ""), said.get("expected_completion")
    if not isinstance(status, str) or status not in SAID:
        raise Unfit("unknown_status")
    if not isinstance(nonce, str) or not 16 <= len(nonce) <= 64 or not nonce.isascii():
        raise Unfit("no_nonce")
    if status == "rejected" and code not in _CODES:
        raise Unfit("no_code")
    try:
        day = datetime.fromisoformat(expected).date() if expected else None
    except (TypeError, ValueError) as error:
        raise Unfit("wrong_time") from error
    return Said(status=status, code=code if status == "rejected" else "", nonce=nonce, expected_on=day, data=said.get("data"))
