"""Law: when the clock leaps by forty days with everything pending at once, each thing ends as its rules say, what cannot be undone is told first, nothing happens twice, and a clock that goes back breaks nothing."""
from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db.models import Count

from accounts import door, tenancy
from accounts.domains import checks, proof
from accounts.emails import links, steps
from accounts.models import Account, AddressChange, Claim, ClaimedAccount, Closing, Deletion, Domain, Mail, Membership, Organization, Plan, RightsRequest, SuccessionCase, Tombstone
from accounts.models import succession as succession_cases
from accounts.powers import BY_SLUG
from accounts.reset_tokens import ResetTokens
from accounts.succession import watch
from audit import holds
from audit.models import Entry
from dsar.cases.models import Case
from dsar.models import Copy, Restriction
from portal import jobs
from tests.audit.logs import number_all
from tests.cast import Org, World, add_person, make_org
from tests.dsar.copies import asked as copy_asked
from tests.emails.acts import own
from tests.organizations.test_ending import free
from tests.situations import WHY, arrange, change_for, claim_for, claimed_account, closing_for, domain_for, goodbye_of, restriction_for
from tests.succession.acts import name as names
from tests.succession.acts import small

pytestmark = pytest.mark.usefixtures("alone")  # they look at the whole installation
DAY = timedelta(days=1)
LEAP = timedelta(days=40)


class Clock:
    """What the scheduler, the sequencer and the worker do at a moment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.start = datetime.now(UTC)
        monkeypatch.setattr(jobs, "timezone", SimpleNamespace(now=lambda: self.now))
        monkeypatch.setattr(checks.proof, "look", lambda **_what: proof.Looked(problem="no_record"))

    def strikes(self, now: datetime) -> None:
        """Everything that is due, in the order in which a machine that was switched on again comes to it."""
        self.now = now
        cache.delete("cases-looked-at")
        cache.set("log-aged", 1, 3600)  # what of the log itself grows old has tests of its own; here it would be the log of every other test
        for one in (jobs.periodic, jobs.domains, jobs.claims, jobs.copies, jobs.purges):
            one()
        number_all()
        jobs.follow()
        with tenancy.installation("the worker goes on until all is sent"):
            while jobs.outbox.deliver(now=now):
                pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, quiet: None) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def quiet() -> None:
    """Of what other tests left nothing becomes due here."""
    arrange(lambda: (Case.objects.filter(closed_at=None).update(closed_at=datetime.now(UTC)), RightsRequest.objects.filter(state="open").update(state="ended"),
                     Plan.objects.filter(state__in=("scheduled", "awaiting_approval")).update(state="cancelled"), Deletion.objects.update(purge_at=datetime.now(UTC) + 999 * DAY, term=datetime.now(UTC) + 999 * DAY),
                     SuccessionCase.objects.filter(state__in=succession_cases.OPEN).update(state="stopped"), Closing.objects.update(over_at=datetime.now(UTC)), Claim.objects.filter(state__in=("announcing", "announced")).update(state="finished"),
                     Domain.objects.filter(next_check_at__isnull=False).update(next_check_at=None), Restriction.objects.exclude(state="lifted").update(state="lifted")))


def act(org: Org, slug: str, name: str, now: datetime, **data: Any) -> door.Receipt:
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=BY_SLUG[slug], actor=org.actor("owner", now=now), ids=[org.person(name).id], data={**(WHY if "reason_code" in BY_SLUG[slug].form.base_fields else {}), **data}, now=now)


class Story:
    """An organization in which everything waits, one without an owner, and one that is to end."""

    def __init__(self, world: World, now: datetime) -> None:
        self.org, self.now, self.n = world.north, now, world.north.slug
        org = self.org
        more = ("graced", "held", "goes", "asked", "later", "ends", "role", "undone", "changing", "unconfirmed", "restricted", "copied", "requests", "unproven", "factor", "resets", "guest2")
        arrange(lambda: org.people.update({name: add_person(org, name, "member", name != "goes", now - DAY) for name in more}))
        self.ids = {name: org.person(name).account_id for name in org.people}
        self.empty, self.closing = small(), None
        with tenancy.installation("a test makes its world"):
            self.closing = make_org(f"closing-{uuid.uuid4().hex[:8]}", [("owner", "owner", True), ("second-owner", "owner", True), ("member", "member", False)])
        self.people()
        self.ground()
        self.rights()
        free(self.closing)
        arrange(lambda: (closing_for(self.closing), SuccessionCase.objects.create(organization=self.closing.organization, way="successors", state="operator", opened_at=now)))
        names(self.empty, "first", now=now)
        owner = self.empty.person("owner")
        self.orgs = [org.organization.id, world.contoso.organization.id, self.empty.organization.id, self.closing.organization.id]
        long_ago = now - 61 * DAY
        arrange(lambda: (Membership.objects.filter(id=owner.id).update(joined_at=long_ago, created_at=long_ago, last_active_at=None), Account.objects.filter(id=owner.account_id).update(last_active_at=None),
                         Organization.objects.filter(id=owner.organization_id).update(created_at=long_ago)))
        watch.look(self.empty.organization.id, now=now)

    def people(self) -> None:
        org, now = self.org, self.now
        with tenancy.scope(org=org.organization.id):
            door.perform(power=BY_SLUG["invite"], actor=org.actor("owner", now=now), data={"rows": [{"email": f"invited@{self.n}.example", "role": "member"}]}, now=now)
        act(org, "require-password-reset", "resets", now)
        tokens = ResetTokens()
        tokens._now = lambda: now.replace(tzinfo=None)  # type: ignore[method-assign]
        self.reset_link = tokens.make_token(Account.objects.get(id=self.ids["resets"]))
        for name in ("graced", "held"):
            act(org, "schedule-deletion", name, now, days=14)
        arrange(lambda: holds.place(org=org.organization.id, kind="subject", subject=self.ids["held"], matter="M", ground="g", by=None, now=now))
        own(org.person("goes"), "delete-own-account", now=now)
        arrange(lambda: goodbye_of(org.person("asked"), asked_at=now))
        act(org, "suspend", "later", now, not_before=now + 10 * DAY, until=now + 20 * DAY)
        act(org, "set-contract-end", "ends", now, ends_on=(now + 15 * DAY).date())
        act(org, "change-role", "role", now, role="auditor", until=now + 20 * DAY)
        self.plan = act(org, "suspend", "second-owner", now).plan_id
        arrange(lambda: (Authenticator.objects.create(user_id=self.ids["factor"], type="totp", data={"secret": "x"}), Account.objects.filter(id=self.ids["factor"]).update(has_second_factor=True)))
        act(org, "reset-second-factor", "factor", now)

    def ground(self) -> None:
        org, now = self.org, self.now
        self.domains = {name: f"{name}-{uuid.uuid4().hex[:8]}.com" for name in ("unproven", "failing", "sound", "contested")}
        values = {"unproven": {"state": "pending_proof", "verified_at": None, "proof_until": now + 7 * DAY}, "failing": {"state": "failing", "failing_since": now - DAY, "warned": 1}, "sound": {"next_check_at": None},
                  "contested": {"state": "contested", "contested_at": now, "proof_until": now + 3 * DAY}}
        made: dict[str, Domain] = {}
        arrange(lambda: made.update({name: domain_for(org, self.domains[name], **values[name]) for name in values}))
        self.claimed = {name: made_on for name, made_on in (("told", "sound"), ("objects", "sound"), ("rests", "contested"))}
        arrange(lambda: [claim_for(made[on], claimed_account(name, self.domains[on]), state="objected" if name == "objects" else "announced") for name, on in self.claimed.items()])
        arrange(lambda: Domain.objects.filter(name=self.domains["sound"]).update(next_check_at=now + 400 * DAY))
        with tenancy.installation("look"):
            self.claimed_ids = dict(ClaimedAccount.objects.filter(organization=org.organization).values_list("account__name", "id"))
        arrange(lambda: change_for(org, org.person("changing")))
        own(org.person("unconfirmed"), "change-own-email", now=now, email=f"other@{self.n}-home.com")
        with tenancy.installation("look"):
            self.confirm = links.secret(AddressChange.objects.get(account=self.ids["unconfirmed"]), "confirm")
        arrange(lambda: change_for(org, org.person("undone"), state="done", finished_at=now, undo_until=now + 7 * DAY, undo_hash=uuid.uuid4().bytes * 2))

    def rights(self) -> None:
        from tests.cases.helpers import received

        org, now = self.org, self.now
        self.case, self.unproven = received(org.person("requests"), now=now), received(org.person("unproven"), now=now, level=0)
        arrange(lambda: restriction_for(org.person("restricted")))
        self.copy = copy_asked(org.person("copied"))

    def state(self) -> dict[str, Any]:
        """How everything stands, in a few words each."""
        org, ids = self.org, self.ids
        with tenancy.installation("a test looks"):
            accounts = dict(Account.objects.filter(id__in=ids.values()).values_list("id", "status"))
            members = {row.id: row for row in Membership.objects.filter(organization=org.organization).select_related("role", "account")}
            changes = dict(AddressChange.objects.filter(account__in=ids.values()).values_list("account", "state"))
            case, unproven = Case.objects.get(id=self.case.id), Case.objects.get(id=self.unproven.id)
            domains = dict(Domain.objects.filter(organization=org.organization).values_list("name", "state"))
            member = {name: members[person.id] for name, person in org.people.items()}
            return {
                "graced": accounts[ids["graced"]], "held": accounts[ids["held"]], "goes": accounts[ids["goes"]],
                "asked": RightsRequest.objects.filter(account_id=ids["asked"]).values_list("state", "escalated").get(),
                "later": member["later"].status, "ends": (member["ends"].status, accounts[ids["ends"]]), "role": member["role"].role.slug,
                "plan": (Plan.objects.get(id=self.plan).state, member["second-owner"].status), "changing": changes[ids["changing"]], "unconfirmed": changes[ids["unconfirmed"]],
                "undo": AddressChange.objects.filter(account=ids["undone"], undo_until__isnull=False).exists(),
                "domains": {name: domains[address] for name, address in self.domains.items()},
                "claims": {name.lower(): (state, managed) for name, state, managed in ClaimedAccount.objects.filter(id__in=self.claimed_ids.values()).annotate(n=Count("account__management")).values_list(
                    "account__name", "state", "n")},
                "restricted": Restriction.objects.get(account_id=ids["restricted"]).state, "copy": Copy.objects.get(id=self.copy.id).state,
                "case": case.state, "breached": case.happenings.filter(event="breached").count(), "unproven": unproven.state,
                "succession": SuccessionCase.objects.filter(organization=self.empty.organization).values_list("state", "told").get(),
                "closing": (Organization.objects.get(id=self.closing.organization.id).status, Closing.objects.get(organization=self.closing.organization).told),
                "factor": Authenticator.objects.filter(user_id=ids["factor"]).exists(),
            }

    def written(self) -> tuple[int, int]:
        """How much was recorded and how many letters there are about anybody here: what happens twice shows."""
        with tenancy.installation("a test counts"):
            everybody = set(Membership.objects.filter(organization__in=self.orgs).values_list("account_id", flat=True)) | set(ClaimedAccount.objects.filter(id__in=self.claimed_ids.values()).values_list("account", flat=True))
            return Entry.objects.filter(org__in=self.orgs).count(), Mail.objects.filter(account__in=everybody).count()


LEPT = {
    "graced": "pending_deletion", "held": "pending_deletion", "goes": "pending_deletion", "asked": ("open", 14), "later": "active", "ends": ("removed", "deactivated"), "role": "member",
    "plan": ("expired", "active"), "changing": "expired", "unconfirmed": "expired", "undo": False,
    "domains": {"unproven": "expired", "failing": "failing", "sound": "verified", "contested": "lapsed"},
    "claims": {"told": ("announced", 0), "objects": ("exempted", 0), "rests": ("withdrawn", 0)}, "restricted": "confirmed", "copy": "ended", "case": "triage", "breached": 1, "unproven": "identity_pending",
    "succession": ("waiting", 2), "closing": ("pending_deletion", 3), "factor": True,
}
"""After forty days in one step: what can be undone has happened, what cannot be undone has been told."""
AFTERWARDS = {**LEPT, "graced": "purged", "goes": "purged", "claims": {**LEPT["claims"], "told": ("managed", 1)}, "closing": ("deleted", 3), "factor": False}  # type: ignore[dict-item]
"""Three days later: nothing but what was told, and nothing under a hold."""


def test_forty_days_in_one_step(world: World, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    story, start = Story(world, clock.now), clock.start
    clock.strikes(start)
    before = story.state()
    assert (before["graced"], before["later"], before["copy"], before["succession"], before["factor"]) == ("pending_deletion", "active", "ready", ("waiting", 1), True)
    caplog.set_level(logging.ERROR)
    back = start + LEAP
    clock.strikes(back)
    assert story.state() == LEPT
    with tenancy.installation("a test looks"):
        assert Deletion.objects.filter(account=story.ids["held"], state="blocked", account__status_until=None).exists(), "what a hold keeps has no date"
        dates = set(Deletion.objects.filter(account__in=[story.ids[name] for name in ("graced", "goes")]).values_list("purge_at", "term", "account__status_until"))
    assert dates == {(back + 3 * DAY,) * 3}, "the person is told when, and it is three days from then"
    assert _reset_opens(story, start) and not _reset_opens(story, back)
    assert steps.seen(story.confirm, "confirm", now=back) is None, "a link whose time is over"
    clock.strikes(back)  # that a date was missed restricts the use, which is read from the log and told the next time
    once = story.written()
    clock.strikes(back)
    assert (story.state(), story.written()) == (LEPT, once), "nothing happens twice"
    clock.strikes(back - 2 * DAY)
    assert (story.state(), story.written()) == (LEPT, once), "a clock that goes back does nothing"
    later = back + 3 * DAY
    clock.strikes(back + timedelta(minutes=61))
    assert story.state() == {**LEPT, "factor": False}
    clock.strikes(later)
    assert story.state() == AFTERWARDS
    with tenancy.installation("a test looks"):
        for name in ("graced", "goes"):
            stone = Tombstone.objects.get(account=story.ids[name])
            assert Mail.objects.filter(account=story.ids[name], template="deletion-news", sent_at__gte=back, sent_at__lte=stone.purged_at - 3 * DAY).exists(), "the letter left three days before"
        assert Deletion.objects.get(account=story.ids["held"]).waits_for == ["on_hold"]
    clock.strikes(later + timedelta(minutes=1))
    once = story.written()
    clock.strikes(later + timedelta(minutes=2))
    assert (story.state(), story.written()) == (AFTERWARDS, once)
    with tenancy.installation("a test looks"):
        assert SuccessionCase.objects.filter(organization=story.closing.organization).values_list("state", "ended_how").get() == ("stopped", "organization_ended"), "nobody follows in what has ended"
    assert not [record.getMessage() for record in caplog.records if record.name.startswith("steward")], "nothing went wrong on the way"


def _reset_opens(story: Story, now: datetime) -> bool:
    """Whether the link to a new password means something at this moment."""
    tokens = ResetTokens()
    tokens._now = lambda: now.replace(tzinfo=None)  # type: ignore[method-assign]
    return tokens.check_token(Account.objects.get(id=story.ids["resets"]), story.reset_link)
