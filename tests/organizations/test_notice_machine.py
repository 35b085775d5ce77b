"""Any order of publishing, claiming, acting and time: no governed power is used that the notice in force does not name, nothing new holds before people had their days, and control begins under the version that was shown."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from accounts import tenancy
from accounts.claims import running
from accounts.models import Account, ClaimedAccount, Management, Membership, NoticeVersion
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from tests.cast import make_org
from tests.claims.acts import domain, manager, person, row
from tests.deletion.acts import act
from tests.organizations.test_notice import do
from tests.situations import arrange

DAY = timedelta(days=1)
USED = ("suspend", "deactivate", "update-profile", "restrict")
slugs = st.sampled_from(USED)
pauses = st.sampled_from([timedelta(hours=1), 6 * DAY, 13 * DAY, 14 * DAY])


@dataclass(frozen=True)
class Version:
    """What the machine remembers of a version, to work out for itself what may be used."""

    id: uuid.UUID
    powers: frozenset[str]
    words: dict[str, object]
    published: datetime
    effective: datetime


class Notices(RuleBasedStateMachine):
    """An owner who publishes and acts, a managed worker, somebody in a domain, and the clock."""

    @initialize()
    def begins(self) -> None:
        with tenancy.installation("a machine makes its world"):
            self.org = make_org(f"n-{uuid.uuid4().hex[:10]}", [("owner", "owner", True), ("worker", "member", True)])
        self.now, self.versions, self.waiting = datetime.now(UTC), [], {}
        self.seen()
        self.domain = domain(self.org)

    def seen(self) -> Version:
        """Remember the version that was published last."""
        with tenancy.installation("a test looks"):
            found = NoticeVersion.objects.filter(organization=self.org.organization, state="published").order_by("-number")[0]
        self.versions.append(Version(found.id, frozenset(found.powers), dict(found.words), found.published_at or found.effective_at, found.effective_at))
        return self.versions[-1]

    def allowed(self, moment: datetime) -> frozenset[str]:
        """What may be used at a moment. What a version leaves out goes when it is published, what it brings comes when it is in force."""
        found: frozenset[str] = frozenset()
        for number, version in enumerate(self.versions):
            following = self.versions[number + 1].published if number + 1 < len(self.versions) else moment
            kept = found & version.powers if number else version.powers
            found = version.powers if version.effective <= min(following, moment) else kept
        return found

    def in_force(self) -> Version:
        return [version for version in self.versions if version.effective <= self.now][-1]

    @rule(slug=slugs, purpose=st.sampled_from(["For the work", "For safety"]))
    def puts(self, slug: str, purpose: str) -> None:
        self.tried("put-in-notice", {"powers": [slug], "purpose": purpose, "basis": "contract"})

    @rule(slug=slugs)
    def takes(self, slug: str) -> None:
        self.tried("take-from-notice", {"powers": [slug]})

    @rule(sooner=st.booleans())
    def publishes(self, sooner: bool) -> None:
        before, held = self.allowed(self.now), self.in_force()
        coming = [version for version in self.versions[-1:] if version.effective > self.now]
        if not self.tried("publish-notice", {"effective_at": self.now - timedelta(hours=1) if sooner else None}):
            return
        new = self.seen()
        for slug in new.powers:
            if slug in before and held.words.get(slug) == new.words.get(slug):
                continue
            told = [version.effective for version in coming if slug in version.powers and version.words.get(slug) == new.words.get(slug)]
            assert new.effective >= (told[0] if told else self.now + 14 * DAY), f"{slug} is new, and people have fourteen days"

    def tried(self, slug: str, data: dict[str, object]) -> bool:
        try:
            do(self.org, slug, data, now=self.now)
        except Refused:
            return False
        return True

    @rule(slug=slugs)
    def uses(self, slug: str) -> None:
        """Used if and only if the notice in force names it."""
        worker = self.org.person("worker")
        data = {"update-profile": {"title": uuid.uuid4().hex}, "restrict": {"mode": "read_only"}}.get(slug, {})
        try:
            act(self.org, slug, worker, now=self.now, **data)
            done, codes = True, []
        except Refused as refusal:
            done, codes = False, refusal.codes
        assert done == (slug in self.allowed(self.now)), (slug, codes)
        assert done or codes == ["policy_off"], codes
        arrange(lambda: (Membership.objects.filter(id=worker.id).update(status="active"), Account.objects.filter(id=worker.account_id).update(status="active")))

    @rule()
    def claims(self) -> None:
        if len(self.waiting) < 3:
            somebody = person(self.domain, f"p{len(self.waiting)}")
            if self.tried("announce-claim", {"domain": self.domain.name, "choice": "listed", "addresses": somebody.email, "days": 14}):
                running.run(now=self.now)
                self.waiting[somebody.id] = self.in_force().id

    @rule(pause=pauses)
    def clock(self, pause: timedelta) -> None:
        self.now += pause
        running.run(now=self.now)
        for somebody, version in self.waiting.items():
            account = Account.objects.get(id=somebody)
            if manager(account) is not None:
                with tenancy.installation("a test looks"):
                    assert Management.objects.get(account=account).notice_version == str(version), "the version that they were shown, whatever was published since"
                    assert ClaimedAccount.objects.get(id=row(account).id).announced_at <= self.now - 14 * DAY


def test_any_order() -> None:
    assert all(BY_SLUG[slug].governed for slug in USED)
    run_state_machine_as_test(Notices, settings=settings(max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)))
