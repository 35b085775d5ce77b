"""Whoever's access to a service changes by a group, or by what everybody has, is told by mail; nobody else, nobody twice, and nobody is left out when it is killed."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from accounts import outbox, tenancy
from accounts.models import AccessRound, Mail
from accounts.services import telling
from audit import subscribers
from tests.cast import Org, World
from tests.dsar.copies import numbered
from tests.powers.test_groups import group
from tests.powers.test_roles import act, notices
from tests.services.test_access import made
from tests.situations import WHY

NOW = datetime.now


def told(org: Org, receipt_entries: tuple[str, ...] = ()) -> dict[str, tuple[str, str]]:
    """The log is numbered and read, people are told; what each was told since the last time, by name."""
    numbered()
    with tenancy.installation("a test reads the log"):
        subscribers.drain()
    assert not telling.run(now=NOW(UTC))
    with tenancy.installation("a test reads mails"):
        found = list(Mail.objects.filter(organization_id=org.organization.id, template="service-access", state="due").select_related("account"))
        words = {row.address.split("@")[0]: outbox.render(row)[:2] for row in found}
        Mail.objects.filter(id__in=[row.id for row in found]).update(state="sent")
        assert len(words) == len(found), "one mail each"
        assert not AccessRound.objects.filter(organization_id=org.organization.id).exclude(people=[], finished_at__isnull=False).exists(), "whoever was told is not known any more"
    return words


def test_whoever_it_changes_is_told_and_nobody_else(world: World) -> None:
    org = world.north
    wiki, crew, others = made(org), group(org, "Crew", "worker", "guest", "legal", "app-manager"), group(org, "Others", "worker")
    given = act(org, "grant-service-access", "app-manager", [org.person("legal").id], service="wiki")
    assert notices(org, given.entries) == {f"legal@{org.slug}.example": "grant-service-access"}
    act(org, "suspend", "owner", [org.person("guest").id], **WHY)
    act(org, "set-group-service", "app-manager", [crew.id], service="wiki", level="read_only")
    found = told(org)
    assert set(found) == {"worker"}, "not who has their own, who is out at present, or who did it"
    subject, body = found["worker"]
    assert subject == f"You were given access to a service · {org.organization.name}"
    assert "has given you access to “Wiki”, for reading.\nIt follows from your group “Crew”" in body and "Done by: App-Manager Person" in body
    act(org, "set-group-service", "app-manager", [others.id], service="wiki", level="full")
    assert "has given you full access to “Wiki”.\nIt follows from your group “Others”" in told(org)["worker"][1]
    act(org, "set-group-service", "app-manager", [crew.id], service="wiki", level="full")
    assert told(org) == {}, "the worker had it all, by another group"
    act(org, "set-service-everyone", "owner", [wiki.id], level="read_only")
    found = told(org)
    assert {"worker", "legal", "guest", "owner", "app-manager"}.isdisjoint(found) and {"auditor", "second-owner"} <= set(found)
    assert "what everybody in the organization may do there" in found["auditor"][1]
    act(org, "set-group-service", "owner", [others.id], service="notes", level="full")  # everybody has it of their own
    act(org, "set-group-service", "owner", [crew.id], service="wiki", level="none")
    found = told(org)
    assert set(found) == {"app-manager"} and "has restricted your access to “Wiki” to reading." in found["app-manager"][1]
    act(org, "delete-group", "owner", [others.id])
    (subject, body), = told(org).values()
    assert subject.startswith("Your access to a service is restricted") and "restricted your access to “Wiki” to reading.\nIt follows from your group “Others”: the group was deleted." in body
    act(org, "set-service-everyone", "owner", [wiki.id], level="none")
    assert told(org)["worker"][0].startswith("Your access to a service has ended")
    act(org, "remove-service", "owner", [wiki.id], name="Wiki")
    found = told(org)
    assert set(found) == {"legal"} and "has ended your access to “Wiki”.\nThe service was removed." in found["legal"][1], "who had access until now, through whatever"


def test_joining_and_leaving_a_group_says_what_becomes_of_access(world: World) -> None:
    org, worker = world.north, world.north.person("worker").id
    wiki, board, crew = made(org), made(org, "Board"), group(org, "Crew")
    act(org, "set-group-service", "owner", [crew.id], service=wiki.slug, level="read_only")
    act(org, "set-group-service", "owner", [crew.id], service=board.slug, level="full")
    act(org, "set-service-everyone", "owner", [board.id], level="full")
    told(org)

    def words(receipt_entries: tuple[str, ...]) -> str:
        assert len(notices(org, receipt_entries)) == 1
        with tenancy.installation("a test reads mails"):
            return outbox.render(Mail.objects.get(entry=UUID(receipt_entries[0])))[1]

    text = words(act(org, "add-to-group", "owner", [worker], group="Crew").entries)
    assert "You are now in the group “Crew”" in text and "has given you access to “Wiki”, for reading." in text and "Board" not in text, "only what changed for them"
    text = words(act(org, "remove-from-group", "owner", [worker], group="Crew").entries)
    assert "has ended your access to “Wiki”." in text and "Board" not in text
    assert told(org) == {}, "one mail is enough"


def test_telling_goes_on_after_a_kill(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org = world.north
    wiki = made(org)
    told(org)  # what tests before this one left
    act(org, "set-service-everyone", "owner", [wiki.id], level="full")
    with tenancy.installation("a test looks"):
        everybody = {number for row in AccessRound.objects.filter(organization_id=org.organization.id) for number in row.people}
    assert len(everybody) == len(org.people)
    monkeypatch.setattr(telling, "BATCH", 3)
    owe, calls = outbox.owe_all, []

    def killed(**given: object) -> None:
        owe(**given)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(outbox, "owe_all", killed)
    numbered()
    with tenancy.installation("a test reads the log"):
        subscribers.drain()
    with pytest.raises(KeyboardInterrupt):
        telling.run(now=NOW(UTC))
    with tenancy.installation("a test looks"):
        first = Mail.objects.filter(organization_id=org.organization.id, template="service-access").count()
    assert first in {2, 3}, "the batch that was killed is not there at all; whoever did it is in one of them, and not told"
    # another act, beside one that fails
    act(org, "set-service-everyone", "second-owner", [made(org, "Board").id], level="read_only")
    numbered()
    with tenancy.installation("a test reads the log"):
        subscribers.drain()

    def broken(**given: object) -> None:
        if "Wiki" in str(given["context"]):
            raise ValueError("no words")
        owe(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(outbox, "owe_all", broken)
    with pytest.raises(ValueError, match="no words"):
        telling.run(now=NOW(UTC))
    with tenancy.installation("a test looks"):
        assert Mail.objects.filter(organization_id=org.organization.id, template="service-access").count() == first + len(org.people) - 1, "and it keeps nobody else back"
        Mail.objects.filter(organization_id=org.organization.id, template="service-access", entry__in=AccessRound.objects.filter(services=["Board"]).values("entry")).update(state="sent")
    monkeypatch.setattr(outbox, "owe_all", owe)
    assert set(told(org)) == set(org.people) - {"owner"}
    assert told(org) == {}
