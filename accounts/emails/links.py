"""Links in mails: each for one purpose and one address, used once. The database holds only their hashes."""
from __future__ import annotations

import base64
import hashlib
from typing import Literal

from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts.addresses import address_key
from accounts.models import AddressChange

Purpose = Literal["confirm", "undo"]
_COLUMN = {"confirm": "link_hash", "undo": "undo_hash"}


def secret(row: AddressChange, purpose: Purpose) -> str:
    """What the link carries. It follows from the installation's key, so that the mail can be written from the log later, and from nothing that the database holds."""
    address = row.new_key if purpose == "confirm" else address_key(row.old_address)
    mac = salted_hmac(f"steward.address_link.{purpose}", f"{row.id}:{address}", algorithm="sha256").digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def digest(word: str) -> bytes:
    return hashlib.sha256(word.encode()).digest()


def url(row: AddressChange, purpose: Purpose) -> str:
    """The link as it stands in the mail."""
    return f"{settings.STEWARD_URL}/address/{purpose}/{secret(row, purpose)}/"


def find(word: str, purpose: Purpose) -> AddressChange | None:
    """The change that this link is about, or None for one that is unknown, used, or for another purpose. Needs a reach that sees it."""
    return AddressChange.objects.select_related("account").filter(**{_COLUMN[purpose]: digest(word)}).first()
