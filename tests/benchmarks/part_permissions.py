"""Who is the actor, and what may they do: asked once for each request."""
from __future__ import annotations

from pathlib import Path

from django.db import connection
from guardian.core import ObjectPermissionChecker

from accounts import access, tenancy
from accounts.models import Account, Organization
from tests.benchmarks import profile, seed
from tests.benchmarks.measure import Pace, slices
from tests.benchmarks.report import Goal, Part, Table


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """Against reading one row by its key, and against django-guardian's own answer to one permission."""
    org = orgs[0]
    account = seed.account_of(org.first + 1)
    person, organization = Account.objects.get(id=account), None

    def one_row() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM accounts_account WHERE id = %s", [account])
            cursor.fetchone()

    def standing() -> None:
        access.standing(account_id=account, organization_id=org.id)

    def guardian() -> None:
        ObjectPermissionChecker(person).has_perm("view_people", organization)

    with tenancy.scope(org=org.id):
        organization = Organization.objects.get(id=org.id)
        ours, theirs = len(profile.queries(standing)), len(profile.queries(guardian))
        figures = slices({"one row by its key": one_row, "who is the actor, and all permissions": standing, "django-guardian, one permission": guardian}, baseline="one row by its key",
                         pace=Pace(scale.rounds, scale.seconds))
        profile.write(standing, folder / "permissions_profile.txt", title="accounts.access.standing")
    return Part(name="permissions", tables=[Table("Who is the actor and what may they do, relative to reading one row", "one row by its key", list(figures.values()))],
                goals=[Goal("queries for the actor and all permissions", ours, 1)], facts={"queries of django-guardian for one permission": theirs})
