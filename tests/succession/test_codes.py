"""Recovery codes: two different ones of three, once; one alone says nothing; wrong ones are counted and recorded; owners see it and stop it."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from accounts import access, door, tenancy
from accounts.actor import Actor
from accounts.models import RecoveryCode, SuccessionCase
from accounts.powers import BY_SLUG
from accounts.reasons import Refused, StepUpNeeded
from accounts.succession import codes, watch
from audit.models import Entry
from tests.cast import Org
from tests.situations import arrange, token_for
from tests.succession.acts import DAY, HOUR, account, case, cases, do, events, factor, look, mails, make_codes, role, signs_in, small


def refused(org: Org, who: str, first: str, second: str, *, now: datetime | None = None) -> list[str]:
    with pytest.raises(Refused) as refusal:
        do(org, "present-recovery-codes", who, now=now, first=first, second=second)
    return refusal.value.codes


def test_two_different_codes_make_an_owner_after_three_days_and_notices() -> None:
    org, now = small(), datetime.now(UTC)
    one, _two, three = make_codes(org)
    account(org, "owner", status="locked")
    do(org, "present-recovery-codes", "second", now=now, first=f" {three.lower()} ", second=one.replace("-", ""))
    found = case(org, "codes")
    assert (found.state, found.told, found.waits_until) == ("waiting", 1, now + timedelta(hours=72))
    with tenancy.scope(org=org.organization.id):
        assert not RecoveryCode.objects.filter(organization=org.organization).exists(), "all three are used up"
    for hours in (24, 60, 71):
        look(org, now + hours * HOUR)
        assert role(org, "second") == "member"
    look(org, now + 72 * HOUR)
    assert (role(org, "second"), role(org, "owner"), case(org, "codes").state) == ("owner", "owner", "done")
    assert case(org).state == "stopped", "the succession that had begun beside it is settled"
    told = [(template, to) for template, to, _subject in mails(org)]
    assert told.count(("succession-owners", "owner")) >= 4 and ("succession-person", "second") in told
    assert refused(org, "first", one, three) == ["codes_wrong"], "used codes open nothing"


def test_an_owner_stops_it_within_the_three_days() -> None:
    org, now = small(), datetime.now(UTC)
    one, two, _three = make_codes(org)
    do(org, "present-recovery-codes", "first", now=now, first=one, second=two)
    signs_in(org, "owner", now + 71 * HOUR)
    for hours in range(71, 200, 12):
        look(org, now + hours * HOUR)
    assert (case(org, "codes").state, role(org, "first")) == ("stopped", "member")
    assert refused(org, "first", one, two) == ["codes_wrong"]


def test_one_code_says_nothing_however_it_is_presented() -> None:
    org = small()
    one, two, _three = make_codes(org)
    other = make_codes(small("x"))
    nothing = "1-AAAAA-AAAAA-AAAAA-AAAAA"
    for who, first, second in (("first", one, one), ("first", one, f"2{one[1:]}"), ("first", nothing, two), ("second", two, nothing), ("second", one, other[1]), ("second", "x", "y"), ("third", other[0], other[1]),
                               ("third", one, f"1{two[1:]}"), ("third", one, f"7{two[1:]}")):
        assert refused(org, who, first, second) == ["codes_wrong"], (first, second)
    assert cases(org) == 0
    do(org, "present-recovery-codes", "second", first=two, second=one)


def test_who_may_present_them() -> None:
    org = small()
    one, two, _three = make_codes(org)
    assert refused(org, "plain", one, two) == ["no_second_factor"]
    assert refused(org, "owner", one, two) == ["owner_already"]
    account(org, "third", email_verified_at=None)
    assert refused(org, "third", one, two) == ["wrong_status"]
    made: list[str] = []
    arrange(lambda: made.append(token_for(org.person("first"))[1]))
    use = access.check_token(secret=made[0], now=datetime.now(UTC), ip="")
    with tenancy.scope(org=org.organization.id), pytest.raises(Refused) as refusal:
        door.perform(power=BY_SLUG["present-recovery-codes"], actor=access.actor_of_token(use), data={"first": one, "second": two}, now=datetime.now(UTC))
    assert refusal.value.codes == ["by_person_only"]
    with tenancy.scope(org=org.organization.id), pytest.raises(StepUpNeeded):
        door.perform(power=BY_SLUG["present-recovery-codes"], actor=org.actor("first", tier=1), data={"first": "1-wrong", "second": "2-wrong"}, now=datetime.now(UTC))
    assert cases(org) == 0
    with tenancy.scope(org=org.organization.id), pytest.raises(Refused):
        door.perform(power=BY_SLUG["make-recovery-codes"], actor=access.actor_of_token(use), data={}, now=datetime.now(UTC))
    other = small("x")
    with tenancy.scope(org=other.organization.id):
        stranger: Actor = access.actor_for(account_id=org.person("first").account_id, organization_id=other.organization.id, proof=org.actor("first").proof)
        with pytest.raises(Refused):
            door.perform(power=BY_SLUG["present-recovery-codes"], actor=stranger, data={"first": one, "second": two}, now=datetime.now(UTC))
    assert cases(org) == cases(other) == 0


def test_guesses_are_counted_for_each_person_and_the_organization_and_recorded() -> None:
    org = small()
    one, two, _three = make_codes(org)
    for _ in range(codes.PER_PERSON):
        assert refused(org, "first", one, "2-AAAAA-AAAAA-AAAAA-AAAAA") == ["codes_wrong"]
    assert refused(org, "first", one, two) == ["too_many_attempts"], "the right ones come too late too"
    with tenancy.scope(org=org.organization.id):
        found = list(Entry.objects.filter(org=org.organization.id, record__contains="succession.codes_presented").values_list("record", flat=True))
    assert len(found) == codes.PER_PERSON + 1 and all(one not in record and one.replace("-", "") not in record for record in found)
    cache.set(f"recovery-codes:{org.organization.id}", codes.PER_ORGANIZATION, 3600)
    assert refused(org, "second", one, two) == ["too_many_attempts"]
    cache.clear()
    do(org, "present-recovery-codes", "second", first=one, second=two)


def test_new_codes_end_the_old_ones_and_owners_hear_of_it() -> None:
    org = small(owners=2)
    old = make_codes(org)
    new = make_codes(org)
    assert refused(org, "first", old[0], old[1]) == ["codes_wrong"] == refused(org, "first", old[0], new[1])
    with tenancy.scope(org=org.organization.id):
        assert all(row.hash.startswith("argon2$argon2id$") for row in RecoveryCode.objects.filter(organization=org.organization))
    assert {to for template, to, subject in mails(org) if subject.startswith("New recovery codes")} == {"owner", "owner1"}


def test_whoever_lost_the_factor_while_it_waited_does_not_become_owner() -> None:
    org, now = small(), datetime.now(UTC)
    one, two, _three = make_codes(org)
    do(org, "present-recovery-codes", "first", now=now, first=one, second=two)
    factor(org, False, "first")
    for hours in (24, 60, 72):
        look(org, now + hours * HOUR)
    assert (case(org, "codes").state, role(org, "first")) == ("expired", "member")


def test_owners_are_asked_once_a_year_about_the_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    org, now = small(), datetime.now(UTC)
    monkeypatch.setattr(watch.owners, "unsettled", lambda *, now: [org.organization.id])  # in a year the owners of every other test are silent too
    make_codes(org)
    account(org, "owner", last_active_at=now + 800 * DAY)
    for days in (364, 365, 366, 729, 730, 731):
        watch.run(now=now + days * DAY + HOUR)
    assert events(org).count("succession.codes_aged") == 2


def test_codes_are_read_as_people_write_them() -> None:
    text = codes.mint(2)
    assert codes.read(text) == codes.read(f"  {text.lower().replace('-', ' ')}\n") == (2, text.replace("-", ""))
    assert codes.read(text[:-1]) is None and codes.read("") is None and codes.read("9" + text[1:]) is None and codes.read(text.replace(text[3], "0")) is None
    assert len({codes.mint(1) for _ in range(200)}) == 200


def test_nothing_of_a_code_is_in_the_database_in_the_clear() -> None:
    from django.db import connection

    org = small()
    made = make_codes(org)
    with tenancy.installation("a test looks"), connection.cursor() as cursor:
        for table in ("accounts_recoverycode", "audit_entry", "accounts_idempotencykey"):
            for text in made:
                cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s OR t::text LIKE %s", [f"%{text}%", f"%{text.replace('-', '')}%"])
                assert cursor.fetchone()[0] == 0, table
    assert SuccessionCase.objects.count() == 0  # no scope is left behind
