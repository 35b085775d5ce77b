"""Domains as people and programs see them: state, what to publish where, what the last check found, in words."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.domains import life, names, proof
from accounts.models import Domain
from accounts.models.domain import OPEN
from accounts.reasons import NotFound
from accounts.work import plain

BADGES = {"pending_proof": ("info", "clock"), "verified": ("ok", "ok"), "failing": ("bad", "warn"), "contested": ("bad", "warn"),
          "lapsed": ("warn", "off"), "expired": ("warn", "off"), "released": ("warn", "off")}
PROBLEMS: dict[str, str | Promise] = {
    "no_record": _("The record was not found. Name services can take some hours to hand a new record on."),
    "wrong_record": _("There is a record, and its value is not the right one. Perhaps it belongs to an earlier attempt."),
    "wrong_file": _("The record was not found, and neither was the file with the right value."),
    "web_redirected": _("The record was not found, and the web server leads elsewhere instead of answering with the file. It is asked at this very address only."),
    "web_tls_failed": _("The record was not found, and the web server has no certificate for this name that is valid."),
    "web_private_address": _("The record was not found, and the web server is at an address inside a private network, where nothing is asked."),
    "no_answer": _("The name service did not answer in time."),
    "server_failed": _("The name service reported an error, or the name leads on to other names in a circle."),
    "too_much": _("The name service answered with far more records than can be meant. Remove the others at this name."),
    "no_resolver": _("This installation has no name service that answers. Whoever operates it can tell more."),
}


@dataclass
class Shown:
    """One domain, with everything its page says."""

    row: Domain

    @property
    def name(self) -> str:
        return names.shown(self.row.name)

    @property
    def ascii(self) -> str:
        """The A-labels, where they differ from what people read."""
        return self.row.name if self.row.name != self.name else ""

    @property
    def badge(self) -> tuple[str, str]:
        return BADGES[self.row.state]

    @property
    def open(self) -> bool:
        return self.row.state in OPEN

    @property
    def record(self) -> str:
        return f"{proof.LABEL}.{self.row.name}"

    @property
    def value(self) -> str:
        return proof.expected(self.row.token)

    @property
    def file(self) -> str:
        return f"https://{self.row.name}{proof.FILE}"

    @property
    def problem(self) -> str:
        code = self.row.last_problem
        return str(PROBLEMS.get(code) or _("The record was not found, and the web server could not be asked for the file.")) if code else ""

    @property
    def frozen(self) -> bool:
        return bool(life.frozen(self.row))

    @property
    def fresh(self) -> bool:
        return life.afresh(self.row)


def all_of(organization_id: UUID) -> list[Shown]:
    """The domains of an organization: those that live by name, then those that ended."""
    return [Shown(row) for row in life.of(organization_id=organization_id)]


def one(organization_id: UUID, domain_id: UUID) -> Shown:
    """One domain, or NotFound."""
    row = Domain.objects.filter(organization_id=organization_id, id=domain_id).first()
    if row is None:
        raise NotFound
    return Shown(row)


def as_json(found: Shown) -> dict[str, Any]:
    """A domain as the API shows it, with what proves it."""
    row = found.row
    return {
        "id": str(row.id), "name": row.name, "display_name": found.name, "state": row.state, "method": row.method, "record": found.record if found.open else "",
        "value": found.value if found.open else "",
        "file": found.file if found.open else "", "created_at": plain(row.created_at), "proof_until": plain(row.proof_until), "verified_at": plain(row.verified_at),
        "checked_at": plain(row.checked_at),
        "next_check_at": plain(row.next_check_at), "problem": row.last_problem, "failing_since": plain(row.failing_since), "contested_at": plain(row.contested_at), "ended_at": plain(row.ended_at)}
