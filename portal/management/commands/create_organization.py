"""The operator makes an organization and names its first owner."""
from __future__ import annotations

import zoneinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.addresses import address_key
from accounts.models import Account
from accounts.organizations import creating
from accounts.reasons import text
from audit.record import ActorRef
from portal.quarantine import OpenOnly


class Command(OpenOnly):
    help = "Makes an organization: create_organization NAME --slug ADDRESS --owner EMAIL [--time-zone ZONE]. The owner has an account with a proven address and a second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--slug", required=True, help="its part of the web address")
        parser.add_argument("--owner", metavar="EMAIL", required=True)
        parser.add_argument("--time-zone", default="UTC")

    def handle(self, *_args: Any, **options: Any) -> None:
        owner = Account.objects.filter(email_key=address_key(options["owner"])).first()
        if owner is None:
            raise CommandError("nobody has the address given with --owner", returncode=2)
        if options["time_zone"] not in zoneinfo.available_timezones():
            raise CommandError("--time-zone is not a time zone; write it like Europe/Berlin", returncode=2)
        if code := creating.problem(owner):
            raise CommandError(f"the owner cannot be one yet: {text(code)}", returncode=1)
        try:
            made = creating.create(name=options["name"], slug=options["slug"], time_zone=options["time_zone"], owner=owner, actor=ActorRef(type="operator"), via="cli", now=timezone.now())
        except ValidationError as error:
            raise CommandError(error.messages[0], returncode=2) from error
        self.stdout.write(f"{made.name} is there: /o/{made.slug}/")
