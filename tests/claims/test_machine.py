"""Any order of acts by two organizations, the people and the clock: nobody has two managers, nobody who left or objects is managed, and nobody before the date they were told."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts import tenancy
from accounts.claims import leaving, life, running
from accounts.domains import checks
from accounts.emails import links, steps
from accounts.models import Account, AddressChange, Claim, ClaimedAccount, Domain, Management
from accounts.models.domain import OPEN
from accounts.reasons import NotFound, Refused, Stale
from tests.cast import Org, World
from tests.claims.acts import answer, do, domain, person, row
from tests.situations import arrange

PEOPLE = ("one", "two", "three")
who, sides = st.sampled_from(PEOPLE), st.booleans()
pauses = st.sampled_from([timedelta(hours=1), timedelta(days=3), timedelta(days=7), timedelta(days=14), timedelta(days=31)])


class Claims(RuleBasedStateMachine):
    """Three people with an address in a domain that goes from one organization to the other and back."""

    @initialize()
    def begins(self) -> None:
        with tenancy.installation("tests make their world"):
            world = World()
        self.first, self.second, self.now = world.north, world.contoso, datetime.now(UTC)
        arrange(lambda: Account.objects.filter(id=world.contoso.person("owner").account_id).update(has_second_factor=True))
        self.name = domain(self.first).name
        self.people = {name: person(self._domain(), name) for name in PEOPLE}
        self.left: dict[str, str] = {}
        self.has = {name: account.email for name, account in self.people.items()}
        self.started: dict[UUID, datetime] = {}
        self.states: dict[UUID, str] = {}

    def _domain(self) -> Domain:
        with tenancy.installation("a test looks"):
            return Domain.objects.filter(name=self.name).order_by("-created_at").first()  # type: ignore[return-value]

    def _org(self, first: bool) -> Org:
        return self.first if first else self.second

    def _try(self, act: object) -> None:
        try:
            act()  # type: ignore[operator]
        except (Refused, Stale):
            pass

    @rule(first=sides, days=st.sampled_from([0, 7, 14]))
    def announces(self, first: bool, days: int) -> None:
        self._try(lambda: do(self._org(first), "announce-claim", now=self.now, domain=self.name, choice="all", days=days))

    @rule(first=sides)
    def cancels(self, first: bool) -> None:
        self._try(lambda: do(self._org(first), "cancel-claim", now=self.now, claim=self.name))

    @rule(name=who, slug=st.sampled_from(["accept-claim", "object-to-claim"]))
    def answers(self, name: str, slug: str) -> None:
        self._try(lambda: answer(self.people[name], slug, now=self.now, **({"message": "No."} if slug.startswith("object") else {})))

    @rule(name=who, stale=sides)
    def leaves(self, name: str, stale: bool) -> None:
        self._try(lambda: answer(self.people[name], "leave-claim", now=self.now, address=f"{name}@{self.first.slug}-home.com"))
        if (found := row(self.people[name])) is not None and found.leaving_address:
            token = leaving.token(found)
            done: list[bool] = []
            self._try(lambda: done.append(leaving.confirm(token, now=self.now)))
            assert not leaving.confirm(token, now=self.now), "a link works once"
            if any(done):
                self.left[name] = str(found.claim_id)
                self.has[name] = f"{name}@{self.first.slug}-home.com"

    @rule(name=who)
    def old_mailbox_undoes(self, name: str) -> None:
        """Whoever reads the mailbox in the domain takes the leaving back: the address returns, and no claim that is over comes back with it."""
        with tenancy.installation("a test looks"):
            change = AddressChange.objects.filter(account=self.people[name], kind="leaving", undo_hash__isnull=False).order_by("-created_at").first()
        if change is not None:
            word = links.secret(change, "undo")
            try:
                steps.undo(word, now=self.now)
            except (Refused, NotFound):
                return
            self.has[name] = change.old_address
            self.left.pop(name, None)
            assert steps.seen(word, "undo", now=self.now) is None, "a link works once"

    @rule(name=who, there=sides)
    def person_moves(self, name: str, there: bool) -> None:
        """The person changes their own address, out of the domain or back into it: managed, that needs somebody's agreement."""
        new, old = (f"{name}@{self.name}" if there else f"{name}@{self.first.slug}-moved.com"), self.has[name]
        try:
            answer(self.people[name], "change-own-email", now=self.now, email=new)
            with tenancy.installation("a test looks"):
                change = AddressChange.objects.filter(account=self.people[name], state="requested").first()
            assert change is not None
            done = steps.confirm(links.secret(change, "confirm"), now=self.now)
            self.has[name] = new if done.state == "done" else old
        except (Refused, Stale, NotFound):
            return

    @rule(first=sides, name=who, verdict=st.sampled_from(["accept", "reject"]))
    def is_answered(self, first: bool, name: str, verdict: str) -> None:
        self._try(lambda: do(self._org(first), "answer-objection", now=self.now, account=self.people[name].email, answer=verdict, ground="security", message="Because."))

    @rule(first=sides, name=who)
    def is_exempted(self, first: bool, name: str) -> None:
        self._try(lambda: do(self._org(first), "exempt-account", now=self.now, account=self.people[name].email))

    @rule(first=sides)
    def gives_it_up(self, first: bool) -> None:
        self._try(lambda: do(self._org(first), "release-domain", now=self.now, domain=self.name))

    @rule(first=sides)
    def proves_it(self, first: bool) -> None:
        """Whoever proves a domain that somebody holds makes it contested; alone it is theirs."""
        org = self._org(first)
        with tenancy.installation("a test looks"):
            rows = list(Domain.objects.filter(name=self.name, state__in=OPEN))
        if any(one.organization_id == org.organization.id for one in rows):
            return
        if rows:
            arrange(lambda: Domain.objects.create(organization=org.organization, name=self.name, state="contested", contested_at=self.now, token="t", created_at=self.now))
            arrange(lambda: Domain.objects.filter(id__in=[one.id for one in rows]).update(state="contested", contested_at=self.now))
        else:
            arrange(lambda: Domain.objects.create(organization=org.organization, name=self.name, state="verified", method="dns", token="t", created_at=self.now, verified_at=self.now, last_proof_at=self.now))

    @rule(first=sides)
    def wins(self, first: bool) -> None:
        with tenancy.installation("a test decides"), transaction.atomic():
            rows = list(Domain.objects.select_for_update().filter(name=self.name, state="contested").order_by("id"))
            if rows:
                checks.award(rows, winner=next((one for one in rows if one.organization_id == self._org(first).organization.id), None), now=self.now, ground="only_proof")

    @rule(pause=pauses)
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause
        running.run(now=self.now)

    @rule()
    def the_job_runs(self) -> None:
        running.run(now=self.now)

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "people"):
            return
        ids = [account.id for account in self.people.values()]
        with tenancy.installation("a test looks"):
            managements = list(Management.objects.filter(account_id__in=ids))
            rows = list(ClaimedAccount.objects.filter(account_id__in=ids))
        assert len({one.account_id for one in managements}) == len(managements), "an account has one manager at most"
        for one in rows:
            before = self.states.get(one.id, life.S.ANNOUNCED)
            assert one.state in _reachable(life.S(before)), f"{before} -> {one.state}"
            self.states[one.id] = one.state
        managements = [one for one in managements if one.basis == "domain_claim"]  # what else there is, other machines look at
        managed = {(one.organization_id, one.account_id): one for one in managements}
        open_objections = {one.account_id for one in rows if one.state == "objected"}
        assert not open_objections & {one.account_id for one in managements}, "whoever objects is not managed"
        for one in rows:
            if (found := managed.get((one.organization_id, one.account_id))) is not None and one.state == "managed":
                assert found.since >= one.effective_at >= one.announced_at + timedelta(days=life.FEWEST_DAYS), "nobody before the date they were told"
        for found in managements:
            assert any(one.organization_id == found.organization_id and one.account_id == found.account_id and one.state in ("managed", "ending") for one in rows), "control stands on a claim"
        with tenancy.installation("a test looks"):
            ground = {one.organization_id for one in Domain.objects.filter(name=self.name) if one.state in OPEN or one.releasing}
            now_has = dict(Account.objects.filter(id__in=ids).values_list("id", "email"))
        assert all(found.organization_id in ground for found in managements), "nobody is managed without a ground"
        assert {name: now_has[account.id] for name, account in self.people.items()} == self.has, "nobody lost an address they did not give up"
        for found in managements:
            assert now_has[found.account_id].endswith(f"@{self.name}"), "whoever is managed has an address in the domain"
        for name in self.left:
            assert self.people[name].id not in {one.account_id for one in managements}, "whoever left is not managed"

    def teardown(self) -> None:
        if hasattr(self, "people"):
            self.now += timedelta(days=60)
            running.run(now=self.now)
            self.holds()
            with tenancy.installation("a test tidies up"):
                ids = [account.id for account in self.people.values()]
                assert not ClaimedAccount.objects.filter(account_id__in=ids, state="objected").exists(), "no objection stays open for ever"
            arrange(lambda: (Claim.objects.filter(domain__name=self.name).delete(), Domain.objects.filter(name=self.name).delete()))


def _reachable(state: life.S) -> set[str]:
    """Where the table leads from here, in any number of steps."""
    seen: set[life.S] = set()
    waiting = [state]
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.add(one)
            waiting += life.STEPS[one].values()
    return set(seen)


def test_any_order_of_acts() -> None:
    run_state_machine_as_test(Claims, settings=settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)))
