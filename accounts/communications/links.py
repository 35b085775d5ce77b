"""Links that switch mail off without signing in. Nobody can read in them whom they are for, and they work when the account is long gone."""
from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.urls import reverse

from accounts.addresses import address_key
from accounts.communications.kinds import KINDS

_WHAT = b"steward.communications.1"
_NONCE, _UUID, _MAC = 12, 16, 32


@dataclass(frozen=True)
class Link:
    """What a link is bound to: an address, as only its hash, an organization and a kind; and whom it was sent to, who may have another address by now, or be gone."""

    organization_id: UUID
    account_id: UUID
    address_mac: bytes
    kind: str


def mac(organization_id: UUID, address: str) -> bytes:
    """An address as the suppression list of this organization holds it. Without the installation's key it says nothing, and the lists of two organizations cannot be compared."""
    key = hmac.digest(settings.COMMUNICATIONS_KEY, organization_id.bytes, hashlib.sha256)
    return hmac.digest(key, address_key(address).encode(), hashlib.sha256)


def token(link: Link) -> str:
    """The link's secret: sealed, so that it can neither be read nor made by others."""
    nonce = os.urandom(_NONCE)
    plain = link.organization_id.bytes + link.account_id.bytes + link.address_mac + link.kind.encode()
    return base64.urlsafe_b64encode(nonce + AESGCM(settings.OUTBOX_KEY).encrypt(nonce, plain, _WHAT)).rstrip(b"=").decode()


def read(word: str) -> Link | None:
    """What the link is bound to; None for one that we did not make. Asks nothing of the database, so it tells nobody what is there."""
    try:
        sealed = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
        plain = AESGCM(settings.OUTBOX_KEY).decrypt(sealed[:_NONCE], sealed[_NONCE:], _WHAT)
        found = Link(UUID(bytes=plain[:_UUID]), UUID(bytes=plain[_UUID:2 * _UUID]), plain[2 * _UUID:2 * _UUID + _MAC], plain[2 * _UUID + _MAC:].decode())
    except (binascii.Error, InvalidTag, ValueError):
        return None
    return found if found.kind in KINDS else None


def url(*, organization_id: UUID, account_id: UUID, address: str, kind: str) -> str:
    """The link as it stands in a mail to this address."""
    link = Link(organization_id, account_id, mac(organization_id, address), kind)
    return settings.STEWARD_URL + reverse("communications", args=[token(link)])
