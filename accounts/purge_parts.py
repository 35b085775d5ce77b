"""What accounts/ holds of a person, part by part, as a deletion removes it. Each part may run twice; `address` is the person's address in comparison form."""
from __future__ import annotations

from urllib.parse import quote

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone
from oauth2_provider.models import AccessToken, DeviceGrant, Grant, IDToken, RefreshToken

from accounts.emails import switching
from accounts.models import (
    Account,
    AddressChange,
    ApiToken,
    AppGrant,
    ClaimedAccount,
    GroupMembership,
    IdempotencyKey,
    LogoutCall,
    Mail,
    Membership,
    MembershipSnapshot,
    OrganizationUserPermission,
    Plan,
    PlanRow,
    ProgramSession,
    Protection,
    RightsRequest,
    RightsVisit,
    SavedView,
    ServiceAccess,
    Session,
    SetAside,
    Successor,
)
from accounts.models.plan import PlanState
from accounts.oauth import ending

OVER = (PlanState.DONE, PlanState.DENIED, PlanState.VOID, PlanState.EXPIRED, PlanState.CANCELLED, PlanState.STOPPED, PlanState.FAILED, PlanState.SUPERSEDED)

BEFORE = (PlanState.UPLOADED, PlanState.PREPARING, PlanState.PLANNED, PlanState.SCHEDULED)
"""Nothing has been done yet. About nobody but the person, nothing can be done any more, and its words go; about others too, it goes on without them."""


def credentials(account: Account, _address: str) -> dict[str, int]:
    """Every way in: sessions, tokens, second factors, addresses, grants of apps."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_session WHERE session_key IN (SELECT session_key FROM accounts_session WHERE account_id = %s)", [account.id])
    _receipts(account)
    found = {"sessions": Session.objects.filter(account=account).delete()[0], "tokens": ApiToken.objects.filter(account=account).delete()[0],
             "factors": Authenticator.objects.filter(user=account).delete()[0]}
    EmailAddress.objects.filter(user=account).delete()
    AddressChange.objects.filter(account=account).delete()
    ClaimedAccount.objects.filter(account=account).delete()
    ending.end(accounts=[account.id], now=timezone.now(), why="deleted")
    ProgramSession.objects.filter(account=account).delete()
    LogoutCall.objects.filter(account=account).exclude(state="due").delete()
    LogoutCall.objects.filter(account=account).update(account=None)  # programs are still told, by a name that only they know
    for model in (RefreshToken, AccessToken, IDToken, Grant, DeviceGrant):
        model.objects.filter(user_id=account.id).delete()
    AppGrant.objects.filter(account=account).delete()
    return found


def _receipts(account: Account) -> None:
    """What programs of the person sent, and how it was answered: for a day it is remembered under the person, or under a token of theirs that is about to go."""
    homes = ["", *Membership.objects.filter(account=account).values_list("organization_id", flat=True)]
    tokens = ApiToken.objects.filter(account=account).values_list("id", "organization_id")
    IdempotencyKey.objects.filter(actor__in=[*(f"user:{account.id}:{home}" for home in homes), *(f"token:{token}:{home}" for token, home in tokens)]).delete()


def memberships(account: Account, address: str) -> dict[str, int]:
    """What the person was and had in organizations. The memberships stay as removed ones, so that what they made still has a maker."""
    ids = list(Membership.objects.filter(account=account).values_list("id", flat=True))
    for model in (MembershipSnapshot, GroupMembership, ServiceAccess):
        model.objects.filter(membership_id__in=ids).delete()
    Protection.objects.filter(Q(membership_id__in=ids) | Q(administrator_id__in=ids)).delete()
    Successor.objects.filter(membership_id__in=ids).delete()
    SavedView.objects.filter(Q(owner_id__in=ids) | Q(query__icontains=address) | Q(query__icontains=quote(address))).delete()
    OrganizationUserPermission.objects.filter(user=account).delete()
    account.groups.clear()
    _plans(ids, address)
    SetAside.objects.filter(account=account).delete()  # before what names them: nothing comes back
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_membership SET status = 'removed', title = '', department = '', reason_code = 'account_deleted', reason_text = '', private_note = '', external_id = '',"
                       " directory = false, role_scope = NULL, protected = false,"
                       " status_until = NULL, contract_ends_on = NULL, inactivity_warned_at = NULL, inactivity_reminded_at = NULL, use_restricted = false,"
                       " use_freed = '{}', set_aside = '{}', restricted_mode = '', access_epoch = access_epoch + 1, version = version + 1 WHERE account_id = %s", [account.id])
    return {"memberships": len(ids)}


def _plans(ids: list[object], address: str) -> None:
    """Plans keep who was meant by id; lines of files with the address, and words of plans that are over, go."""
    PlanRow.objects.filter(Q(target__in=ids) | Q(data__email__iexact=address)).update(data=None)
    Plan.objects.filter(targets__overlap=ids, state=PlanState.AWAITING_APPROVAL).update(state=PlanState.VOID)
    Plan.objects.filter(targets__overlap=ids, targets__contained_by=ids, state__in=BEFORE).update(state=PlanState.VOID)
    Plan.objects.filter(targets__overlap=ids, state__in=OVER).update(data={}, summary={}, decision_note="")


def letters(account: Account, _address: str) -> dict[str, int]:
    """Mail to the person: what was not sent is not sent; of the rest stays that it was."""
    count = Mail.objects.filter(account=account).count()
    Mail.objects.filter(account=account, state="due").delete()
    Mail.objects.filter(account=account).update(address=switching.PLACEHOLDER, subject="", body="", context=None, last_error="")
    return {"letters": count}


def requests(account: Account, _address: str) -> dict[str, int]:
    """What the person asked for stays as a fact, without their words and the answer."""
    RightsVisit.objects.filter(account=account).delete()
    return {"requests": RightsRequest.objects.filter(account=account).update(words="", answer="")}


def rest(account: Account, _address: str) -> dict[str, int]:
    """What else this package says of the person: in every table, the columns that `AUDIT` calls personal, of the rows that point to the account or to a membership of it."""
    members, count = list(Membership.objects.filter(account=account).values_list("id", flat=True)), 0
    for model, links, columns in personal():
        match = Q()
        for link in links:
            match |= Q(**{f"{link.name}__in": [account.id] if link.related_model is Account else members})
        count += model._base_manager.filter(match).update(**{column.attname: None if column.null else column.get_default() if column.has_default() else "" for column in columns})
    return {"rows": count}


def personal() -> list[tuple[type[models.Model], list[models.ForeignKey], list[models.Field]]]:
    """The tables that hold personal values of whom they point to, with the columns that point and those that hold. The account itself and its mail have parts of their own."""
    found = []
    for model in apps.get_app_config("accounts").get_models():
        declared = getattr(model, "AUDIT", {})
        links = [f for f in model._meta.concrete_fields if isinstance(f, models.ForeignKey) and f.related_model in (Account, Membership)]
        columns = [f for f in model._meta.concrete_fields if declared.get(f.name) == "pii"]
        if links and columns and model is not Mail:
            found.append((model, links, columns))
    return found
