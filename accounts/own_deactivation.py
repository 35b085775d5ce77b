"""The way back for whoever switched their own account off: by signing in, by the link of the mail, or from the rights page."""
from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from accounts import rights
from accounts.models import Account, Membership
from accounts.reasons import NotFound
from accounts.tenancy import installation
from accounts.work import Work
from audit import recording

GROUND = "own_decision"
"""No administrator can give this ground, so it says that it was the person."""
SIGNED_IN_FOR = timedelta(minutes=30)
_MAIL, _PASSWORD = signing.Signer(salt="steward.deactivation.back"), signing.TimestampSigner(salt="steward.deactivation.back.password")


def own(account: Account) -> bool:
    """Whether the person switched this account off themselves, and nobody has done anything to it since."""
    return account.status == "deactivated" and account.reason_code == GROUND


def link(account: Account) -> str:
    """What the mail carries: it ends this one deactivation, as long as it lasts."""
    return settings.STEWARD_URL + reverse("come-back", args=[_MAIL.sign(_word(account))])


def way_back(account: Account) -> str:
    """Where whoever signs in to an account that they switched off is led, '' if it is not theirs to switch on."""
    return reverse("come-back", args=[_PASSWORD.sign(_word(account))]) if own(account) else ""


def _word(account: Account) -> str:
    return f"{account.id}.{account.auth_epoch}"


def behind(word: str) -> tuple[Account, str] | None:
    """Whose deactivation this link ends, and how whoever has it proved themselves; None for a link that is used, old, or about what is not theirs to end."""
    for signer, method, limits in ((_MAIL, "mail_link", {}), (_PASSWORD, "password", {"max_age": SIGNED_IN_FOR})):
        try:
            found, _dot, epoch = signer.unsign(word, **limits).partition(".")
        except signing.BadSignature:
            continue
        with installation("a link names the account"):
            account = Account.objects.filter(id=UUID(found), auth_epoch=int(epoch)).first()
        return (account, method) if account is not None and own(account) else None
    return None


def come_back(word: str, *, now: datetime) -> Account:
    """Switch the account on again. Raises NotFound for a link that means nothing any more."""
    found = behind(word)
    if found is None:
        raise NotFound
    switch_on(account_id=found[0].id, now=now, method=found[1])
    return found[0]


def switch_on(*, account_id: UUID, now: datetime, method: str) -> None:
    """The person comes back. Raises NotFound where it is not theirs to decide. `method` is how they proved themselves."""
    with installation("a person's own account"), transaction.atomic():
        list(Membership.objects.select_for_update().filter(account_id=account_id).order_by("id").values_list("id"))
        account = Account.objects.select_for_update().get(id=account_id)
        if not own(account):
            raise NotFound
        log, work = rights.log_of(account), Work(now=now)
        work.track(account)
        with recording.opened(org=log, now=now) as act:
            account.status, account.reason_code, account.reason_text = "active", "", ""
            account.status_until, account.status_changed_by, account.status_changed_at = None, None, now
            changes = work.changes_of(account, subject=account.id)
            work.flush()
            act.write([rights.draft(log, "account.own_reactivated", account, method=method, changes=changes)])
