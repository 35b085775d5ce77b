"""Whatever ends the management of an account takes along what was scheduled about the account, and its end."""
from __future__ import annotations

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.claims import releasing
from accounts.models import Account, Domain, Management
from accounts.models.membership import ManagementBasis
from tests.cast import Org, World
from tests.organizations.test_ending import passes
from tests.schedules.stage import DAY, account, actions, ask, follow, letters, member, pass_time, states
from tests.situations import arrange, change_for, closing_for, domain_for, scheduled_for


def _by_hand(org: Org) -> None:
    ask(org, "release-account", "worker")


def _by_an_address_outside(org: Org) -> None:
    arrange(lambda: (change_for(org, org.person("worker")), Domain.objects.filter(organization=org.organization).delete()))
    ask(org, "approve-email-change", "worker")


def _by_the_loss_of_the_domain(org: Org) -> None:
    def lost() -> None:
        domain = domain_for(org, f"{org.slug}.example")
        domain.releasing = True
        domain.save(update_fields=["releasing"])
        Management.objects.filter(account_id=org.person("worker").account_id).update(basis=ManagementBasis.DOMAIN_CLAIM)

    arrange(lost)
    with tenancy.scope(org=org.organization.id):
        row = Domain.objects.get(organization=org.organization, releasing=True)
        assert releasing.release(now=timezone.now(), size=100, organization_id=org.organization.id, domain_id=row.id)


@pytest.mark.parametrize("how", [_by_hand, _by_an_address_outside, _by_the_loss_of_the_domain])
def test_nobody_is_closed_by_who_does_not_manage_them(world: World, how: object) -> None:
    org, now = world.north, timezone.now()
    ask(org, "deactivate", "worker", now=now, not_before=now + 5 * DAY)
    ask(org, "set-contract-end", "worker", now=now, ends_on=(now + 8 * DAY).date())
    assert account(org, "worker").access_ends_at == now + 5 * DAY
    how(org)  # type: ignore[operator]
    assert not Management.objects.filter(account_id=org.person("worker").account_id).exists()
    assert (account(org, "worker").access_ends_at, member(org, "worker").access_ends_at is not None) == (None, True)
    assert sorted(states(org, "worker")) == [("deactivate", "superseded"), ("end-contract", "scheduled")]
    record, = actions(org, "plan.superseded")
    assert (record["facts"]["power"], record["facts"]["by"]) == ("deactivate", "release-account")
    follow()
    assert [name for name, text in letters(org, "scheduled-news") if text.startswith("It does not happen")] == ["worker"]
    pass_time(now + 10 * DAY)
    assert (member(org, "worker").status, account(org, "worker").status) == ("removed", "active")


def test_the_end_of_the_organization(world: World) -> None:
    """Which waits for every managed account but those of owners, and lets those go by itself."""
    org, now = world.north, timezone.now()
    owner = Account.objects.filter(id=org.person("owner").account_id)
    ask(org, "suspend", "guest", now=now, not_before=now + 50 * DAY)
    arrange(lambda: (closing_for(org), Management.objects.filter(organization=org.organization).exclude(account__in=owner).delete(), scheduled_for(org.person("owner"), "deactivate", due_at=now + 50 * DAY),
                     Management.objects.get_or_create(organization=org.organization, account=owner.get(), defaults={"basis": "created_by_org", "since": now}), owner.update(access_ends_at=now + 50 * DAY)))
    assert any(passes(org, now + days * DAY) for days in range(7, 24)), "warned on its days, and then over"
    assert owner.get().access_ends_at is None
    assert (states(org, "owner"), states(org, "guest")) == ([("deactivate", "void")], [("suspend", "void")])
