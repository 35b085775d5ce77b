"""The demo's mailbox: mail is written to a folder instead of leaving the machine, and a page shows it."""
from __future__ import annotations

import email
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage as Parsed
from email.policy import default
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class Backend(BaseEmailBackend):
    """Writes each mail as one .eml file, readable by the owner of the installation only."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        settings.MAILBOX.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"
            part = settings.MAILBOX / f".{name}"
            part.write_bytes(message.message().as_bytes())
            part.rename(settings.MAILBOX / f"{name}.eml")
        return len(email_messages)


@dataclass(frozen=True)
class Letter:
    id: str
    to: str
    subject: str
    date: str
    body: str


def letters(*, limit: int = 100) -> list[Letter]:
    """The newest mails first."""
    if not settings.MAILBOX.is_dir():
        return []
    return [_read(path) for path in sorted(settings.MAILBOX.glob("*.eml"), reverse=True)[:limit]]


def letter(name: str) -> Letter | None:
    """One mail by its id, or None."""
    path = settings.MAILBOX / f"{Path(name).name}.eml"
    return _read(path) if path.is_file() else None


def _read(path: Path) -> Letter:
    parsed = email.message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(parsed, Parsed)
    body = parsed.get_body(("plain",))
    return Letter(id=path.stem, to=str(parsed["To"]), subject=str(parsed["Subject"]), date=str(parsed["Date"]), body=body.get_content() if body else "")
