"""The end: nothing identifying is left in any column of either database, whatever happens in between; and nothing goes that must not."""
from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings as live
from django.test import Client
from psycopg import sql

from accounts import access, door, outbox, purging, tenancy
from accounts.models import Account, AddressChange, Claim, ClaimedAccount, Deletion, Mail, Management, Membership, Plan, PlanRow, Protection, RightsRequest, SavedView, Tombstone
from accounts.powers import BY_SLUG
from accounts.reasons import Refused, Stale
from audit import holds, queries, subscribers
from audit.models import Disclosure, Entry, ErasureWaiting
from portal import sentences
from tests.audit.logs import number_all
from tests.cast import Org, World
from tests.deletion.acts import DAY, account, act, agreed, deletion
from tests.deletion.fails import Killed
from tests.deletion.test_schedule import hold, together
from tests.situations import arrange, deletion_for, domain_for, group_for, session_for, token_for

pytestmark = pytest.mark.usefixtures("alone")  # they look at the whole installation


def storied(org: Org) -> tuple[Membership, str, str]:
    """A person who has left traces wherever one can, their address, and a word that stands in each trace."""
    word = f"Quixley{org.slug[-8:]}"
    person, address, name = org.person("worker"), f"zebulon@{word.lower()}.example", f"Zebulon {word}"
    arrange(lambda: Account.objects.filter(id=person.account_id).update(name=name, email=address, email_key=address, recovery_email=f"z@{word}.example", last_login=datetime.now(UTC)))
    arrange(lambda: EmailAddress.objects.filter(user_id=person.account_id).update(email=address))
    arrange(lambda: Authenticator.objects.create(user_id=person.account_id, type="totp", data={"secret": word}))
    arrange(lambda: (token_for(person)[0].__class__.objects.filter(account_id=person.account_id).update(label=f"Script of {word}"), session_for(person)))
    arrange(lambda: group_for(org, "Testers", person))
    arrange(lambda: Protection.objects.create(organization=org.organization, membership=org.person("auditor"), administrator=person))
    with tenancy.scope(org=org.organization.id):
        SavedView.objects.create(organization=org.organization, owner=org.person("owner"), page="people", name="Him", query=f"q={address.replace('@', '%40')}", created_at=datetime.now(UTC))
    arrange(lambda: claim_of(org, person, address, word))
    arrange(lambda: plan_of(org, person, address, name))
    act(org, "update-profile", person, title=f"Keeper of {word}", department=f"{word} Hall", name=name)
    act(org, "suspend", person, message=f"{name}, please call.", private_note=f"{name} did not answer.")
    act(org, "restore", person, how="reinstate")
    number_all()
    with tenancy.installation("mail"):
        subscribers.drain()
        outbox.deliver(now=datetime.now(UTC))
    return person, address, word


def claim_of(org: Org, person: Membership, address: str, word: str) -> None:
    """They were claimed once, objected in words, and were answered in words."""
    now = datetime.now(UTC)
    claim = Claim.objects.create(organization=org.organization, domain=domain_for(org, f"{org.slug}.example"), state="lapsed", days=14, announced_at=now, effective_at=now, notice_version="1")
    ClaimedAccount.objects.create(claim=claim, organization=org.organization, account_id=person.account_id, state="left", address=address, announced_at=now, effective_at=now, changed_at=now,
                                  objection=f"I, {word}, object.", answer=f"Dear {word}", leaving_address=f"me@{word.lower()}.example")


def plan_of(org: Org, person: Membership, address: str, name: str) -> None:
    now = datetime.now(UTC)
    plan = Plan.objects.create(organization=org.organization, power="suspend", requested_by=org.person("owner").id, requested_via="ui", targets=[person.id], tier=1, state="done", created_at=now,
                               expires_at=now, digest="", data={"message": f"Dear {name}"})
    PlanRow.objects.create(organization=org.organization, plan=plan, number=1, data={"email": address.upper(), "name": name})


def found_in(*needles: str) -> Iterator[str]:
    """Every column of every table of both databases in which one of these is, however it is stored."""
    for alias in ("default", "keys"):
        parts = psycopg.conninfo.conninfo_to_dict(os.environ["STEWARD_TESTS_SUPERUSER"]) | {"dbname": live.DATABASES[alias]["NAME"]}
        with psycopg.connect(**parts) as connection:  # type: ignore[arg-type]
            columns = connection.execute(
                "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)"
                " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY', 'bytea', 'tsvector', 'character')").fetchall()
            assert columns
            for table, column, kind in columns:
                value = sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(sql.Identifier(column))
                for needle in needles:
                    if connection.execute(sql.SQL("SELECT 1 FROM {} WHERE {} ILIKE %s LIMIT 1").format(sql.Identifier(table), value), [f"%{needle}%"]).fetchone():
                        yield f"{alias}.{table}.{column}: {needle}"


def end(person: Membership, now: datetime) -> bool:
    """What the schedule does at that time, for this person only: other tests have theirs."""
    with tenancy.installation("a deletion is due"):
        return purging.purge(account_id=person.account_id, now=now)


def later(row: Deletion) -> datetime:
    """Its date, of which the person was warned in time."""
    if not row.warned:
        arrange(lambda: Deletion.objects.filter(id=row.id).update(warned=True))
    return row.purge_at + timedelta(minutes=1)


def sent(now: datetime) -> None:
    number_all()
    with tenancy.installation("mail"):
        subscribers.drain()
        while outbox.deliver(now=now + DAY):  # there may be more than one round of it
            pass
        purging.tidy()


def test_nothing_identifying_is_left(world: World, tmp_path: Path) -> None:
    org = world.north
    person, address, word = storied(org)
    other = act(org, "suspend", org.person("guest"), message="Only for the guest")
    before = list(found_in(word, address))
    assert {f"default.accounts_account.name: {word}", f"default.accounts_membership.title: {word}", f"default.accounts_mail.address: {address}", f"default.accounts_planrow.data: {word}",
            f"default.accounts_savedview.query: {word}", f"default.accounts_apitoken.label: {word}"} <= set(before), "the search finds what is there"
    act(org, "schedule-deletion", person, days=5, message=f"Good bye, {word}.", private_note=f"{word} has left")
    row = deletion(person)
    assert row is not None
    sent(datetime.now(UTC))
    assert end(person, later(row))
    assert not end(person, later(row))
    letter = Mail.objects.get(account_id=person.account_id, state="due")
    assert letter.address == address, "the end is told to the last known address"
    assert not Mail.objects.filter(account_id=person.account_id, address=address).exclude(id=letter.id).exists(), "and nowhere else it is left"
    sent(later(row))
    assert [m for m in Path(live.MAILBOX).rglob("*") if m.is_file() and address in m.read_text(errors="replace") and "was deleted" in m.read_text(errors="replace")]
    assert list(found_in(word, address)) == []
    found = account(person)
    assert (found.status, found.name, found.has_usable_password()) == ("purged", purging.former(found.id), False)
    assert found.name.startswith("Former user ") and found.name != purging.former(org.person("guest").account_id)
    with tenancy.installation("look"):
        member = Membership.objects.get(id=person.id)
        assert (member.status, member.list_name) == ("removed", found.name.casefold())
        assert not Management.objects.filter(account=found).exists() and not Deletion.objects.filter(account=found).exists()
        stone = Tombstone.objects.get(account=found.id)
        assert (stone.organization_id, stone.asked_by, stone.reason_code, bytes(stone.address_hash)) == (org.organization.id, org.person("owner").id, "absence", purging.hashed(address))
        assert not Disclosure.objects.filter(subject=found.id).exists()
        guest = queries.entry(org=org.organization.id, entry_id=uuid.UUID(other.entries[0]))
    assert guest is not None and guest.open["why.text"] == "Only for the guest", "what was said to others is as before"


def test_what_was_made_stays_and_names_a_former_user(world: World) -> None:
    org = world.north
    person = storied(org)[0]
    done = act(org, "schedule-deletion", person)
    row = deletion(person)
    assert row is not None
    number_all()
    end(person, later(row))
    number_all()
    with tenancy.scope(org=org.organization.id):
        seen = queries.entry(org=org.organization.id, entry_id=uuid.UUID(done.entries[0]))
    assert seen is not None and "(erased)" in sentences.line(seen).text
    page = Client()
    from tests.browse import client_for
    page = client_for(org.person("owner"))
    shown = page.get(f"/o/{org.slug}/people/{person.id}/").content.decode()
    assert purging.former(person.account_id) in shown
    assert purging.former(person.account_id) not in page.get(f"/o/{org.slug}/people/?all=1").content.decode(), "the list is of people who are here"


def test_the_log_still_verifies(world: World) -> None:
    from audit import verify

    org = world.north
    person = storied(org)[0]
    arrange(lambda: deletion_for(person, purge_at=datetime.now(UTC)))
    end(person, datetime.now(UTC) + DAY)
    number_all()
    with tenancy.installation("verify"):
        report = verify.verify(org=org.organization.id)
    assert report.entries and not report.findings


def test_every_credential_is_dead_before_and_after(world: World) -> None:
    from tests.browse import client_for

    org, person, made = world.north, world.north.person("worker"), []
    arrange(lambda: made.append(token_for(person)[1]))
    browser = client_for(person)
    act(org, "schedule-deletion", person)
    for _moment in ("scheduled", "deleted"):
        assert browser.get("/me/").status_code == 302
        assert access.check_token(secret=made[0], now=datetime.now(UTC), ip="").token is None
        assert Client().get(f"/api/v1/orgs/{org.slug}/people/", headers={"Authorization": f"Bearer {made[0]}"}).status_code == 401
        page = Client()
        page.post("/sign-in/", {"login": f"worker@{org.slug}.example", "password": "correct horse battery staple"})
        assert page.get("/me/").status_code == 302
        page.post("/sign-in/forgotten/", {"email": f"worker@{org.slug}.example"})
        assert not Mail.objects.filter(template="password-reset-link", address=f"worker@{org.slug}.example").exists()
        row = deletion(person)
        if row is not None:
            end(person, later(row))


@pytest.mark.parametrize("place", range(6))
def test_killed_in_the_middle_it_goes_on(world: World, settings: Any, place: int) -> None:
    org = world.north
    person, address, word = storied(org)
    arrange(lambda: deletion_for(person, purge_at=datetime.now(UTC)))
    now, parts = datetime.now(UTC) + DAY, settings.PURGE_PARTS
    settings.PURGE_PARTS = (*parts[:place], "tests.deletion.fails.here", *parts[place:])
    with tenancy.installation("purge"), pytest.raises(Killed):
        purging.purge(account_id=person.account_id, now=now)
    row = deletion(person)
    assert row is not None and row.state == "purging" and row.done == [part.rpartition(".")[2] for part in parts[:place]] and word in account(person).name
    with pytest.raises(Refused) as refused:
        act(org, "cancel-deletion", person)
    assert refused.value.codes == ["purge_began"], "there is no way back once it has begun"
    settings.PURGE_PARTS = parts
    assert end(person, now)
    with tenancy.installation("look"):
        told = Entry.objects.filter(org=org.organization.id, record__contains="account.purge_part").count()
    assert told == len(parts), "each part is done once, whoever does it"
    sent(now)
    assert list(found_in(word, address)) == []


def test_what_stands_in_the_way_at_the_end_is_waited_for(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "schedule-deletion", person)
    placed, row = hold(org, person), deletion(person)
    assert row is not None
    for _again in range(2):
        assert not end(person, later(row))
    found = deletion(person)
    assert found is not None and (found.state, found.waits_for) == ("blocked", ["on_hold"]) and account(person).status == "pending_deletion"
    number_all()
    with tenancy.installation("mail"):
        subscribers.drain()
    told = set(Mail.objects.filter(template="deletion-waits", organization_id=org.organization.id).values_list("account_id", flat=True))
    assert told == {org.person(name).account_id for name in ("owner", "second-owner", "administrator")}, "once, whoever could do something about it"
    assert Mail.objects.filter(template="deletion-waits", organization_id=org.organization.id).count() == 3
    from tests.browse import client_for
    assert "Its deletion waits, because something stands in the way" in client_for(org.person("owner")).get(f"/o/{org.slug}/people/{person.id}/").content.decode()
    people = [uuid.uuid4(), uuid.uuid4()]
    arrange(lambda: holds.release(org=org.organization.id, hold=placed, by=people, now=datetime.now(UTC)))
    assert end(person, later(row))


def test_never_before_its_date_without_two(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "schedule-deletion", person, days=7)
    row = deletion(person)
    assert row is not None and not end(person, row.purge_at - timedelta(seconds=1))
    arrange(lambda: Deletion.objects.filter(id=row.id).update(purge_at=datetime.now(UTC), expedited_by=[org.person("owner").account_id]))
    assert not end(person, datetime.now(UTC) + DAY), "one person does not shorten the time"
    arrange(lambda: Deletion.objects.filter(id=row.id).update(purge_at=row.term, expedited_by=[]))
    agreed(org, "expedite-deletion", person)
    assert end(person, datetime.now(UTC))
    stone = Tombstone.objects.filter(account=person.account_id)
    with tenancy.installation("look"):
        assert set(stone.get().approved_by) == {org.person("owner").account_id, org.person("administrator").account_id}


def test_the_person_is_told_three_times(world: World) -> None:
    """At the start, three days before and at the end; and as long as the warning could not be sent, nothing ends."""
    org, person, now = world.north, world.north.person("worker"), datetime.now(UTC)
    act(org, "schedule-deletion", person, days=10, now=now)
    for day in (0, 6, 7, 8, 11, 15):
        purging.run(now=now + day * DAY)
        number_all()
        with tenancy.installation("mail"):
            subscribers.drain()
    assert account(person).status == "pending_deletion", "what is still on its way has warned nobody"
    sent(now + 15 * DAY)  # which is the day after, there
    for day, ended in ((18, False), (19, True)):
        purging.run(now=now + day * DAY)
        assert (account(person).status == "purged") == ended, day
    assert sorted(Mail.objects.filter(account_id=person.account_id).values_list("template", flat=True)) == ["account-deleted", "deletion-news", "schedule-deletion"]


def test_a_warning_that_cannot_be_delivered_holds_nothing_up(world: World) -> None:
    org, person, now = world.north, world.north.person("worker"), datetime.now(UTC)
    act(org, "schedule-deletion", person, days=10, now=now)
    purging.run(now=now + 7 * DAY)
    assert not end(person, now + 10 * DAY), "nobody read the log"
    number_all()
    with tenancy.installation("mail"):
        subscribers.drain()
    arrange(lambda: Mail.objects.filter(account_id=person.account_id).update(state="failed", next_attempt_at=None))
    assert end(person, now + 10 * DAY)


def test_cancel_against_the_end(world: World) -> None:
    """Exactly one of them happens."""
    org, person = world.north, world.north.person("worker")
    for _round in range(4):
        arrange(lambda: deletion_for(person, purge_at=datetime.now(UTC)))
        now = datetime.now(UTC) + timedelta(seconds=1)
        cancelled, purged = together(lambda: act(org, "cancel-deletion", person), lambda: end(person, now))  # noqa: B023
        if isinstance(cancelled, Refused):
            assert purged is True and account(person).status == "purged" and cancelled.codes
            return
        assert isinstance(cancelled, door.Receipt) and purged is False and account(person).status == "active" and account(person).name == "Worker Person", cancelled


def test_two_workers_at_once_are_one(world: World) -> None:
    person = world.north.person("worker")
    arrange(lambda: deletion_for(person, purge_at=datetime.now(UTC)))
    now = datetime.now(UTC) + DAY
    assert sorted(together(lambda: end(person, now), lambda: end(person, now))) == [False, True]
    with tenancy.installation("look"):
        assert Tombstone.objects.filter(account=person.account_id).count() == 1


def test_two_that_warn_late_and_one_who_cancels(world: World) -> None:
    """Real connections: the date moves once and the person is told once; or it is taken back, and nobody is told anything."""
    org, person, back = world.north, world.north.person("worker"), datetime.now(UTC) + 40 * DAY

    def warns() -> None:
        with tenancy.installation("the schedule"):
            purging.warn(now=back)

    act(org, "schedule-deletion", person, days=10)
    assert together(warns, warns) == [None, None]
    row = deletion(person)
    assert row is not None and row.purge_at == row.term == back + 3 * DAY == account(person).status_until
    number_all()
    with tenancy.scope(org=org.organization.id):
        said = [one.record["action"] for one in queries.page(org=org.organization.id, filters=queries.Filters(target=person.account_id)).entries]
    assert said.count("account.deletion_near") == 1
    act(org, "cancel-deletion", person)
    act(org, "schedule-deletion", person, days=10)
    warned_, cancelled = together(warns, lambda: act(org, "cancel-deletion", person))
    assert warned_ is None and (isinstance(cancelled, (door.Receipt, Stale))), cancelled
    assert (deletion(person) is None) == (account(person).status == "active") == isinstance(cancelled, door.Receipt)


def test_a_hold_on_the_whole_log_keeps_what_the_log_says_for_now(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "suspend", person)
    arrange(lambda: holds.place(org=org.organization.id, kind="log", matter="Audit", ground="claim", by=None, now=datetime.now(UTC)))
    arrange(lambda: deletion_for(person, purge_at=datetime.now(UTC)))
    assert end(person, datetime.now(UTC) + DAY)
    with tenancy.installation("look"):
        assert ErasureWaiting.objects.filter(org=org.organization.id, subject=person.account_id).exists() and account(person).status == "purged"


def test_an_address_given_free_early(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    act(org, "schedule-deletion", person)
    address = account(person).email
    act(org, "release-address", person)
    with pytest.raises(Refused) as refused:
        act(org, "release-address", person)
    assert refused.value.codes == ["nothing_to_change"]
    number_all()
    with tenancy.installation("mail"):
        subscribers.drain()
    assert Mail.objects.filter(template="deletion-news", account_id=person.account_id, address=address).count() == 1
    with tenancy.scope(org=world.contoso.organization.id), pytest.raises(Refused):
        door.perform(power=BY_SLUG["invite"], actor=world.contoso.actor("owner"), data={"rows": [{"email": address, "role": "member"}]}, now=datetime.now(UTC))
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["invite"], actor=org.actor("owner"), data={"rows": [{"email": address, "role": "member"}]}, now=datetime.now(UTC))
    act(org, "cancel-deletion", person)
    assert account(person).status == "active" and account(person).email != address, "the address does not come back"


def test_a_deleted_address_is_closed_to_strangers_for_a_month(world: World) -> None:
    from accounts.emails import collisions

    person = world.north.person("worker")
    address = account(person).email
    arrange(lambda: deletion_for(person, purge_at=datetime.now(UTC)))
    now = datetime.now(UTC) + DAY
    end(person, now)
    assert collisions.find(address=address, account_id=None, organization_id=None, now=now).code == "address_unavailable"
    assert collisions.find(address=address, account_id=None, organization_id=None, now=now + 31 * DAY).code == ""


def test_what_the_tables_declare_is_what_goes() -> None:
    """Every table of accounts/ with personal values of whom it points to is covered, without being named anywhere."""
    from accounts import purge_parts

    covered = {model for model, _links, _columns in purge_parts.personal()}
    assert {Membership, ClaimedAccount, RightsRequest, Deletion, AddressChange} <= covered and Mail not in covered
    for _model, links, columns in purge_parts.personal():
        assert links and columns
