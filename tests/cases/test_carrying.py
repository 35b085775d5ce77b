"""A request carries itself out: the copy is made, released and fetched by the person alone; two people schedule the deletion, which ends the request with a certificate, or goes back."""
from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import approvals, door, outbox, purging, tenancy
from accounts.models import Account, Mail, Membership, Plan, RightsRequest, Tombstone
from accounts.purposes import ACT
from accounts.reasons import Refused
from audit import subscribers
from audit.models import Entry
from audit.record import ActorRef
from audit.subscribers import Sealed
from dsar import horizon
from dsar.cases import following, mailbox, plans
from dsar.cases.models import Action, Case, Happening, Task
from dsar.export import run
from dsar.models import Certificate, Copy
from dsar.powers import carrying, cases, dialogue
from portal.powers import BY_SLUG
from tests.audit.logs import nothing_waits, number_all
from tests.browse import client_for
from tests.cases.helpers import received
from tests.cases.test_acts import by, letters, own
from tests.cast import World
from tests.deletion.acts import warned
from tests.dsar import copies
from tests.situations import arrange


@pytest.fixture(autouse=True)
def quiet(world: World) -> None:
    nothing_waits()


def follow() -> None:
    number_all()
    with tenancy.installation("the worker"):
        subscribers.drain()


def now_is(case: Case) -> str:
    with tenancy.installation("a test looks"):
        return Case.objects.get(id=case.id).state


def events(case: Case) -> list[str]:
    with tenancy.installation("a test looks"):
        return list(Happening.objects.filter(case=case).order_by("at", "id").values_list("event", flat=True))


def over(world: World, name: str, power: Any, person: Membership, **data: Any) -> Any:
    with tenancy.scope(org=world.north.organization.id, purpose=ACT):
        return door.perform(power=power, actor=world.north.actor(name), ids=[person.id], data={"message": "", "private_note": "", **data}, now=datetime.now(UTC))


def agree(world: World, plan_id: Any, power: Any, name: str = "administrator") -> None:
    with tenancy.scope(org=world.north.organization.id, purpose=ACT):
        row = Plan.objects.get(id=plan_id)
        approvals.decide(plan_id=row.id, actor=world.north.actor(name), requester=approvals.requester(row), power=power, approve=True, note="", now=datetime.now(UTC))


def the_copy(case: Case) -> Copy:
    with tenancy.installation("a test looks"):
        return Copy.objects.filter(for_case=case.id).latest("asked_at")


def test_a_copy_is_made_released_and_fetched_by_the_person_alone(world: World) -> None:
    person, org = world.north.person("worker"), world.north
    unproven = received(person, "access", level=1, channel="mailbox")
    with pytest.raises(Refused) as refused:
        over(world, "privacy-officer", carrying.COPY, person)
    assert refused.value.codes == ["no_copy_asked"] and now_is(unproven) == "identity_pending", "nothing is disclosed below the level that it needs"
    case = received(person, "access")
    queue = client_for(org.person("privacy-officer")).get(f"/o/{org.slug}/requests/").content.decode()
    assert "make-requested-copy" in queue and str(person.id) in queue
    over(world, "privacy-officer", carrying.COPY, person, message="We make it.")
    assert now_is(case) == "executing"
    run.resume(now=datetime.now(UTC))
    follow()
    made = the_copy(case)
    assert now_is(case) == "review" and made.state == "ready" and made.expires_at is None
    assert str(made.id) not in client_for(org.person("privacy-officer")).get(f"/o/{org.slug}/copies/").content.decode()
    for holder in (run.Holder(organization=org.organization.id), run.Holder(account=person.account_id), run.Holder(account=org.person("guest").account_id)):
        with pytest.raises(run.NotThere):
            run.fetch(holder=holder, copy_id=made.id, now=datetime.now(UTC), actor=ActorRef(type="user", id=person.account_id), via="ui")
    run.expire(now=datetime.now(UTC) + timedelta(days=8))
    assert the_copy(case).state == "ready", "it waits for the look"
    assert by(world, "privacy-officer", carrying.RELEASE, case, outcome="partial", ground="others_rights").plan_id, "two people where something is withheld"
    by(world, "owner", carrying.RELEASE, case, outcome="granted", ground="")
    assert now_is(case) == "ready"
    page = client_for(person).get(f"/me/requests/{case.id}/").content.decode()
    assert f"/me/copies/{made.id}/" in page and any("What you asked for is ready" in words for words in letters(person.account_id))
    with pytest.raises(run.NotThere):
        run.fetch(holder=run.Holder(organization=org.organization.id), copy_id=made.id, now=datetime.now(UTC), actor=ActorRef(type="user", id=person.account_id), via="ui")
    data = copies.fetched(the_copy(case))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        manifest = json.loads(next(archive.read(name) for name in archive.namelist() if name.endswith("/data/manifest.json")))
    assert (manifest["request"], manifest["regimes"]) == (case.reference, case.regimes) and case.regimes, "it says which request it answers, and under which laws"
    follow()
    follow()
    assert now_is(case) == "delivered" and events(case)[-3:] == ["built", "released", "delivered"]
    with tenancy.installation("a test looks"):
        assert Action.objects.get(case=case).outcome == "granted" and Task.objects.get(case=case).state == "done"
    assert now_is(unproven) == "identity_pending"


def test_what_cannot_be_made_is_tried_again_and_what_is_not_fetched_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    person = world.north.person("worker")
    case = received(person, "portability")
    over(world, "owner", carrying.COPY, person)

    def gone(*_a: object, **_k: object) -> None:
        raise run.making.Gone

    with monkeypatch.context() as patch:
        patch.setattr(run.making, "make", gone)
        run.resume(now=datetime.now(UTC))
    follow()
    assert now_is(case) == "blocked"
    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=carrying.RETRY, actor=world.north.actor("owner"), data={"request": case.reference, "private_note": ""}, now=datetime.now(UTC))
    run.resume(now=datetime.now(UTC))
    follow()
    by(world, "owner", carrying.RELEASE, case, outcome="granted", ground="")
    run.expire(now=datetime.now(UTC) + timedelta(days=8))
    follow()
    assert now_is(case) == "expired_package"


def test_two_people_delete_as_asked_and_the_request_ends_with_a_certificate(world: World, settings: Any) -> None:
    person = world.north.person("worker")
    received(person, "erasure", level=1, channel="mailbox")
    with pytest.raises(Refused) as refused:
        over(world, "owner", carrying.ERASE, person)
    assert refused.value.codes == ["no_deletion_asked"]
    case = received(person, "erasure")
    with pytest.raises(Refused) as officer:
        over(world, "privacy-officer", carrying.ERASE, person)
    assert officer.value.codes[0] in {"no_permission", "rank"}
    agree(world, over(world, "owner", carrying.ERASE, person).plan_id, carrying.ERASE)
    assert now_is(case) == "scheduled" and Account.objects.get(id=person.account_id).status == "pending_deletion"
    with tenancy.installation("a test looks"):
        assert Case.objects.get(id=case.id).not_before is not None
    follow()
    warned(person)
    with tenancy.installation("the schedule"):
        assert purging.purge(account_id=person.account_id, now=datetime.now(UTC) + timedelta(days=40))
    follow()
    with tenancy.installation("a test looks"):
        last = Happening.objects.filter(case=case).latest("at")
        assert last.event == "fulfilled" and last.facts["certificate"] == str(Tombstone.objects.get(account=person.account_id).id)
        assert now_is(case) == "fulfilled" and Action.objects.get(case=case).outcome == "granted"
    certified(world, person, case, settings)


@pytest.mark.parametrize("who", ["mailbox", "administrator"])
def test_a_deletion_taken_back_takes_the_request_with_it_if_the_person_did(world: World, who: str) -> None:
    person = world.north.person("worker")
    case = received(person, "erasure")
    agree(world, over(world, "owner", carrying.ERASE, person).plan_id, carrying.ERASE)
    if who == "mailbox":
        with pytest.raises(Refused):
            own(person, cases.WITHDRAW, request=case.reference)
        mailbox.do(account=Account.objects.get(id=person.account_id), case_id=case.id, event="withdrawn", words="", now=datetime.now(UTC))
    else:
        over(world, "owner", BY_SLUG["cancel-deletion"], person, reason_code="other", message="")
    follow()
    assert (now_is(case), Account.objects.get(id=person.account_id).status) == (("withdrawn" if who == "mailbox" else "planned"), "active")


def test_a_deletion_asked_of_the_manager_is_a_request_with_the_clock(world: World) -> None:
    """Asked, withdrawn, asked again, declined, asked again, agreed to: each time one request, which says the same as the answer."""
    person = world.north.person("worker")

    def ask() -> Case:
        own(person, BY_SLUG["ask-own-deletion"], words="I have left.")
        follow()
        follow()
        with tenancy.installation("a test looks"):
            return Case.objects.filter(account_id=person.account_id).latest("received_at")

    first = ask()
    assert (first.state, first.level, first.words) == ("triage", 2, "I have left.") and first.statutory_due is not None
    own(person, BY_SLUG["withdraw-own-deletion"])
    follow()
    second = ask()
    queue = client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/requests/").content.decode()
    assert queue.count("I have left.") == 1 and "decline-own-deletion" in queue, "it stands there once"
    with tenancy.installation("a test looks"):
        asked = RightsRequest.objects.get(account_id=person.account_id, state="open")
        following.handle([Sealed(0, world.north.organization.id, 1, asked.id, "account.deletion_asked", "success", {"facts": {"request": str(asked.id)}})])
        assert not Entry.objects.filter(org=world.north.organization.id, record__contains="case.linked").exists(), "what is read a second time does nothing"
    over(world, "owner", BY_SLUG["decline-own-deletion"], person, reason_code="work_unfinished", message="First the keys.")
    follow()
    third = ask()
    over(world, "owner", BY_SLUG["grant-own-deletion"], person)
    follow()
    assert [now_is(case) for case in (first, second, third)] == ["withdrawn", "refused", "scheduled"]
    with tenancy.installation("a test looks"):
        assert Happening.objects.get(case=second, event="refused").words == "First the keys." and Case.objects.get(id=second.id).decided_by == world.north.person("owner").account_id
    arrange(lambda: RightsRequest.objects.filter(account_id=person.account_id).delete())


def test_a_request_that_ends_otherwise_ends_the_deletion_asked_beside_it(world: World) -> None:
    person = world.north.person("worker")
    own(person, BY_SLUG["ask-own-deletion"], words="")
    follow()
    own(person, cases.WITHDRAW, request="")
    follow()
    with tenancy.installation("a test looks"):
        assert RightsRequest.objects.get(account_id=person.account_id).state == "ended"
    arrange(lambda: RightsRequest.objects.filter(account_id=person.account_id).delete())


def test_the_queue_the_page_and_the_figures(world: World) -> None:
    """Overdue before destructive before the rest; the page counts by the map and nothing of elsewhere; the letter is shown before it is sent; who is kept out has none of it; figures name nobody."""
    org, person, officer = world.north, world.north.person("worker"), world.north.person("privacy-officer")
    plain = received(org.person("guest"), "correct")
    gone = received(person, "erasure")
    late = received(person, "object", now=datetime.now(UTC) - timedelta(days=90))
    client, here = client_for(officer), f"/o/{org.slug}/requests/"
    page = client.get(here).content.decode()
    assert page.index(late.reference) < page.index(gone.reference) < page.index(plain.reference) and "overdue" in page
    shown = client.get(f"{here}{gone.id}/").content.decode()
    assert "Memberships" in shown and "Why that date" in shown and "asked for what is theirs by right" in shown
    counts = {one.unit.table: one.count for one in plans.counted(account_id=person.account_id, organization_id=org.organization.id, managed=True)}
    assert counts["accounts_membership"] == 1 and counts["dsar_case"] == 2 and counts["accounts_account"] == 1
    assert "accounts_account" not in {one.unit.table for one in plans.counted(account_id=person.account_id, organization_id=world.contoso.organization.id, managed=False)}
    body = {"request": str(late.id), "outcome": "granted", "ground": "", "message": "We <b>stopped</b>.", "private_note": ""}
    letter = client.post(f"/o/{org.slug}/do/answer-request/", {**body, "preview": "1"}).content.decode()
    assert "We &lt;b&gt;stopped&lt;/b&gt;." in letter and "Your request" in letter and late.reference in letter and now_is(late) == "triage", "shown, and not sent"
    client.post(f"/o/{org.slug}/do/answer-request/", body)
    assert now_is(late) == "fulfilled"
    figures_page = client.get(f"{here}figures/").content.decode()
    assert "Objection" in figures_page and "90.0" in figures_page and late.reference not in figures_page
    api = client.get(f"/api/v1/orgs/{org.slug}/requests/?open=true").json()["requests"]
    assert {one["reference"] for one in api} >= {gone.reference, plain.reference} and late.reference not in {one["reference"] for one in api}
    assert client.get(f"/api/v1/orgs/{org.slug}/requests/{late.id}/").json()["state"] == "fulfilled"
    arrange(lambda: Case.objects.filter(id=gone.id).update(barred=[officer.account_id]))
    for path in (f"{here}{gone.id}/", f"/api/v1/orgs/{org.slug}/requests/{gone.id}/"):
        assert client.get(path).status_code == 404
    assert client_for(org.person("people-manager")).get(f"{here}{gone.id}/").status_code == 404
    assert client_for(world.contoso.person("owner")).get(f"/o/{world.contoso.slug}/requests/{gone.id}/").status_code == 404
    with pytest.raises(Refused) as refused:
        over(world, "privacy-officer", carrying.COPY, person)
    assert refused.value.codes == ["no_copy_asked"]


def test_what_was_not_fetched_is_made_once_more_without_a_new_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person hears of it a day before; then they have it made anew, once, and nobody has to look again."""
    person = world.north.person("worker")
    case = received(person, "access")
    over(world, "owner", carrying.COPY, person)
    run.resume(now=datetime.now(UTC))
    follow()
    by(world, "owner", carrying.RELEASE, case, outcome="granted", ground="")
    first = the_copy(case)
    assert first.expires_at is not None
    run.remind(now=first.expires_at - timedelta(days=2))
    assert not the_copy(case).reminded
    for _twice in range(2):
        run.remind(now=first.expires_at - timedelta(hours=23))
        follow()
    assert events(case).count("expires_soon") == 1 and now_is(case) == "ready" and any("one day more" in words for words in letters(person.account_id))
    assert refused(person, case) == ["wrong_status"]
    run.expire(now=first.expires_at)
    follow()
    page = client_for(person).get(f"/me/requests/{case.id}/").content.decode()
    assert now_is(case) == "expired_package" and "Make it once more" in page
    assert refused(world.north.person("guest"), case) == ["unknown_request"]
    client_for(person).post(f"/me/requests/{case.id}/", {"do": "again"})
    assert refused(person, case) == ["made_again_before"], "a double click is one"
    with monkeypatch.context() as patch:
        patch.setattr(run.making, "make", gone)
        run.resume(now=datetime.now(UTC))
    follow()
    assert events(case)[-2:] == ["asked_again", "not_made_again"]
    own(person, dialogue.AGAIN, request=str(case.id))
    run.resume(now=datetime.now(UTC))
    second = the_copy(case)
    with pytest.raises(run.NotThere):
        copies.fetched(second)
    follow()
    assert now_is(case) == "ready" and second.id != first.id and the_copy(case).expires_at is not None
    with tenancy.installation("a test looks"):
        assert Case.objects.filter(account_id=person.account_id).count() == 1 and Action.objects.get(case=case).outcome == "granted"
    run.expire(now=datetime.now(UTC) + timedelta(days=8))
    follow()
    assert now_is(case) == "expired_package" and refused(person, case) == ["made_again_before"]


def gone(*_a: object, **_k: object) -> None:
    raise run.making.Gone


def certified(world: World, person: Membership, case: Case, settings: Any) -> None:
    """Told with the answer, and true once the last backup that could have them has ended: not a day earlier, later if backups are kept longer by then, and once."""
    with tenancy.installation("a test looks"):
        stone = Tombstone.objects.get(account=person.account_id)
        assert stone.backups_until == (stone.purged_at + timedelta(days=settings.BACKUP_DAYS)).date()
        assert Happening.objects.filter(case=case).latest("at").facts["backups_until"] == stone.backups_until.isoformat()
        while Mail.objects.filter(account_id=person.account_id, state="due").exists():
            outbox.deliver(now=stone.purged_at + timedelta(minutes=1))
    assert any(f"ends on {stone.backups_until.isoformat()}" in path.read_text() for path in settings.MAILBOX.iterdir())
    page, when = f"/o/{world.north.slug}/requests/{case.id}/", datetime(stone.backups_until.year, stone.backups_until.month, stone.backups_until.day, 12, tzinfo=UTC)
    assert f"ends on {stone.backups_until.isoformat()}" in client_for(world.north.person("owner")).get(page).content.decode()
    horizon.run(now=when)
    settings.BACKUP_DAYS += 5
    horizon.run(now=when + timedelta(days=5))
    assert now_is(case) == "fulfilled"
    for _twice in range(2):
        horizon.run(now=when + timedelta(days=6))
    follow()
    with tenancy.installation("a test looks"):
        proof = Certificate.objects.get(account=person.account_id)
        said = [json.loads(text) for text in Entry.objects.filter(org=world.north.organization.id, record__contains="account.erasure_certified").values_list("record", flat=True)]
    assert now_is(case) == "certified" and events(case)[-1] == "certified" and (proof.until - stone.backups_until).days == 5
    assert [one["facts"] for one in said] == [{"tombstone": str(stone.id), "backups_until": proof.until.isoformat()}] and "@" not in json.dumps(said)
    assert "Done, and gone from backups too" in client_for(world.north.person("owner")).get(page).content.decode()


def refused(person: Membership, case: Case) -> list[str]:
    with pytest.raises(Refused) as found:
        own(person, dialogue.AGAIN, request=str(case.id))
    return found.value.codes
