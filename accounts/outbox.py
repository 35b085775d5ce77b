"""The outbox: mails are owed inside the transaction that causes them, and sent afterwards by the worker."""
from __future__ import annotations

import base64
import logging
import os
import random
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from accounts.models import Account, Mail

logger = logging.getLogger("steward.outbox")
ATTEMPTS = 12
_LINK = re.compile(r"https?://\S*/(?:sign-in/reset|sign-in/confirm|invitation|stop)/\S+")


def _seal(data: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(settings.OUTBOX_KEY).encrypt(nonce, data, b"")


def _open(data: bytes) -> bytes:
    return AESGCM(settings.OUTBOX_KEY).decrypt(data[:12], data[12:], b"")


def seal_text(text: str) -> str:
    """A secret text for a column, encrypted with the installation's key."""
    return base64.b64encode(_seal(text.encode())).decode()


def open_text(text: str) -> str:
    return _open(base64.b64decode(text)).decode()


def owe(*, template: str, account: Account, context: dict[str, Any], entry: UUID | None, organization_id: UUID | None, now: datetime) -> None:
    """Owe one mail. For the same entry, template and address it is owed once, however often this is called."""
    if account.kind == "service":
        return  # it has no mailbox; whoever answers for it reads the log
    Mail.objects.bulk_create([Mail(
        entry=entry, organization_id=organization_id, account=account, template=template, address=account.email,
        context=_seal(orjson.dumps(context)), next_attempt_at=now, created_at=now)], ignore_conflicts=True)


def deliver(*, now: datetime, limit: int = 100) -> int:
    """Send what is due, each mail in its own transaction. Returns how many were sent. Safe to run twice at once."""
    sent = 0
    for _ in range(limit):
        with transaction.atomic():
            mail = Mail.objects.select_for_update(skip_locked=True).filter(state="due", next_attempt_at__lte=now).order_by("next_attempt_at").first()
            if mail is None:
                return sent
            sent += _send(mail, now)
    return sent


def _send(mail: Mail, now: datetime) -> int:
    subject, body, html = render(mail)
    message = EmailMultiAlternatives(subject=subject, body=body, to=[mail.address], headers={"Message-ID": f"<{mail.id}@steward>", "Auto-Submitted": "auto-generated"})
    message.attach_alternative(html, "text/html")
    mail.attempts += 1
    try:
        message.send()
    except OSError as error:
        mail.last_error = type(error).__name__
        mail.next_attempt_at = now + timedelta(seconds=min(30 * 2**mail.attempts, 6 * 3600) * random.uniform(0.8, 1.2))  # noqa: S311
        if mail.attempts >= ATTEMPTS:
            mail.state, mail.next_attempt_at = "failed", None
        mail.save(update_fields=["attempts", "last_error", "next_attempt_at", "state"])
        logger.warning("mail %s was not accepted: %s", mail.id, mail.last_error)
        return 0
    mail.state, mail.sent_at, mail.next_attempt_at, mail.last_error = "sent", now, None, ""
    mail.subject, mail.body, mail.context = subject[:300], _LINK.sub("[link removed]", body), None
    mail.save(update_fields=["attempts", "state", "sent_at", "next_attempt_at", "last_error", "subject", "body", "context"])
    return 1


def render(mail: Mail) -> tuple[str, str, str]:
    """Subject, text and HTML in the recipient's language."""
    context = {**orjson.loads(_open(bytes(mail.context or b""))), "account": mail.account, "url": settings.STEWARD_URL}
    with translation.override(mail.account.language if mail.account else settings.LANGUAGE_CODE):
        subject = render_to_string(f"mail/{mail.template}/subject.txt", context).strip().replace("\n", " ")
        body = render_to_string(f"mail/{mail.template}/body.txt", context).strip() + "\n"
        return subject, body, render_to_string("mail/shell.html", {"subject": subject, "body": body})
