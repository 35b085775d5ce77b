"""Pairwise identifiers: each program knows a person by an identifier of its own, so that two programs cannot join what they hold (OpenID Connect Core 1.0, section 8.1)."""
from __future__ import annotations

import base64
import hmac
from uuid import UUID

from django.conf import settings


def subject(*, account_id: UUID, application_id: UUID) -> str:
    """The identifier of the account at one program: 43 signs, the same for ever, different at each program."""
    found = hmac.digest(settings.SECRET_KEY.encode(), b"steward/pairwise/1" + application_id.bytes + account_id.bytes, "sha256")
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()
