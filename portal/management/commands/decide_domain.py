"""The operator ends a contest over a domain that both organizations have proven afresh."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from accounts.domains import checks, names
from accounts.models import Domain
from accounts.models.domain import DomainState
from accounts.tenancy import installation
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Ends a contest over a domain. Both organizations see the decision and its reason in their logs and are mailed it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("domain")
        parser.add_argument("--for", dest="slug", required=True, help="the organization that the domain belongs to")
        parser.add_argument("--ground", required=True, help="why, in words that both organizations may read")

    def handle(self, *_args: Any, **options: Any) -> None:
        words = str(options["ground"]).strip()
        if not words or len(words) > 500:
            raise CommandError("--ground must say why, in 1 to 500 characters", returncode=2)
        try:
            name = names.clean(options["domain"])
        except ValidationError as error:
            raise CommandError(error.messages[0], returncode=2) from error
        with installation("the operator decides between two organizations"), transaction.atomic():
            rows = list(Domain.objects.select_for_update(of=("self",)).select_related("organization").filter(name=name, state=DomainState.CONTESTED).order_by("id"))
            if not rows:
                raise CommandError(f"{name} is not contested", returncode=2)
            winner = next((row for row in rows if row.organization.slug == options["slug"]), None)
            if winner is None:
                raise CommandError(f"the organization {options['slug']} has not proven {name}", returncode=2)
            checks.award(rows, winner=winner, now=datetime.now(UTC), ground="operator", words=words)
        self.stdout.write(f"{name} belongs to {options['slug']}")
