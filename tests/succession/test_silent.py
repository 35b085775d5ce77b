"""Owners who are silent or cannot sign in: told, waited for, followed by whoever they named; and stopped by any of them."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts import tenancy
from accounts.models import Account, Membership
from accounts.people import usable_owners
from accounts.reasons import Refused
from accounts.succession import life, owners, watch
from tests.cast import World
from tests.situations import WHY, arrange
from tests.succession.acts import DAY, HOUR, account, case, cases, do, events, factor, look, mails, name, role, signs_in, small


def test_a_silent_owner_is_told_three_times_and_then_followed() -> None:
    org, now = small(), datetime.now(UTC)
    name(org, "second", "first")
    look(org, now + 58 * DAY)
    assert cases(org) == 0, "sixty days are not over"
    start = now + 60 * DAY
    look(org, start)
    found = case(org)
    assert (found.state, found.cause, found.told, found.waits_until) == ("waiting", "silent", 1, start + 14 * DAY)
    look(org, start + 6 * DAY)
    assert case(org).told == 1
    look(org, start + 7 * DAY)
    look(org, start + 13 * DAY)
    assert case(org).told == 3
    look(org, start + 14 * DAY - timedelta(seconds=1))
    assert case(org).state == "waiting"
    with pytest.raises(Refused):
        do(org, "accept-ownership", "second", now=start + 13 * DAY)
    look(org, start + 14 * DAY)
    assert (case(org).state, case(org).person) == ("offered", org.person("second").id), "in the order in which they were named"
    with pytest.raises(Refused) as refusal:
        do(org, "accept-ownership", "first", now=start + 15 * DAY)
    assert refusal.value.codes == ["not_offered"]
    do(org, "accept-ownership", "second", now=start + 15 * DAY)
    assert role(org, "second") == "member", "accepting is not granting"
    look(org, start + 15 * DAY)
    assert (role(org, "second"), role(org, "owner"), case(org).state) == ("owner", "owner", "done"), "nobody is demoted"
    assert events(org) == ["succession.named", "succession.opened", "succession.waiting", "succession.reminded", "succession.reminded", "succession.offered", "succession.accepted", "organization.ownership_granted"]
    told = mails(org)
    assert [to for template, to, _subject in told if template == "succession-owners"].count("owner") == 7
    assert {to for template, to, _subject in told if template == "succession-person"} == {"first", "second"}
    look(org, start + 16 * DAY)
    assert cases(org) == 1


@pytest.mark.parametrize("days", [3, 14, 20])
def test_an_owner_who_signs_in_ends_it(days: int) -> None:
    """While it waits, on its last day, and while it is offered."""
    org, now = small(), datetime.now(UTC)
    name(org, "first")
    start = now + 61 * DAY
    for day in range(days + 1):
        look(org, start + day * DAY)
    signs_in(org, "owner", start + days * DAY + HOUR)
    assert (case(org).state, case(org).ended_how) == ("stopped", "signed_in")
    look(org, start + 40 * DAY)
    assert (role(org, "first"), cases(org)) == ("member", 1)
    assert ("succession-owners", "owner", f"The succession was stopped · {org.organization.name}") in mails(org)


def test_being_seen_again_is_enough_and_a_token_is_not() -> None:
    org, now = small(), datetime.now(UTC)
    start = now + 61 * DAY
    look(org, start)
    account(org, "owner", last_active_at=start + DAY)
    look(org, start + 2 * DAY)
    assert (case(org).state, case(org).ended_how) == ("stopped", "owner_back")


@pytest.mark.parametrize("lost", [{"status": "locked"}, {"status": "deactivated"}, {"status": "pending_deletion"}, {"status": "purged"}, {"has_second_factor": False}, {"email_verified_at": None}])
def test_no_usable_owner_opens_one_at_once_and_waits_three_days(lost: dict[str, object]) -> None:
    org, now = small(), datetime.now(UTC)
    name(org, "first")
    arrange(lambda: type(org.organization).objects.filter(id=org.organization.id).update(created_at=now - 30 * DAY))
    account(org, "owner", **lost)
    look(org, now)
    assert (case(org).cause, case(org).waits_until) == ("unusable", now + timedelta(hours=72))
    for hours in (24, 60, 71):
        look(org, now + hours * HOUR)
        assert case(org).state == "waiting"
    look(org, now + 72 * HOUR)
    do(org, "accept-ownership", "first", now=now + 73 * HOUR)
    look(org, now + 73 * HOUR)
    assert role(org, "first") == "owner"
    with tenancy.scope(org=org.organization.id):
        assert usable_owners(organization_id=org.organization.id, without=[]) == 1


def test_one_who_can_sign_in_again_ends_it() -> None:
    org, now = small(), datetime.now(UTC)
    account(org, "owner", status="locked")
    look(org, now)
    account(org, "owner", status="active")
    look(org, now + HOUR)
    assert (case(org).state, case(org).ended_how) == ("stopped", "owner_back")


def test_a_new_organization_has_a_week_to_set_up(world: World) -> None:
    org, now = small(), datetime.now(UTC)
    factor(org, False, "owner")
    look(org, now)
    assert cases(org) == 0
    look(org, now + 7 * DAY)
    assert case(org).cause == "unusable"


def test_lockdown_by_the_organization_that_manages_the_account_opens_one_elsewhere(world: World) -> None:
    """Guard rail 8: security first, and succession there plus an alert to the operator."""
    north, other = world.north, small("o")
    arrange(lambda: Membership.objects.filter(id=other.person("owner").id).update(account_id=north.person("worker").account_id))
    arrange(lambda: Account.objects.filter(id=north.person("worker").account_id).update(has_second_factor=True))
    arrange(lambda: Account.objects.filter(id=north.person("legal").account_id).update(is_operator=True))
    from accounts import door
    from accounts.powers import BY_SLUG

    now = datetime.now(UTC)
    with tenancy.scope(org=north.organization.id):
        door.perform(power=BY_SLUG["lockdown"], actor=north.actor("security"), ids=[north.person("worker").id], data=WHY, now=now)
    watch.run(now=now)
    assert (case(other).cause, case(other).state) == ("unusable", "waiting")
    mails(other)
    with tenancy.installation("a test reads mail"):
        from accounts import outbox
        from accounts.models import Mail

        alerts = [outbox.render(mail)[1] for mail in Mail.objects.filter(template="succession-operator", account_id=north.person("legal").account_id)]
        (said,) = [alert for alert in alerts if str(other.organization.id) in alert]
    assert other.organization.name not in said and "worker" not in said.lower()


def test_who_declines_lets_it_pass_or_lost_the_factor_is_passed_over() -> None:
    org, now = small(), datetime.now(UTC)
    name(org, "first", "second", "third")
    account(org, "owner", status="locked")
    for hours in (0, 24, 60, 72):
        look(org, now + hours * HOUR)
    assert case(org).person == org.person("first").id
    do(org, "decline-succession", "first", now=now + 73 * HOUR)
    look(org, now + 73 * HOUR)
    assert case(org).person == org.person("second").id
    factor(org, False, "second")
    look(org, now + 74 * HOUR)
    assert case(org).person == org.person("third").id
    factor(org, True, "second")
    look(org, now + 74 * HOUR + 7 * DAY)
    assert (case(org).state, case(org).person) == ("offered", org.person("second").id), "who could not then may now; who let the time pass is not asked again"
    do(org, "decline-succession", "second", now=now + 90 * HOUR + 7 * DAY)
    look(org, now + 90 * HOUR + 7 * DAY)
    assert (case(org).state, case(org).person) == ("operator", None)
    assert events(org).count("succession.nobody") == 1
    look(org, now + 100 * DAY)
    assert events(org).count("succession.nobody") == 1, "nobody is called twice"


def test_a_protected_successor_follows_too() -> None:
    """Protection keeps administrators off a person; it does not keep ownership from them."""
    org, now = small(), datetime.now(UTC)
    name(org, "first")
    arrange(lambda: Membership.objects.filter(id=org.person("first").id).update(protected=True))
    account(org, "owner", status="locked")
    for hours in (0, 24, 60, 72):
        look(org, now + hours * HOUR)
    do(org, "accept-ownership", "first", now=now + 73 * HOUR)
    look(org, now + 73 * HOUR)
    assert role(org, "first") == "owner"


def test_who_accepted_and_declines_before_it_is_granted_does_not_become_owner() -> None:
    org, now = small(), datetime.now(UTC)
    name(org, "first", "second")
    account(org, "owner", status="locked")
    for hours in (0, 24, 60, 72):
        look(org, now + hours * HOUR)
    do(org, "accept-ownership", "first", now=now + 73 * HOUR)
    do(org, "decline-succession", "first", now=now + 73 * HOUR)
    look(org, now + 73 * HOUR)
    assert (role(org, "first"), case(org).person) == ("member", org.person("second").id)


def test_a_clock_that_jumps_forty_days_overtakes_nobody() -> None:
    """Nothing looked for forty days: the notices come first, each with its time, and then the rest of the waiting."""
    org, now = small(), datetime.now(UTC)
    name(org, "first")
    account(org, "owner", status="locked")
    look(org, now)
    jump = now + 40 * DAY
    look(org, jump)
    assert (case(org).state, case(org).told) == ("waiting", 2)
    look(org, jump + 35 * HOUR)
    assert case(org).told == 2
    look(org, jump + 36 * HOUR)
    assert (case(org).told, case(org).waits_until) == (3, jump + 48 * HOUR)
    look(org, jump + 47 * HOUR)
    assert case(org).state == "waiting"
    look(org, jump + 48 * HOUR)
    assert case(org).state == "offered"
    look(org, jump + 88 * DAY)
    assert case(org).state == "operator" and role(org, "first") == "member", "an offer nobody answered is over, however long nobody looked"


def test_the_button_stops_it_and_it_rests_a_week() -> None:
    org, now = small(owners=2), datetime.now(UTC)
    start = now + 61 * DAY
    look(org, start)
    do(org, "stop-succession", "owner1", now=start + DAY)
    assert (case(org).state, case(org).ended_how) == ("stopped", "button")
    look(org, start + 7 * DAY)
    assert cases(org) == 1
    look(org, start + 8 * DAY)
    assert cases(org) == 2, "an owner who only pressed a button by a token, and was not seen, is still silent"
    with pytest.raises(Refused):
        do(org, "stop-succession", "first", now=start + 8 * DAY)


def test_every_table_state_is_reached_and_nothing_else() -> None:
    """The table is whole: each state but the ends leads on, each is reached, an end leads nowhere."""
    reached = {state for states in life.TRANSITIONS.values() for state in states} | {life.S.OPENED}
    assert reached == set(life.S) == set(life.TRANSITIONS)
    assert {state for state, on in life.TRANSITIONS.items() if not on} == {life.S.DONE, life.S.STOPPED, life.S.EXPIRED}
    assert all(life.S.STOPPED in on for on in life.TRANSITIONS.values() if on), "an owner can always stop it"
    assert {state for state, on in life.TRANSITIONS.items() if life.S.DONE in on} == {life.S.ACCEPTED}, "nothing is granted that was not accepted"


def test_usable_means_the_same_everywhere() -> None:
    org = small(owners=3)
    account(org, "owner1", status="locked")
    factor(org, False, "owner2")
    with tenancy.scope(org=org.organization.id):
        holders = owners.of(org.organization.id)
        assert (len(holders), sum(holder.usable for holder in holders)) == (3, usable_owners(organization_id=org.organization.id, without=[]))
