"""The audit log's pages: what they find, what they count, what they say of themselves in the log."""
from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from accounts import door, reasons, tenancy
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import by_address, counts, merkle, queries, recording
from audit.models import Leaf
from audit.queries import Filters
from audit.record import ActorRef, EntryDraft, TargetRef, Why
from tests.audit.logs import number_all
from tests.audit.signing import only, state
from tests.browse import client_for
from tests.cast import World
from tests.situations import WHY, arrange, token_for


def act(world: World, slug: str = "update-profile", who: str = "administrator", **data: Any) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG[slug], actor=org.actor(who), ids=[org.person("worker").id], data=data or {"title": f"T{uuid.uuid4().hex[:6]}"}, now=datetime.now(UTC))


def reads(world: World) -> list[dict[str, Any]]:
    number_all()
    with tenancy.scope(org=world.north.organization.id):
        rows = queries.page(org=world.north.organization.id, filters=Filters(action="audit.viewed"), size=100).entries
    return [row.record for row in rows]


def text(world: World, path: str, who: str = "auditor", status: int = 200, **query: Any) -> str:
    answer = client_for(world.north.person(who)).get(f"/o/{world.north.slug}/audit/{path}", query)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def shown(world: World, **query: Any) -> set[str]:
    """The entries that the page lists, newest pages and older ones."""
    found: set[str] = set()
    more: dict[str, Any] = {}
    while True:
        page = text(world, "", **query, **more)
        part = page.split('id="results"')[1].split("h-activity")[0]
        found |= set(re.findall(rf'href="/o/{world.north.slug}/audit/([0-9a-f-]{{36}})/"', part))
        older = re.search(r'id="pg-next" href="[^"]*before=([0-9]+)', part)
        if older is None:
            return found
        more = {"before": older.group(1)}


def fits(record: dict[str, Any], **wanted: Any) -> bool:
    """What a filter means, said once more: by the record alone."""
    actor, delegation, why = record["actor"], record.get("delegation", {}), record.get("why", {})
    facts = {"actor": actor.get("id"), "acted_as": delegation.get("acted_as"), "token": actor.get("token_id"), "plan": delegation.get("plan"), "ticket": why.get("ticket"), "matter": why.get("matter"),
             "action": record["action"], "category": record["category"], "outcome": record["decision"]["outcome"]}
    return all(any((t["type"], t["id"]) == value for t in record.get("targets", [])) if name == "target" else facts[name] == value for name, value in wanted.items())


def test_each_filter_finds_its_own(world: World) -> None:
    """Exactly what the records say, and nothing else: for each filter alone, and for two together."""
    org, number = world.north, world.north.organization.id
    worker, guest, administrator, owner = (org.person(name) for name in ("worker", "guest", "administrator", "owner"))
    act(world)
    act(world, "suspend", **WHY)
    client = client_for(administrator, tier=2)
    client.post(f"/api/v1/orgs/{org.slug}/people/{worker.id}/actions/update-profile/", json.dumps({"title": "From afar"}), content_type="application/json", REMOTE_ADDR="198.51.100.7")
    token, plan = uuid.uuid4(), uuid.uuid4()
    by, about = ActorRef(type="user", id=owner.account_id), [TargetRef(type="person", id=guest.account_id), TargetRef(type="membership", id=guest.id)]

    def draft(**more: Any) -> EntryDraft:
        return EntryDraft(**{"org": number, "action": "test.written", "category": "test", "outcome": "success", "actor": by, "targets": about, **more})

    with tenancy.scope(org=number), transaction.atomic(), recording.opened(org=number, now=datetime.now(UTC)) as made:
        made.write([draft(), draft(acted_as=worker.account_id), draft(actor=ActorRef(type="api_token", id=owner.account_id, token_id=token)), draft(plan=plan), draft(outcome="failure"),
                    draft(why=Why(ticket="T-1")), draft(why=Why(matter="Smith v. Jones", ticket="T-2")), draft(category="people"), draft(action="test.other", outcome="denied"),
                    draft(targets=[TargetRef(type="role", id=guest.account_id)]), draft(targets=[])])
    number_all()
    before = set(written(number))
    assert shown(world) >= before
    email = {name: org.person(name).account.email for name in ("worker", "guest", "administrator", "owner")}
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"person": email["worker"]}, {"target": ("person", str(worker.account_id))}), ({"person": email["guest"].upper()}, {"target": ("person", str(guest.account_id))}),
        ({"actor": email["administrator"]}, {"actor": str(administrator.account_id)}), ({"actor": email["owner"]}, {"actor": str(owner.account_id)}),
        ({"acted_as": email["worker"]}, {"acted_as": str(worker.account_id)}), ({"action": "membership.suspended"}, {"action": "membership.suspended"}), ({"action": "test.other"}, {"action": "test.other"}),
        ({"category": "people"}, {"category": "people"}), ({"category": "test"}, {"category": "test"}), ({"outcome": "denied"}, {"outcome": "denied"}), ({"outcome": "failure"}, {"outcome": "failure"}),
        ({"target": str(worker.id), "target_type": "membership"}, {"target": ("membership", str(worker.id))}), ({"target": str(guest.account_id), "target_type": "role"}, {"target": ("role", str(guest.account_id))}),
        ({"target": str(guest.account_id)}, {"target": ("person", str(guest.account_id))}), ({"token": str(token)}, {"token": str(token)}), ({"plan": str(plan)}, {"plan": str(plan)}),
        ({"ticket": "T-1"}, {"ticket": "T-1"}), ({"matter": "Smith v. Jones"}, {"matter": "Smith v. Jones"}), ({"actor": email["owner"], "outcome": "success"}, {"actor": str(owner.account_id), "outcome": "success"}),
        ({"person": email["guest"], "category": "people"}, {"target": ("person", str(guest.account_id)), "category": "people"}), ({"ticket": "T-1", "matter": "Smith v. Jones"}, {"ticket": "T-1", "matter": "Smith v. Jones"})]
    for query, wanted in cases:
        records = written(number)  # a search is an entry itself, about whom it asked for
        expected = {entry for entry, record in records.items() if fits(record, **wanted)}
        assert len(expected) < len(records) and (expected or len(query) == 2), query
        assert shown(world, **query) == expected, query
    today = datetime.now(UTC).date()
    for query, n in (({"since": today.isoformat()}, True), ({"until": today.isoformat()}, True), ({"since": (today + timedelta(days=1)).isoformat()}, False), ({"until": (today - timedelta(days=1)).isoformat()}, False)):
        assert bool(shown(world, **query, action="test.written")) == n, query
    afar = shown(world, address="198.51.100.0/24")
    assert {records[entry]["action"] for entry in afar} == {"profile.updated"} and len(afar) == 1
    with tenancy.scope(org=number):
        assert counts.matching(org=number, filters=Filters(actor=administrator.account_id))[1]
        assert counts.matching(org=number, filters=Filters(action="membership.suspended")) == (1, True)


def written(org: uuid.UUID) -> dict[str, dict[str, Any]]:
    """Every record of this log, numbered or not."""
    with tenancy.scope(org=org), connection.cursor() as cursor:
        cursor.execute("SELECT id, record FROM audit_entry WHERE org = %s", [org])
        return {str(entry): json.loads(record) for entry, record in cursor.fetchall()}


@pytest.mark.parametrize(("query", "said"), [
    ({"person": "nobody@nowhere.example"}, "Nobody in this organization"), ({"since": "2026-13-01"}, "is not a date"), ({"since": "2026-02-02", "until": "2026-02-01"}, "after the last day"),
    ({"target": "5"}, "is no id"), ({"token": "x' OR 1=1"}, "is no id"), ({"address": "999.1.1.1"}, "no network address"), ({"plan": "﷽"}, "is no id")])
def test_what_makes_no_sense_is_said(world: World, query: dict[str, str], said: str) -> None:
    assert said in text(world, "", **query)
    assert not reads(world)


@pytest.mark.parametrize("query", [{"matter": "x" * 10_000}, {"ticket": "\0"}, {"before": "99999999999999999999"}, {"after": "-1"}, {"action": "<script>"}, {"outcome": "nonsense"}, {"since": "0001-01-01", "until": "9999-12-31"}, {"address": "::1"}])
def test_nothing_breaks_the_page(world: World, query: dict[str, str]) -> None:
    assert "<script>" not in text(world, "", **query).split("<main")[1].replace("<script src", "")


def test_counts_are_exact_or_say_more_than(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org, number = world.north, world.north.organization.id
    for _ in range(4):
        act(world)
    number_all()
    account = org.person("administrator").account_id
    with tenancy.scope(org=number):
        actor, target = counts.matching(org=number, filters=Filters(actor=account)), counts.matching(org=number, filters=Filters(target=org.person("worker").account_id))
        assert actor == (Leaf.objects.filter(org=number, actor=account).count(), True)
        assert target[1] and target[0] >= 4
        today = datetime.now(UTC).date()
        assert counts.matching(org=number, filters=Filters(actor=account, since=today + timedelta(days=1))) == (0, True)
        monkeypatch.setattr(counts, "COUNTED", 2)
        assert counts.matching(org=number, filters=Filters(action="profile.updated")) == (2, False)
    assert "More than 2" in text(world, "", action="profile.updated")


def test_an_address_is_searched_by_opening(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org = world.north
    for _ in range(3):
        client_for(org.person("administrator"), tier=2).post(f"/api/v1/orgs/{org.slug}/people/{org.person('worker').id}/actions/update-profile/", json.dumps({"title": uuid.uuid4().hex}), content_type="application/json")
    number_all()
    assert "profile.updated" in text(world, "", address="127.0.0.0/8").split('id="results"')[1].split("h-activity")[0]
    assert "No entry matches" in text(world, "", address="203.0.113.9")
    monkeypatch.setattr(by_address, "MOST", 2)
    monkeypatch.setattr(by_address, "WINDOW", 2)
    assert "goes on from there" in text(world, "", address="203.0.113.9")


def test_a_search_is_recorded_once_and_pages_are_not(world: World) -> None:
    org, client = world.north, client_for(world.north.person("auditor"))
    for _ in range(3):
        client.get(f"/o/{org.slug}/audit/", {"person": org.person("worker").account.email})
    client.get(f"/o/{org.slug}/audit/", {"person": org.person("worker").account.email, "before": "9"})
    found = reads(world)
    assert len(found) == 1 and found[0]["facts"] == {"what": "search", "filter": {"person": True}}
    assert [t["id"] for t in found[0]["targets"]] == [str(org.person("worker").account_id)]
    assert org.person("worker").account.email not in json.dumps(found)
    client.get(f"/o/{org.slug}/audit/", {"matter": "Doe v. Secret"})
    assert "Secret" not in json.dumps(reads(world)) and len(reads(world)) == 2
    cache.clear()
    client.get(f"/o/{org.slug}/audit/", {"matter": "Doe v. Secret"})
    assert len(reads(world)) == 3


def test_a_program_that_follows_does_not_follow_itself(world: World) -> None:
    org = world.north
    made: list[Any] = []
    arrange(lambda: made.append(token_for(org.person("auditor"), scopes=["view_audit"])))
    from django.test import Client

    after = 0
    for _ in range(4):
        number_all()
        answer = Client().get(f"/api/v1/orgs/{org.slug}/audit/", {"after": after, "limit": 10_000}, headers={"Authorization": f"Bearer {made[0][1]}"})
        assert answer.status_code == 200
        after = answer.json()["next"]
    assert [r["facts"]["what"] for r in reads(world)] == ["follow"]
    lines = Client().get(f"/api/v1/orgs/{org.slug}/audit/", {"limit": 10_000}, headers={"Authorization": f"Bearer {made[0][1]}", "Accept": "application/x-ndjson"})
    assert lines.headers["Content-Type"].startswith("application/x-ndjson")
    found = [json.loads(line) for line in b"".join(lines.streaming_content).splitlines()]  # type: ignore[attr-defined]
    assert [e["seq"] for e in found] == list(range(1, len(found) + 1)) and found[-1]["seq"] >= after


def test_an_entry_shows_where_it_came_from_and_its_proof(world: World, signing: None) -> None:
    org = world.north
    act(world, "suspend", **WHY)
    number_all()
    state(org.organization.id)
    with tenancy.scope(org=org.organization.id):
        leaf = Leaf.objects.get(org=org.organization.id, action="membership.suspended")
    page = text(world, f"{leaf.entry}/")
    said = page.partition("The proof")[0]
    for words in ("On leave or away", "<dd>Page</dd>", "Code of an authenticator app"):
        assert words in said, words
    assert not [code for code in (">absence<", ">ui<", ">totp<", "POST") if code in said], "codes are for programs"
    with pytest.raises(Refused):
        act(world, "suspend", **WHY)
    number_all()
    with tenancy.scope(org=org.organization.id):
        denied = Leaf.objects.filter(org=org.organization.id, action="membership.suspended").latest("seq")
    refused = text(world, f"{denied.entry}/").partition("The proof")[0]
    assert "Why not" in refused and reasons.text("wrong_status") in unescape(refused) and ">wrong_status<" not in refused
    for words in ("The proof", "Where it came from", bytes(leaf.leaf_sha256).hex(), "Everything about this person", "Everything by this person", "Entry before"):
        assert words in page, words
    proof = text(world, f"{leaf.entry}/proof.txt")
    assert proof.startswith("c2sp.org/tlog-proof@v1\nindex ")
    answer = client_for(org.person("auditor")).get(f"/api/v1/orgs/{org.slug}/audit/{leaf.entry}/proof/").json()
    from audit.notes import Checkpoint, parse

    head = Checkpoint.parse(parse(answer["checkpoint"])[0])
    assert merkle.verify_inclusion(index=answer["seq"] - 1, size=head.size, leaf=merkle.leaf_hash(answer["envelope"].encode()), proof=[bytes.fromhex(h) for h in answer["path"]], root=head.root)
    import hashlib

    assert hashlib.sha256(text(world, f"{leaf.entry}/record.json").encode()).hexdigest() in answer["envelope"]
    assert {r["facts"]["what"] for r in reads(world)} == {"entry", "proof"}
    assert client_for(org.person("member")).get(f"/o/{org.slug}/audit/{leaf.entry}/proof.txt").status_code == 404


def test_timelines_say_how_many_there_are(world: World) -> None:
    org = world.north
    for _ in range(3):
        act(world)
    number_all()
    with tenancy.scope(org=org.organization.id):
        n = Leaf.objects.filter(org=org.organization.id, actor=org.person("administrator").account_id).count()
    page = text(world, f"by/{org.person('administrator').id}/")
    assert f"Entries 1 to {n}" in page
    assert "profile" in text(world, f"about/{org.person('worker').id}/")
    assert text(world, f"about/{uuid.uuid4()}/", status=404) and text(world, f"by/{world.contoso.person('owner').id}/", status=404)
    assert "No numbered entry yet" in text(world, f"by/{org.person('guest').id}/") if "guest" in org.people else True


def test_the_chart_is_of_the_days_that_are_shown(world: World) -> None:
    act(world)
    number_all()
    today = datetime.now(UTC).date()
    with tenancy.scope(org=world.north.organization.id):
        days = counts.days(org=world.north.organization.id)
        n = Leaf.objects.filter(org=world.north.organization.id).count()
    assert sum(count for _day, count in days) == n == counts_of(world)
    page = text(world, "", since=(today - timedelta(days=3)).isoformat(), until=today.isoformat())
    assert re.search(rf'<th scope="row">{days[-1][0].isoformat()[5:]}</th><td[^>]*>{days[-1][1]}</td>', page.replace("\n", "")), "the table says what the bars show"
    assert page.count('<th scope="row">') >= 4 and f"{today.isoformat()[5:]}" in page and "<svg class=\"chart\"" in page


def counts_of(world: World) -> int:
    """How many numbers were given out, as the tree has it."""
    with tenancy.scope(org=world.north.organization.id), connection.cursor() as cursor:
        cursor.execute("SELECT size FROM audit_tree WHERE org = %s", [world.north.organization.id])
        return int(cursor.fetchone()[0])


def test_foreign_organizations_log_stays_theirs(world: World) -> None:
    act(world)
    number_all()
    assert client_for(world.contoso.person("owner")).get(f"/o/{world.north.slug}/audit/").status_code == 404
    page = client_for(world.contoso.person("owner")).get(f"/o/{world.contoso.slug}/audit/", {"person": world.north.person("worker").account.email}).content.decode()
    assert "Nobody in this organization" in page


def test_what_was_erased_says_under_which_entry(world: World) -> None:
    from audit.disclosure import erase_subject

    org = world.north
    act(world)
    number_all()
    with tenancy.scope(org=org.organization.id):
        leaf = Leaf.objects.get(org=org.organization.id, action="profile.updated")
        done = erase_subject(org=org.organization.id, subject=org.person("worker").account_id, ground="asked by the person", now=datetime.now(UTC))
    page = text(world, f"{leaf.entry}/")
    assert "What is withheld" in page and "asked by the person" in page and str(done.entry) in page and "(erased)" in page


def test_the_page_says_how_the_log_is(world: World, signing: None) -> None:
    from audit import selfcheck

    assert "Not signed yet" in text(world, "")
    act(world)
    number_all()
    only(world.north.organization.id)
    state(world.north.organization.id)
    with tenancy.installation("the schedule checks"):
        selfcheck.check(org=world.north.organization.id, now=datetime.now(UTC))
    number_all()
    page = text(world, "")
    assert "Signed up to entry" in page and "Verified whole" in page
