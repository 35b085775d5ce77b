"""Law: power × role × surface says what tests/matrix.txt says. The matrix is written by hand."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Case, Value, When
from django.test import Client

from accounts import door, tenancy
from accounts.models import Management, Membership
from accounts.purposes import ACT
from accounts.reasons import NotFound, Refused
from dsar.models import Copy, Restriction
from portal.powers import BY_SLUG, POWERS
from tests import situations
from tests.browse import client_for
from tests.cast import ROLES, World
from tests.situations import DATA, arrange, group_for, ready, role_for, service_for, session_for, token_for

MATRIX = {words[0]: dict(zip(ROLES, words[1:], strict=True))
          for line in (Path(__file__).parent.parent / "matrix.txt").read_text().splitlines() if (words := line.split()) and not line.startswith("#")}


def test_every_power_has_a_row() -> None:
    assert set(MATRIX) == {power.slug for power in POWERS}


@pytest.mark.parametrize("slug", list(MATRIX))
def test_door(world: World, slug: str) -> None:
    """Through the door: what the matrix allows is done, everything else is refused, for each role."""
    org, power = world.north, BY_SLUG[slug]
    wrong = []
    for role in ROLES:
        allowed = _try(world, slug, role, ready(org, slug, acting=role))
        if allowed != (MATRIX[slug][role] == "y"):
            wrong.append((role, allowed))
        if allowed:  # what was refused changed nothing
            arrange(lambda: _reset(world))
    assert not wrong, f"{power.slug}: {wrong}"


def _try(world: World, slug: str, role: str, person: Membership) -> bool:
    org, power, made = world.north, BY_SLUG[slug], []
    data, ids = dict(DATA.get(slug, {})), [person.id]
    if power.over == "row":
        data, ids = {"rows": [{"email": f"new-{role}@elsewhere.example", "role": "member"}]}, []
    if power.over == "token":
        arrange(lambda: made.append(token_for(person)[0].id))
        ids = made
    if power.over == "session":
        arrange(lambda: made.append(session_for(org.person(role)).id))
        ids = made
    if power.over == "role":
        arrange(lambda: made.append(role_for(org, f"Desk {role}", 10, "view_people").id))
        ids = made
    if power.over == "group":
        arrange(lambda: made.append(group_for(org, f"Group {role}").id))
        ids = made
    if power.over == "service":
        arrange(lambda: made.append(service_for(org, f"Program {role}", slug).id))
        ids = made
    if "name" in data and power.slug != "update-profile":
        data["name"] = f"{data['name']} {role}"
    if slug in {"set-contact", "set-limits"}:
        data = {"contact_email": f"{role}@{org.slug}.example"} if slug == "set-contact" else {"deletion_days": 20 + ROLES.index(role)}
    if slug == "set-retention-rule":
        data["count"] += ROLES.index(role)
    if slug == "set-inactivity-rule":
        data = {"days": 90 + ROLES.index(role)}
    if slug == "set-unused-accounts-rule":
        data = {"days": 365 + ROLES.index(role)}
    if slug in {"set-field-policy", "set-edit-limits"}:
        data["ground"] = role
    if slug == "send-announcement":
        data["message"] += role
    if "email" in data:  # a mailbox gets only so many links a day
        data["email"] = f"{uuid.uuid4().hex}@{data['email'].partition('@')[2]}"
    if slug == "delete-organization":
        data["address"] = org.slug
    if slug == "assign-request":
        data["administrator"] = f"{'administrator' if role == 'owner' else 'owner'}@{org.slug}.example"
    if slug in {"bar-from-request", "choose-handler"}:
        data["administrator"] = f"{'administrator' if role == 'owner' else 'owner'}@{org.slug}.example"
    if slug == "protect":
        data = {"administrators": f"owner@{org.slug}.example"}
    with tenancy.scope(org=org.organization.id, account=org.person(role).account_id, purpose=ACT):
        actor = org.actor(role)
        try:
            door.perform(power=power, actor=actor, ids=ids, data=data, now=datetime.now(UTC))
        except (Refused, NotFound):
            return False
    return True


def _reset(world: World) -> None:
    """The worker and the acting people as the cast knows them."""
    from accounts.models import Account, Closing, Deletion, Organization, Plan, Protection

    org = world.north
    roles = {org.person(name).id: org.roles["member" if name == "worker" else name] for name in ("worker", *ROLES)}
    names = {org.person(name).account_id: name for name in ("worker", *ROLES)}
    strong = [org.person(name).account_id for name in ROLES if org.roles[name].rank >= 50]
    Membership.objects.filter(id__in=roles).update(
        role_id=Case(*(When(id=number, then=Value(role.id)) for number, role in roles.items())), status="active", reset_required_at=None, protected=False, status_until=None, title="", access_ends_at=None,
        use_restricted=False)
    Account.objects.filter(id__in=names).update(
        name=Case(*(When(id=number, then=Value(name)) for number, name in names.items())), has_second_factor=Case(When(id__in=strong, then=Value(True)), default=Value(False)), status="active", reset_required_at=None,
        mfa_stop_until=None, email_verified_at=datetime.now(UTC), password="argon2$usable", credentials_changed_at=None)
    Management.objects.get_or_create(account_id=org.person("worker").account_id, defaults={"organization": org.organization, "basis": "created_by_org", "since": datetime.now(UTC)})
    Protection.objects.filter(organization=org.organization).delete()
    Copy.objects.filter(organization=org.organization).update(state="ended")
    Restriction.objects.filter(organization=org.organization).update(state="lifted")
    Closing.objects.filter(organization=org.organization).delete()
    Organization.objects.filter(id=org.organization.id).update(status="active", ends_at=None)
    Deletion.objects.filter(organization=org.organization).delete()
    Plan.objects.filter(organization=org.organization, state__in=("awaiting_approval", "scheduled")).update(state="cancelled")


@pytest.mark.parametrize("slug", [s for s in MATRIX if BY_SLUG[s].over == "member" and not BY_SLUG[s].code.startswith(("own.", "token."))])
def test_page_and_api(request: pytest.FixtureRequest, standing: World, told: dict[str, tuple[Client, Any]], monkeypatch: pytest.MonkeyPatch, slug: str) -> None:
    """The page and the API say the same as the matrix: who may not use the power does not learn that it exists. What the API says of a person in no special state is asked once for all powers."""
    made: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(situations, "arrange", made.append)
        ready(standing.north, slug)
    org = request.getfixturevalue("world").north if made else standing.north
    person = ready(org, slug) if made else org.person("worker")
    for role in ROLES:
        client, found = (None, None) if made else told.get(role, (None, None))
        if client is None:
            client = client_for(org.person(role))
            answer = client.get(f"/api/v1/orgs/{org.slug}/people/{person.id}/capabilities/", {"power": slug} if made else {})
            assert answer.status_code == (200 if "view_people" in org.roles[role].permissions else 404), role
            found = answer.json().get("capabilities")
            assert not made or not found or list(found) == [slug]
        if not made:
            told[role] = client, found
        page = client.get(f"/o/{org.slug}/people/{person.id}/{slug}/")
        assert page.status_code == (200 if BY_SLUG[slug].permission in org.roles[role].permissions else 404), role
        assert found is None or found[slug]["allowed"] == (MATRIX[slug][role] == "y"), role


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[Client, Any]]:
    """The browser of each role, and what the API told it about a person in no special state."""
    return {}
