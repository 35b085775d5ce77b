"""The operator says that an organization's directory governs a person or a group, or that it does no more."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.addresses import address_key
from accounts.directory import marking
from accounts.models import Group, Membership, Organization
from accounts.tenancy import installation
from audit.record import ActorRef
from portal.quarantine import OpenOnly

LONGEST = 200


class Command(OpenOnly):
    help = "Says that an organization's directory governs a person's membership or a group, which then nobody changes by hand; --release ends it. The organization sees both in its log."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", help="its address, as in the pages' addresses")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--person", help="an e-mail address")
        which.add_argument("--group", help="a name")
        parser.add_argument("--external-id", default="", help="what the directory knows them by")
        parser.add_argument("--release", action="store_true", help="the directory governs them no more")

    def handle(self, *_args: Any, **options: Any) -> None:
        external = str(options["external_id"]).strip()
        if len(external) > LONGEST or not external.isprintable():
            raise CommandError("--external-id must be at most 200 visible characters", returncode=2)
        given = {"governed": not options["release"], "external_id": "" if options["release"] else external, "actor": ActorRef(type="operator"), "via": "cli", "now": datetime.now(UTC)}
        with installation("the operator says what a directory governs"):
            organization = Organization.objects.filter(slug=options["organization"]).first()
            if organization is None:
                raise CommandError(f"there is no organization '{options['organization']}'", returncode=2)
            try:
                if options["group"]:
                    group = Group.objects.filter(organization=organization, name__iexact=options["group"].strip()).first()
                    if group is None:
                        raise CommandError("there is no group with this name", returncode=2)
                    done = marking.group(group_id=group.id, **given)
                else:
                    row = Membership.objects.filter(organization=organization, account__email_key=address_key(options["person"])).first()
                    if row is None:
                        raise CommandError("nobody there has this address", returncode=2)
                    done = marking.membership(membership_id=row.id, **given)
            except marking.Taken:
                raise CommandError("another one there has this external identifier", returncode=2) from None
        if not done:
            raise CommandError("it is so already", returncode=2)
        self.stdout.write("the directory governs it no more" if options["release"] else "the directory governs it")
