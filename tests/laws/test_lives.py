"""Law: claims, transfers, deletions by organizations and by people, holds, acts on accounts and the clock, in any order: no two managers, no purge under a blocker or too soon, no owner lost, no address lost."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from accounts import door, due, own_deletion, purging, tenancy
from accounts.models import Account, Deletion, Management, Membership, OrganizationPolicy, RightsRequest, Tombstone, Transfer
from accounts.people import usable_owners
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from accounts.transfers import leaving, life
from audit import holds
from tests.claims.acts import answer
from tests.claims.test_machine import PEOPLE, Claims, sides, who
from tests.situations import WHY, arrange

ACTS = ("suspend", "restore", "remove", "deactivate", "reactivate", "lockdown", "schedule-deletion", "cancel-deletion", "release-account", "grant-own-deletion", "decline-own-deletion")
TRANSFERS = ("transfer-account", "withdraw-transfer", "accept-transfer", "decline-transfer")


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

    @rule(first=sides, name=who, slug=st.sampled_from(("transfer-account", "transfer-account", "accept-transfer", *TRANSFERS)))
    def is_handed_on(self, first: bool, name: str, slug: str) -> None:
        org = self._org(first)
        with tenancy.installation("a test looks"):
            member = Membership.objects.filter(organization=org.organization, account=self.people[name]).first()
        if member is not None:
            try:
                with tenancy.scope(org=org.organization.id):
                    door.perform(power=BY_SLUG[slug], actor=org.actor("owner", now=self.now), ids=[member.id], data={**WHY, "to": self._org(not first).slug}, now=self.now)
            except (Refused, Stale, NotFound, StepUpNeeded):
                return

    @rule(name=who, stays=sides)
    def does_not_go_along(self, name: str, stays: bool) -> None:
        """The person objects, or takes the account with an address of their own."""
        if stays:
            self._try(lambda: answer(self.people[name], "object-to-transfer", now=self.now, message="No."))
            return
        mine = f"{name}@{self.first.slug}-own{len(self.terms)}.com"
        self._try(lambda: answer(self.people[name], "take-own-account", now=self.now, address=mine))
        with tenancy.installation("a test looks"):
            row = Transfer.objects.filter(account=self.people[name], state="accepted").exclude(leaving_address="").first()
        if row is not None and row.leaving_address == mine:
            done: list[bool] = []
            self._try(lambda: done.append(leaving.confirm(leaving.token(row), now=self.now)))
            assert not leaving.confirm(leaving.token(row), now=self.now), "a link works once"
            if any(done):
                self.has[name], self.terms[mine] = mine, self.now

    @rule(name=who, slug=st.sampled_from(("delete-own-account", "ask-own-deletion", "withdraw-own-deletion", "keep")))
    def wants_to_go(self, name: str, slug: str) -> None:
        """The person deletes their own account, asks for it, or changes their mind."""
        if slug != "keep":
            self._try(lambda: answer(self.people[name], slug, now=self.now, words=""))
            return
        with tenancy.installation("a test looks"):
            row = Deletion.objects.filter(account=self.people[name]).first()
        if row is not None:
            word = own_deletion.link(row).rstrip("/").rpartition("/")[2]
            try:
                own_deletion.keep(word, now=self.now)
            except (NotFound, Refused):
                assert not row.by_person or row.state == "purging", "the way back is open until the removal begins"
                return
            assert row.by_person, "nobody takes back what an organization decided"

    @rule(first=sides, alone=sides)
    def lets_people_decide(self, first: bool, alone: bool) -> None:
        arrange(lambda: OrganizationPolicy.objects.update_or_create(organization=self._org(first).organization, defaults={"own_deletion": alone}))

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
                assert len(Transfer.objects.filter(account=account, state__in=life.OPEN)) <= 1, "offered to one at a time"
                if (management := Management.objects.filter(account=account, basis="transfer").first()) is not None:
                    done = Transfer.objects.filter(account=account, to_organization=management.organization_id, state="done").order_by("-changed_at").first()
                    assert done is not None and done.accepted_at and done.effective_at and done.effective_at <= management.since
                    assert management.since - done.accepted_at >= life.BEGINS_AFTER, "nobody before the date they were told"
                assert not RightsRequest.objects.filter(account=account, state="answered", outcome="").exists()
                assert row is None or Management.objects.filter(account=account, organization_id=row.organization_id).exists() or row.by_person, "whoever lost control deletes nobody"


def test_any_order_of_everything() -> None:
    run_state_machine_as_test(Lives, settings=settings(max_examples=6, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)))
