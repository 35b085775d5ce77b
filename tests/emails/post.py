"""The mailboxes of a test: what the log leads to is owed, and the links in it are read as people read them."""
from __future__ import annotations

import re
from datetime import datetime

from accounts import deletion_news, mail, outbox, tenancy
from accounts.emails import news
from accounts.models import Mail
from audit import subscribers
from tests.audit.logs import number_all

_LINK = re.compile(r"/address/(?:confirm|undo)/([A-Za-z0-9_-]+)/")


def delivered(account_id: object, *, address: str = "", template: str = "") -> list[tuple[str, str, str]]:
    """(template, address, text) of the mails about this account, oldest first, rendered as they would be sent."""
    with tenancy.installation("a test reads the post"):
        number_all()
        subscribers.drain([mail.SUBSCRIBER, news.SUBSCRIBER, deletion_news.SUBSCRIBER])
        rows = Mail.objects.filter(account_id=account_id).order_by("created_at", "id")
        rows = rows.filter(address=address) if address else rows
        rows = rows.filter(template=template) if template else rows
        return [(row.template, row.address, outbox.render(row)[1] if row.context else row.body) for row in rows]


def sent(account_id: object, *, now: datetime) -> None:
    """What is owed to this person leaves the house."""
    with tenancy.installation("a test sends the post"):
        Mail.objects.filter(account_id=account_id, state="due").update(state="sent", sent_at=now, next_attempt_at=None)


def word(account_id: object, address: str) -> str:
    """The secret of the newest link that went to this mailbox."""
    found = [match for _template, _address, text in delivered(account_id, address=address) for match in _LINK.findall(text)]
    assert found, f"no link for {address}"
    return found[-1]
