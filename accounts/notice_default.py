"""The notice that every organization starts with: the powers of this release in plain words, to be adopted as it is or edited."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts import notice
from accounts.models import NoticeVersion, Organization
from accounts.models.notice import Basis, NoticeState
from accounts.power import Power
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

TEXT = """What administrators of this organization can do to your access and, if the organization manages it, to your account, is listed below with the purpose of each.

Every act is recorded. What was done to you stands on your page "Who can do what", with who did it and why. If you think something is wrong, write to the contact there.

What ends a limitation, such as giving access back, is always possible. So is locking an account that may be in the wrong hands, to protect it."""
_ACCESS, _ACCOUNT, _CREDENTIAL = "To decide who may use the organization's services, and to end access that is no longer needed or does harm.", \
    "To look after the accounts that the organization manages while somebody belongs to it, and to end them afterwards.", "To keep accounts and what is in them from falling into the wrong hands."
_ENDING, _AGAIN = "To keep no account, and nothing that identifies a person, for longer than it is needed.", "To give an address that an account no longer needs to whoever needs it now."
PURPOSES: dict[str, tuple[str, Basis]] = {
    "restrict": (_ACCESS, Basis.LEGITIMATE), "suspend": (_ACCESS, Basis.LEGITIMATE), "remove": (_ACCESS, Basis.CONTRACT),
    "restrict-service-access": (_ACCESS, Basis.LEGITIMATE), "take-service-access": (_ACCESS, Basis.LEGITIMATE),
    "set-contract-end": ("To end access by itself when somebody's time with the organization is over.", Basis.CONTRACT),
    "set-inactivity-rule": ("To end access by itself that nobody has used for a long time, after telling the person twice.", Basis.LEGITIMATE),
    "set-unused-accounts-rule": ("To keep no account that nobody has used for a long time, after telling its holder three times.", Basis.LEGITIMATE),
    "deactivate": (_ACCOUNT, Basis.CONTRACT),
    "require-password-reset": (_CREDENTIAL, Basis.LEGITIMATE), "revoke-sessions": (_CREDENTIAL, Basis.LEGITIMATE), "revoke-tokens": (_CREDENTIAL, Basis.LEGITIMATE),
    "reset-second-factor": ("To let somebody back in who lost their second factor.", Basis.CONTRACT),
    "update-profile": ("To keep names, titles and departments right, so that people find each other.", Basis.LEGITIMATE),
    "suggest-change": ("To tell people that something on their own profile looks out of date.", Basis.LEGITIMATE),
    "view-content": ("To look into records of an account that the organization manages where there is a serious ground, by two people, and to tell the person.", Basis.LEGITIMATE),
    "export-organization": ("To take everything of the organization along, for example to another house, with what is private of people only if they agree or two people decide.", Basis.LEGITIMATE),
    "export-person": ("To give people a copy of what is held about them, when they cannot get it by themselves.", Basis.LEGAL_DUTY),
    "add-to-group": ("To give people what their team needs.", Basis.LEGITIMATE),
    "schedule-deletion": (_ENDING, Basis.LEGITIMATE), "expedite-deletion": (_ENDING, Basis.LEGITIMATE),
    "change-email": ("To keep the address right with which people sign in and are reached, for example after a change of name.", Basis.LEGITIMATE),
    "transfer-account": ("To hand accounts on when people work for another organization from now on, or this one ends.", Basis.LEGITIMATE),
    "accept-transfer": ("To look after the accounts of people whom another organization hands on to us.", Basis.LEGITIMATE),
    "release-address": (_AGAIN, Basis.LEGITIMATE), "free-address": (_AGAIN, Basis.LEGITIMATE),
    "remove-recovery-address": ("To keep an account from being taken over through a second mailbox that is in the wrong hands.", Basis.LEGITIMATE),
}


def governed() -> list[Power]:
    """The powers that a notice has to name before they can be used."""
    return [power for name in settings.POWER_LISTS for power in import_string(name) if power.governed]


def words(power: Power) -> dict[str, str]:
    """Purpose and ground that we suggest for a power."""
    purpose, basis = PURPOSES[power.slug]
    return {"purpose": purpose, "basis": str(basis)}


def first(organization_id: uuid.UUID, *, now: datetime, powers: Iterable[Power] | None = None) -> NoticeVersion:
    """The first version, published and in effect; saving is the caller's."""
    chosen = list(governed() if powers is None else powers)
    row = NoticeVersion(organization_id=organization_id, number=1, state=NoticeState.PUBLISHED, powers=sorted(power.slug for power in chosen), words={power.slug: words(power) for power in chosen},
                        text=TEXT, created_at=now, published_at=now, effective_at=now)
    row.meanwhile = row.powers
    row.digest = notice.digest(row)
    return row


def adopt_everywhere(*, now: datetime) -> int:
    """An upgrade gives every organization that never published a notice the first one, so that what could be done yesterday can be done today. Returns how many."""
    with installation("an upgrade publishes the first notice where there is none"):
        without = list(Organization.objects.exclude(id__in=NoticeVersion.objects.filter(state=NoticeState.PUBLISHED).values("organization_id")).order_by("id"))
        for organization in without:
            with transaction.atomic(), recording.opened(org=organization.id, now=now) as act:
                row = first(organization.id, now=now)
                taken = NoticeVersion.objects.filter(organization=organization).order_by("-number").values_list("number", flat=True).first() or 0
                row.number = taken + 1
                row.save(force_insert=True)
                act.write([EntryDraft(org=organization.id, action="notice.adopted", category="notice", outcome="success", actor=ActorRef(type="operator"), via="upgrade",
                                      targets=[TargetRef(type="notice", id=row.id, label=str(row.number))], facts={"number": row.number, "digest": row.digest, "powers": row.powers})])
    return len(without)
