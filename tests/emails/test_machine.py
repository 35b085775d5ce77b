"""No sequence of acts by anybody leads to a lost address, a link that works twice, or one address for two accounts."""
from __future__ import annotations

import contextlib
import itertools
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts import door, tenancy
from accounts.addresses import address_key
from accounts.emails import collisions, links, steps
from accounts.models import Account, AddressChange, Management
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused
from tests.cast import make_org
from tests.emails.acts import NAMED, act, own, signs_in
from tests.situations import WHY, arrange, domain_for

PEOPLE = ("ann", "ben", "cem")  # ann and ben are managed, cem is not
NAMES = ("ann", "BEN", "cem", "dora", "Dora", "out")
people, names = st.sampled_from(PEOPLE), st.sampled_from(NAMES)
refusals = (Refused, NotFound)


class Addresses(RuleBasedStateMachine):
    """Three people, a thief with their sessions, an administrator, and time. The model knows who has which address, and who gave one up when."""

    @initialize()
    def begin(self) -> None:
        self.now = datetime.now(UTC)
        with tenancy.installation("a machine makes its world"):
            self.org = make_org(f"m-{uuid.uuid4().hex[:10]}", [("owner", "owner", True), ("ann", "member", True), ("ben", "member", True), ("cem", "member", False)])
            self.other = make_org(f"x-{uuid.uuid4().hex[:10]}", [("owner", "owner", True)])
        arrange(lambda: domain_for(self.org, self.domain))
        self.ids = {name: self.org.person(name).account_id for name in PEOPLE}
        self.has = {name: address_key(f"{name}@{self.domain}") for name in PEOPLE}
        self.given_up: dict[str, tuple[str, datetime]] = {}
        self.used: Counter[str] = Counter()
        self.words: dict[str, set[str]] = {"confirm": set(), "undo": set()}
        self.may_move: set[str] = set()

    @property
    def domain(self) -> str:
        return f"{self.org.slug}.example"

    def address(self, name: str) -> str:
        return f"{name}@elsewhere-{self.org.slug}.example" if name == "out" else f"{name}@{self.domain}"

    @contextlib.contextmanager
    def step(self, *moves: str) -> Iterator[None]:
        """One act after which only these people may have another address."""
        self.now += timedelta(minutes=1)
        with contextlib.suppress(*refusals):
            yield
        for name in PEOPLE:
            key = Account.objects.get(id=self.ids[name]).email_key
            if key != self.has[name]:
                assert name in moves, f"{name} lost {self.has[name]}"
                if not self.has[name].endswith("@" + collisions.RELEASED_DOMAIN):
                    self.given_up[self.has[name]] = (name, self.now)
                self.has[name] = key
        with tenancy.installation("look"):
            for row in AddressChange.objects.filter(account_id__in=self.ids.values()):
                for purpose, stored in (("confirm", row.link_hash), ("undo", row.undo_hash)):
                    if stored is not None:
                        self.words[purpose].add(links.secret(row, purpose))  # type: ignore[arg-type]

    def whose(self, word: str, purpose: str) -> str:
        with tenancy.installation("look"):
            row = links.find(word, purpose)  # type: ignore[arg-type]
        return next((name for name in PEOPLE if row is not None and self.ids[name] == row.account_id), "")

    @rule(person=people, name=names)
    def administrator_asks(self, person: str, name: str) -> None:
        with self.step():
            act(self.org, "change-email", self.org.person(person), now=self.now, email=self.address(name), **NAMED)

    @rule(person=people, name=names)
    def person_or_thief_asks(self, person: str, name: str) -> None:
        with self.step():
            own(self.org.person(person), "change-own-email", now=self.now, email=self.address(name))

    @rule(person=people)
    def person_withdraws(self, person: str) -> None:
        with self.step():
            own(self.org.person(person), "withdraw-own-email-change", now=self.now)

    @rule(person=people, slug=st.sampled_from(["approve-email-change", "deny-email-change", "cancel-email-change"]))
    def administrator_decides(self, person: str, slug: str) -> None:
        with self.step(*([person] if slug.startswith("approve") else [])):
            data: dict[str, Any] = {} if slug.startswith("approve") else {**WHY, "reason_code": "mistake"}
            act(self.org, slug, self.org.person(person), now=self.now, **data)

    @rule(data=st.data())
    def somebody_confirms(self, data: st.DataObject) -> None:
        if self.words["confirm"]:
            word = data.draw(st.sampled_from(sorted(self.words["confirm"])))
            with self.step(self.whose(word, "confirm")):
                steps.confirm(word, now=self.now)
                self.used[word] += 1

    @rule(data=st.data())
    def old_mailbox_undoes(self, data: st.DataObject) -> None:
        if self.words["undo"]:
            word = data.draw(st.sampled_from(sorted(self.words["undo"])))
            who = self.whose(word, "undo")
            with self.step(who):
                row = steps.undo(word, now=self.now)
                self.used[word] += 1
                assert Account.objects.get(id=self.ids[who]).email == row.old_address

    @rule(name=names)
    def stranger_is_invited(self, name: str) -> None:
        with self.step(), tenancy.scope(org=self.other.organization.id):
            door.perform(power=BY_SLUG["invite"], actor=self.other.actor("owner", now=self.now), data={"rows": [{"email": self.address(name), "role": "member"}]}, now=self.now)

    @rule(person=people)
    def account_is_switched_off_and_freed(self, person: str) -> None:
        """The administrator takes the address from an account that is off: that is a power, and the only way to lose one without a mailbox having a say."""
        for slug in ("deactivate", "free-address", "reactivate"):
            with self.step(*([person] if slug == "free-address" else [])):
                act(self.org, slug, self.org.person(person), now=self.now, **WHY)

    @rule(hours=st.sampled_from([1, 71, 80, 24 * 8, 24 * 31]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        with self.step():
            steps.due(now=self.now)

    @invariant()
    def links_work_once(self) -> None:
        if hasattr(self, "used"):
            assert all(n <= 1 for n in self.used.values()), self.used

    @invariant()
    def one_address_one_account_and_sign_in_by_exactly_that(self) -> None:
        if not hasattr(self, "has"):
            return
        for name, account_id in self.ids.items():
            account = Account.objects.get(id=account_id)
            rows = list(EmailAddress.objects.filter(user=account).values_list("email", "verified", "primary"))
            has = not account.email_key.endswith("@" + collisions.RELEASED_DOMAIN)
            assert rows == ([(account.email, True, True)] if has else []), name
            assert (account.email_verified_at is not None) == has
        for name in NAMES:
            key = address_key(self.address(name))
            owner = next((self.ids[one] for one in PEOPLE if self.has[one] == key), None)
            assert Account.objects.filter(email_key=key, email_verified_at__isnull=False).values_list("id", flat=True).first() == owner
        verified = list(EmailAddress.objects.filter(email__endswith=self.domain, verified=True).values_list("email", flat=True))
        assert len({address_key(a) for a in verified}) == len(verified)

    def teardown(self) -> None:
        """The sign-in itself, with the password, costs much; so once for each sequence."""
        if hasattr(self, "has"):
            for name in NAMES:
                key = address_key(self.address(name))
                assert signs_in(self.address(name).upper()) == next((self.ids[one] for one in PEOPLE if self.has[one] == key), None)

    @invariant()
    def what_was_given_up_is_nobody_elses_for_thirty_days(self) -> None:
        if not hasattr(self, "has"):
            return
        for key, (who, when) in self.given_up.items():
            holders = [name for name in PEOPLE if self.has[name] == key]
            strangers = Account.objects.filter(email_key=key).exclude(id__in=self.ids.values()).exists()
            if self.now - when < collisions.QUARANTINE and who not in self.freed():
                assert holders in ([], [who]), (key, who, holders)
            if self.now - when < collisions.QUARANTINE and not holders:
                assert not strangers

    def freed(self) -> set[str]:
        """Whose address an administrator freed for others in the organization: there it may be given away."""
        from accounts.models import ReleasedAddress

        ids = set(ReleasedAddress.objects.filter(account_id__in=self.ids.values(), organization_id__isnull=False).values_list("account_id", flat=True))
        return {name for name in PEOPLE if self.ids[name] in ids}

    @invariant()
    def one_change_at_a_time_and_one_manager(self) -> None:
        if hasattr(self, "ids"):
            with tenancy.installation("look"):
                pending = Counter(AddressChange.objects.filter(account_id__in=self.ids.values(), state__in=("requested", "waiting")).values_list("account_id", flat=True))
                managed = Counter(Management.objects.filter(account_id__in=self.ids.values()).values_list("account_id", flat=True))
            assert all(n == 1 for n in itertools.chain(pending.values(), managed.values()))


def test_no_sequence_loses_an_address() -> None:
    run_state_machine_as_test(Addresses, settings=settings(max_examples=8, stateful_step_count=25, deadline=None, print_blob=True))
