"""Law: what anybody does to a person, and whoever looks at them, stands in that person's own ledger: in words, with role, ground and time; and nothing about anybody else (policy B14, POWERS P3)."""
from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.urls import URLPattern

from accounts import approvals, door, due, tenancy
from accounts.models import Account, Membership
from accounts.power import Power
from accounts.purposes import ACT
from accounts.reasons import NotFound, Refused, StepUpNeeded
from audit import holds
from audit.models import Entry
from audit.record import timestamp
from portal import sentences, who
from portal.api.table import OPERATIONS
from portal.powers import BY_SLUG, FALLS_DUE, POWERS
from portal.urls import urlpatterns
from tests.browse import client_for
from tests.cast import ROLES, Org, World
from tests.laws.test_matrix import _reset
from tests.situations import DATA, arrange, group_for, ready, role_for, service_for, session_for, succession_for, token_for
from tests.surfaces.test_who import numbered

EVERY = {power.slug: power for power in (*FALLS_DUE.values(), *POWERS)}
NOBODY_YET = {
    "invite": "whoever is only invited reads it in the invitation; it stands in their ledger once they are a member",
    "import-people": "as with an invitation",
    "cancel-invitation": "they never became a member; the mail says it",
}
"""Powers whose entries somebody named in them does not find, each with the reason."""
NO_READ = {"power": "the form of an act: carrying the act out, and trying to, are the entries", "service-account": "nobody is behind a service account"}
"""Pages with a person in their address that are no entry, each with the reason."""
BY_OTHERS = {
    "delete-organization": "holds that the powers before it placed stand in its way; `tests/organizations` follows it",
    "grant-ownership": "the schedule grants it after a succession; `tests/succession` follows it through the door",
    "suspend-inactive": "the clock alone does it, to whom it warned; `tests/schedules` follows it",
    "present-recovery-codes": "for a member without an owner; what follows is a succession",
    "create-token": "the person's own", "edit-own-details": "the person's own, where the organization says so", "accept-ownership": "the person's own answer", "decline-succession": "the person's own answer", "leave": "the person's own act",
}
"""Powers that an owner or the person cannot use here, each with the reason."""


def entries(org: Org) -> dict[UUID, dict[str, Any]]:
    """What stands in the organization's log, as records."""
    import orjson

    with tenancy.installation("a test reads the log"):
        return {row.id: orjson.loads(row.record) for row in Entry.objects.filter(org=org.organization.id)}


def attempts(org: Org, power: Power, person: Membership) -> Iterator[tuple[str, list[UUID], dict[str, Any]]]:
    """How it can be done: by an owner to the worker, by the schedule, or by the person to themselves."""
    data, ids = dict(DATA.get(power.slug, {})), [person.id]
    if power.over == "row":
        data, ids = {"rows": [{"email": f"{uuid.uuid4().hex}@elsewhere.example", "role": "member"}]}, []
    made: list[UUID] = []
    for over, make in {"token": lambda: token_for(person)[0].id, "session": lambda: session_for(org.person("owner")).id, "role": lambda: role_for(org, f"Desk {uuid.uuid4().hex[:6]}", 10, "view_people").id,
                       "group": lambda: group_for(org, f"Group {uuid.uuid4().hex[:6]}", person).id,
                       "service": lambda: service_for(org, "Program", power.slug).id}.items():
        if power.over == over:
            arrange(lambda make=make: made.append(make()))
            ids = made
    if "email" in data and power.over != "organization":
        data["email"] = f"{uuid.uuid4().hex}@{data['email'].partition('@')[2]}"
    if "name" in data and power.over not in {"member", "service"}:
        data["name"] = f"{data['name']} {uuid.uuid4().hex[:6]}"
    if power.slug == "release-audit-hold":
        arrange(lambda: data.update(hold=str(holds.place(org=org.organization.id, kind="log", matter="M", ground="g", by=None, now=datetime.now(UTC)).id)))
    if power.slug == "update-role":
        arrange(lambda: Membership.objects.filter(id=person.id).update(role_id=made[0]))
    if power.slug == "protect":
        data = {"administrators": f"owner@{org.slug}.example"}
    if power.slug == "delete-organization":
        data["address"] = org.slug
    if power.slug in {"bar-from-request", "choose-handler", "assign-request"}:
        data["administrator"] = f"administrator@{org.slug}.example"
    if power.slug not in BY_SLUG:  # what only falls due
        yield "", ids, {**data, "reason_code": "contract_ended"}
    yield "owner", ids, data
    yield "worker", ids, data


def carried_out(org: Org, power: Power) -> bool:
    """Whether it was done, by one person or by two."""
    person = ready(org, power.slug)
    if power.slug == "name-successors":
        arrange(lambda: succession_for(org, power.slug))
    for name, ids, data in attempts(org, power, person):
        with tenancy.scope(org=org.organization.id, account=org.person(name or "owner").account_id, purpose=ACT):
            actor = org.actor(name) if name else due.schedule(org.organization.id)
            try:
                receipt = door.perform(power=power, actor=actor, ids=ids, data=data, now=datetime.now(UTC))
                if receipt.plan_id and not receipt.entries:
                    approvals.decide(plan_id=UUID(receipt.plan_id), actor=org.actor("second-owner"), requester=actor, power=power, approve=True, note="", now=datetime.now(UTC))
            except (Refused, NotFound, StepUpNeeded):
                continue
            return True
    return False


def versions(people: Collection[UUID]) -> dict[UUID, tuple[int, ...]]:
    """How often what is kept about each of these people was changed."""
    with tenancy.installation("a test looks"):
        found = {account: [version] for account, version in Account.objects.filter(id__in=people).values_list("id", "version")}
        for account, version in Membership.objects.filter(account_id__in=people).order_by("id").values_list("account_id", "version"):
            found[account].append(version)
    return {account: tuple(numbers) for account, numbers in found.items()}


def test_every_power(world: World) -> None:
    """Whoever an entry names finds it in their ledger; whoever's row changed finds an entry; all of it is in words, and nobody else is in it."""
    org, wrong, not_done = world.north, [], set()
    names = {m.account_id: f"{name.title()} Person" for name, m in org.people.items()}
    for slug, power in EVERY.items():
        cache.clear()
        arrange(lambda: [Account.objects.filter(id=account).update(name=name) for account, name in names.items()])
        before, was = entries(org), versions(names)
        if not carried_out(org, power):
            not_done.add(slug)
            arrange(lambda: _reset(world))
            continue
        is_now = versions(names)
        numbered()
        new = {entry: record for entry, record in entries(org).items() if entry not in before and record["decision"]["outcome"] == "success"}
        named: dict[UUID, list[UUID]] = {}
        for entry, record in new.items():
            for target in record["targets"]:
                if target["type"] == "person" and target["id"] != record["actor"].get("id") and record["action"] != "test.arranged" and record["category"] != "plan":
                    named.setdefault(UUID(target["id"]), []).append(entry)
        changed = {account for account in was if is_now.get(account, was[account]) != was[account]}
        actors = {UUID(record["actor"]["id"]) for record in new.values() if record["actor"].get("id")}
        wrong += [(slug, names.get(account, "somebody"), "changed, and no entry names them") for account in changed - actors - set(named)]
        for account, expected in named.items():
            ledger = {act.line.id: act for act in who.acts(account, size=100)[0]}
            if slug not in NOBODY_YET:
                wrong += [(slug, names.get(account, "somebody"), f"not in the ledger: {new[entry]['action']}") for entry in expected if entry not in ledger]
            for entry in set(expected) & set(ledger):
                wrong += [(slug, fault) for fault in faults(ledger[entry], new[entry], account, names)]
        arrange(lambda: (_reset(world), Membership.objects.filter(organization=org.organization).update(identity_changed_at=None)))
    assert not wrong, "\n".join(map(str, wrong))
    assert not_done == set(BY_OTHERS), not_done ^ set(BY_OTHERS)


def faults(act: who.Act, record: dict[str, Any], account: UUID, names: dict[UUID, str]) -> Iterator[str]:
    """What is wrong with a line of somebody's ledger."""
    said, by = act.line.text, record["actor"].get("id")
    if act.line.action not in sentences.EVENTS or said == act.line.action or "%(" in said:
        yield f"no words: {said}"
    if others := [name for one, name in names.items() if str(one) not in {str(account), by} and name in said]:
        yield f"somebody else is in it: {others}: {said}"
    if record["actor"]["type"] == "user" and (not act.role or act.line.actor != names[UUID(by)]):
        yield f"not by whom and as what: {act.line.actor} ({act.role})"
    if act.line.reason and not act.ground:
        yield f"a ground without words: {act.line.reason}"
    if abs(act.line.at - datetime.now(UTC)) > timedelta(minutes=5) or not timestamp(act.line.at):
        yield "no time"


def test_every_read_of_a_person(world: World) -> None:
    """Each page and operation about one person is an entry in that person's ledger, once an hour; looking at oneself, and a list, is none."""
    org, person = world.north, world.north.person("worker")
    client = client_for(org.person("owner"))
    pages = {p.name: str(p.pattern) for p in urlpatterns if isinstance(p, URLPattern) and str(p.pattern).startswith("o/") and "uuid:person_id" in str(p.pattern)}
    assert set(NO_READ) <= set(pages), "a reason for nothing"
    reads = [f"/{route}".replace("<slug:slug>", org.slug).replace("<uuid:person_id>", str(person.id)) for name, route in pages.items() if name not in NO_READ]
    reads += [f"/api/v1/{o.path.format(slug=org.slug, person_id=person.id)}" for o in OPERATIONS if o.method == "GET" and "{person_id}" in o.path]
    seen = 0
    for path in reads:
        for _again in range(2):
            assert client.get(path).status_code == 200, path
        numbered()
        acts = who.acts(person.account_id)[0]
        assert len(acts) == seen + 1, (path, [act.line.text for act in acts])
        seen += 1
        assert acts[0].line.actor in acts[0].line.text and acts[0].role == "Owner" and acts[0].organization.id == org.organization.id
    assert client_for(person).get("/me/").status_code == 200 and client.get(f"/o/{org.slug}/people/").status_code == 200
    numbered()
    assert len(who.acts(person.account_id)[0]) == seen
    page = client_for(person).get("/me/who/").content.decode()
    assert page.count("acting as Owner") == seen and "looked at what the organization keeps about" in page
    for stranger in (org.person("auditor"), world.contoso.person("member"), world.contoso.person("owner")):
        assert not who.acts(stranger.account_id)[0], "nobody else's"
    told = client_for(person).get("/api/v1/me/ledger/").json()["acts"]
    assert len(told) == seen and {one["role"] for one in told} == {"Owner"}


def test_the_role_is_the_one_of_the_moment(world: World) -> None:
    """Whoever rises or falls later has acted as what they were; a role that is renamed or gone is still a word."""
    org, person = world.north, world.north.person("worker")
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["suspend"], actor=org.actor("people-manager"), ids=[person.id], data={**DATA["suspend"], "message": "Call me."}, now=datetime.now(UTC))
    arrange(lambda: Membership.objects.filter(id=org.person("people-manager").id).update(role=org.roles["member"]))
    numbered()
    (act,) = who.acts(person.account_id)[0]
    assert (act.role, act.ground, act.line.why) == (org.roles["people-manager"].name, "On leave or away", "Call me.") and set(ROLES) >= {"people-manager"}
    other = client_for(org.person("guest")).get("/me/who/").content.decode()
    assert "Call me." not in other
