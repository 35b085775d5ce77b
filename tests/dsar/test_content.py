"""Reading what is in a managed account: two people, a ground, a time, an entry for each item in the person's ledger, and no way never to tell (POWERS P3 "in")."""
from __future__ import annotations

import base64
import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from accounts import approvals, door, outbox, purposes, tenancy
from accounts.models import Mail, Management, Membership, Plan, SavedView
from accounts.powers import BY_SLUG as ACCOUNTS
from accounts.reasons import Refused
from audit import subscribers
from dsar import holding
from dsar.content import life, readers, records
from dsar.content.model import ContentAccess
from dsar.datamap import MAP
from dsar.export import run, sealed
from dsar.models import Copy
from dsar.powers.content import VIEW
from portal import who
from portal.powers import BY_SLUG
from tests.browse import client_for
from tests.cast import Org, World
from tests.dsar.copies import copy_of, everything, numbered
from tests.dsar.test_restriction import restrict
from tests.situations import DATA, WHY, arrange, deletion_for, domain_for, role_for

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def investigators(request: pytest.FixtureRequest) -> None:
    """Owners gave those of security a role that may read, which no built-in role but theirs does."""
    if "world" in request.fixturenames:
        org = request.getfixturevalue("world").north
        arrange(lambda: Membership.objects.filter(id=org.person("security").id).update(role=role_for(org, "Investigators", 60, "view_people", "view_audit", "view_content")))


def asks(org: Org, by: str = "security", of: str = "worker", *, now: datetime | None = None, **data: Any) -> str:
    now = now or datetime.now(UTC)
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        return door.perform(power=VIEW, actor=org.actor(by, now=now), ids=[org.person(of).id], data={**DATA["view-content"], **data}, now=now).plan_id


def agrees(org: Org, plan_id: str, by: str = "owner", *, now: datetime | None = None) -> ContentAccess:
    now = now or datetime.now(UTC)
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        row = Plan.objects.get(id=plan_id)
        approvals.decide(plan_id=row.id, actor=org.actor(by, now=now), requester=approvals.requester(row), power=VIEW, approve=True, note="", now=now)
        return ContentAccess.objects.filter(organization=org.organization).latest("granted_at")


def granted(org: Org, *, now: datetime | None = None, **data: Any) -> ContentAccess:
    return agrees(org, asks(org, now=now, **data), now=now)


def again(row: ContentAccess) -> ContentAccess:
    with tenancy.installation("a test looks"):
        return ContentAccess.objects.get(id=row.id)


def refused(org: Org, **how: Any) -> list[str]:
    with pytest.raises(Refused) as caught:
        asks(org, **how)
    return caught.value.codes


def letter(person: Membership, words: str, at: datetime, template: str = "suspend", **more: Any) -> Mail:
    return Mail.objects.create(**{"account_id": person.account_id, "organization_id": person.organization_id, "template": template, "address": "x@y.example", "subject": "S", "body": words, "state": "sent",
                                  "created_at": at, "sent_at": at, "entry": uuid.uuid4(), **more})


def mails(person: Membership) -> list[Mail]:
    numbered()
    with tenancy.installation("a test reads the outbox"):
        subscribers.drain()
        return list(Mail.objects.filter(account_id=person.account_id, template="view-content").order_by("created_at"))


def test_two_people_a_ground_and_what_is_opened_and_what_never_is(world: World) -> None:
    """The reader asks, an owner agrees, and the reader alone opens: letters since the management began, none about rights, none of another organization. Each is an entry that the person reads."""
    org, now = world.north, datetime.now(UTC)
    person, made = org.person("worker"), {}

    def world_of_letters() -> None:
        Management.objects.filter(account_id=person.account_id).update(since=now - 10 * DAY)
        made.update({"mine": letter(person, "plain words", now - DAY), "before": letter(person, "sealed words", now - 11 * DAY), "rights": letter(person, "rights words", now - DAY, "case-news"),
                     "elsewhere": letter(person, "foreign words", now - DAY, organization_id=world.contoso.organization.id), "others": letter(org.person("guest"), "other words", now - DAY)})

    arrange(world_of_letters)
    with tenancy.scope(org=org.organization.id):
        SavedView.objects.create(organization=org.organization, owner=person, page="people", name="My view", query="q=x", created_at=now)
    reader, plan_id = client_for(org.person("security")), asks(org)
    assert reader.get(f"/o/{org.slug}/content/").status_code == 200 and not mails(person), "nothing happened yet"
    with pytest.raises(Refused, match="not_approver"):
        agrees(org, plan_id, "administrator")
    with pytest.raises(Refused, match="same_person"):
        agrees(org, plan_id, "security")
    row = agrees(org, plan_id)
    (told,) = mails(person)
    base = f"/o/{org.slug}/content/{row.id}/"
    page = reader.get(base)
    text = page.content.decode()
    assert page.headers["Cache-Control"] == "private, no-store" and "Read by Security Person" in text and "plain words" not in text and text.count(base + "letters/") == 1
    opened = reader.get(f"{base}letters/{made['mine'].id}/").content.decode()
    assert "plain words" in opened and opened.count("Read by Security Person") == 2 and "Incident 12" in opened and "download" not in opened.lower()
    assert all(reader.get(f"{base}letters/{made[name].id}/").status_code == 404 for name in ("before", "rights", "elsewhere", "others"))
    assert reader.get(f"{base}views/{uuid.uuid4()}/").status_code == 404, "a kind that was not agreed on"
    for stranger in ("owner", "second-owner"):
        shown = client_for(org.person(stranger)).get(base)
        assert shown.status_code == 200 and b"/letters/" not in shown.content
        assert client_for(org.person(stranger)).get(f"{base}letters/{made['mine'].id}/").status_code == 302
    assert client_for(org.person("administrator")).get(base).status_code == client_for(world.contoso.person("owner")).get(base).status_code == 404
    assert client_for(org.person("security"), tier=0).get(f"{base}letters/{made['mine'].id}/").status_code == 302, "proves who they are first"
    assert reader.get(base + "?q=PLAIN").content.decode().count(base + "letters/") == 1 and base + "letters/" not in reader.get(base + "?q=nowhere").content.decode()
    numbered()
    said = [act.line.text for act in who.acts(person.account_id)[0]]
    assert [sum(part in one for one in said) for part in ("opened a record", "searched the records", "looked at the list", "was allowed to read")] == [1, 2, 1, 1], said
    assert again(row).opened == 1 and who.acts(person.account_id)[0][-1].ground == "A security incident has to be cleared up"
    with tenancy.installation("a test looks"):
        subscribers.drain()
        outbox.deliver(now=datetime.now(UTC))
    body = Mail.objects.get(id=told.id).body
    assert "Incident 12" in body and "Letters that your organization sent" in body and "Security Person" in body
    listed = reader.get(f"/api/v1/orgs/{org.slug}/content/").json()["accesses"]
    assert [(one["state"], one["opened"], one["words"]) for one in listed] == [("open", 1, "Incident 12")]


def test_who_cannot_ask_and_what_cannot_be_asked(world: World) -> None:
    org = world.north
    assert refused(org, of="guest") == ["not_managed"] and refused(org, by="security", of="owner") == ["rank"] and refused(org, of="security") == ["rank", "self"]
    assert refused(org, by="administrator") == ["no_permission"]
    arrange(lambda: Management.objects.filter(account_id=org.person("member").account_id).update(basis="domain_claim"))
    arrange(lambda: (domain_for(org, f"{org.slug}.example", state="contested"), Management.objects.filter(account_id=org.person("member").account_id).update(basis="domain_claim")))
    assert refused(org, of="member") == ["domain_contested"]
    for wrong in ({"reason_code": ""}, {"message": ""}, {"kinds": []}, {"kinds": ["secrets"]}, {"days": 0}, {"days": 15}, {"delay": 31, "delay_ground": "evidence"}, {"delay": 3}, {"delay_ground": "evidence"},
                  {"since": "2026-02-30"}, {"since": "2026-11-02", "until": "2026-11-01"}, {"message": "a\x00b"}):
        form = VIEW.form({**DATA["view-content"], **wrong})
        assert not form.is_valid(), wrong
    restrict(org, now=datetime.now(UTC))
    assert refused(org) == ["use_restricted"]
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(use_freed=["administration", "export"]))
    assert refused(org) == ["use_restricted"], "another purpose is free, not this one"
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(use_freed=["content"]))
    assert asks(org)


def test_nobody_else_than_two_people(world: World) -> None:
    """Where nobody could agree no time stands for the second person; only the operator may, and is not the reader."""
    org = world.north
    arrange(lambda: Membership.objects.filter(id__in=[org.person(n).id for n in ("second-owner",)]).update(role=org.roles["member"]))
    plan = asks(org, by="owner")
    with tenancy.installation("a test looks"):
        row = Plan.objects.get(id=plan)
    assert "due_at" not in row.summary and row.state == "awaiting_approval"


@pytest.mark.parametrize("how", ["over", "withdrawn", "rank", "permission", "management", "contested", "restricted", "suspended"])
def test_it_ends(world: World, how: str) -> None:
    """By time, by hand, and with whatever it rested on: at the next look, before any clock has run; then it stays ended."""
    org = world.north
    person, now = org.person("worker"), datetime.now(UTC)
    row = granted(org, now=now - 4 * DAY if how == "over" else None)
    at, of = f"/o/{org.slug}/content/{row.id}/", []
    arrange(lambda: of.append(letter(person, "secret words", now)))
    reader = client_for(org.person("security"))
    if how != "over":
        assert b"secret words" in reader.get(f"{at}letters/{of[0].id}/").content
    {"over": lambda: None, "withdrawn": lambda: withdraw(org),
     "rank": lambda: arrange(lambda: Membership.objects.filter(id=person.id).update(role=org.roles["administrator"])),
     "permission": lambda: arrange(lambda: Membership.objects.filter(id=org.person("security").id).update(role=org.roles["people-manager"])),
     "management": lambda: arrange(lambda: Management.objects.filter(account_id=person.account_id).delete()),
     "contested": lambda: arrange(lambda: (domain_for(org, f"{org.slug}.example", state="contested"), Management.objects.filter(account_id=person.account_id).update(basis="domain_claim"))),
     "restricted": lambda: restrict(org, now=datetime.now(UTC)),
     "suspended": lambda: arrange(lambda: Membership.objects.filter(id=org.person("security").id).update(status="suspended"))}[how]()
    after = reader.get(f"{at}letters/{of[0].id}/")
    assert after.status_code in {302, 403, 404} and b"secret words" not in after.content
    assert b"/letters/" not in reader.get(at).content
    opened = again(row).opened
    life.run(now=datetime.now(UTC))
    life.run(now=datetime.now(UTC))
    ended = again(row)
    assert ended.ended_at is not None and ended.opened == opened
    assert ended.ended_how == {"over": "over", "withdrawn": "withdrawn", "rank": "rank", "permission": "no_permission", "management": "not_managed", "contested": "domain_contested",
                               "restricted": "use_restricted", "suspended": "no_permission"}[how]
    numbered()
    lines = [act.line.action for act in who.acts(person.account_id)[0]]
    assert lines.count("data.view_withdrawn" if how == "withdrawn" else "data.view_ended") == 1
    if how in {"contested", "restricted"}:  # what comes back opens nothing again
        arrange(lambda: (Membership.objects.filter(id=person.id).update(use_restricted=False), Management.objects.filter(account_id=person.account_id).update(basis="created_by_org")))
        assert b"/letters/" not in reader.get(at).content


def withdraw(org: Org) -> None:
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        door.perform(power=BY_SLUG["end-content-access"], actor=org.actor("second-owner"), ids=[org.person("worker").id], data={}, now=datetime.now(UTC))


def test_told_later_and_never_never(world: World, tmp_path: Any) -> None:
    """The delay keeps mail, ledger and copy silent; ended, withdrawn or not, the mail goes when it is over, once. A deletion brings it forward."""
    org, now = world.north, datetime.now(UTC)
    person, of = org.person("worker"), []
    row = granted(org, delay=5, delay_ground="evidence")
    arrange(lambda: of.append(letter(person, "words", now)))
    client_for(org.person("security")).get(f"/o/{org.slug}/content/{row.id}/letters/{of[0].id}/")
    client_for(org.person("security")).get(f"/o/{org.slug}/content/{row.id}/?q=words")
    withdraw(org)
    life.run(now=now + 4 * DAY)
    assert not mails(person) and not who.acts(person.account_id)[0] and again(row).told_at is None
    assert client_for(person).get("/api/v1/me/ledger/").json()["acts"] == []
    assert "view_granted" not in (text := everything(copy_of(person, tmp_path))) and "data.viewed" not in text and "Incident 12" not in text and "contentaccess" not in text
    for _twice in range(2):
        life.run(now=now + 5 * DAY + timedelta(minutes=1))
    (told,) = mails(person)
    assert again(row).told_at == now + 5 * DAY + timedelta(minutes=1)
    later = [act for act in _acts_at(person.account_id, now + 6 * DAY)]
    assert {"data.view_granted", "data.viewed", "data.view_withdrawn", "data.view_told"} <= set(later)
    with tenancy.installation("a test sends"):
        outbox.deliver(now=datetime.now(UTC))
        assert "told only now" in Mail.objects.get(id=told.id).body and "1 record was opened" in Mail.objects.get(id=told.id).body
    other = granted(org, delay=30, delay_ground="authority")
    arrange(lambda: deletion_for(person))
    life.run(now=datetime.now(UTC))
    assert again(other).told_at is not None and len(mails(person)) == 2


def _acts_at(account: UUID, now: datetime, name: str = "action") -> list[str]:
    from unittest import mock

    with mock.patch.object(who.timezone, "now", return_value=now):
        return [getattr(act.line, name) for act in who.acts(account, size=50)[0]]


def test_the_page_says_once_when_the_person_is_told(world: World) -> None:
    """Whoever may put it off is not told on the same page that a mail leaves at once."""
    org, always = world.north, "The person is told by e-mail, with your name and the ground"
    page = {slug: client_for(org.person("owner")).get(f"/o/{org.slug}/people/{org.person('worker').id}/{slug}/").content.decode() for slug in ("view-content", "export-person", "suspend")}
    assert always in page["suspend"] and always not in page["view-content"] and always not in page["export-person"] and "The person is told at once, by mail" in page["view-content"]


def test_an_owner_does_not_learn_of_a_delayed_access_to_their_own_records_from_the_list(world: World) -> None:
    org = world.north
    arrange(lambda: Membership.objects.filter(id=org.person("administrator").id).update(role=org.roles["owner"]))
    plan = asks(org, by="owner", of="second-owner", delay=10, delay_ground="evidence")
    row = agrees(org, plan, "administrator")
    themselves = client_for(org.person("second-owner"))
    assert str(row.id) not in themselves.get(f"/o/{org.slug}/content/").content.decode() and themselves.get(f"/o/{org.slug}/content/{row.id}/").status_code == 404
    assert themselves.get(f"/api/v1/orgs/{org.slug}/content/").json()["accesses"] == []
    assert str(row.id) in client_for(org.person("owner")).get(f"/o/{org.slug}/content/").content.decode()


def test_what_is_read_is_declared_and_no_secret(settings: Any) -> None:
    """Each column that is opened is in the data map as the person's own; another reader joins by its path alone."""
    for source in records.SOURCES.values():
        unit = MAP.by_table[source.table]
        assert source.at in unit.columns and unit.purpose not in {"rights", "record", "sign_in"}
        assert all(unit.columns[name].export in {"yes", "others"} for name, _label in source.fields)
    settings.CONTENT_READERS = (*settings.CONTENT_READERS, "tests.dsar.test_content.OTHER")
    assert list(readers.kinds()) == ["letters", "views", "suggestions", "notes"] and readers.of("notes") is OTHER and readers.of("gone") is None
    assert ("notes", "Notes") in VIEW.form().fields["kinds"].choices
    assert "view-content" not in ACCOUNTS


class _Other:
    def kinds(self) -> tuple[readers.Kind, ...]:
        return (readers.Kind("notes", "Notes"),)


OTHER = _Other()




def test_a_copy_that_is_told_later(world: World, tmp_path: Any) -> None:
    """Two people take a copy of somebody and tell them later: no mail, ledger, copy or count tells before; then the mail goes by itself, also if the copy is gone. Alone it cannot be put off."""
    org, now, power = world.north, datetime.now(UTC), BY_SLUG["export-person"]
    person, data = org.person("worker"), {**WHY, "reason_code": "security_incident", "delay": 3, "delay_ground": "evidence"}
    for wrong in ({"delay": 31, "delay_ground": "danger"}, {"delay": 1, "delay_ground": ""}, {"delay": 0, "delay_ground": "danger"}):
        assert not power.form({**WHY, **wrong}).is_valid()
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        plan = door.perform(power=power, actor=org.actor("owner"), ids=[person.id], data=data, now=now).plan_id
        approvals.decide(plan_id=UUID(plan), actor=org.actor("second-owner"), requester=org.actor("owner"), power=power, approve=True, note="", now=now)
        row = Copy.objects.get(organization=org.organization, account_id=person.account_id)
    run.resume(now=now, only=row.id)
    client_for(org.person("owner")).post(f"/o/{org.slug}/copies/{row.id}/")
    before = next(one.count for one in holding.held(person.account_id) if one.unit.table == "dsar_copy")
    folder = copy_of(person, tmp_path / "mine")
    assert before == 0 and str(row.id) not in everything(folder) and "data.export.requested" not in everything(folder)
    numbered()
    assert [act.line.action for act in who.acts(person.account_id)[0] if act.line.action.startswith("data.")] == []
    run.tell(now=now + 2 * DAY)
    assert not told_of(person)
    for _twice in range(2):
        run.tell(now=now + 3 * DAY)
    (mail,) = told_of(person)
    assert "told only now" in mail.body and "Owner Person" in mail.body
    assert {"data.export.requested", "data.export.told"} <= set(_acts_at(person.account_id, now + 4 * DAY))
    assert [text for text in _acts_at(person.account_id, now + 4 * DAY, "text") if text.startswith("Owner Person fetched the copy of the data of")]
    assert next(one.count for one in holding.held(person.account_id) if one.unit.table == "dsar_copy") == 2
    import zipfile

    with tenancy.installation("a test looks"):
        blocks = b"".join(sealed.opened(run.folder() / f"{row.id}.sealed", base64.b64decode(outbox.open_text(Copy.objects.get(id=row.id).key))))
    with zipfile.ZipFile(io.BytesIO(blocks)) as archive:
        said = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith("data/manifest.json"))))
    assert (said["for_organization"], said["asked_by"]) == (str(org.organization.id), str(org.person("owner").account_id)), "it says whose it is"


def told_of(person: Membership) -> list[Mail]:
    numbered()
    with tenancy.installation("a test sends"):
        subscribers.drain()
        outbox.deliver(now=datetime.now(UTC))
        return list(Mail.objects.filter(account_id=person.account_id, template="export-person"))
