"""Setting, changing and ending rules on the page, the time machine before and after, reports; who may, and what is refused."""
from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import approvals, tenancy
from accounts.models import Mail, Plan
from dsar.retention.models import RetentionRule, RetentionRun
from portal.powers import BY_SLUG
from tests.browse import client_for
from tests.cast import Org, World
from tests.retention import stage
from tests.situations import RUN, arrange, ready

MONTH = {"kind": "delete", "what": "accounts_mail", "count": "30", "measure": "days", "trigger": "end", "action": "delete", "scope": "organization"}
DAY = timedelta(days=1)


def base(org: Org) -> str:
    return f"/o/{org.slug}/"


def approve(org: Org, slug: str, name: str) -> None:
    with tenancy.scope(org=org.organization.id, account=org.person(name).account_id):
        row = Plan.objects.get(power=slug, state="awaiting_approval")
        approvals.decide(plan_id=row.id, actor=org.actor(name), requester=approvals.requester(row), power=BY_SLUG[slug], approve=True, note="", now=timezone.now())


def rules(org: Org) -> list[RetentionRule]:
    with tenancy.installation("look"):
        return list(RetentionRule.objects.filter(organization=org.organization).order_by("set_at"))


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_a_rule_from_look_to_end(world: World) -> None:
    """The privacy officer looks, sets what shortens with a second person and seven days, lengthens at once, ends it again; each page says what is so."""
    org = world.north
    old = timezone.now() - 100 * DAY
    stage.made(*(stage.mail(org, name, old) for name in ("worker", "worker", "auditor")))
    stage.hold(org, "auditor")
    officer = client_for(org.person("privacy-officer"))
    asked = "&".join(f"{name}={value}" for name, value in MONTH.items())
    seen = text(officer.get(f"{base(org)}retention/look/?{asked}&on="))
    assert "2</strong> records would go" in seen and "A hold keeps 1 more" in seen and "Without the rule that you try it would be 0" in seen
    assert "Worker Person" in seen and "It goes after" in seen and "A more general rule gives way: the period of this installation." in seen
    assert not rules(org)
    ahead = officer.get(f"/api/v1/orgs/{org.slug}/retention/look/?{asked}").json()["months"]
    assert len(ahead) == 12 and ahead[0]["goes_with"] >= 2 > ahead[0]["goes"] and "In the next twelve months" in seen and 'id="months-t"' in seen and seen.count("With the rule that you try") == 2

    preview = text(officer.post(f"{base(org)}do/set-retention-rule/", {**MONTH, "preview": "1"}))
    assert "On " in preview and "2 records would be due" in preview and "a second person has to agree" in preview and not rules(org)
    answer = officer.post(f"{base(org)}do/set-retention-rule/", MONTH)
    assert answer.status_code == 302 and "/approvals/" in answer["Location"] and not rules(org)
    approve(org, "set-retention-rule", "owner")
    [first] = rules(org)
    assert timedelta(days=6, hours=23) < first.effective_at - timezone.now() <= 7 * DAY and first.approved_by == [org.person("owner").account_id]
    page = text(officer.get(f"{base(org)}retention/"))
    assert "Notices that were sent, everybody: goes after 30 days" in page and "Begins later" in page

    arrange(lambda: RetentionRule.objects.filter(id=first.id).update(effective_at=timezone.now() - DAY))
    assert "Deleted after 30 days, counted from when the mail was written." in text(officer.get(f"{base(org)}retention/"))
    officer.post(f"{base(org)}do/set-retention-rule/", {**MONTH, "count": "2", "measure": "months"})  # longer or not, whenever it begins: 59 days at least
    first, second = rules(org)
    assert first.ends_at == second.effective_at <= timezone.now()
    assert officer.post(f"{base(org)}do/set-retention-rule/", {**MONTH, "count": "2", "measure": "months"}).status_code == 422
    assert officer.post(f"{base(org)}do/remove-retention-rule/", {"rule": str(second.id)}).status_code == 302  # the installation keeps it longer
    assert rules(org)[1].ends_at <= timezone.now() and "No rules of your own" in text(officer.get(f"{base(org)}retention/"))


def test_what_has_not_begun_can_be_taken_back_at_once(world: World) -> None:
    org, now = world.north, timezone.now()
    running = stage.rule(org, count=300, ends_at=now + 3 * DAY)
    coming = stage.rule(org, count=20)
    coming.effective_at = running.ends_at
    stage.stored(running, coming)
    officer = client_for(org.person("privacy-officer"))
    assert officer.post(f"{base(org)}do/remove-retention-rule/", {"rule": str(coming.id)}).status_code == 302
    by = {row.id: row for row in rules(org)}
    assert by[running.id].ends_at is None and by[coming.id].ends_at == by[coming.id].effective_at


@pytest.mark.parametrize(("typed", "said"), [
    ({"count": "-1"}, "greater than or equal to 0"), ({"count": ""}, "This field is required."), ({"count": "1000", "measure": "years"}, "longer than 100 years"),
    ({"count": "0", "kind": "keep"}, "does nothing"), ({"count": "4", "measure": "years"}, "this installation keeps it for at most 1095 days"),
    ({"what": "dsar_case", "count": "700"}, "it has to be kept for at least 730 days"), ({"what": "accounts_gone"}, "is not there any more"), ({"what": ""}, "This field is required."),
    ({"scope": "group"}, "Say which one."), ({"scope": "group", "group": "Nobodies"}, "There is no group with this name."), ({"scope": "person", "person": "no@body.example"}, "Nobody in this organization"),
    ({"trigger": "used"}, "Nothing of this kind can be reached"), ({"action": "deidentify", "what": "accounts_session"}, "Nothing of this kind can be reached"),
    ({"kind": "keep", "ground": "legal_claims", "count": "400"}, "no ground keeps it"), ({"scope": "label", "label": "a\x07b"}, "control characters")])
def test_what_is_refused_is_said(standing: World, typed: dict[str, str], said: str) -> None:
    """Contradictions, impossible periods and what does not exist: on the page in words, by the API as a problem, and nothing is written."""
    client = client_for(standing.north.person("owner"))
    answer = client.post(f"{base(standing.north)}do/set-retention-rule/", {**MONTH, **typed})
    assert answer.status_code == 422 and said in text(answer)
    body = {name: int(value) if name == "count" and value.lstrip("-").isdigit() else value for name, value in {**MONTH, **typed}.items()}
    answer = client.post(f"/api/v1/orgs/{standing.north.slug}/actions/set-retention-rule/", body, content_type="application/json")
    assert answer.status_code in {403, 409, 422} and answer["Content-Type"] == "application/problem+json"
    assert not rules(standing.north)


@pytest.mark.parametrize("query", ["on=2026-02-30", "on=0001-01-01", "on=9999-12-31", "what=accounts_gone&count=3", "what=accounts_mail", "what=accounts_mail&count=9999999999", "what=accounts_mail&count=1&scope=person",
                                   "what=accounts_mail&count=1&scope=group&group=Nobodies", "what=accounts_mail&count=1&kind=steal"])
def test_the_time_machine_answers_whatever_is_asked(standing: World, query: str) -> None:
    client = client_for(standing.north.person("owner"))
    assert client.get(f"{base(standing.north)}retention/look/?{query}").status_code == 422
    answer = client.get(f"/api/v1/orgs/{standing.north.slug}/retention/look/?{query}")
    assert answer.status_code in {403, 422} and answer["Content-Type"] == "application/problem+json"


def test_leap_days_and_far_days(standing: World) -> None:
    client = client_for(standing.north.person("owner"))
    for day in ("2028-02-29", "1970-01-01", "2999-12-31"):
        assert client.get(f"{base(standing.north)}retention/look/?on={day}&what=accounts_mail&count=12&measure=months").status_code == 200
        assert client.get(f"/api/v1/orgs/{standing.north.slug}/retention/look/?on={day}").json()["on"] == day


@pytest.mark.parametrize(("name", "status"), [("member", 404), ("auditor", 200), ("privacy-officer", 200), ("owner", 200)])
def test_who_reads(standing: World, name: str, status: int) -> None:
    client = client_for(standing.north.person(name))
    assert [client.get(f"{base(standing.north)}retention/{page}").status_code for page in ("", "look/")] == [status, status]


def test_another_organization_is_not_there(world: World) -> None:
    here, there = world.north, world.contoso
    run = uuid4()
    arrange(lambda: RetentionRun.objects.create(
        id=run, organization_id=there.organization.id, day=stage.NOW.date(), zone="UTC", dry=False, state="stopped", digest="0" * 64, started_at=stage.NOW))
    theirs = stage.rule(there)
    stage.stored(theirs)
    client = client_for(here.person("owner"))
    assert client.get(f"{base(here)}retention/runs/{run}/").status_code == 404 and client.get(f"/api/v1/orgs/{here.slug}/retention/runs/{run}/").status_code == 404
    for slug, data in (("remove-retention-rule", {"rule": str(theirs.id)}), ("continue-retention-run", {"run": str(run), "private_note": "n"})):
        assert client.post(f"{base(here)}do/{slug}/", data).status_code == 422
    assert theirs.id not in {row["id"] for row in client.get(f"/api/v1/orgs/{here.slug}/retention/").json()["rules"]}


def test_a_rule_about_what_is_gone_is_shown_and_does_nothing(world: World) -> None:
    org = world.north
    stage.stored(stage.rule(org, what="accounts_gone"), stage.rule(org, scope="group", about=stage.group(org, "Gone", []).id, count=40))
    client = client_for(org.person("owner"))
    page, seen = text(client.get(f"{base(org)}retention/")), text(client.get(f"{base(org)}retention/look/"))
    assert "Names nothing that is there" in page and "It does nothing. Remove it." in page and "the group Gone" in page
    assert "names a kind of data that is not there any more" in seen
    [gone] = [row for row in client.get(f"/api/v1/orgs/{org.slug}/retention/").json()["rules"] if row["state"] == "nothing"]
    assert client.post(f"{base(org)}do/remove-retention-rule/", {"rule": gone["id"]}).status_code == 302


def test_whose_use_is_restricted_has_no_name_here(world: World) -> None:
    """The count is whole; the example shows a handle."""
    org = world.north
    stage.made(stage.mail(org, "worker", timezone.now() - 400 * DAY))
    arrange(lambda: type(org.person("worker")).objects.filter(id=org.person("worker").id).update(use_restricted=True))
    seen = text(client_for(org.person("owner")).get(f"{base(org)}retention/look/"))
    assert "1</strong> record would go" in seen and "restricted-" in seen and "Worker Person" not in seen


def test_two_people_let_a_stopped_run_go_on(world: World) -> None:
    org = world.north
    ready(org, "continue-retention-run")
    client: Client = client_for(org.person("privacy-officer"))
    assert "unusually much" in text(client.get(f"{base(org)}retention/")) and "Two people have to agree" in text(client.get(f"{base(org)}retention/runs/{RUN}/"))
    answer = client.post(f"{base(org)}do/continue-retention-run/", {"run": str(RUN), "private_note": "We moved."})
    assert answer.status_code == 302 and "/approvals/" in answer["Location"]
    with tenancy.installation("look"):
        assert RetentionRun.objects.get(id=RUN).state == "stopped"
    approve(org, "continue-retention-run", "owner")
    with tenancy.installation("look"):
        row = RetentionRun.objects.get(id=RUN)
        assert (row.state, row.agreed) == ("running", True) and not Mail.objects.filter(organization_id=org.organization.id, state="lost").exists()
