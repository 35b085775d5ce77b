"""Which apps an organization lets in: its policy and its decision about each app, in one table (POWERS P5).

| Policy     | May be installed            | People may ask |
|------------|-----------------------------|----------------|
| `open`     | whatever was not denied     | yes            |
| `approved` | what was approved           | no             |
| `request`  | what was approved           | yes            |
| `closed`   | nothing more                | no             |

Nothing of it ends what is installed; what is blocked is neither installed nor asked for, whatever the policy says.
"""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import App, AppReview, Installation

POLICIES = {
    "open": _("Open: administrators install whatever was not denied"),
    "approved": _("List: administrators install what was approved, and nobody asks for more"),
    "request": _("On request: administrators install what was approved, and everybody may ask for more"),
    "closed": _("Closed: nothing more is installed or asked for"),
}
STATES = {"needs_review": _("needs review"), "in_review": _("in review"), "approved": _("approved"), "denied": _("denied"), "blocked": _("blocked"), "withdrawn": _("withdrawn")}
WAITING = ("needs_review", "in_review")
AGAIN_AFTER = timedelta(days=30)
"""So long after a denial nobody asks for the same app again."""
MOST_ASKED = 20
"""So many requests of one person wait at most."""


def catalogue(organization_id: UUID) -> QuerySet[App]:
    """The records that an organization sees: the operator's and its own."""
    return App.objects.filter(Q(organization=None) | Q(organization_id=organization_id))


def app_of(organization_id: UUID, word: str) -> App | None:
    """The app that is meant, by its id or its short name; of two with the same short name the organization's own."""
    rows = catalogue(organization_id)
    try:
        return rows.filter(id=UUID(word.strip())).first()
    except ValueError:
        return rows.filter(slug=word.strip()).order_by("organization_id").first() if word.strip() else None


def review_of(organization_id: UUID, app_id: UUID) -> AppReview | None:
    return AppReview.objects.filter(organization_id=organization_id, app_id=app_id).first()


def installed(organization_id: UUID, app_id: UUID) -> Installation | None:
    """The installation that is there now, also a suspended one."""
    return Installation.objects.filter(organization_id=organization_id, app_id=app_id).exclude(state="ended").first()


def new_review(organization_id: UUID, app_id: UUID, *, now: datetime) -> AppReview:
    return AppReview(id=uuid.uuid4(), organization_id=organization_id, app_id=app_id, created_at=now)


def approved(review: AppReview | None, now: datetime) -> bool:
    return review is not None and review.state == "approved" and (review.until is None or review.until > now)


def why_not_install(policy: str, app: App, review: AppReview | None, now: datetime) -> Iterable[str]:
    """Why the app may not be installed now, whoever does it."""
    state = review.state if review else ""
    if state == "blocked":
        yield "app_blocked"
    elif app.state == "withdrawn":
        yield "app_withdrawn"
    elif policy == "closed":
        yield "apps_closed"
    elif state == "denied":
        yield "app_denied"
    elif policy != "open" and not approved(review, now):
        yield "app_not_approved"


def why_not_ask(policy: str, app: App, review: AppReview | None, now: datetime) -> Iterable[str]:
    """Why nobody may ask for the app now."""
    state = review.state if review else ""
    if state == "blocked":
        yield "app_blocked"
    elif app.state == "withdrawn":
        yield "app_withdrawn"
    elif policy in {"closed", "approved"}:
        yield "apps_not_asked"
    elif approved(review, now):
        yield "app_approved"
    elif review is not None and state == "denied" and review.decided_at is not None and review.decided_at + AGAIN_AFTER > now:
        yield "app_asked_again"
