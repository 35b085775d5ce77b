"""For 72 hours after the way in to an account changed nothing is disclosed, deleted or corrected in its name, by whatever way it is asked; the earlier mailbox hears of it; the time to answer runs on."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command

from accounts import lately, tenancy
from accounts.models import Account, AddressChange, Mail, Membership
from accounts.reasons import Refused
from dsar.cases.models import Case
from dsar.export import run
from dsar.models import Copy
from dsar.powers import carrying, cases, export_person, request_copy
from tests.browse import client_for
from tests.cases.helpers import happen, received
from tests.cases.test_acts import by, letters, own, the_case
from tests.cases.test_carrying import over, the_copy
from tests.cast import PASSWORD, World
from tests.dsar import copies
from tests.emails.acts import address
from tests.situations import WHY, addressed, arrange, change_for


def changed(world: World, person: Membership, at: datetime) -> str:
    """An administrator gave the account another address. Returns the one that it had."""
    old = address(person)

    def write() -> None:
        change_for(world.north, person, kind="administrator", state="done", finished_at=at, old_address=old)
        addressed(person, f"new-{person.id}@letters.example.com")
        Account.objects.filter(id=person.account_id).update(credentials_changed_at=at)

    arrange(write)
    return old


def code(act: Any) -> str:
    with pytest.raises(Refused) as refused:
        act()
    return str(refused.value.codes[0])


def test_whoever_changes_the_address_cannot_take_the_data_next(world: World, tmp_path: Path) -> None:
    person, now = world.north.person("worker"), datetime.now(UTC)
    case, correct = received(person, "access"), received(person, "correct")
    due = case.statutory_due
    over(world, "owner", carrying.COPY, person)
    run.resume(now=now)
    letters(person.account_id)
    own(person, request_copy.POWER)
    run.resume(now=now)
    with tenancy.installation("a test looks"):
        mine = Copy.objects.get(account_id=person.account_id, organization=None)
    old = changed(world, person, now)
    later = received(person, "portability")
    assert later.state == "triage" and later.statutory_due is not None, "it is taken in, and its time runs"
    assert code(lambda: by(world, "owner", carrying.RELEASE, case, outcome="granted", ground="")) == "changed_lately"
    assert code(lambda: by(world, "owner", cases.ANSWER, correct, outcome="granted", ground="")) == "changed_lately"
    assert code(lambda: over(world, "owner", carrying.COPY, person)) == "changed_lately"
    assert code(lambda: over(world, "administrator", export_person.POWER, person, **WHY)) == "changed_lately"
    with pytest.raises(SystemExit) as ended:
        call_command("export_person", address(person), "--org", world.north.slug, "--as", address(world.north.person("owner")), "--out", str(tmp_path))
    assert ended.value.code == 1 and not list(tmp_path.iterdir())
    client = client_for(person)
    assert "nothing is disclosed" in client.post(f"/me/copies/{mine.id}/", {"do": "fetch"}, follow=True).content.decode()
    answer = client.post(f"/api/v1/me/copies/{mine.id}/file/", {}, content_type="application/json")
    assert answer.status_code == 403 and "changed_lately" in answer.content.decode()
    for page in ("/me/copies/", "/me/requests/", "/me/delete/", f"/me/requests/{later.id}/"):
        assert "The time to answer runs on" in client.get(page).content.decode(), page
    queue = client_for(world.north.person("owner"))
    one = queue.get(f"/o/{world.north.slug}/requests/{later.id}/").content.decode()
    assert "so that nobody else can use that" in one and "make-requested-copy" not in one and "refuse-request" in one, "what would be refused now is not offered"
    assert "rests until" in queue.get(f"/o/{world.north.slug}/requests/").content.decode()
    letters(person.account_id)
    with tenancy.installation("a test looks"):
        told = sorted(Mail.objects.filter(account_id=person.account_id, template="request-rests").values_list("address", flat=True))
    assert told == sorted([old, address(person)]), "the mailbox that it had, and the one that it has; once"
    arrange(lambda: Account.objects.filter(id=person.account_id).update(credentials_changed_at=now - timedelta(hours=73)))
    by(world, "owner", carrying.RELEASE, case, outcome="granted", ground="")
    assert copies.fetched(the_copy(case))[:2] == b"PK"
    with tenancy.installation("a test looks"):
        assert Case.objects.get(id=correct.id).statutory_due == due


def test_deletion_rests_too_and_what_protects_does_not(world: World) -> None:
    """Alone, as asked, and by an administrator who says that the person asked; but an objection, a restriction, a withdrawal or the organization's own decision do not."""
    from accounts.powers import BY_SLUG

    guest, worker, now = world.north.person("guest"), world.north.person("worker"), datetime.now(UTC)
    for person in (guest, worker):
        changed(world, person, now)
    assert code(lambda: own(guest, BY_SLUG["delete-own-account"])) == "changed_lately"
    received(worker, "erasure")
    assert code(lambda: over(world, "owner", carrying.ERASE, worker)) == "changed_lately"
    assert code(lambda: over(world, "owner", BY_SLUG["schedule-deletion"], worker, reason_code="person_asked", days=14)) == "changed_lately"
    case = received(worker, "object")
    by(world, "owner", cases.ANSWER, case, outcome="granted", ground="")
    own(worker, cases.WITHDRAW, request=the_case(worker).reference if the_case(worker).state == "triage" else "")
    over(world, "owner", BY_SLUG["schedule-deletion"], worker, reason_code="absence", days=14)


def test_what_counts_as_a_change(world: World) -> None:
    """A new password and a new set of recovery codes do, a wrong password does not, and a mailbox that is said to be in other hands is not told."""
    person, now = world.north.person("worker"), datetime.now(UTC)
    client, new = client_for(person), "An entirely other long one 7"
    cache.clear()
    client.post("/me/password/", {"oldpassword": "wrong", "password1": new, "password2": new})
    assert Account.objects.get(id=person.account_id).credentials_changed_at is None
    client.post("/me/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    account = Account.objects.get(id=person.account_id)
    assert account.credentials_changed_at is not None and lately.until(account, now) is not None and lately.until(account, now + timedelta(hours=73)) is None
    old = changed(world, person, now)
    account = Account.objects.get(id=person.account_id)
    assert lately.earlier_addresses(account, now) == [old]
    arrange(lambda: AddressChange.objects.filter(account_id=person.account_id).update(undo_offered=False))
    assert lately.earlier_addresses(account, now) == []


def test_a_change_by_the_product_marks_the_account(world: World) -> None:
    """Through the door and the link, not by hand: an address that was confirmed rests what is asked."""
    from accounts.emails import links, steps
    from tests.emails.acts import act, latest

    person = world.north.person("worker")
    arrange(lambda: None)
    from tests.situations import domain_for

    arrange(lambda: domain_for(world.north, "letters.example.com"))
    act(world.north, "change-email", person, email=f"n{person.id.hex[:8]}@letters.example.com", reason_code="name_changed", message="", private_note="")
    row = latest(person)
    steps.confirm(links.secret(row, "confirm"), now=datetime.now(UTC))
    assert lately.until(Account.objects.get(id=person.account_id), datetime.now(UTC)) is not None
    case = received(person, "access")
    assert code(lambda: over(world, "administrator", export_person.POWER, person, **WHY)) == "changed_lately"
    happen(case, "withdrawn", who="person")
