"""An erasure takes what a plain rule keeps; a rule with a ground makes it stay until the ground is over, and then it goes by itself."""
from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from accounts import tenancy
from accounts.models import Account
from dsar import erasing
from dsar.models import Restriction
from dsar.retention import running
from dsar.retention.models import RetentionRule
from tests.cast import World
from tests.retention import stage
from tests.retention.test_running import runs
from tests.situations import arrange


def there(world: World) -> int:
    with tenancy.installation("look"):
        return Restriction.objects.filter(organization=world.north.organization).count()


def test_only_a_ground_resists_an_erasure(world: World) -> None:
    org, old = world.north, timezone.now() - timedelta(days=100)
    person = org.person("worker")
    account = Account.objects.get(id=person.account_id)

    def lifted() -> None:
        Restriction.objects.create(id=uuid4(), organization=org.organization, account=account, state="lifted", trigger="asked", by_person=True, began_at=old, lifted_at=old)

    plain = stage.rule(org, kind="keep", what="dsar_restriction", count=5, measure="years")
    stage.stored(plain)
    arrange(lifted)
    arrange(lambda: erasing.by_map(account, ""))
    assert there(world) == 0

    grounded = stage.rule(org, kind="keep", what="dsar_restriction", count=3, measure="years", ground="legal_claims")
    stage.stored(grounded)
    arrange(lifted)
    arrange(lambda: erasing.by_map(account, ""))
    assert there(world) == 1

    arrange(lambda: Account.objects.filter(id=account.id).update(status="purged"))
    now = timezone.now()
    with tenancy.installation("look"):
        assert running.begin(org=org.organization.id, now=now) is None and there(world) == 1
    arrange(lambda: RetentionRule.objects.filter(id=grounded.id).update(ends_at=now))
    with tenancy.installation("look"):
        assert org.organization.id in set(running.due(now=now + timedelta(days=1)))
    assert runs(org, now + timedelta(days=1)).dry and runs(org, now + timedelta(days=2)).removed == 1
    assert there(world) == 0  # the plain rule, five years, does not keep it
