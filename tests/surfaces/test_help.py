"""Help follows from the powers: each has a page, its facts are those of the power, and the comparison is what really happens."""
from __future__ import annotations

import shlex
import uuid
from datetime import UTC, datetime

import pytest
from django.http import QueryDict

from accounts import door, tenancy
from accounts.models import ApiToken, GroupMembership, Membership, ServiceAccess, Session
from accounts.people import load_people
from accounts.reasons import REASONS
from portal import explained
from portal.api import schema
from portal.api.forms import body_of, example_of
from portal.powers import BY_CODE, BY_SLUG, POWERS
from portal.surfaces import cli
from tests.browse import client_for
from tests.cast import ROLES, World
from tests.situations import WHY, arrange, group_for, role_for, session_for, token_for


@pytest.mark.parametrize("slug", [p.slug for p in POWERS])
def test_each_power_has_a_page(standing: World, slug: str) -> None:
    power = BY_SLUG[slug]
    answer = client_for(standing.north.person("member")).get(f"/o/{standing.north.slug}/help/{slug}/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert power.code in page and power.event in page and power.slug in page
    assert ("Nobody gets a mail." in page) == (explained.notice(power, organization=standing.north.organization, actor="A", now=datetime.now(UTC)) is None)


def test_the_overview_lists_all_and_can_be_searched(world: World) -> None:
    client = client_for(world.north.person("member"))
    whole = client.get(f"/o/{world.north.slug}/help/").content.decode()
    assert all(f'id="{p.slug}"' in whole for p in POWERS)
    found = client.get(f"/o/{world.north.slug}/help/", {"q": "lock down"}).content.decode()
    assert 'id="lockdown"' in found and 'id="invite"' not in found
    assert "No power matches" in client.get(f"/o/{world.north.slug}/help/", {"q": "%%%\x00"}).content.decode()
    assert client.get(f"/o/{world.north.slug}/help/no-such-power/").status_code == 404


def test_who_may_includes_the_roles_of_the_organization(world: World) -> None:
    arrange(lambda: role_for(world.north, "Night watch", 10, "manage_access"))
    page = client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/help/suspend/").content.decode()
    assert "Night watch" in page and "People manager" in page and "Your role includes it." in page
    assert "Auditor" not in page
    assert "Night watch" not in client_for(world.contoso.person("owner")).get(f"/o/{world.contoso.slug}/help/suspend/").content.decode()


def test_the_notice_is_the_one_that_is_sent(world: World) -> None:
    subject, body = explained.notice(BY_SLUG["suspend"], organization=world.north.organization, actor="Olivia Owner", now=datetime.now(UTC)) or ("", "")
    assert subject == f"Your access is suspended · {world.north.organization.name}"
    assert "has suspended your access" in body and "Done by: Olivia Owner" in body and "Ground: absence" in body
    for power in POWERS:
        assert (explained.notice(power, organization=world.north.organization, actor="A", now=datetime.now(UTC)) is not None) or not power.notice or power.over not in {"member"}, power.slug


def test_every_refusal_that_happens_is_explained(world: World) -> None:
    """Whatever the powers answer over the whole cast stands on their pages."""
    with tenancy.scope(org=world.north.organization.id):
        people = load_people(organization_id=world.north.organization.id, ids=[m.id for m in world.north.people.values()], lock=False)
        seen = 0
        for power in (p for p in POWERS if p.over == "member"):
            told = set(explained.refusals(power))
            assert told <= set(REASONS)
            for name in ROLES:
                for person in people:
                    codes = door.capability(power=power, actor=world.north.actor(name), person=person, now=datetime.now(UTC))
                    seen += len(codes)
                    assert set(codes) <= told, (power.slug, name, codes)
    assert seen > 100
    assert {"wrong_status", "last_owner", "rank"} <= set(explained.refusals(BY_SLUG["suspend"]))
    assert "not_managed" in explained.refusals(BY_SLUG["deactivate"]) and "not_managed" not in explained.refusals(BY_SLUG["suspend"])


@pytest.mark.parametrize("slug", [p.slug for p in POWERS if p.over in {"member", "row"} and p.slug not in {"import-people", "grant-ownership"}])
def test_the_lines_for_programs_are_accepted(standing: World, slug: str) -> None:
    power = BY_SLUG[slug]
    assert not schema.check(body_of(power), example_of(power))
    words = shlex.split(explained.command(power, standing.north.organization))
    assert words[:3] == ["python", "manage.py", "power"] and BY_CODE[words[3]] is power
    cli._data(power, [words[n + 1] for n, word in enumerate(words) if word == "--set"])
    assert (explained.curl(power, standing.north.organization) == "") == (explained.operation(power) is None)
    if power.permission:
        assert f"/orgs/{standing.north.slug}/" in explained.curl(power, standing.north.organization)


@pytest.mark.parametrize("slug", ["restrict", "suspend", "remove", "deactivate", "lockdown"])
def test_the_comparison_is_what_happens(world: World, slug: str) -> None:
    """Do it to somebody, and compare what ended with what the table says."""
    rows, compared = explained.comparison(world.north.organization, datetime.now(UTC))
    table = {str(title): cells[compared.index(BY_SLUG[slug])] for title, cells in rows}
    lost = {title: any(effect.kind == "lost" for effect in cell) for title, cell in table.items()}
    worker = world.north.person("worker")
    arrange(lambda: (token_for(worker), session_for(worker), group_for(world.north, "Held", worker)))
    power = BY_SLUG[slug]
    form = power.form(QueryDict("&".join(f"{k}={v}" for k, v in {**WHY, "mode": "read_only"}.items())))
    assert form.is_valid()
    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=power, actor=world.north.actor("owner"), ids=[worker.id], data=form.cleaned_data, now=datetime.now(UTC))
        row = Membership.objects.select_related("account").get(id=worker.id)
        assert lost["API tokens"] == (not ApiToken.objects.filter(membership=row, state="active").exists())
        sessions_ended = not Session.objects.filter(account=row.account, ended_at=None).exists()
        assert lost["Sessions"] == (sessions_ended or row.access_epoch > worker.access_epoch)
        assert lost["Role and groups"] == (not GroupMembership.objects.filter(membership=row).exists())
        assert lost["Signing in"] == (row.account.status != "active")
        full = ServiceAccess.objects.filter(membership=row, state="full").exists() and row.status in {"active", "restricted"} and row.account.status == "active"
        assert lost["Access to services"] == (not full)
        assert any(effect.code == "undo" and effect.kind == "kept" for effect in table["Way back"]) == bool(power.undo)


def test_help_of_another_organization_is_not_there(world: World) -> None:
    client = client_for(world.north.person("owner"))
    assert client.get(f"/o/{world.contoso.slug}/help/suspend/").status_code == 404
    assert client.get(f"/o/{uuid.uuid4().hex}/help/suspend/").status_code == 404
