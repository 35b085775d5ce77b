"""The operator looks at organizations without an owner, and proposes a member. Every step is in the organization's own log, and its owners are told."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from accounts import purposes
from accounts.models import Organization, SuccessionCase
from accounts.models.succession import OPEN
from accounts.succession import operator, owners
from accounts.tenancy import installation, scope
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Lists organizations without an owner; proposes a member as owner (waits 14 days, any owner can stop it); finishes or withdraws the proposal."

    def add_arguments(self, parser: CommandParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        steps.add_parser("list", help="organizations without an owner who can sign in, or with an open succession: ids and states")
        propose = steps.add_parser("propose", help="name a member who is offered ownership after 14 days")
        propose.add_argument("organization", help="its id or its short name")
        propose.add_argument("who", help="the member: an e-mail address or a membership id")
        propose.add_argument("--ground", required=True, help="why, in words that the owners read")
        propose.add_argument("--case", required=True, help="your own reference, such as the number of a letter")
        for name, words in (("finish", "after the 14 days: offer it to the member, who accepts with a second factor"), ("withdraw", "take the proposal back")):
            steps.add_parser(name, help=words).add_argument("organization", help="its id or its short name")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        if options["step"] == "list":
            self._list()
            return
        organization_id = self._organization(options["organization"])
        try:
            with scope(org=organization_id, purpose=purposes.SECURITY):
                if options["step"] == "propose":
                    case = operator.propose(organization_id=organization_id, who=options["who"], words=options["ground"], reference=options["case"], now=now)
                    self.stdout.write(f"proposed; the owners can stop it until {case.waits_until:%Y-%m-%d %H:%M} UTC. Then: manage.py succession finish {options['organization']}")
                elif options["step"] == "finish":
                    case = operator.finish(organization_id=organization_id, now=now)
                    self.stdout.write(f"offered to the member until {case.offer_until:%Y-%m-%d %H:%M} UTC")
                else:
                    operator.withdraw(organization_id=organization_id, now=now)
                    self.stdout.write("withdrawn")
        except operator.NotPossible as error:
            raise CommandError(str(error), returncode=1) from error

    def _organization(self, word: str) -> UUID:
        with installation("the operator names an organization"):
            try:
                found = Organization.objects.filter(id=UUID(word)).first()
            except ValueError:
                found = Organization.objects.filter(slug=word).first()
        if found is None:
            raise CommandError(f"there is no organization {word}", returncode=2)
        return found.id

    def _list(self) -> None:
        with installation("the operator looks for organizations without an owner"):
            gone, cases = set(owners.without()), list(SuccessionCase.objects.filter(state__in=OPEN).order_by("way"))
        for organization_id in sorted({*gone, *(case.organization_id for case in cases)}):
            mine = [case for case in cases if case.organization_id == organization_id]
            owner = "no owner can sign in" if organization_id in gone else "no owner was active" if any(case.cause == "silent" for case in mine) else "an owner is there"
            self.stdout.write(f"{organization_id}  {owner}  {', '.join(f'{case.way}: {case.state}' for case in mine) or 'no succession'}")
