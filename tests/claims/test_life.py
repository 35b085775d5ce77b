"""A claim from the preview to the last answer: who is told, who is managed when, and who is not."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts import door, outbox, tenancy
from accounts.claims import candidates, leaving, life, running
from accounts.domains import checks
from accounts.domains import life as domain_life
from accounts.models import Account, AddressChange, Claim, ClaimedAccount, Domain, Mail, Management, Membership
from accounts.models.claim import READY, UNDECIDED, ClaimState, Standing
from accounts.powers import BY_SLUG
from accounts.reasons import Refused, StepUpNeeded
from audit import sequencer, subscribers
from audit.models import Entry
from portal.powers import form_for
from tests.cast import World
from tests.claims.acts import DAY, announce, answer, do, domain, manager, person, row
from tests.situations import arrange

NOW = datetime.now


def mails(account: Account, template: str = "claim-news") -> list[Mail]:
    with tenancy.installation("a test reads mail"):
        while sequencer.run_once():
            pass
        subscribers.drain()
        return list(Mail.objects.filter(account=account, template=template).order_by("created_at"))


def test_the_tables_say_everything() -> None:
    """Every state has its steps; control begins only from the three states in which nothing is open; ends have no way out."""
    assert set(life.STEPS) == set(Standing) and set(life.TRANSITIONS) == set(ClaimState)
    assert {state for state, steps in life.STEPS.items() if "start" in steps} == set(READY)
    assert {state for state, steps in life.STEPS.items() if "withdraw" in steps} == set(UNDECIDED)
    assert all(target in life.STEPS for steps in life.STEPS.values() for target in steps.values())
    assert [state for state, steps in life.STEPS.items() if not steps] == [Standing.LEFT, Standing.EXEMPTED, Standing.MISSED, Standing.WITHDRAWN, Standing.RELEASED]
    for state in Standing:
        for step in {step for steps in life.STEPS.values() for step in steps} - set(life.STEPS[state]):
            with pytest.raises(life.NotPossible):
                life.go(ClaimedAccount(state=state), step, now=NOW(UTC))


def test_the_preview_counts_and_names_nobody(world: World) -> None:
    on, other = domain(world.north), domain(world.contoso)
    for name in ("alone", "second"):
        person(on, name)
    person(on, "unproven", email_verified_at=None)
    person(on, "closed", status="deactivated")
    theirs, ours = person(on, "theirs"), person(on, "ours")
    arrange(lambda: Management.objects.create(organization=world.contoso.organization, account=theirs, basis="created_by_org", since=NOW(UTC)))
    arrange(lambda: Management.objects.create(organization=world.north.organization, account=ours, basis="created_by_org", since=NOW(UTC)))
    arrange(lambda: Account.objects.filter(id=world.north.person("guest").account_id).update(email="guest@" + on.name, email_key="guest@" + on.name))
    person(other, "elsewhere")
    arrange(lambda: Account.objects.create(email="x@sub." + on.name, email_key="x@sub." + on.name, name="", password="!", created_at=NOW(UTC), email_verified_at=NOW(UTC)))
    found = candidates.count(domain=on, now=NOW(UTC)).by_kind
    assert found == {"managed_here": 1, "member": 1, "other": 2, "managed_elsewhere": 1, "unverified": 1, "objected": 0, "announced": 0, "told_often": 0, "not_now": 1}


def test_silence_is_managed_on_the_date_and_not_before(world: World) -> None:
    on = domain(world.north)
    someone = person(on, "someone")
    start = NOW(UTC)
    claim = announce(world.north, on, now=start)
    assert (row(someone).state, row(someone).effective_at, claim.state, claim.told) == ("announced", start + 14 * DAY, "announced", 1)
    running.run(now=start + 13 * DAY)
    assert manager(someone) is None and row(someone).reminded
    running.run(now=start + 14 * DAY)
    with tenancy.installation("look"):
        management = Management.objects.get(account=someone)
    assert (management.organization_id, management.basis, management.since, management.notice_version) == (world.north.organization.id, "domain_claim", start + 14 * DAY, claim.notice_version)
    assert row(someone).state == "managed"
    running.run(now=start + 14 * DAY)
    with tenancy.installation("look"):
        assert Claim.objects.get(id=claim.id).state == "finished"
        actions = list(Entry.objects.filter(org=world.north.organization.id, record__contains=str(someone.id)).order_by("id").values_list("record", flat=True))
    assert [word for record in actions for word in ("announced", "reminded", "started") if f'"management.{word}"' in record] == ["announced", "reminded", "started"]
    told = mails(someone)
    assert len(told) == 3 and all(mail.address == someone.email for mail in told)
    assert not running.run(now=start + 20 * DAY), "run again, nothing happens"


@pytest.mark.parametrize(("slug", "state", "managed"), [("accept-claim", "accepted", True), ("object-to-claim", "objected", False)])
def test_the_answers(world: World, slug: str, state: str, managed: bool) -> None:
    on, start = domain(world.north), NOW(UTC)
    someone = person(on, "someone")
    announce(world.north, on, now=start)
    answer(someone, slug, now=start + DAY, **({"message": "It is my own."} if slug == "object-to-claim" else {}))
    assert row(someone).state == state and manager(someone) is None
    running.run(now=start + 14 * DAY)
    assert (manager(someone) is not None) == managed
    with tenancy.installation("look"):
        assert Entry.objects.filter(org=world.north.organization.id, record__contains=f'"management.{state}"').count() == 1


def test_leaving_needs_nobody_and_the_new_mailbox_only(world: World) -> None:
    on, start = domain(world.north), NOW(UTC)
    someone = person(on, "someone")
    announce(world.north, on, now=start)
    with pytest.raises(Refused) as refused:
        answer(someone, "leave-claim", now=start, address=f"me@{on.name}")
    assert refused.value.codes == ["address_in_domain"]
    taken = Account.objects.get(id=world.north.person("worker").account_id).email
    answer(someone, "leave-claim", now=start, address=taken)
    with pytest.raises(Refused) as refused:
        leaving.confirm(leaving.token(row(someone)), now=start)
    assert refused.value.codes == ["address_unavailable"] and row(someone).state == "announced", "only whoever reads that mailbox hears that it is somebody's"
    answer(someone, "leave-claim", now=start, address=f"first@{world.north.slug}-home.com")
    old = leaving.token(row(someone))
    mine = f"own@{world.north.slug}-home.com"
    answer(someone, "leave-claim", now=start + DAY, address=mine)
    token = leaving.token(row(someone))
    assert leaving.found(old) is None, "a later wish makes the earlier link worthless"
    assert mails(someone, "claim-leave")[-1].address == mine
    assert leaving.confirm(token, now=start + 2 * DAY)
    someone = Account.objects.get(id=someone.id)
    assert (someone.email, row(someone).state, manager(someone)) == (mine, "left", None)
    assert not leaving.confirm(token, now=start + 2 * DAY), "the link works once"
    running.run(now=start + 30 * DAY)
    assert manager(someone) is None
    with tenancy.installation("look"):
        assert not Entry.objects.filter(org=world.north.organization.id, record__contains=mine).exists()
        assert row(someone).leaving_address == ""


def test_the_old_mailbox_undoes_leaving(world: World) -> None:
    """Somebody else may have left in the person's name: the old mailbox is told and takes the address back."""
    from accounts.emails import steps
    from tests.emails import post

    on, start = domain(world.north), NOW(UTC)
    someone = person(on, "undoing")
    old, mine = someone.email, f"thief@{world.north.slug}-home.com"
    announce(world.north, on, now=start)
    answer(someone, "leave-claim", now=start, address=mine)
    assert leaving.confirm(leaving.token(row(someone)), now=start)
    steps.undo(post.word(someone.id, old), now=start + DAY)
    assert Account.objects.get(id=someone.id).email == old


def test_with_a_second_factor_the_old_mailbox_has_no_say(world: World) -> None:
    """It is the organization's to read: an undo link there would take the account back from somebody who proved twice that they want to leave."""
    on, start = domain(world.north), NOW(UTC)
    someone = person(on, "sure")
    announce(world.north, on, now=start)
    answer(someone, "leave-claim", now=start, address=f"sure@{world.north.slug}-home.com")
    arrange(lambda: Account.objects.filter(id=someone.id).update(has_second_factor=True))
    assert leaving.confirm(leaving.token(row(someone)), now=start)
    told = [outbox.render(mail)[1] for mail in mails(someone, "address-changed-old") if mail.address == someone.email]
    assert len(told) == 1 and "/address/undo/" not in told[0]
    with tenancy.installation("look"):
        assert not AddressChange.objects.filter(account=someone, undo_hash__isnull=False).exists()


def test_an_objection_stops_it_until_it_is_answered(world: World) -> None:
    on, start = domain(world.north), NOW(UTC)
    kept, out, silent = (person(on, name) for name in ("kept", "out", "silent"))
    announce(world.north, on, now=start)
    for one in (kept, out, silent):
        answer(one, "object-to-claim", now=start + 10 * DAY, message="No.")
    running.run(now=start + 20 * DAY)
    assert {row(one).state for one in (kept, out, silent)} == {"objected"}
    do(world.north, "answer-objection", now=start + 20 * DAY, account=out.email, answer="accept")
    do(world.north, "answer-objection", now=start + 20 * DAY, account=kept.email, answer="reject", ground="work_account", message="You got it from us.")
    assert (row(out).state, row(kept).state, row(kept).effective_at) == ("exempted", "rejected", start + 27 * DAY)
    with pytest.raises(Refused) as refused:
        answer(kept, "object-to-claim", now=start + 21 * DAY, message="No!")
    assert refused.value.codes == ["objected_before"]
    running.run(now=start + 26 * DAY)
    assert manager(kept) is None
    running.run(now=start + 27 * DAY)
    assert manager(kept) == world.north.organization.id
    running.run(now=start + 40 * DAY)
    assert (row(silent).state, row(silent).answer_code, manager(silent), manager(out)) == ("exempted", "no_answer", None, None)


def test_seven_days_are_everybodys_but_those_it_created(world: World) -> None:
    on, start = domain(world.north), NOW(UTC)
    made, other = person(on, "made"), person(on, "other")
    arrange(lambda: Membership.objects.create(organization=world.north.organization, account=made, role=world.north.roles["member"], status="active", created_at=made.created_at, invited_by=world.north.person("owner").id))
    announce(world.north, on, now=start, days=0)
    assert (row(made).effective_at, row(other).effective_at) == (start, start + 7 * DAY)
    assert manager(made) == world.north.organization.id and manager(other) is None


def test_what_changed_meanwhile_is_seen_on_the_date(world: World) -> None:
    on, start = domain(world.north), NOW(UTC)
    moved, theirs, unproven, closed = (person(on, name) for name in ("moved", "theirs", "unproven", "closed"))
    announce(world.north, on, now=start)
    arrange(lambda: Account.objects.filter(id=moved.id).update(email="m@" + world.north.slug + ".org", email_key="m@" + world.north.slug + ".org"))
    arrange(lambda: Management.objects.create(organization=world.contoso.organization, account=theirs, basis="created_by_org", since=start))
    arrange(lambda: Account.objects.filter(id=unproven.id).update(email_verified_at=None))
    arrange(lambda: Account.objects.filter(id=closed.id).update(status="deactivated"))
    running.run(now=start + 14 * DAY)
    assert [row(one).problem for one in (moved, theirs, unproven, closed)] == ["not_in_domain", "claim_managed_elsewhere", "claim_unverified", "claim_not_now"]
    assert (manager(moved), manager(theirs)) == (None, world.contoso.organization.id)


@pytest.mark.parametrize("state", [{"state": "contested", "contested_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"state": "failing", "failing_since": datetime(2026, 1, 1, tzinfo=UTC)}])
def test_a_claim_rests_while_the_domain_is_in_doubt(world: World, state: dict[str, object]) -> None:
    on, start = domain(world.north), NOW(UTC)
    someone = person(on, "someone")
    announce(world.north, on, now=start)
    arrange(lambda: Domain.objects.filter(id=on.id).update(**state))
    running.run(now=start + 12 * DAY)
    assert not row(someone).reminded, "nobody is reminded of a date at which nothing begins"
    running.run(now=start + 20 * DAY)
    assert manager(someone) is None and row(someone).state == "announced"
    arrange(lambda: Domain.objects.filter(id=on.id).update(state="verified", failing_since=None, contested_at=None))
    running.run(now=start + 21 * DAY)
    assert manager(someone) is None and row(someone).reminded and row(someone).effective_at == start + 24 * DAY, "who was not reminded of the date is told first, and has three days"
    running.run(now=start + 23 * DAY)
    assert manager(someone) is None
    running.run(now=start + 24 * DAY)
    assert manager(someone) == world.north.organization.id


@pytest.mark.parametrize("how", ["release", "lapse", "contest"])
def test_with_the_domain_control_ends_and_everybody_can_sign_in_again(world: World, how: str) -> None:
    on, start = domain(world.north), NOW(UTC)
    managed, off, waiting = person(on, "managed"), person(on, "off"), person(on, "waiting")
    announce(world.north, on, now=start, choice="listed", addresses=f"{managed.email}\n{off.email}")
    running.run(now=start + 14 * DAY)
    arrange(lambda: Account.objects.filter(id=off.id).update(status="locked"))
    announce(world.north, on, now=start + 15 * DAY)
    assert row(waiting).state == "announced" and manager(off) == world.north.organization.id
    later = start + 16 * DAY
    if how == "release":
        do(world.north, "release-domain", now=later, domain=on.name)
    elif how == "lapse":
        arrange(lambda: Domain.objects.filter(id=on.id).update(state="failing", failing_since=later - domain_life.LAPSES_AFTER, next_check_at=later))
        with tenancy.installation("a test looks for a proof"):
            checks._write(Domain.objects.get(id=on.id), checks.proof.Looked(problem="no_record"), later)
    else:
        arrange(lambda: Domain.objects.filter(id=on.id).update(state="contested", contested_at=start))
        with tenancy.installation("a test decides"), transaction.atomic():
            checks.award([Domain.objects.select_for_update().get(id=on.id)], winner=None, now=later, ground="no_proof")
    running.run(now=later)
    assert [manager(one) for one in (managed, off, waiting)] == [None, None, None]
    assert (row(managed).state, row(off).state, row(waiting).state) == ("released", "released", "withdrawn")
    off = Account.objects.get(id=off.id)
    assert off.status == "active" and off.reset_required_at == later
    with tenancy.installation("look"):
        gone = Domain.objects.get(id=on.id)
        assert (gone.state, gone.releasing) == ("released" if how == "release" else "lapsed", False)
    assert len(mails(managed, "release-account")) == 1 and not running.run(now=later + DAY)


def test_powers_rest_while_the_domain_of_a_claimed_account_is_contested(world: World) -> None:
    on, start = domain(world.north), NOW(UTC)
    guest = world.north.person("guest")
    arrange(lambda: Account.objects.filter(id=guest.account_id).update(email="guest@" + on.name, email_key="guest@" + on.name))
    announce(world.north, on, now=start)
    running.run(now=start + 14 * DAY)
    arrange(lambda: Domain.objects.filter(id=on.id).update(state="contested", contested_at=start))
    with tenancy.scope(org=world.north.organization.id), pytest.raises(Refused) as refused:
        door.perform(power=BY_SLUG["deactivate"], actor=world.north.actor("owner"), ids=[guest.id], data={"reason_code": "absence"}, now=NOW(UTC))
    assert refused.value.codes == ["domain_contested"]


def test_a_list_is_judged_line_by_line_and_nothing_is_half_done(world: World) -> None:
    on, foreign = domain(world.north), domain(world.contoso)
    right, stranger = person(on, "right"), person(foreign, "stranger")
    text = "\n".join(["email", right.email, stranger.email, f"nobody@{on.name}", right.email.upper(), '=HYPERLINK("x")', "", "not an address"])
    with tenancy.scope(org=world.north.organization.id):
        form = form_for(BY_SLUG["announce-claim"], world.north.organization, world.north.actor("owner"), {"domain": on.name, "choice": "listed", "addresses": text})
        assert not form.is_valid()
        assert [error.code for error in form.errors.as_data()["addresses"]] == ["not_in_domain", "unknown_address", "duplicate_row", "formula", "not_in_domain"]
        assert [str(error.messages[0]).partition(":")[0] for error in form.errors.as_data()["addresses"]] == ["Line 2", "Line 3", "Line 4", "Line 5", "Line 7"]
        huge = form_for(BY_SLUG["announce-claim"], world.north.organization, world.north.actor("owner"), {"domain": on.name, "choice": "listed", "addresses": "x" * 10_000_000})
        wide = form_for(BY_SLUG["announce-claim"], world.north.organization, world.north.actor("owner"), {"domain": on.name, "choice": "listed", "addresses": '"' + "x" * 300_000 + '"'})
        assert not huge.is_valid() and not wide.is_valid()
    with pytest.raises(Refused) as refused:
        do(world.north, "announce-claim", domain=on.name, choice="listed", addresses=text, days=14)
    assert refused.value.codes == ["invalid_rows"] and row(right) is None
    announce(world.north, on, choice="listed", addresses=right.email)
    assert row(right).state == "announced"


def test_nobody_is_told_too_often(world: World) -> None:
    on, start = domain(world.north), NOW(UTC)
    someone = person(on, "someone")
    for day in (0, 1):
        announce(world.north, on, now=start + day * DAY)
        do(world.north, "cancel-claim", now=start + day * DAY, claim=on.name)
        running.run(now=start + day * DAY)
    assert row(someone).state == "withdrawn" and candidates.count(domain=on, now=start + 2 * DAY).by_kind["told_often"] == 1
    with pytest.raises(Refused) as refused:
        do(world.north, "announce-claim", now=start + 2 * DAY, domain=on.name, choice="all", days=14)
    assert refused.value.codes == ["nobody_to_claim"]
    for number in range(5):
        extra = domain(world.north)
        person(extra, f"p{number}")
        announce(world.north, extra, now=start + 9 * DAY)
    with pytest.raises(Refused) as refused:
        do(world.north, "announce-claim", now=start + 9 * DAY, domain=on.name, choice="all", days=14)
    assert "too_many_claims" in refused.value.codes


def test_who_was_left_out_stays_out_until_named(world: World) -> None:
    on, start = domain(world.north), NOW(UTC)
    someone, other = person(on, "someone"), person(on, "other")
    announce(world.north, on, now=start)
    do(world.north, "exempt-account", now=start, account=someone.email)
    running.run(now=start + 14 * DAY)
    assert (row(someone).state, manager(someone), manager(other)) == ("exempted", None, world.north.organization.id)
    do(world.north, "exempt-account", now=start + 15 * DAY, account=str(row(other).id))
    running.run(now=start + 15 * DAY)
    assert (row(other).state, manager(other)) == ("released", None), "one that is no member is released this way"
    third = person(on, "third")
    claim = announce(world.north, on, now=start + 16 * DAY)
    assert row(third).claim_id == claim.id and row(someone).claim_id != claim.id
    named = announce(world.north, on, now=start + 17 * DAY, choice="listed", addresses=someone.email)
    assert row(someone).claim_id == named.id


def test_batches_go_on_where_they_were_killed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    on, start = domain(world.north), NOW(UTC)
    everybody = [person(on, f"p{n}") for n in range(7)]
    monkeypatch.setattr(running, "BATCH", 2)
    do(world.north, "announce-claim", now=start, domain=on.name, choice="all", days=14)
    whole, killed = running.written, [3]

    def dying(*arguments: object, **named: object) -> None:
        whole(*arguments, **named)  # type: ignore[arg-type]
        killed[0] -= arguments[1].domain_id == on.id  # type: ignore[attr-defined]  # other tests left claims of their own
        if killed[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(running, "written", dying)
    with pytest.raises(KeyboardInterrupt):
        running.run(now=start)
    assert sum(row(one) is not None for one in everybody) == 4, "two batches were done, the third was not"
    monkeypatch.setattr(running, "written", whole)
    running.run(now=start)
    assert all(row(one).state == "announced" for one in everybody)
    killed[0] = 2
    monkeypatch.setattr(running, "written", dying)
    with pytest.raises(KeyboardInterrupt):
        running.run(now=start + 14 * DAY)
    monkeypatch.setattr(running, "written", whole)
    running.run(now=start + 14 * DAY)
    assert all(manager(one) == world.north.organization.id for one in everybody)
    with tenancy.installation("count"):
        assert Entry.objects.filter(org=world.north.organization.id, record__contains='"management.started"').count() == 7


def test_leaving_is_no_way_to_write_to_strangers_or_around_the_second_factor(world: World) -> None:
    on, start = domain(world.north), NOW(UTC)
    someone = person(on, "someone")
    announce(world.north, on, now=start)
    for number in range(4):
        answer(someone, "leave-claim", now=start + timedelta(seconds=number), address=f"stranger@{world.north.slug}-home.com")
    assert len(mails(someone, "claim-leave")) == 1, "of several wishes only the newest has a link"
    token = leaving.token(row(someone))
    arrange(lambda: Account.objects.filter(id=someone.id).update(status="locked"))
    assert not leaving.confirm(token, now=start) and Account.objects.get(id=someone.id).email == someone.email, "who is locked goes nowhere"
    arrange(lambda: Account.objects.filter(id=someone.id).update(status="active", has_second_factor=True))
    with pytest.raises(StepUpNeeded):
        answer(someone, "leave-claim", now=start, address=f"thief@{world.north.slug}-home.com")
    arrange(lambda: Account.objects.filter(id=someone.id).update(has_second_factor=False))
    with tenancy.installation("a test fills the outbox"):
        Mail.objects.bulk_create(Mail(account=someone, template="claim-leave", address=f"x{n}@elsewhere.com", created_at=NOW(UTC), next_attempt_at=NOW(UTC)) for n in range(19))
    with pytest.raises(Refused) as refused:
        answer(someone, "leave-claim", address="one-more@elsewhere.com")
    assert refused.value.codes == ["too_many_links"]
    assert leaving.confirm(token, now=start)
    old = next(mail for mail in mails(someone, "address-changed-old") if mail.address == someone.email)
    assert f"{world.north.slug}-home.com" not in outbox.render(old)[1], "the mailbox that the organization keeps does not learn where the person went"
    arrange(lambda: Account.objects.filter(id=someone.id).update(email=someone.email, email_key=someone.email))
    assert candidates.count(domain=on, now=start + DAY).spared == 1, "who left once is not told again soon"
