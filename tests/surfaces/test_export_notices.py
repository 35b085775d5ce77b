"""Whoever asked for an export of the log hears what became of it, by mail and in their notices; nobody else, and nothing that is in it."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts import exporting, tenancy
from accounts.models import Mail, Membership
from tests.audit.exports import ask, carry_out, entries, exported, history, kept_apart
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange
from tests.surfaces.test_notices import empty_outbox, follow, mails

TEMPLATE = "export-finished"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    empty_outbox()
    with kept_apart(settings, tmp_path):
        yield


def told(world: World) -> dict[str, Mail]:
    follow()
    return mails(world.north, TEMPLATE)


def test_a_sealed_export_is_told_to_who_asked(world: World) -> None:
    history(world.north, 2)
    row = exported(world.north, matter="Smith v. Jones", purpose="A lawsuit nobody knows of")
    found = told(world)
    assert set(found) == {"legal"}
    mail = found["legal"]
    assert (mail.state, mail.subject) == ("sent", f"Your export of the audit log is ready · {world.north.organization.name}")
    page = f"/o/{world.north.slug}/audit/exports/{row.id}/"
    assert page in mail.body and f"Entries: {row.matched}" in mail.body and f"{row.expires_at:%Y-%m-%d %H:%M} UTC" in mail.body
    assert "Smith" not in mail.body + mail.subject and "lawsuit" not in mail.body + mail.subject
    assert mail.entry is not None and str(mail.entry) == entries(row.org, "audit.export_sealed")[0]["event_id"]
    assert mail.subject in client_for(world.north.person("legal")).get("/me/notices/").content.decode()
    assert mail.subject not in client_for(world.north.person("owner")).get("/me/notices/").content.decode()
    follow()
    assert Mail.objects.filter(organization_id=row.org, template=TEMPLATE).count() == 1


def test_a_failure_says_that_one_can_go_on(world: World) -> None:
    row = ask(world.north)
    exporting._failed(row.id, row.org, "disk_full", timezone.now())
    mail = told(world)["legal"]
    assert mail.subject.startswith("Your export of the audit log failed · ") and "Its page says why" in mail.body and f"{row.expires_at:%Y-%m-%d %H:%M} UTC" in mail.body


def test_who_stops_it_is_told_nothing_and_others_are(world: World) -> None:
    mine, theirs = ask(world.north), ask(world.north)
    exporting.stop(actor=_actor(world, "legal"), export_id=mine.id, now=timezone.now())
    assert told(world) == {}
    exporting.stop(actor=_actor(world, "owner"), export_id=theirs.id, now=timezone.now())
    mail = told(world)["legal"]
    assert mail.subject.startswith("Your export of the audit log was stopped · ") and "There are no files." in mail.body and f"/audit/exports/{theirs.id}/" in mail.body


def test_who_lost_the_role_is_told_without_an_address_and_who_left_nothing(world: World) -> None:
    row = ask(world.north)
    legal = world.north.person("legal")
    arrange(lambda: Membership.objects.filter(id=legal.id).update(role=world.north.person("member").role))
    assert carry_out(row).error == "requester_lost_role"
    mail = told(world)["legal"]
    assert "was stopped" in mail.subject and "/audit/exports/" not in mail.body
    other = ask(world.north, "owner")
    owner = world.north.person("owner")
    arrange(lambda: Membership.objects.filter(id=owner.id).update(status="suspended"))
    assert carry_out(other).state == "stopped"
    assert set(told(world)) == {"legal"}


def _actor(world: World, who: str) -> Any:
    tenancy.clear()
    from django.db import connection

    with connection.cursor() as cursor:  # what a request's scope does, for as long as the test's connection lives
        cursor.execute("SELECT set_config('steward.org', %s, false)", [str(world.north.organization.id)])
    return world.north.actor(who)
