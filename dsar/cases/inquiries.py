"""What somebody writes without a session: a request for an address, or a question after one. Until the code from the mailbox is typed it is nobody's (RIGHTS 3d, 3g).

Whoever is named, the same happens to what they see and takes as long: the address is looked up by the worker, and what it finds is told to the mailbox alone.
"""
from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import outbox, rights
from accounts.models import Account, Mail, Management, Membership, Organization
from accounts.reasons import Refused
from accounts.tenancy import installation
from audit import recording
from audit.record import EntryDraft, TargetRef
from dsar.cases import mailbox
from dsar.cases.intake import LETTERS
from dsar.cases.models import Case, Inquiry, Letters, Right

CODE_LIVES, VISIT_LIVES, KEPT = timedelta(minutes=10), timedelta(minutes=30), timedelta(days=1)
TRIES, MAILS = 5, 5
"""So many tries for one code, and so many codes to one mailbox within an hour."""


class Wrong(Exception):
    """The code is not right, or not any more: which of both nobody learns."""


def write(*, said: dict[str, str], now: datetime) -> str:
    """Keep what was written, sealed. Returns the secret of the browser that wrote it."""
    secret = secrets.token_urlsafe(32)
    Inquiry.objects.create(id=uuid.uuid4(), said=outbox.seal_text(orjson.dumps(said).decode()).encode(), browser_hash=_hash(secret), asked_at=now)
    return secret


def waiting() -> bool:
    return Inquiry.objects.filter(code_until=None).exists()


def answer(*, now: datetime, limit: int = 200) -> int:
    """Look up whom each of them means, and owe the codes. Needs to see every organization. Returns how many were owed."""
    owed = 0
    for number in list(Inquiry.objects.filter(code_until=None).order_by("asked_at").values_list("id", flat=True)[:limit]):
        with transaction.atomic():
            row = Inquiry.objects.select_for_update(skip_locked=True).filter(id=number, code_until=None).first()
            if row is not None:
                owed += _answer(row, now)
    Inquiry.objects.filter(asked_at__lt=now - KEPT).delete()
    return owed


def _answer(row: Inquiry, now: datetime) -> bool:
    said = _said(row)
    account, code = rights.behind(said["email"]), _code()
    row.code_until, row.code_hash = now + CODE_LIVES, secrets.token_bytes(32)  # of an address that nobody has, a code that nobody knows
    known = account is not None and _meant(row, account, said)
    if known:
        assert account is not None
        row.account, row.code_hash = account, _code_hash(row, account, code)
    row.save(update_fields=["account", "organization", "case", "code_hash", "code_until"])
    if account is None or Mail.objects.filter(account=account, template="rights-code", created_at__gt=now - timedelta(hours=1)).count() >= MAILS:
        return False
    places = [] if known or "reference" in said else sorted(o.name for o in _places(account))
    outbox.owe(template="rights-code", account=account, address=rights.stored(account, said["email"]), entry=None, organization_id=None, now=now,
               context={"code": f"{code[:4]}-{code[4:]}" if known else "", "minutes": int(CODE_LIVES.total_seconds() // 60), "places": places, "reference": said.get("reference", ""),
                        "agent": said.get("agent_name", ""), "agent_email": said.get("agent_email", ""), "letters": str(Letters(said["letters"]).label) if said.get("letters") else "",
                        "right": str(Right(said["right"]).label) if "right" in said else ""})
    return True


def _meant(row: Inquiry, account: Account, said: dict[str, str]) -> bool:
    """Whether what was written is about something of this account: the request, or the organization."""
    if "reference" in said:
        row.case = Case.objects.filter(account=account, reference=said["reference"].strip().upper()).first()
        return row.case is not None
    places, word = _places(account), said["organization"].strip().casefold()
    found = [o for o in places if word in {o.slug.casefold(), o.name.casefold()}] if word else places
    row.organization = found[0] if len(found) == 1 else None
    return row.organization is not None


def _places(account: Account) -> list[Organization]:
    """Where the person is or was, and who manages the account."""
    member = Membership.objects.filter(account=account).exclude(status="invited").values("organization_id")
    return list(Organization.objects.filter(Q(id__in=member) | Q(id__in=Management.objects.filter(account=account).values("organization_id"))).order_by("name"))


def prove(*, secret: str, code: str, now: datetime) -> Case:
    """The code from the mailbox: what was written becomes a request, or shows one; for half an hour this browser follows it. Raises Wrong.

    Wrong, too late or for nobody, it is one look, one comparison and one change of the row.
    """
    with installation("a mailbox is proven"), transaction.atomic():
        row = Inquiry.objects.select_for_update(of=("self",)).filter(browser_hash=_hash(secret)).select_related("account").first()
        if row is None:
            raise Wrong
        right = constant_time_compare(bytes(row.code_hash or b"-" * 32), _code_hash(row, row.account, _typed(code)))
        right &= row.account is not None and row.account.status != "purged" and row.until is None and row.tries < TRIES and row.code_until is not None and row.code_until > now
        row.tries = min(row.tries + 1, TRIES)
        if right:
            row.until, row.code_hash = now + VISIT_LIVES, None
        row.save(update_fields=["tries", "until", "code_hash"])
        if right:
            return _proven(row, now)
    raise Wrong  # outside: the try is counted


def _proven(row: Inquiry, now: datetime) -> Case:
    assert row.account is not None
    if row.case is None:
        said = _said(row)
        row.case, again = mailbox.receive(account_id=row.account.id, organization_id=row.organization_id, right=said["right"], words=said["words"], now=now,
                                          agent=said if said.get("agent_name") else None)
        if again and said.get("agent_name"):  # what the person asked themselves is not shown to whoever acts for them
            raise Refused({"": ["asked_already"]})
    else:
        _seen(row.case, row.account, now)
    row.said = b""
    row.save(update_fields=["case", "said"])
    return row.case


def _seen(case: Case, account: Account, now: datetime) -> None:
    with recording.opened(org=case.organization_id, now=now) as act:
        act.write([EntryDraft(org=case.organization_id, action="rights.page_opened", category="rights", outcome="success", actor=mailbox.by(account), via="ui", facts={"case": str(case.id)},
                              targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id), TargetRef(type="case", id=case.id)])])


def visited(*, secret: str, now: datetime) -> tuple[Account, UUID] | None:
    """Whose request this browser follows, while that lasts."""
    row = Inquiry.objects.filter(browser_hash=_hash(secret), until__gt=now).select_related("account").first() if secret else None
    return (row.account, row.case_id) if row and row.account is not None and row.account.status != "purged" and row.case_id else None


def end(*, secret: str) -> None:
    Inquiry.objects.filter(browser_hash=_hash(secret)).delete()


def _said(row: Inquiry) -> dict[str, str]:
    return orjson.loads(outbox.open_text(bytes(row.said).decode()))


def _code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(8))


def _typed(code: str) -> str:
    return "".join(code.split()).replace("-", "").upper()[:20]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _code_hash(row: Inquiry, account: Account | None, code: str) -> bytes:
    """Bound to what was written and to the address that the account has: with another one it opens nothing."""
    return salted_hmac("steward.rights.code", f"{row.id}:{account.email_key if account else ''}:{code}", algorithm="sha256").digest()
