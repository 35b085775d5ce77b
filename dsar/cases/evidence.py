"""Files with which people show what is right: few, small, of kinds that are looked at and not believed, sealed where they lie, and gone with the answer (RIGHTS 3c)."""
from __future__ import annotations

import base64
import binascii
import os
import uuid
from datetime import datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from dsar.cases.models import Case, Evidence, EvidenceKind

BYTES = 2 * 1024 * 1024
TEXT = (BYTES + 2) // 3 * 4
"""So many letters a file has as programs send it."""
MOST = 3
TYPES = {EvidenceKind.PDF: ("application/pdf", "pdf"), EvidenceKind.PNG: ("image/png", "png"), EvidenceKind.JPEG: ("image/jpeg", "jpg"), EvidenceKind.TEXT: ("text/plain; charset=utf-8", "txt")}
_BEGINS = ((b"%PDF-", EvidenceKind.PDF), (b"\x89PNG\r\n\x1a\n", EvidenceKind.PNG), (b"\xff\xd8\xff", EvidenceKind.JPEG))


def kind_of(data: bytes) -> EvidenceKind | None:
    """What the bytes are, whatever their name says; None for everything that is not taken."""
    for begins, kind in _BEGINS:
        if data.startswith(begins):
            return kind
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return EvidenceKind.TEXT if text.strip() and not any(ord(c) < 32 and c not in "\t\r\n\f" for c in text) else None


def too_large() -> ValidationError:
    return ValidationError(_("The file is larger than 2 MB."), code="too_large")


def checked(data: bytes) -> bytes:
    """The file, if it is one that is taken."""
    if len(data) > BYTES:
        raise too_large()
    if kind_of(data) is None:
        raise ValidationError(_("Send a PDF, a PNG or JPEG image, or plain text. What the file is called does not count."), code="kind")
    return data


def decoded(text: str) -> bytes:
    """The file as programs send it, in base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValidationError(_("This is no file in base64."), code="base64") from error


def sealed(case: Case, data: bytes, now: datetime) -> Evidence:
    """The row, not written yet. The seal is good for this row alone."""
    row_id, nonce, kind = uuid.uuid4(), os.urandom(12), kind_of(data)
    assert kind is not None
    return Evidence(id=row_id, case=case, organization_id=case.organization_id, account_id=case.account_id, kind=kind, size=len(data), added_at=now,
                    sealed=nonce + AESGCM(settings.OUTBOX_KEY).encrypt(nonce, data, row_id.bytes))


def opened(row: Evidence) -> bytes:
    data = bytes(row.sealed)
    return AESGCM(settings.OUTBOX_KEY).decrypt(data[:12], data[12:], row.id.bytes)
