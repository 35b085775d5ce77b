"""Restriction of one part: a value of the profile, all of them, one group, all of them. Out of use wherever people are administered, and there for the person, for answers and for security."""
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from django.db import connection

from accounts import access, approvals, door, outbox, purposes, tenancy
from accounts.models import Account, Group, GroupMembership, Mail, Management, Membership, SetAside
from accounts.oauth import claims
from accounts.profile import telling
from accounts.reasons import Refused
from accounts.services import ways
from audit import subscribers
from dsar.powers import restrict_use
from dsar.restriction import life, states
from dsar.restriction.model import Restriction
from portal.powers import BY_SLUG
from tests.browse import client_for
from tests.cast import Org, World
from tests.dsar.copies import copy_of, everything, numbered
from tests.fields.test_questions import act, last, member
from tests.ledger.test_states import read, restored
from tests.situations import arrange, group_for

FREE = ["administration", "export", "content"]


def restrict(org: Org, what: str, name: str = "worker") -> list[str]:
    return act(org, "restrict-own-use", name, {"what": what, "trigger": "accuracy", "message": ""}, by=name)


def end(org: Org, what: str, name: str = "worker") -> list[str]:
    return act(org, "end-own-restriction", name, {"what": what}, by=name)


def row(org: Org, what: str) -> Restriction:
    with tenancy.installation("look"):
        return Restriction.objects.filter(organization=org.organization, account_id=org.person("worker").account_id, what=what).latest("began_at")


def named(org: Org) -> Membership:
    """A worker with canaries on their profile."""
    worker = org.person("worker")
    arrange(lambda: (Membership.objects.filter(id=worker.id).update(title="Canaryclerk", department="Canaryhall"), Account.objects.filter(id=worker.account_id).update(name="Canarina Bird")))
    return worker


def everywhere(org: Org) -> dict[str, str]:
    """Everything that an owner reads about people, by its address: lists, search, the page, the file, the API."""
    worker, base, api = org.person("worker"), f"/o/{org.slug}", f"/api/v1/orgs/{org.slug}"
    client, said = client_for(org.person("owner")), {}
    for one in (f"{base}/people/", f"{base}/people/?q=canarina", f"{base}/find/?q=canarina", f"{base}/people/{worker.id}/", f"{base}/people/{worker.id}/update-profile/",
                f"{base}/people/{worker.id}/suspend/", f"{base}/people/export.csv", f"{base}/groups/", f"{base}/overview/", f"{base}/scheduled/", f"{base}/services/",
                f"{api}/people/", f"{api}/people/{worker.id}/"):
        answer = client.get(one)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        assert answer.status_code == 200, (one, answer.status_code)
        said[one] = unescape(body.decode())
    return said


def where(seen: dict[str, str], words: str) -> list[str]:
    """Where an owner reads these words."""
    return [path for path, text in seen.items() if words in text]


def test_one_value_and_all_of_them_are_out_of_use_everywhere_and_the_person_s_own(world: World, tmp_path: Path) -> None:
    org = world.north
    worker = named(org)
    seen = everywhere(org)
    assert all(len(where(seen, words)) > 2 for words in ("Canaryclerk", "Canaryhall", "Canarina"))
    assert restrict(org, "profile.title") == [] and restrict(org, "profile.title") == ["restricted_already"]
    seen = everywhere(org)
    assert where(seen, "Canaryclerk") == [] and len(where(seen, "Canaryhall")) > 2
    assert len(where(seen, "Stored, and not used")) == 1 and len(where(seen, '"restricted_parts": ["profile.title"]')) == 2
    assert restrict(org, "profile") == [] and restrict(org, "profile.name") == ["restricted_already"], "all of them is more than one"
    seen = everywhere(org)
    assert [where(seen, words) for words in ("Canaryclerk", "Canaryhall", "Canarina")] == [[], [], []]
    assert len(where(seen, worker.account.email)) > 4, "everything else is used as before"
    with connection.cursor() as cursor, tenancy.installation("look"):
        cursor.execute("SELECT string_agg(token, ' ') FROM accounts_searchtoken WHERE membership_id = %s", [worker.id])
        assert "canarina" not in cursor.fetchone()[0]
    account = Account.objects.get(id=worker.account_id)
    assert claims.of_person(account, ["profile"])["name"] == account.email, "no program is told the name"
    for name, there in ((purposes.MARKED, 0), (purposes.ADMINISTRATION, 0), (purposes.EXPORT, 0), ("", 0), (purposes.OWN, 3), (purposes.RIGHTS, 3)):
        with tenancy.scope(org=org.organization.id, purpose=name):
            assert SetAside.objects.count() == there, name
    for slug, data in (("update-profile", {"title": "Other"}), ("update-profile", {"name": "Other"})):
        assert act(org, slug, "worker", data) == ["part_restricted"]
    own = client_for(worker)
    pages = "".join(unescape(own.get(path).content.decode()) for path in ("/me/values/", "/me/restriction/", f"/o/{org.slug}/people/{worker.id}/edit-own-details/"))
    assert {"Canaryclerk", "Canaryhall", "Canarina Bird"} <= {word for word in ("Canaryclerk", "Canaryhall", "Canarina Bird") if word in pages} and "Restricted in part" in pages
    assert act(org, "edit-own-details", "worker", {"title": "Mine"}, by="worker")[-1] == "own_restricted"
    form = unescape(own.get("/me/").content.decode())
    assert "Canarina Bird" in form and "End the restriction first" in form
    assert own.post("/me/", {"language": "en", "time_zone": "Europe/Berlin", "key": "k"}).status_code == 302, "what is not restricted is theirs to change as before"
    own.post("/me/", {"name": "Other", "language": "en", "key": "l"})  # refused in words; what was set aside comes back below
    now = Account.objects.get(id=worker.account_id)
    assert (now.name, now.time_zone) == ("", "Europe/Berlin")
    copied = everything(copy_of(worker, tmp_path))
    assert all(word in copied for word in ("Canaryclerk", "Canaryhall", "Canarina")) and "TITLE:Canaryclerk" in copied
    arrange(lambda: Membership.objects.filter(id=worker.id).update(title="By whatever way"))
    assert member(org, "worker").title == "" and end(org, "profile") == []
    there = member(org, "worker")
    assert (there.department, there.title, Account.objects.get(id=worker.account_id).name) == ("Canaryhall", "", "Canarina Bird"), "the title is restricted by itself still"
    assert end(org, "profile.title") == [] and end(org, "profile.title") == ["not_restricted"]
    assert member(org, "worker").title == "By whatever way", "what was written meanwhile had gone aside too"
    with tenancy.installation("look"):
        assert not SetAside.objects.filter(account_id=worker.account_id).exists()
    assert where(everywhere(org), "Canarina")
    assert restrict(world.north, "profile.name", "guest") == ["unknown_part"], "nobody here answers for the name of an account that is not managed"


def test_one_group_and_all_of_them_are_on_no_list_and_give_what_they_gave(world: World) -> None:
    org, worker = world.north, named(world.north)
    groups: list[Group] = []
    arrange(lambda: groups.extend((group_for(org, "Canarychoir", worker, org.person("guest"), role="auditor"), group_for(org, "Canaryunion", worker))))
    choir, union = groups
    for wrong in ("groups.x", f"groups.{worker.id}", "role", "profile.email"):
        assert restrict(org, wrong) == ["unknown_part"], wrong
    client, page = client_for(org.person("owner")), f"{choir.id}/"
    file = lambda: b"".join(client.get(f"/o/{org.slug}/people/export.csv").streaming_content).decode()  # noqa: E731
    with tenancy.scope(org=org.organization.id, account=worker.account_id, purpose=purposes.ADMINISTRATION):
        before = access.standing(account_id=worker.account_id, organization_id=org.organization.id)
    assert worker.account.email in unescape(client.get(f"/o/{org.slug}/groups/{page}").content.decode()) and "Canarychoir;Canaryunion" in file()
    assert restrict(org, f"groups.{choir.id}") == []
    in_choir = unescape(client.get(f"/o/{org.slug}/groups/{page}").content.decode())
    assert worker.account.email not in in_choir and org.person("guest").account.email in in_choir
    line = next(one for one in file().splitlines() if worker.account.email in one)
    assert "Canaryunion" in line and "Canarychoir" not in line
    told = json.loads(client.get(f"/api/v1/orgs/{org.slug}/people/{worker.id}/").content)
    assert told["groups"] == [str(union.id)] and told["restricted_parts"] == ["groups"], "of which, nobody is told"
    with tenancy.scope(org=org.organization.id, account=worker.account_id, purpose=purposes.ADMINISTRATION):
        after = access.standing(account_id=worker.account_id, organization_id=org.organization.id)
        assert before is not None and after is not None and after.permissions == before.permissions and after.rank == before.rank == 20, "on whatever page they are, their role is what it was"
    assert act(org, "remove-from-group", "worker", {"group": str(choir.id)}) == ["part_restricted"] == act(org, "add-to-group", "worker", {"group": str(choir.id)})
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT), pytest.raises(Refused) as refused:
        door.perform(power=BY_SLUG["delete-group"], actor=org.actor("owner"), ids=[choir.id], data={}, now=datetime.now(UTC))
    assert refused.value.codes == ["part_restricted"], "what is to be kept is not deleted with its group"
    assert restrict(org, "groups") == [] and "Canaryunion" not in file()
    third: list[Group] = []
    arrange(lambda: third.append(group_for(org, "Canarycrew", worker)))
    with tenancy.scope(org=org.organization.id, purpose=purposes.EXPORT):
        assert not GroupMembership.objects.filter(membership=worker).exists(), "one that came later is marked as it comes"
    with tenancy.scope(org=org.organization.id, purpose=purposes.SECURITY):
        assert GroupMembership.objects.filter(membership=worker).count() == 3 and ways.of([worker.id])
    assert "Canarychoir" in unescape(client_for(worker).get("/me/restriction/").content.decode())
    assert end(org, "groups") == []
    line = next(one for one in file().splitlines() if worker.account.email in one)
    assert "Canarycrew;Canaryunion" in line and "Canarychoir" not in line, "the one that is restricted by itself stays so"


def test_the_window_four_eyes_and_the_notice_are_those_of_the_whole(world: World) -> None:
    org, worker, at = world.north, named(world.north), datetime.now(UTC)
    assert restrict(org, "profile.title") == []
    first = row(org, "profile.title")
    assert (first.state, first.by_person) == ("provisional", True) and first.object_by is not None
    assert '"what":"profile.title"' in last(org, "use.restriction_asked") and "Canary" not in last(org, "use.restriction_asked")
    with tenancy.scope(org=org.organization.id, purpose=purposes.ACT):
        lifting = {"what": "profile.title", "reason_code": "others_rights", "freeing": FREE, "message": "", "private_note": ""}
        for wrong, code in (({"freeing": ["export"]}, "part_lifted_whole"), ({"what": "profile"}, "not_restricted"), ({"what": ""}, "not_restricted")):
            with pytest.raises(Refused) as refused:
                door.perform(power=restrict_use.LIFT, actor=org.actor("administrator"), ids=[worker.id], data={**lifting, **wrong}, now=at)
            assert refused.value.codes == [code]
        plan = door.perform(power=restrict_use.LIFT, actor=org.actor("administrator"), ids=[worker.id], data=lifting, now=at).plan_id
        approvals.decide(plan_id=plan, actor=org.actor("owner"), requester=org.actor("administrator"), power=restrict_use.LIFT, approve=True, note="", now=at)
    told = row(org, "profile.title")
    assert (told.state, member(org, "worker").title) == ("notice", "")
    page = unescape(client_for(org.person("owner")).get(f"/o/{org.slug}/people/{worker.id}/").content.decode())
    assert "Title in this organization (Restricted, lifting announced" in page
    assert restrict(org, "profile.department") == []
    life.run(now=told.lift_at - timedelta(seconds=1))
    assert member(org, "worker").title == ""
    life.run(now=told.lift_at)
    assert (member(org, "worker").title, member(org, "worker").department, row(org, "profile.title").state) == ("Canaryclerk", "", "lifted")
    life.run(now=at + timedelta(days=8))
    assert row(org, "profile.department").state == "confirmed" and member(org, "worker").department == ""
    assert act(org, "restrict-use", "worker", {"what": "profile.name", "trigger": "accuracy", "message": "", "private_note": ""}) == [] and row(org, "profile.name").state == "confirmed"
    assert Account.objects.get(id=worker.account_id).name == ""
    arrange(lambda: Management.objects.filter(account_id=worker.account_id).delete())
    assert Account.objects.get(id=worker.account_id).name == "Canarina Bird", "whoever does not manage the account holds no name of it"
    numbered()
    with tenancy.installation("mail"):
        subscribers.drain()
        mails = Mail.objects.filter(organization_id=org.organization.id)
        got = sorted(mails.filter(account=worker.account, template__contains="restrict").values_list("template", flat=True))
        assert got == ["lift-restriction", "restrict-use", "restriction-news", "restriction-news"]
        window = outbox.render(mails.filter(template="restriction-window").first())[1]
        assert "Title in this organization" in window or "Department" in window
        assert "part of what" in outbox.render(mails.get(template="lift-restriction"))[1]
        assert all("Canary" not in outbox.render(one)[1] for one in mails.exclude(account=worker.account))
    assert end(org, "profile.department") == [] and member(org, "worker").department == "Canaryhall"


def test_what_is_contested_and_restricted_comes_back_when_neither_holds(world: World) -> None:
    org = world.north
    named(org)
    assert restrict(org, "profile.title") == []
    assert act(org, "dispute-value", "worker", {"field": "title", "proposed": "Engineer", "words": "Since May."}, by="worker") == []
    page = unescape(client_for(org.person("owner")).get(f"/o/{org.slug}/people/{org.person('worker').id}/answer-value-dispute/?field=title").content.decode())
    assert "Canaryclerk" in page, "whoever answers sees what is held"
    assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "corrected", "value": "", "reason_code": ""}) == []
    assert member(org, "worker").title == "", "corrected, and restricted still"
    assert end(org, "profile.title") == [] and member(org, "worker").title == "Engineer"
    assert act(org, "dispute-value", "worker", {"field": "title", "proposed": "Chief", "words": "Since June."}, by="worker") == []
    assert restrict(org, "profile") == []
    assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "kept", "value": "", "reason_code": "our_records"}) == []
    telling.run(now=datetime.now(UTC) + states.NOTICE + timedelta(hours=1))
    assert member(org, "worker").title == ""
    assert end(org, "profile") == [] and member(org, "worker").title == "Engineer"
    assert act(org, "dispute-value", "worker", {"field": "title", "proposed": "", "words": "None."}, by="worker") == []
    assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "corrected", "value": "", "reason_code": ""}) == []
    assert member(org, "worker").title == "", "corrected to nothing, nothing comes back"


def test_a_restored_database_uses_no_part_that_may_only_be_stored(world: World) -> None:
    org, worker = world.north, named(world.north)
    groups: list[Group] = []
    arrange(lambda: groups.append(group_for(org, "Canarychoir", worker)))
    assert restrict(org, "profile.title") == restrict(org, f"groups.{groups[0].id}") == []
    lines = [draft for key, draft in read(org).items() if key[0] == "restriction.state"]
    assert {draft.facts["what"] for draft in lines} == {"profile.title", f"groups.{groups[0].id}"} and not any("Canary" in str(draft.facts) for draft in lines)
    assert restored(lines) == []
    arrange(lambda: (Restriction.objects.filter(account_id=worker.account_id).delete(), Membership.objects.filter(id=worker.id).update(set_aside=[])))
    assert member(org, "worker").title == "Canaryclerk", "as it is in a backup of yesterday"
    assert len(restored(lines)) == 2 and restored(lines) == []
    assert member(org, "worker").title == "" and row(org, "profile.title").state == "provisional"
    with tenancy.scope(org=org.organization.id, purpose=purposes.EXPORT):
        assert not GroupMembership.objects.filter(membership=worker).exists()
    assert end(org, "profile.title") == []
    ended = [draft for draft in read(org).values() if draft.facts.get("what") == "profile.title"]
    arrange(lambda: (Restriction.objects.filter(what="profile.title").update(state="confirmed"), Membership.objects.filter(id=worker.id).update(set_aside=["profile.title"])))
    assert len(restored(ended)) == 1 and member(org, "worker").title == "Canaryclerk", "and what was ended is ended"
