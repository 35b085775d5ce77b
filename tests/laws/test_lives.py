"""Law: claims, deletions, holds, acts on accounts and the clock, in any order and by two organizations: no two managers, no purge under a blocker or too soon, no owner lost, no address lost."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from accounts import door, due, purging, tenancy
from accounts.models import Account, Deletion, Management, Membership, Tombstone
from accounts.people import usable_owners
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from audit import holds
from tests.claims.test_machine import PEOPLE, Claims, sides, who
from tests.situations import WHY, arrange

ACTS = ("suspend", "restore", "remove", "deactivate", "reactivate", "lockdown", "schedule-deletion", "cancel-deletion", "release-account")


class Lives(Claims):
    """The machine of claims, with everything else that two organizations may do to the same three people."""

    @initialize()
    def lives(self) -> None:
        self.held: dict[str, uuid.UUID] = {}
        self.terms: dict[str, datetime] = {}

    @rule(first=sides, name=who)
    def joins(self, first: bool, name: str) -> None:
        org, account = self._org(first), self.people[name]
        with tenancy.installation("a test looks"):
            known = Membership.objects.filter(organization=org.organization, account=account).exists() or Account.objects.get(id=account.id).status == "purged"
        if not known:
            arrange(lambda: Membership.objects.create(organization=org.organization, account=account, role=org.roles["member"], status="active", joined_at=self.now, created_at=self.now))

    @rule(first=sides, name=who, slug=st.sampled_from(ACTS), later=st.sampled_from([None, timedelta(days=2), timedelta(days=20)]))
    def is_acted_on(self, first: bool, name: str, slug: str, later: timedelta | None) -> None:
        org = self._org(first)
        with tenancy.installation("a test looks"):
            member = Membership.objects.filter(organization=org.organization, account=self.people[name]).first()
        if member is None:
            return
        power, data = BY_SLUG[slug], {**WHY, **({"days": 14} if slug == "schedule-deletion" else {"how": "reinstate"} if slug == "restore" else {})}
        if later is not None and "not_before" in power.form.base_fields:
            data["not_before"] = self.now + later
        try:
            with tenancy.scope(org=org.organization.id):
                door.perform(power=power, actor=org.actor("owner", now=self.now), ids=[member.id], data=data, now=self.now)
        except (Refused, Stale, NotFound, StepUpNeeded):
            return

    @rule(name=who)
    def is_held(self, name: str) -> None:
        if name not in self.held:
            arrange(lambda: self.held.update({name: holds.place(org=self.first.organization.id, kind="subject", subject=self.people[name].id, matter="M", ground="g", by=None, now=self.now).id}))

    @rule(name=who)
    def is_held_no_more(self, name: str) -> None:
        if (found := self.held.pop(name, None)) is not None:
            arrange(lambda: holds.release(org=self.first.organization.id, hold=found, by=[uuid.uuid4(), uuid.uuid4()], now=self.now))

    @rule()
    def the_schedule_runs(self) -> None:
        """What is due happens; what is deleted was due, and nothing stood in its way."""
        due.run(now=self.now)
        for name in PEOPLE:
            with tenancy.installation("the schedule"):
                row = Deletion.objects.filter(account=self.people[name]).first()
                if purging.purge(account_id=self.people[name].id, now=self.now):
                    assert row is not None and row.term <= self.now and name not in self.held, "never too soon, never under a hold"

    @invariant()
    def everybody(self) -> None:
        if not hasattr(self, "held"):
            return
        with tenancy.installation("a test looks"):
            for org in (self.first, self.second):
                assert usable_owners(organization_id=org.organization.id, without=[]) >= 1
            for name in PEOPLE:
                account = Account.objects.get(id=self.people[name].id)
                purged = account.status == "purged"
                assert purged == Tombstone.objects.filter(account=account.id).exists()
                assert not (purged and Management.objects.filter(account=account).exists()), "nobody manages who is gone"
                assert purged or name in self.left or account.email_key == self.has[name], "nobody lost an address that they did not give up"
                row = Deletion.objects.filter(account=account).first()
                assert (account.status == "pending_deletion") == (row is not None)
                assert row is None or Management.objects.filter(account=account, organization_id=row.organization_id).exists() or row.by_person, "whoever lost control deletes nobody"


def test_any_order_of_everything() -> None:
    run_state_machine_as_test(Lives, settings=settings(max_examples=6, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)))
