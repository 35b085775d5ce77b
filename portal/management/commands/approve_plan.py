"""The operator agrees to a plan that always needs two people, where its organization has no second one."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from accounts import alone, purposes
from accounts.models import Organization
from accounts.reasons import NotFound, Refused, text
from accounts.tenancy import installation, scope
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Agrees to a plan as the second person, where the organization has nobody else who could. Its owners see that, read the ground in their log and are mailed it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("plan", type=UUID)
        parser.add_argument("--org", required=True, metavar="SLUG")
        parser.add_argument("--ground", required=True, help="why, in words that the organization's owners read")

    def handle(self, *_args: Any, **options: Any) -> None:
        ground = str(options["ground"]).strip()
        if not ground or len(ground) > 500:
            raise CommandError("--ground must say why, in 1 to 500 characters", returncode=2)
        with installation("the command line names an organization"):
            organization = Organization.objects.filter(slug=options["org"]).first()
        if organization is None:
            raise CommandError(f"there is no organization '{options['org']}'", returncode=2)
        try:
            with scope(org=organization.id, purpose=purposes.ACT):
                alone.agree_as_operator(organization_id=organization.id, plan_id=options["plan"], ground=ground, now=datetime.now(UTC))
        except NotFound as error:
            raise CommandError(text("not_found"), returncode=2) from error
        except Refused as refusal:
            raise CommandError(" ".join(text(code) for code in refusal.codes), returncode=1) from refusal
        self.stdout.write(f"agreed to plan {options['plan']}")
