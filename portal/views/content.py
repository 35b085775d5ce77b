"""Opened content: who may read records of whom and what came of it, and the pages on which whoever may reads them (POWERS P3 "in")."""
from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit_reading, keyset
from accounts.actor import Actor
from accounts.models import Account, Membership
from accounts.people import Person
from accounts.purposes import handle
from accounts.reasons import NotFound, text
from dsar.content import life, readers
from dsar.content.model import ContentAccess
from dsar.content.telling import FACT
from dsar.powers.content import GROUNDS, VIEW
from portal.organization import enter
from portal.views.stepup import ask

TIER = 1
"""Whoever reads has just proved who they are: an open browser is not enough."""
SIZE = 25


def visible(actor: Actor) -> Any:
    """The accesses that this actor may know of. One to their own records only once they were told, as everybody else is."""
    rows = ContentAccess.objects.filter(organization_id=actor.organization_id)
    return rows.exclude(account_id=actor.account_id, told_at=None)


def names(organization_id: UUID, accounts: Collection[UUID]) -> dict[UUID, tuple[UUID | None, str]]:
    """The membership and name of each of these accounts in the organization; a handle for whoever may not be shown."""
    rows = Membership.objects.filter(organization_id=organization_id, account_id__in=accounts).values_list("account_id", "id", "account__name", "account__email")
    shown: dict[UUID, tuple[UUID | None, str]] = {account: (row, name or email) for account, row, name, email in rows}
    return {account: shown.get(account) or (None, handle(account)) for account in accounts}


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every access of the organization, the newest first: open and past."""
    actor, now = enter(request, slug, permission=VIEW.permission), timezone.now()
    assert actor.organization_id is not None
    page = keyset.fetch(select="SELECT id", source="dsar_contentaccess", where=["organization_id = %s", "(account_id <> %s OR told_at IS NOT NULL)"], values=[actor.organization_id, actor.account_id],
                        keys=(("-EXTRACT(EPOCH FROM granted_at)", "numeric"), ("id", "uuid")), binding=f"accesses:{actor.organization_id}", cursor=request.GET.get("cursor", "")[:2000], size=SIZE)
    found = ContentAccess.objects.in_bulk([row[0] for row in page.rows])
    rows = [found[row[0]] for row in page.rows if row[0] in found]
    who = names(actor.organization_id, {row.account_id for row in rows})
    by = dict(Account.objects.filter(id__in={row.viewer for row in rows}).values_list("id", "name"))
    return render(request, "content/index.html", {"rows": [shown(row, now) | {"person": who[row.account_id][1], "viewer": by.get(row.viewer, "")} for row in rows], "page": page})


def shown(row: ContentAccess, now: datetime) -> dict[str, Any]:
    """An access in words."""
    known = readers.kinds()
    return {"row": row, "open": row.ended_at is None and row.ends_at > now, "ground": dict(GROUNDS).get(row.ground, row.ground), "kinds": [known[key] for key in row.kinds if key in known],
            "told_later": row.told_at is None, "how": _how(row)}


def _how(row: ContentAccess) -> str:
    """How it ended."""
    if row.ended_how in {"", life.OVER}:
        return _("Its time was over.")
    if row.ended_how == life.RESTORED:
        return _("It ended when a backup was brought back.")
    return _("It was ended by hand.") if row.ended_how == life.WITHDRAWN else text(row.ended_how)


def _find(request: HttpRequest, slug: str, access_id: UUID) -> tuple[Actor, ContentAccess, Person | None]:
    actor = enter(request, slug, permission=VIEW.permission)
    row = visible(actor).filter(id=access_id).first()
    if row is None:
        raise NotFound
    return actor, row, life.person_of(row)


def access(request: HttpRequest, slug: str, access_id: UUID) -> HttpResponse:
    """One access: what was agreed on; and for whoever may read by it, what there is to be opened."""
    actor, row, person = _find(request, slug, access_id)
    now, codes = timezone.now(), life.why_not(row, actor, person, timezone.now())
    if not codes and actor.tier(now) < TIER:
        return ask(request, TIER)
    member, name = names(row.organization_id, {row.account_id})[row.account_id]
    context = {**shown(row, now), "person": name, "member": member, "viewer": Account.objects.filter(id__in=[row.viewer]).values_list("name", flat=True).first() or "", "may_read": not codes,
               "second": Account.objects.filter(id=row.approved_by).values_list("name", flat=True).first() or "", "now": now, "mine": row.viewer == actor.account_id,
               "why_not": [text(code) for code in codes if code not in {"not_viewer", "view_over"}]}
    if codes or person is None:
        return _kept_nowhere(render(request, "content/access.html", context))
    kind = request.GET.get("kind", "") if request.GET.get("kind", "") in row.kinds else row.kinds[0]
    words = request.GET.get("q", "").strip()[:100]
    heads = life.heads(row, person, actor, kind, words=words, cursor=request.GET.get("cursor", "")[:2000], size=SIZE, now=now)
    audit_reading.person_viewed(actor=actor, account_id=row.account_id, what="content_list", now=now, **{key: value for key, value in life.facts(row).items() if key in {"access", FACT}}, kind=kind)
    return _kept_nowhere(render(request, "content/access.html", {**context, "heads": heads, "page": heads, "kind": kind, "q": words, "whose": life.whose(row, person)}))


def item(request: HttpRequest, slug: str, access_id: UUID, kind: str, item_id: UUID) -> HttpResponse:
    """One record, read only, with who reads it and when and why. Opening it is an entry in the person's ledger."""
    actor, row, person = _find(request, slug, access_id)
    now = timezone.now()
    if life.why_not(row, actor, person, now) or person is None:
        return redirect("content-access", slug, row.id)
    if actor.tier(now) < TIER:
        return ask(request, TIER)
    found = life.item(row, person, actor, kind, item_id, now=now)
    context = {**shown(row, now), "item": found, "person": person.label, "viewer": actor.name or actor.email, "now": now, "title": readers.kinds()[kind].title}
    return _kept_nowhere(render(request, "content/item.html", context))


def _kept_nowhere(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "private, no-store"
    return response
