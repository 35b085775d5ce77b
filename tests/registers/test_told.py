"""Notices in versions, shown and confirmed; and a change of the controller, from the announcement to the day (policy D4)."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from accounts import acknowledging, tenancy
from accounts.models import Account, Mail, Organization
from accounts.reasons import Refused
from dsar.registers import notices, transfers
from dsar.registers.models import BusinessTransfer, Controller, NoticeSeen, PrivacyNotice
from tests.audit.logs import tampering
from tests.browse import client_for
from tests.cast import PASSWORD, World
from tests.dsar.copies import copy_of, lines
from tests.organizations.test_notice import do as notice_do
from tests.registers.acts import do, entries, mails, pass_time, tell
from tests.situations import arrange, draft_for

NOW = datetime.now
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def unpublished() -> Iterator[None]:
    """What the operator published is the whole installation's: other tests sign in without it."""
    yield
    with tampering() as attacker:
        attacker.execute("DELETE FROM dsar_round WHERE kind LIKE 'privacy%'")
        attacker.execute("DELETE FROM dsar_privacynotice")


def sign_in(world: World, name: str, onward: str = "") -> tuple[Client, str]:
    """With the password, as everybody signs in; where it leads to."""
    client = Client()
    answer = client.post(f"/sign-in/{f'?next={onward}' if onward else ''}", {"login": f"{name}@{world.north.slug}.example", "password": PASSWORD, **({"next": onward} if onward else {})})
    assert answer.status_code == 302, answer.content
    return client, answer["Location"]


def test_the_privacy_notice(world: World, tmp_path: Path) -> None:
    """Published by the operator's command, an act in the installation's log; everybody may read every version; whoever was here is told by mail and once at sign-in, and reminded once."""
    path, person = tmp_path / "notice.txt", world.north.person("member")
    path.write_text(f"We keep data.\nWe run {world.north.slug}.\n")
    call_command("publish_privacy_notice", str(path))
    with pytest.raises(CommandError, match="last version says already"):
        call_command("publish_privacy_notice", str(path), "--significant")
    held = notices.latest()
    assert held is not None and Client().get("/privacy/").content.decode().count(world.north.slug) == 1
    assert sign_in(world, "member")[1] == "/", "nothing significant"
    path.write_text(f"We keep data for longer.\nWe run {world.north.slug}.\n")
    call_command("publish_privacy_notice", str(path), "--significant")
    version = notices.latest()
    assert version is not None and version.number == held.number + 1 and version.effective_at - version.published_at == notices.AHEAD
    assert notices.in_effect(NOW(UTC)) == held, "the old one holds for 14 days"
    tell()
    tell()
    (mail,) = mails(person, "privacy-notice")
    assert mail.asks == "read" and f"Version {version.number} holds from" in mail.body
    page = Client().get(f"/privacy/?version={version.number}").content.decode()
    assert "<ins>We keep data for longer.</ins>" in page and "<del>We keep data.</del>" in page
    # at sign-in: once, and not in the way of somebody's rights
    assert sign_in(world, "member", "/me/copies/")[1] == "/me/copies/"
    client, location = sign_in(world, "member", f"/o/{world.north.slug}/tokens/?a=b&c=d")
    assert location.startswith("/me/new-notices/?next=")
    shown = client.get(location).content.decode()
    assert "We keep data for longer." in shown and f'value="/o/{world.north.slug}/tokens/?a=b&amp;c=d"' in shown
    assert client.get("/me/privacy/").status_code == 200 and client.get(location)["Location"] == f"/o/{world.north.slug}/tokens/?a=b&c=d"
    assert sign_in(world, "member")[1] == "/", "once"
    answer = client.post("/me/new-notices/", {"notice": [str(version.id), "x", "x" * 100], "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/", "nowhere else"
    row = NoticeSeen.objects
    with tenancy.installation("look"):
        seen = row.get(account_id=person.account_id, notice=version.id)
    assert seen.shown_at and seen.confirmed_at and Mail.objects.get(id=mail.id).acknowledged_at
    asked, confirmed = notices.counts(version)
    assert asked >= 13 and confirmed == 1
    (line,) = lines(copy_of(person, tmp_path / "copy"), "notices/dsar_noticeseen.jsonl")
    assert line["number"] == version.number and line["confirmed_at"]
    now = NOW(UTC)
    pass_time(now + 13 * DAY)
    assert len(mails(world.north.person("guest"), "privacy-notice")) == 1
    pass_time(now + 15 * DAY)
    pass_time(now + 16 * DAY)
    pass_time(now + 40 * DAY)
    assert [one.subject for one in mails(world.north.person("guest"), "privacy-notice")] == ["The privacy notice changes", "Please read: the privacy notice changes"]
    assert len(mails(person, "privacy-notice")) == 1, "who confirmed is left alone"


def test_what_cannot_be_published(tmp_path: Path) -> None:
    """One line and a status; two operators at once make two versions or one, never the same number."""
    cases: dict[str, bytes] = {"empty": b" \n", "control": b"a\x00b", "latin": b"\xff\xfe", "long": b"x" * (notices.LONGEST + 1), "huge": b"x" * (notices.LONGEST * 4 + 1)}
    before = PrivacyNotice.objects.count()
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CommandError) as found:
            call_command("publish_privacy_notice", str(tmp_path / name))
        assert found.value.returncode == 2 and "\n" not in str(found.value)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("publish_privacy_notice", str(tmp_path / "nothing"))
    assert PrivacyNotice.objects.count() == before
    stamp, errors = NOW(UTC).isoformat(), []

    def publish(n: int) -> None:
        try:
            notices.publish(text=f"{stamp} {n}", significant=False, now=NOW(UTC))
        except Exception as error:  # the test looks at it
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(3)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    assert not errors and PrivacyNotice.objects.count() == before + 3


def test_the_notice_of_an_organization_at_sign_in(world: World) -> None:
    """A significant version is shown when somebody signs in, confirmed there or among the notices, and whoever did neither is reminded once."""
    org, now = world.north, NOW(UTC)
    arrange(lambda: draft_for(org, text="Everything anew <script>"))
    notice_do(org, "publish-notice", {"significant": True})
    tell()
    client, location = sign_in(world, "member")
    page = client.get(location).content.decode()
    assert "Notice of" in page and "Everything anew &lt;script&gt;" in page
    client.get("/me/new-notices/")  # shown; they go on without confirming
    other, there = sign_in(world, "guest")
    with tenancy.installation("look"):
        found = notices.unseen(Account.objects.get(id=org.person("guest").account_id))
    assert len(found) == 1 and found[0].organization and there.startswith("/me/new-notices/")
    other.get(there)
    other.post("/me/new-notices/", {"notice": str(found[0].id), "next": "/"})
    (entry,) = entries(org, "notice.acknowledged")
    assert entry["targets"][0]["id"] == str(org.person("guest").account_id)
    with tenancy.scope(org=org.organization.id):
        assert acknowledging.summary(organization_id=org.organization.id, about=found[0].id).confirmed == 1
    pass_time(now + 15 * DAY)
    pass_time(now + 30 * DAY)
    assert len(mails(org.person("member"), "notice-again")) == 1 and not mails(org.person("guest"), "notice-again")
    assert not mails(world.contoso.person("member"), "notice-again")


def test_another_controller(world: World) -> None:
    """Two owners announce it; everybody hears of it then, a week before and on the day; on the day the controller changes everywhere, and the log says so."""
    org, worker, now = world.north, world.north.person("worker"), NOW(UTC)
    day = now.date() + 40 * DAY
    for goes_on, codes in ((now.date() + 29 * DAY, ["too_near"]), (date(2026, 1, 1), ["too_near"])):
        with pytest.raises(Refused) as found:
            do(org, "announce-business-transfer", goes_on=goes_on)
        assert found.value.codes == codes
    do(org, "announce-business-transfer", second="second-owner", name="New <b>Holding</b>", goes_on=day, contact="privacy@holding.example")
    with pytest.raises(Refused) as again:
        do(org, "announce-business-transfer", goes_on=day)
    assert again.value.codes == ["transfer_announced"]
    tell()
    (mail,) = mails(worker, "business-transfer")
    assert f"On {day}, New <b>Holding</b> takes over" in mail.body and "use every right of yours as before" in mail.body
    client = client_for(worker)
    for page in ("/me/privacy/", "/me/recipients/", f"/me/notice/{worker.id}/"):
        assert "New &lt;b&gt;Holding" in client.get(page).content.decode(), page
    assert "takes over" not in client_for(world.contoso.person("member")).get("/me/privacy/").content.decode()
    pass_time(now + 34 * DAY)
    pass_time(now + 35 * DAY)
    assert [one.subject.split(" · ")[0] for one in mails(worker, "business-transfer")] == ["Somebody else will answer for your data"] * 2
    pass_time(now + 39 * DAY)
    with tenancy.scope(org=org.organization.id):
        assert not Controller.objects.exists(), "not before the day"
    pass_time(now + 40 * DAY)
    pass_time(now + 41 * DAY)
    with tenancy.scope(org=org.organization.id):
        controller, organization = Controller.objects.get(), Organization.objects.get(id=org.organization.id)
        assert (controller.name, controller.country, controller.contact, organization.contact_email, organization.name) == (
            "New <b>Holding</b>", "DE", "privacy@holding.example", "privacy@holding.example", org.organization.name)
        assert BusinessTransfer.objects.get().state == "done"
    assert len(mails(worker, "business-transfer")) == 3 and "has taken over" in mails(worker, "business-transfer")[-1].body
    assert [one["action"] for one in entries(org, "business_transfer.")] == ["business_transfer.announced", "business_transfer.near", "business_transfer.done"]
    assert client_for(org.person("owner")).get(f"/o/{org.slug}/processing.json").json()["controller"] == "New <b>Holding</b>"
    with pytest.raises(Refused) as late:
        do(org, "withdraw-business-transfer")
    assert late.value.codes == ["no_business_transfer"]


def test_withdrawn(world: World) -> None:
    """Until the day it can be taken back; whoever was told hears that too, and on the day nothing happens. A round that had not begun tells nobody wrong."""
    org, now = world.north, NOW(UTC)
    do(org, "announce-business-transfer", second="second-owner", goes_on=now.date() + 40 * DAY)
    tell()
    do(org, "withdraw-business-transfer")
    pass_time(now + 41 * DAY)
    assert [one.body.split("\n")[0].endswith("nothing changes.") for one in mails(org.person("member"), "business-transfer")] == [False, True]
    with tenancy.scope(org=org.organization.id):
        assert not Controller.objects.exists() and transfers.announced(org.organization.id) is None
    do(org, "announce-business-transfer", second="second-owner", goes_on=now.date() + 50 * DAY)  # another one can be announced


def test_a_leap_day(world: World) -> None:
    with pytest.raises(Refused):
        do(world.north, "announce-business-transfer", goes_on="2024-02-29")
    client: Any = client_for(world.north.person("owner"))
    answer = client.post(f"/o/{world.north.slug}/do/announce-business-transfer/", {"name": "N", "address": "A", "country": "DE", "contact": "a@b.example", "goes_on": "2027-02-29", "changes": "C"})
    assert answer.status_code == 422
