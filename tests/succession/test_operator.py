"""The operator's path: in writing, in the organization's own log, with every owner told and able to stop it; and never alone."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts import outbox, tenancy
from accounts.models import Mail, Membership, SuccessionCase, Successor
from accounts.reasons import Refused
from accounts.succession import operator
from audit.models import Entry
from tests.cast import Org, World
from tests.situations import arrange
from tests.succession.acts import DAY, HOUR, account, case, cases, do, events, factor, look, mails, role, signs_in, small

GROUND = {"words": "The register names them as director", "reference": "letter 41/2026"}


def propose(org: Org, who: str, now: datetime, **given: Any) -> SuccessionCase:
    with tenancy.scope(org=org.organization.id):
        return operator.propose(organization_id=org.organization.id, who=f"{who}@{org.slug}.example", now=now, **{**GROUND, **given})


def finish(org: Org, now: datetime) -> SuccessionCase:
    with tenancy.scope(org=org.organization.id):
        return operator.finish(organization_id=org.organization.id, now=now)


def alone() -> Org:
    """An organization that nobody can help: its owner is locked, nobody is named, and its members have been there for long."""
    org = small()
    arrange(lambda: Membership.objects.filter(organization=org.organization).update(joined_at=datetime.now(UTC) - 100 * DAY))
    account(org, "owner", status="locked")
    return org


def words_to_owner(org: Org) -> list[tuple[str, str]]:
    mails(org)
    with tenancy.installation("a test reads mail"):
        return [outbox.render(mail)[:2] for mail in Mail.objects.filter(organization_id=org.organization.id, template="succession-owners", account_id=org.person("owner").account_id) if mail.context]


def test_fourteen_days_in_sight_then_an_offer_then_the_person_accepts() -> None:
    org, now = alone(), datetime.now(UTC)
    propose(org, "first", now)
    told = words_to_owner(org)
    (proposal,) = [body for subject, body in told if subject.startswith("The operator proposes")]
    assert GROUND["words"] in proposal and GROUND["reference"] in proposal and "First Person" in proposal and "/keep-ownership/" in proposal
    for days in (0, 7, 13):
        look(org, now + days * DAY)
        with pytest.raises(operator.NotPossible, match="the owners have until"):
            finish(org, now + days * DAY)
        with pytest.raises(Refused):
            do(org, "accept-ownership", "first", now=now + days * DAY)
    look(org, now + 14 * DAY)
    assert (role(org, "first"), case(org, "operator").state) == ("member", "waiting"), "the second step is the operator's"
    finish(org, now + 14 * DAY)
    look(org, now + 15 * DAY)
    assert (role(org, "first"), case(org, "operator").state) == ("member", "offered"), "the operator alone makes no owner"
    do(org, "accept-ownership", "first", now=now + 15 * DAY)
    look(org, now + 15 * DAY)
    assert (role(org, "first"), case(org, "operator").state) == ("owner", "done")
    said = [event for event in events(org) if event != "succession.nobody"]
    assert [event for event in ("succession.proposed", "succession.offered", "succession.accepted", "organization.ownership_granted") if event in said] == [
        "succession.proposed", "succession.offered", "succession.accepted", "organization.ownership_granted"]
    assert sum(GROUND["words"] in body for subject, body in words_to_owner(org) if "soon" in subject) == 2, "each notice says why"
    with tenancy.scope(org=org.organization.id):
        record = Entry.objects.get(org=org.organization.id, record__contains="succession.proposed").record
    assert GROUND["words"] not in record and '"type":"operator"' in record and GROUND["reference"] in record


def test_a_notice_that_nobody_gave_is_waited_for_by_the_operator_too() -> None:
    """While the schedule stands still no time passes for the owners: the operator's second step waits for the notices."""
    org, now = alone(), datetime.now(UTC)
    propose(org, "first", now)
    with pytest.raises(operator.NotPossible, match="every notice"):
        finish(org, now + 20 * DAY)


def test_any_owner_stops_it() -> None:
    org, now = alone(), datetime.now(UTC)
    propose(org, "first", now)
    account(org, "owner", status="active")
    look(org, now + HOUR)
    assert case(org, "operator").state == "waiting", "an owner who could sign in but did not has said nothing yet"
    signs_in(org, "owner", now + 2 * HOUR)
    assert case(org, "operator").state == "stopped"
    with pytest.raises(operator.NotPossible, match="an owner who was active"):
        propose(org, "first", now + 3 * HOUR)


def test_who_cannot_be_proposed() -> None:
    org, other, now = alone(), small("x"), datetime.now(UTC)
    account(org, "third", status="deactivated")
    arrange(lambda: Membership.objects.filter(id=org.person("second").id).update(joined_at=now - 13 * DAY))
    for who, said in (("nobody", "somebody who is no member"), ("third", "somebody who is no member"), ("second", "14 days"), ("owner", "somebody who is no member")):
        with pytest.raises(operator.NotPossible, match=said):
            propose(org, who, now)
    with tenancy.scope(org=org.organization.id), pytest.raises(operator.NotPossible):
        operator.propose(organization_id=org.organization.id, who=str(other.person("first").id), now=now, **GROUND)
    for wrong in ({"words": " "}, {"words": "x" * 501}, {"reference": ""}, {"reference": "x" * 81}):
        with pytest.raises(operator.NotPossible):
            propose(org, "first", now, **wrong)
    with pytest.raises(operator.NotPossible, match="over their head"):
        propose(other, "first", now)
    assert cases(org) == cases(other) == 0
    propose(org, "first", now)
    with pytest.raises(operator.NotPossible, match="under way"):
        propose(org, "plain", now)


def test_the_person_declines_or_has_no_factor_or_nobody_finishes() -> None:
    now = datetime.now(UTC)
    declines = alone()
    propose(declines, "first", now)
    do(declines, "decline-succession", "first", now=now + HOUR)
    assert (case(declines, "operator").state, case(declines, "operator").ended_how) == ("expired", "declined")
    factorless = alone()
    propose(factorless, "plain", now)
    for days in (7, 13, 14):
        look(factorless, now + days * DAY)
    with pytest.raises(operator.NotPossible, match="second factor"):
        finish(factorless, now + 14 * DAY)
    factor(factorless, True, "plain")
    finish(factorless, now + 14 * DAY)
    forgotten = alone()
    propose(forgotten, "first", now)
    for days in (7, 13, 14, 27):
        look(forgotten, now + days * DAY)
    assert case(forgotten, "operator").state == "waiting"
    look(forgotten, now + 28 * DAY)
    assert case(forgotten, "operator").state == "expired"


def test_the_command(world: World) -> None:
    org = alone()

    def run(*words: str) -> str:
        out = StringIO()
        call_command("succession", *words, stdout=out)
        return out.getvalue()

    assert f"{org.organization.id}  no owner can sign in" in run("list") and world.north.slug not in run("list") and str(world.north.organization.id) not in run("list")
    assert "the owners can stop it until" in run("propose", org.slug, f"first@{org.slug}.example", "--ground", GROUND["words"], "--case", GROUND["reference"])
    assert "operator: waiting" in run("list") and "first@" not in run("list")
    with pytest.raises(CommandError, match="the owners have until"):
        run("finish", str(org.organization.id))
    assert "withdrawn" in run("withdraw", org.slug)
    for words in (("finish", org.slug), ("withdraw", "no-such"), ("propose", org.slug, "x", "--ground", "", "--case", "1")):
        with pytest.raises(CommandError):
            run(*words)
    assert case(org, "operator").ended_how == "withdrawn"


def test_a_proposal_and_a_successor_settle_each_other() -> None:
    """Two ways at once: the first to arrive makes the owner, and the other one is over."""
    org, now = alone(), datetime.now(UTC)
    propose(org, "second", now)
    look(org, now)
    assert (case(org).cause, case(org, "operator").state) == ("unusable", "waiting")
    arrange(lambda: Successor.objects.create(organization=org.organization, membership=org.person("first"), place=1, named_by=org.person("owner").id, named_at=now))
    arrange(lambda: SuccessionCase.objects.filter(organization=org.organization, way="successors").update(state="accepted", person=org.person("first").id, told=3, waits_until=now))
    look(org, now + timedelta(minutes=1))
    assert (role(org, "first"), role(org, "second"), case(org, "operator").state, case(org, "operator").ended_how) == ("owner", "member", "stopped", "settled")
