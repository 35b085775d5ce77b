"""The copy of somebody who cannot sign in: their mailbox is one proof, the other is a code that the organization gave them by another way (RIGHTS 5)."""
from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import Account
from accounts.reasons import Refused
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.cases.intake import LETTERS
from dsar.cases.models import Case, Happening, State
from dsar.export import run
from dsar.models import Copy, CopyState

TRIES = 5
"""So many wrong codes, then the organization has to make another one."""
_LENGTH = 12


def vouched(happened: Iterable[Happening]) -> bool:
    """Whether two people said how they know that it was the person who asked."""
    return any(one.event == "proven" and one.by == "administrator" for one in happened)


def vouched_among(cases: Collection[UUID]) -> set[UUID]:
    """The same of many requests."""
    return set(Happening.objects.filter(case__in=cases, event="proven", by="administrator").values_list("case_id", flat=True)) if cases else set()


def waits(case: Case) -> Copy | None:
    """The copy of this request that is there to be fetched."""
    return Copy.objects.filter(for_case=case.id, account_id=case.account_id, state=CopyState.READY, downloads__lt=run.DOWNLOADS).first()


def mint(copy: Copy) -> tuple[str, str]:
    """A code for this copy, as it is read out or written down, and what is kept of it."""
    code = "".join(secrets.choice(LETTERS) for _ in range(_LENGTH))
    return "-".join(code[n:n + 4] for n in range(0, _LENGTH, 4)), _hash(copy.id, code)


def copy_of(case: Case, happened: Iterable[Happening], account: Account, now: datetime) -> Copy | None:
    """What can be fetched from the page that a mailbox opens, with a code. Whoever can sign in does: that is the better proof."""
    if account.status == "active" or case.state not in {State.READY, State.DELIVERED} or not vouched(happened):
        return None
    found = waits(case)
    return found if found and found.code_hash and found.code_tries < TRIES and found.expires_at and found.expires_at > now else None


def fetch(*, account: Account, case_id: UUID, code: str, actor: ActorRef, now: datetime) -> tuple[Copy, Iterator[bytes]]:
    """The copy, for whoever came by the mailbox and knows the code. Raises Refused; a wrong code is counted and written down."""
    with installation("a person and their own request"):
        with transaction.atomic():
            copy = _checked(account, case_id, code, actor, now)
        if copy is None:
            raise Refused({"": ["wrong_code"]})
        try:
            return run.fetch(holder=run.Holder(account=account.id), copy_id=copy.id, now=now, actor=actor, via="ui")
        except run.NotThere:
            raise Refused({"": ["nothing_to_fetch"]}) from None


def _checked(account: Account, case_id: UUID, code: str, actor: ActorRef, now: datetime) -> Copy | None:
    case = Case.objects.filter(id=case_id, account=account).first()
    found = copy_of(case, case.happenings.all(), account, now) if case else None
    copy = Copy.objects.select_for_update().get(id=found.id) if found else None
    if case is None or copy is None or not copy.code_hash or copy.code_tries >= TRIES:
        raise Refused({"": ["nothing_to_fetch"]})
    if constant_time_compare(copy.code_hash, _hash(copy.id, "".join(code.split()).replace("-", "").upper()[:40])):
        return copy
    with recording.opened(org=case.organization_id, now=now) as act:
        Copy.objects.filter(id=copy.id).update(code_tries=copy.code_tries + 1)
        facts = {"case": str(case.id), "tries": copy.code_tries + 1}
        act.write([EntryDraft(org=case.organization_id, action="case.fetch_code_wrong", category="rights", outcome="denied", actor=actor, via="ui", facts=facts, targets=[
            TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id), TargetRef(type="case", id=case.id)])])
    return None


def _hash(copy: UUID, code: str) -> str:
    return salted_hmac("steward.copy.code", f"{copy}:{code}", algorithm="sha256").hexdigest()
