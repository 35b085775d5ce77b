"""The end of installations: at once, because every use asks whether the installation is there, with what people hold of it cleared in parts of a bounded size, inside an open act.

Rows stay as history and end; nothing is destroyed, so a legal hold has nothing to keep here.
"""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.catalogue import delivering
from accounts.models import AppDelivery, AppGrant, Installation, OAuthApplication

PART = 2000
"""Of so many people at once the consents end, and what hangs on them. What is more is ended by the job (running.py), so that an act takes no longer the more people use an app."""


def credentials(installations: Iterable[UUID], *, now: datetime) -> int:
    """Every token, code and sign-in under way of these installations ends. They do not come back, whatever becomes of the installation."""
    from accounts.oauth import ending

    return ending.end(clients=_clients(installations), now=now)


def everything(installation: Installation, *, why: str, now: datetime) -> dict[str, Any]:
    """Webhooks and what was to be sent end, and the first part of tokens and consents; the provider hears that the app is gone and is asked to erase. The caller changes the installation's own row.

    From then on nothing of the installation works, also what is not cleared yet.
    """
    from accounts.webhooks import ending as webhooks

    webhooks.end(installations=[installation.id], now=now)
    facts = part(installation, why=why, at=now, now=now)
    AppDelivery.objects.filter(installation=installation, state="due").update(state="dropped", sealed="", next_try=None)
    if installation.app.events_url:
        delivering.owe(installation, "app.uninstalled", {"erase": True, "reason": why}, now=now).save(force_insert=True)
    return facts


def part(installation: Installation, *, why: str, at: datetime, now: datetime) -> dict[str, int]:
    """End what the next people hold of it, which is all when they are few; the last part takes along whatever hangs on no consent. Gives how many sign-ins and consents ended, and how many are left.

    A consent ended when the installation did, which is `at`.
    """
    from accounts.oauth import ending

    rows = list(AppGrant.objects.filter(installation=installation, ended_at=None).order_by("account_id").values_list("id", "account_id")[:PART + 1])
    now_ended, more = rows[:PART], len(rows) > PART
    tokens = ending.end(accounts=[account for _grant, account in now_ended] if more else None, clients=_clients([installation.id]), now=now)
    AppGrant.objects.filter(id__in=[grant for grant, _account in now_ended]).update(ended_at=at, ended_why=why)
    left = {"left": AppGrant.objects.filter(installation=installation, ended_at=None).count()} if more else {}
    return {"tokens": tokens, "grants": len(now_ended), **left}


def _clients(installations: Iterable[UUID]) -> list[UUID]:
    return list(OAuthApplication.objects.filter(installation_id__in=list(installations)).values_list("id", flat=True))
