"""The notice: what it does not name cannot be used, on any surface; what undoes always can; versions stay as they were."""
from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts import bulk, door, notice, notice_default, outbox, tenancy
from accounts.due import schedule
from accounts.models import Account, Mail, Membership, NoticeVersion
from accounts.power import Power
from accounts.purposes import ACT
from accounts.reasons import Refused
from audit import sequencer, subscribers
from audit.models import Entry
from portal.powers import BY_SLUG, POWERS
from tests.browse import client_for
from tests.cast import Org, World
from tests.situations import DATA, WHY, arrange, draft_for, ready, token_for

NOW = datetime.now
GOVERNED = [p for p in POWERS if p.governed]
DAY = timedelta(days=1)


def do(org: Org, slug: str, data: dict[str, Any] | None = None, now: datetime | None = None, name: str = "owner") -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG[slug], actor=org.actor(name, now=now), data=data or {}, now=now or NOW(UTC))


def leave_out(org: Org, *powers: str) -> None:
    """The published notice names everything but these."""
    named = [p.slug for p in GOVERNED if p.slug not in powers]
    arrange(lambda: NoticeVersion.objects.filter(organization=org.organization).update(powers=named, meanwhile=named))


def usable(org: Org, now: datetime | None = None) -> frozenset[str]:
    with tenancy.scope(org=org.organization.id):
        return notice.on(notice.published(org.organization.id), now or NOW(UTC))


def refused(power: Power, org: Org, person: Membership, actor: Any = None) -> list[str]:
    with tenancy.scope(org=org.organization.id):
        try:
            door.perform(power=power, actor=actor or org.actor("owner"), ids=[person.id], data=DATA[power.slug], now=NOW(UTC))
        except Refused as refusal:
            return refusal.codes
    return []


def test_the_first_notice_says_what_each_power_is_for() -> None:
    """A purpose, not what the power does; and a power that a release brings needs one."""
    assert set(notice_default.PURPOSES) == {p.slug for p in GOVERNED}
    assert all(purpose.startswith("To ") for purpose, _basis in notice_default.PURPOSES.values())


@pytest.mark.parametrize("slug", [p.slug for p in GOVERNED if p.over == "member"])  # the inactivity rule: tests/schedules/test_inactivity.py
def test_a_power_that_is_not_named_is_off_on_every_surface(world: World, slug: str) -> None:
    org, power, person, made = world.north, BY_SLUG[slug], ready(world.north, slug), []
    leave_out(org, slug)
    arrange(lambda: made.append(token_for(org.person("owner" if power.permission == "view_content" else "administrator"))))
    client, data = client_for(org.person("owner")), DATA[slug]
    assert "policy_off" in refused(power, org, person)
    with tenancy.scope(org=org.organization.id):
        assert "policy_off" in refused(power, org, person, schedule(org.organization.id)), "time does not pass by it either"
    page = client.get(f"/o/{org.slug}/people/{person.id}/{slug}/")
    assert "does not name it" in page.content.decode() and "<form class=\"card\"" not in page.content.decode()
    assert client.post(f"/o/{org.slug}/people/{person.id}/{slug}/", {**data, "confirm": f"worker@{org.slug}.example"}).status_code == 422
    path = f"/api/v1/orgs/{org.slug}/people/{person.id}"
    told = client.get(f"{path}/capabilities/?power={slug}").json()["capabilities"][slug]
    assert not told["allowed"] and "policy_off" in [r["code"] for r in told["reasons"]]
    answer = client.post(f"{path}/actions/{slug}/", data, content_type="application/json", headers={"Authorization": f"Bearer {made[0][1]}"})
    assert answer.status_code == 403 and "policy_off" in answer.content.decode()
    with pytest.raises(SystemExit) as ended:
        call_command("power", power.code, Account.objects.get(id=person.account_id).email, "--org", org.slug, "--as", f"owner@{org.slug}.example", *[f"--set={n}={v[0] if isinstance(v, list) else v}" for n, v in data.items() if v])
    assert ended.value.code == 1
    if power.bulk:
        with tenancy.scope(org=org.organization.id):
            plan = bulk.freeze(power=power, actor=org.actor("owner"), data=data, ids=[person.id], now=NOW(UTC))
            assert plan.rows.get().codes and "policy_off" in plan.rows.get().codes


@pytest.mark.parametrize("slug", [p.slug for p in POWERS if p.over == "member" and not p.governed and p.slug not in {"answer-invitation", "leave", "create-token", "grant-ownership", "edit-own-details", "accept-suggestion", "decline-suggestion", "dispute-value", "withdraw-dispute", "restrict-own-use", "end-own-restriction"}])  # ownership by succession is granted by time alone
def test_what_undoes_and_what_protects_needs_no_notice(world: World, slug: str) -> None:
    """Also where nothing was ever published."""
    org, person = world.north, ready(world.north, slug)
    arrange(lambda: NoticeVersion.objects.filter(organization=org.organization).delete())
    data = {"administrators": f"owner@{org.slug}.example"} if slug == "protect" else DATA[slug]
    with tenancy.scope(org=org.organization.id, purpose=ACT):
        door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[person.id], data=data, now=NOW(UTC))
    assert "policy_off" in refused(BY_SLUG["restrict"], org, org.person("guest"))


def test_whatever_a_power_says_undoes_it_is_always_possible() -> None:
    assert {p.undo for p in GOVERNED if p.undo and BY_SLUG[p.undo].over == "member"} & {p.slug for p in GOVERNED} == set()
    assert len(GOVERNED) >= 9 and not BY_SLUG["lockdown"].governed


def test_it_costs_one_query_of_an_act_and_of_all_capabilities(world: World) -> None:
    org, ids = world.north, [world.north.person(n).id for n in ("worker", "guest", "member")]
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("owner")
        with CaptureQueriesContext(connection) as queries:
            door.plan(power=BY_SLUG["suspend"], actor=actor, ids=ids, data=WHY, now=NOW(UTC))
        assert sum("accounts_noticeversion" in q["sql"] for q in queries) == 1
    client = client_for(org.person("owner"))
    for path in (f"/o/{org.slug}/people/{ids[0]}/", f"/api/v1/orgs/{org.slug}/people/{ids[0]}/capabilities/"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        assert sum("accounts_noticeversion" in q["sql"] for q in queries) == 1, path


def test_one_organizations_notice_is_nobody_elses(world: World) -> None:
    leave_out(world.contoso, "suspend")
    assert refused(BY_SLUG["suspend"], world.contoso, world.contoso.person("member")) == ["policy_off"]
    assert refused(BY_SLUG["suspend"], world.north, world.north.person("worker")) == []


# Versions


def test_what_goes_goes_at_once_and_what_comes_is_announced(world: World) -> None:
    org, now = world.north, NOW(UTC)
    do(org, "take-from-notice", {"powers": ["suspend", "restrict"]}, now)
    assert {"suspend", "restrict"} <= usable(org, now), "a draft changes nothing"
    do(org, "publish-notice", {}, now)
    assert usable(org, now) & {"suspend", "restrict"} == set()
    later = now + DAY
    do(org, "put-in-notice", {"powers": ["suspend"], "purpose": "Because", "basis": "contract"}, later)
    do(org, "publish-notice", {}, later)
    assert "suspend" not in usable(org, later + 14 * DAY - timedelta(seconds=1)) and "suspend" in usable(org, later + 14 * DAY)
    with tenancy.scope(org=org.organization.id):
        first, last = (notice.in_effect(org.organization.id, at) for at in (later, later + 15 * DAY))
        assert first and last and first.id != last.id
    do(org, "take-from-notice", {"powers": ["remove"]}, later + DAY)
    do(org, "publish-notice", {}, later + DAY)
    assert "remove" not in usable(org, later + DAY) and "suspend" not in usable(org, later + DAY)
    assert "suspend" in usable(org, later + 14 * DAY), "who was told already is not told anew"
    with pytest.raises(Refused) as refusal:
        do(org, "publish-notice", {}, later + DAY)
    assert refusal.value.codes == ["no_draft"]


def test_what_went_with_a_version_that_was_replaced_does_not_come_back_by_itself(world: World) -> None:
    org, now = world.north, NOW(UTC)
    do(org, "take-from-notice", {"powers": ["suspend", "restrict"]}, now)
    do(org, "publish-notice", {}, now)
    do(org, "put-in-notice", {"powers": ["restrict"], "purpose": "Because", "basis": "contract"}, now)
    do(org, "take-from-notice", {"powers": ["remove"]}, now)
    do(org, "publish-notice", {}, now)
    do(org, "put-in-notice", {"powers": ["remove"], **notice_default.words(BY_SLUG["remove"])}, now + DAY)
    do(org, "publish-notice", {}, now + DAY)
    assert "remove" not in usable(org, now + DAY) and "remove" in usable(org, now + 15 * DAY)
    with tenancy.scope(org=org.organization.id):
        assert list(NoticeVersion.objects.filter(organization=org.organization).order_by("number").values_list("state", flat=True)) == ["published", "published", "replaced", "published"]


def test_another_purpose_is_announced_and_a_date_can_only_be_later(world: World) -> None:
    org, now = world.north, NOW(UTC)
    do(org, "put-in-notice", {"powers": ["suspend"], "purpose": "Something else", "basis": "legal_duty"}, now)
    with pytest.raises(Refused) as refusal:
        do(org, "publish-notice", {"effective_at": now + 3 * DAY}, now)
    assert refusal.value.codes == ["too_soon"]
    do(org, "publish-notice", {"effective_at": now + 30 * DAY}, now)
    assert "suspend" in usable(org, now), "what was in use before stays in use"
    with tenancy.scope(org=org.organization.id):
        row = notice.announced(org.organization.id, now)
        assert row is not None and row.effective_at == now + 30 * DAY and row.significant and row.digest == notice.digest(row)


def test_a_published_version_does_not_change(world: World) -> None:
    """Every act on the notice works on the draft; what is in the log proves what each version said."""
    org, now = world.north, NOW(UTC)
    with tenancy.scope(org=org.organization.id):
        before = {row.id: (row.words, row.text, row.powers, row.digest) for row in NoticeVersion.objects.filter(organization=org.organization)}
    for slug, data in (("put-in-notice", DATA["put-in-notice"]), ("take-from-notice", {"powers": ["remove"]}), ("write-notice", {"text": "Other"}), ("publish-notice", {})):
        do(org, slug, data, now)
    with tenancy.scope(org=org.organization.id):
        rows = list(NoticeVersion.objects.filter(organization=org.organization).order_by("number"))
        assert all((row.words, row.text, row.powers, row.digest) == before[row.id] for row in rows if row.id in before)
        assert rows[-1].digest in Entry.objects.get(org=org.organization.id, record__contains="notice.published").record
        with pytest.raises(notice.NotPossible):
            notice.go(rows[-1], notice.NoticeState.DRAFT)


def test_who_published_meanwhile_wins(world: World) -> None:
    """A draft that somebody changed since it was looked at is not published; two who publish at once publish once."""
    org = world.north
    arrange(lambda: draft_for(org))
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/do/publish-notice/").content.decode()
    mark = page.partition('name="draft" value="')[2].partition('"')[0]
    assert mark
    do(org, "write-notice", {"text": "Something else"}, name="administrator")
    with pytest.raises(Refused) as refusal:
        do(org, "publish-notice", {"draft": mark})
    assert refusal.value.codes == ["stale"]
    for _round in range(5):
        arrange(lambda: draft_for(org))
        outcomes: list[str] = []
        barrier = threading.Barrier(2)

        def race(name: str, outcomes: list[str] = outcomes, barrier: threading.Barrier = barrier) -> None:
            try:
                barrier.wait(10)
                do(org, "publish-notice", {}, name=name)
                outcomes.append("done")
            except Refused as error:
                outcomes.extend(error.codes)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=race, args=(name,)) for name in ("owner", "administrator")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["done", "no_draft"]


def test_everybody_is_mailed_what_changes_and_reads_it(world: World) -> None:
    org, now = world.north, NOW(UTC)
    do(org, "put-in-notice", {"powers": ["suspend"], "purpose": "To <b>calm</b> things", "basis": "contract"}, now)
    do(org, "take-from-notice", {"powers": ["restrict"]}, now)
    do(org, "publish-notice", {}, now)
    while sequencer.run_once():
        pass
    with tenancy.installation("mail"):
        subscribers.drain()
        mails = list(Mail.objects.filter(organization_id=org.organization.id, template="notice-changed"))
        assert len(mails) == len(org.people)
        subject, body, _html = outbox.render(mails[0])
    assert {mail.asks for mail in mails} == {"important"}
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/settings/notice/").content.decode()
    assert "Who has read version 2" in page and f"0 of {len(mails)}" in page
    assert "What administrators can do changes on" in subject and "To <b>calm</b> things" in body and "Restrict" in body and "?version=2" in body
    person = org.person("worker")
    client = client_for(person)
    page = client.get(f"/me/notice/{person.id}/?version=2").content.decode()
    assert "To &lt;b&gt;calm&lt;/b&gt; things" in page and "Left out" in page
    assert client.get(f"/me/notice/{person.id}/?version=9").status_code == client.get(f"/me/notice/{person.id}/?version=x").status_code == 404
    arrange(lambda: Membership.objects.filter(id=person.id).update(status="suspended"))
    assert client.get(f"/me/notice/{person.id}/").status_code == 200, "also who may not come in"
    assert client_for(world.contoso.person("owner")).get(f"/me/notice/{person.id}/").status_code == 404


@pytest.mark.parametrize("text", ["x" * 20_001, "bell \x07", "null \x00"])
def test_text_that_cannot_be_kept(world: World, text: str) -> None:
    body = "text=" + quote(text.encode())
    answer = client_for(world.north.person("owner")).post(f"/o/{world.north.slug}/do/write-notice/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in {400, 422}


def test_ten_megabytes_are_refused(world: World) -> None:
    client = client_for(world.north.person("owner"))
    assert client.post(f"/o/{world.north.slug}/do/write-notice/", {"text": "y" * 10_000_000}).status_code in {400, 413, 422}
    answer = client.post(f"/api/v1/orgs/{world.north.slug}/actions/write-notice/", {"text": "y" * 10_000_000}, content_type="application/json")
    assert answer.status_code in {413, 422}
    with tenancy.scope(org=world.north.organization.id):
        assert notice.draft(world.north.organization.id) is None


def test_upgrades_publish_a_first_notice_once(world: World) -> None:
    org = world.north
    arrange(lambda: NoticeVersion.objects.filter(organization=org.organization).delete())
    assert refused(BY_SLUG["suspend"], org, org.person("worker")) == ["policy_off"]
    assert notice_default.adopt_everywhere(now=NOW(UTC)) >= 1
    assert notice_default.adopt_everywhere(now=NOW(UTC)) == 0
    assert usable(org) == {p.slug for p in GOVERNED}
    assert refused(BY_SLUG["suspend"], org, org.person("worker")) == []


def test_unknown_powers_cannot_be_named(world: World) -> None:
    for slug in ("lockdown", "restore", "nothing", str(uuid.uuid4())):
        with pytest.raises(Refused) as refusal:
            do(world.north, "put-in-notice", {"powers": [slug], "purpose": "x", "basis": "contract"})
        assert refusal.value.codes == ["unknown_power"]
