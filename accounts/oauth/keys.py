"""The key that our statements to programs are signed with: made at first need, kept encrypted, replaced by a command."""
from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from jwcrypto import jwk, jws, jwt
from jwcrypto.common import JWException

from accounts import outbox
from accounts.models import SigningKey
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

SHOWN_AFTER = timedelta(days=1)
"""So long a replaced key is still shown: what it signed is valid for minutes, but programs keep the list for hours."""


def current(*, now: datetime) -> SigningKey:
    """The key in use. The first one is made here, with its entry in the installation's log."""
    found = SigningKey.objects.filter(retired_at=None).first()
    if found is not None:
        return found
    try:
        with transaction.atomic(), recording.opened(org=INSTALLATION, now=now) as act:
            made = _make(now)
            act.write([_draft("installation.signing_key_made", made.id)])
        return made
    except IntegrityError:  # another process was faster
        return SigningKey.objects.get(retired_at=None)


def rotate(*, now: datetime) -> SigningKey:
    """Put a new key in the place of the present one, whose private half is forgotten. Statements that it signed go on verifying for as long as they are valid."""
    with transaction.atomic(), recording.opened(org=INSTALLATION, now=now) as act:
        SigningKey.objects.filter(retired_at=None).update(retired_at=now, sealed="")
        made = _make(now)
        act.write([_draft("installation.signing_key_rotated", made.id)])
    return made


def public(*, now: datetime) -> dict[str, Any]:
    """What programs verify with: the key in use, and the one before it for a day (RFC 7517)."""
    current(now=now)
    rows = SigningKey.objects.order_by("-made_at")
    return {"keys": [row.public for row in rows if row.retired_at is None or row.retired_at + SHOWN_AFTER > now]}


def sign(claims: dict[str, Any], *, now: datetime, kind: str = "JWT") -> str:
    """A signed statement (RFC 7519), RS256."""
    row = current(now=now)
    made = jwt.JWT(header=json.dumps({"typ": kind, "alg": "RS256", "kid": str(row.id)}), claims=json.dumps(claims))
    made.make_signed_token(_private(row.id, row.sealed))
    return str(made.serialize())


def read(text: str) -> dict[str, Any] | None:
    """The claims of a statement that one of our keys signed, however long ago; None for anything else."""
    try:
        parsed = jws.JWS()
        parsed.deserialize(text)
        kid = UUID(str(parsed.jose_header.get("kid", "")))
        row = SigningKey.objects.filter(id=kid).first()
        if row is None or parsed.jose_header.get("alg") != "RS256":
            return None
        parsed.verify(jwk.JWK(**row.public), alg="RS256")
        claims = json.loads(parsed.payload)
    except (JWException, ValueError, TypeError, AttributeError):
        return None
    return claims if isinstance(claims, dict) else None


@lru_cache(maxsize=4)
def _private(_key_id: UUID, sealed: str) -> jwk.JWK:
    return jwk.JWK.from_json(outbox.open_text(sealed))


def _make(now: datetime) -> SigningKey:
    key_id = uuid.uuid4()
    made = jwk.JWK.generate(kty="RSA", size=2048, kid=str(key_id), use="sig", alg="RS256")
    return SigningKey.objects.create(id=key_id, sealed=outbox.seal_text(made.export_private()), public=made.export_public(as_dict=True), made_at=now)


def _draft(event: str, key_id: UUID) -> EntryDraft:
    return EntryDraft(org=INSTALLATION, action=event, category="account", outcome="success", actor=ActorRef(type="operator"), targets=[TargetRef(type="signing_key", id=key_id)])
