"""What the powers over log streams have in common: which stream is meant, and from where it sends."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Organization
from accounts.power import Data
from accounts.powers import choosing, receiving
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit.models import Stream

MOST = 20


class StreamForm(StrictForm):
    """Which stream; by its name or its id."""

    stream = AnyChoiceField(label=gettext_lazy("Log stream"), max_length=60)

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The streams of the organization."""
        rows = Stream.objects.filter(org=organization.id).order_by("name").values_list("id", "name")
        self.fields["stream"].choices = receiving.offered(rows)  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The stream on whose page the act was chosen."""
        return {"stream": query.get("stream", "")[:60]}


class StartForm(StrictForm):
    """The number before the first entry that is sent, asked for only where it matters."""

    after = forms.IntegerField(label=gettext_lazy("After entry number"), required=False, min_value=0, max_value=2**53,
                               help_text=gettext_lazy("Only for “after an entry”. 0 begins with the first entry of the log."))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("start") == "entry" and cleaned.get("after") is None and "after" not in self.errors:
            self.add_error("after", ValidationError(_("Give the number of an entry."), code="required"))
        return cleaned


def size(organization_id: UUID) -> int:
    """How many entries the log has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT size FROM audit_tree WHERE org = %s", [organization_id])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def chosen(target: OrganizationTarget, data: Data) -> Stream | None:
    """The stream that is meant."""
    word = str(data.get("stream") or "").strip()
    return choosing.found(Stream.objects.filter(org=target.id), word, name=word)


def problems(actor: Actor, target: OrganizationTarget, data: Data, *states: str) -> Iterable[str]:
    """Why this actor may not act on this stream. Who sends the log somewhere, or stops that, must be one who may read it."""
    if not actor.may("view_audit"):
        yield "no_permission"
    yield from receiving.problems(actor, data.get("stream"), chosen(target, data), states, unknown="unknown_stream")


def loaded(work: Work, target: OrganizationTarget, data: Data) -> Stream:
    """The stream, to be changed; the entry names it."""
    row = chosen(target, data)
    assert row is not None
    return choosing.locked(work, target.id, row, name=row.name)
