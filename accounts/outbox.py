"""The outbox: mails are owed inside the transaction that causes them, and sent afterwards by the worker."""
from __future__ import annotations

import base64
import logging
import os
import random
import re
from collections.abc import Iterable, Mapping
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

from accounts.addresses import address_key
from accounts.communications import kinds, links
from accounts.models import Account, Mail

logger = logging.getLogger("steward.outbox")
ATTEMPTS = 12
_LINK = re.compile(r"https?://\S*/(?:sign-in/reset|sign-in/confirm|invitation|rights/open|rights/agent/confirm|stop|keep-ownership|address/confirm|address/undo|claim|leave-claim|leave-transfer|keep-account|come-back|communications|calendar|relays/acknowledge)/\S+")


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


def owe(*, template: str, account: Account, context: dict[str, Any], entry: UUID | None, organization_id: UUID | None, now: datetime, address: str = "", **more: Any) -> None:
    """Owe one mail. For the same entry, template and address it is owed once, however often this is called.

    `address` is another mailbox than the account's present one: the one it had, the one it is to have, or its recovery address.
    """
    _owe({account: address or account.email}, template=template, context=context, entry=entry, organization_id=organization_id, now=now, **more)


def owe_to(*, template: str, address: str, account: Account | None, context: dict[str, Any], entry: UUID, organization_id: UUID, now: datetime) -> None:
    """Owe a mail to somebody who has no account here. `account` is whoever is named in it, with whom it is erased; None where nobody is."""
    Mail.objects.bulk_create([Mail(account=account, address=address, template=template, context=_seal(orjson.dumps(context)), entry=entry, organization_id=organization_id,
                                   next_attempt_at=now, created_at=now)], ignore_conflicts=True)


def owe_all(*, template: str, accounts: Iterable[Account], context: dict[str, Any], entry: UUID | None, organization_id: UUID | None, now: datetime) -> None:
    """Owe the same mail to many, in one statement."""
    _owe({account: account.email for account in accounts}, template=template, context=context, entry=entry, organization_id=organization_id, now=now)


def _owe(mailboxes: Mapping[Account, str], *, context: dict[str, Any], now: datetime, **more: Any) -> None:
    sealed = orjson.dumps(context)
    Mail.objects.bulk_create([Mail(account=account, address=address, context=_seal(sealed), next_attempt_at=now, created_at=now, **more) for account, address in mailboxes.items()
                              if account.kind != "service" and not address.endswith("@released.invalid")],  # there is no mailbox; whoever answers for a service account reads the log
                             ignore_conflicts=True)


def deliver(*, now: datetime, limit: int = 100) -> int:
    """Send what is due, each mail in its own transaction. Returns how many were sent. Safe to run twice at once.

    When the server does not answer, the round ends: the next mail would only wait as long again, and other work waits with it.
    """
    sent = 0
    for _ in range(limit):
        with transaction.atomic():
            mail = _next(now)
            if mail is None:
                return sent
            done = _send(mail, now)
            sent += done
        if not done and mail.last_error in _NO_ANSWER:
            _write_waiting(now, limit)
            return sent
    return sent


def _next(now: datetime) -> Mail | None:
    """The next mail. What people can do without waits for what they cannot: nobody's new password stands in line behind ten thousand announcements."""
    due = Mail.objects.select_for_update(skip_locked=True).filter(state="due", next_attempt_at__lte=now).order_by("next_attempt_at")
    return due.exclude(template__in=kinds.OPTIONAL).first() or due.filter(template__in=kinds.OPTIONAL).first()


_NO_ANSWER = frozenset({"TimeoutError", "ConnectionRefusedError", "ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", "OSError", "gaierror", "SSLError",
                        "SSLCertVerificationError", "SMTPConnectError", "SMTPServerDisconnected"})


def _write_waiting(now: datetime, limit: int) -> None:
    """The mails that were not tried because the server is away: their words, so that the people read them in the portal."""
    with transaction.atomic():
        for mail in Mail.objects.select_for_update(skip_locked=True, of=("self",)).filter(state="due", next_attempt_at__lte=now, subject="").order_by("next_attempt_at")[:limit]:
            try:
                _keep_words(mail, *render(mail)[:2])
            except Exception as error:  # its own attempt says so, and counts it
                logger.warning("mail %s cannot be written: %s", mail.id, type(error).__name__)
            else:
                mail.save(update_fields=["subject", "body"])


def _keep_words(mail: Mail, subject: str, body: str) -> None:
    """What people read later, in the portal and in the record: the words, without links that carry authority."""
    mail.subject, mail.body = subject[:300], _LINK.sub("[link removed]", body)


def _send(mail: Mail, now: datetime) -> int:
    kind = kinds.of(mail.template)
    if kind is not None and not _wanted(mail, kind):
        return _hold_back(mail)
    try:
        subject, body, html = render(mail)
        _keep_words(mail, subject, body)
    except Exception as error:  # a mail that cannot be written must not hold up the others
        return _not_sent(mail, error, now)
    message = EmailMultiAlternatives(subject=subject, body=body, to=[mail.address],
                                     headers={"Message-ID": f"<{mail.id}@steward>", "Auto-Submitted": "auto-generated", **(_unsubscribing(mail, kind) if kind else {})})
    message.attach_alternative(html, "text/html")
    try:
        message.send()
    except (OSError, ValueError) as error:  # not accepted, or no header can hold it
        return _not_sent(mail, error, now)
    mail.attempts += 1
    mail.state, mail.sent_at, mail.next_attempt_at, mail.last_error = "sent", now, None, ""
    mail.context = None
    mail.save(update_fields=["attempts", "state", "sent_at", "next_attempt_at", "last_error", "subject", "body", "context"])
    return 1


def _wanted(mail: Mail, kind: kinds.Kind) -> bool:
    from accounts.communications.sending import may_go  # which owes by way of this module

    return may_go(account=mail.account, address_key=address_key(mail.address), organization_id=mail.organization_id, kind=kind.name)


def _hold_back(mail: Mail) -> int:
    """Somebody does not want it, or is not there any more. It is not sent, and nothing of its words is kept."""
    mail.state, mail.next_attempt_at, mail.context, mail.subject, mail.body, mail.last_error = "held", None, None, "", "", ""
    mail.save(update_fields=["state", "next_attempt_at", "context", "subject", "body", "last_error"])
    return 0


def _link(mail: Mail, kind: kinds.Kind) -> str:
    assert mail.organization_id is not None and mail.account_id is not None
    return links.url(organization_id=mail.organization_id, account_id=mail.account_id, address=mail.address, kind=kind.name)


def _unsubscribing(mail: Mail, kind: kinds.Kind) -> dict[str, str]:
    """What a mail program needs for a button that switches this off (RFC 2369, RFC 8058)."""
    return {"List-Unsubscribe": f"<{_link(mail, kind)}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _not_sent(mail: Mail, error: Exception, now: datetime) -> int:
    """Try again later, longer each time; after the last attempt administrators see that it failed."""
    mail.attempts += 1
    mail.last_error = type(error).__name__
    mail.next_attempt_at = now + timedelta(seconds=min(30 * 2**mail.attempts, 6 * 3600) * random.uniform(0.8, 1.2))  # noqa: S311
    if mail.attempts >= ATTEMPTS:
        mail.state, mail.next_attempt_at = "failed", None
    mail.save(update_fields=["attempts", "last_error", "next_attempt_at", "state", "subject", "body"])
    logger.warning("mail %s was not accepted: %s", mail.id, mail.last_error)
    return 0


def render(mail: Mail) -> tuple[str, str, str]:
    """Subject, text and HTML in the recipient's language."""
    context = {**orjson.loads(_open(bytes(mail.context or b""))), "account": mail.account, "url": settings.STEWARD_URL}
    if (kind := kinds.of(mail.template)) is not None:
        context["unsubscribe"] = _link(mail, kind)
    with translation.override(mail.account.language if mail.account else settings.LANGUAGE_CODE):
        subject = render_to_string(f"mail/{mail.template}/subject.txt", context).strip().replace("\n", " ")
        body = render_to_string(f"mail/{mail.template}/body.txt", context).strip() + "\n"
        return subject, body, render_to_string("mail/shell.html", {"subject": subject, "body": body})
