"""Recipients, who answers for data, a change of the controller, and what people were told by notices come back from the ledger alone, without a word that somebody typed (decision 74)."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts import notice, tenancy
from accounts.models import NoticeVersion
from accounts.models.notice import NoticeState
from accounts.reasons import Refused
from dsar.ledger import file
from dsar.registers import notices
from dsar.registers.models import BusinessTransfer, Controller, NoticeSeen, PrivacyNotice, Recipient
from portal.management.commands import privacy_replay
from tests.audit.logs import tampering
from tests.cast import Org, World
from tests.ledger.test_duties import LOST, replayed
from tests.registers.acts import do, pass_time, tell
from tests.situations import arrange

WORDS = ("Payroll", "Contract 9", "North Ltd", "Dr. Ada", "Holding", "Sample Street", "keep the lights", "What we do", "Nothing but the name", "Our promise")
DAY = timedelta(days=1)


def forgotten(*tables: str) -> None:
    """As in a backup that was made before all of it."""
    with tampering() as hand:
        for table in tables:
            hand.execute(f"DELETE FROM {table}")


def all_of(model: Any, org: Org | None, **more: Any) -> list[Any]:
    with tenancy.installation("a test looks"):
        return list(model.objects.filter(**({"organization_id": org.organization.id} if org else {}), **more).order_by("id"))


def again(found: list[Any]) -> set[str]:
    assert all(one.again.split()[0] in privacy_replay.AGAIN for one in found if one.again)
    return {one.again.split()[0] for one in found if one.again}


def facts(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def test_recipients_and_controllers(world: World) -> None:
    """Kind, country and what makes a transfer lawful are there again; an ended one is ended; what may be from before a change is named."""
    org, now = world.north, datetime.now(UTC)
    do(org, "add-recipient", name="Payroll", country="US", mechanism="clauses", document="Contract 9")
    do(org, "add-recipient", name="Post")
    do(org, "add-recipient", name="Archive")
    do(org, "set-controller", name="North Ltd", officer="Dr. Ada", country="CH")
    do(org, "publish-transparency-report")
    before = {row.name: row for row in all_of(Recipient, org)}
    tell()
    assert replayed(org, now=now) == []
    assert not [word for word in WORDS if word in file.path().read_text()]

    forgotten("dsar_recipient", "dsar_controller")
    found = replayed(org, now=now)
    rows = {row.id: row for row in all_of(Recipient, org)}
    names = ("kind", "country", "mechanism", "derogation", "mechanism_on", "purposes", "categories", "added_at", "ended_at", "version")
    assert {row.id: facts(row, *names) for row in before.values()} == {number: facts(row, *names) for number, row in rows.items()}
    assert all(row.name.startswith(LOST) and not row.document for row in rows.values()) and len({row.name for row in rows.values()}) == 3
    [controller] = all_of(Controller, org)
    assert (controller.country, controller.report_public, controller.name, controller.officer) == ("CH", True, LOST, "")
    assert again(found) == {"recipient.state", "controller.state"} and replayed(org, now=now) == []

    # a backup that has them as they were before
    arrange(lambda: Recipient.objects.filter(id=before["Payroll"].id).update(name="Payroll", document="Contract 9"))
    do(org, "change-recipient", recipient="Payroll", name="Payroll", country="IN", mechanism="clauses", document="Contract 10")
    do(org, "end-recipient", recipient=str(before["Post"].id))
    do(org, "set-controller", officer="Dr. Eve", country="CH")
    tell()
    arrange(lambda: (Recipient.objects.filter(id=before["Payroll"].id).update(country="US", document="Contract 9", version=before["Payroll"].version),
                     Recipient.objects.filter(id=before["Post"].id).update(ended_at=None, version=before["Post"].version),
                     Controller.objects.filter(id=controller.id).update(officer="Dr. Ada", version=controller.version)))
    found = replayed(org, now=now)
    rows = {row.id: row for row in all_of(Recipient, org)}
    assert rows[before["Payroll"].id].country == "IN" and rows[before["Payroll"].id].document == "Contract 9" and rows[before["Post"].id].ended_at is not None
    assert again(found) == {"recipient.words", "controller.words"} and {one.again.split()[1] for one in found if one.again} == {str(before["Payroll"].id), str(controller.id)}
    assert replayed(org, now=now) == []


def test_a_change_of_the_controller(world: World) -> None:
    """One that was withdrawn does not happen; one that people were told of waits for its words, and is not carried out without them."""
    org, now = world.north, datetime.now(UTC)
    day = (now + 40 * DAY).date()
    do(org, "announce-business-transfer", goes_on=str(day), second="second-owner")
    do(org, "withdraw-business-transfer")
    do(org, "announce-business-transfer", goes_on=str(day), second="second-owner")
    tell()
    [gone], [row] = all_of(BusinessTransfer, org, state="withdrawn"), all_of(BusinessTransfer, org, state="announced")
    assert not [word for word in WORDS if word in file.path().read_text()]
    with tampering() as hand:
        hand.execute("DELETE FROM dsar_round")
        hand.execute("DELETE FROM dsar_businesstransfer WHERE id = %s", [row.id])
        hand.execute("UPDATE dsar_businesstransfer SET state = 'announced', ended_at = NULL WHERE id = %s", [gone.id])
    found = replayed(org, now=now)
    [there] = all_of(BusinessTransfer, org, state="announced")
    assert (there.id, there.goes_on, there.country, there.name, there.contact) == (row.id, day, "DE", LOST, "") and all_of(BusinessTransfer, org, state="withdrawn")[0].id == gone.id
    assert again(found) == {"transfer.state"} and replayed(org, now=now) == []

    pass_time(now + 41 * DAY)
    assert all_of(BusinessTransfer, org, state="announced") and not all_of(Controller, org), "nobody becomes the controller whose name is lost"
    with pytest.raises(Refused, match="too_near"):
        do(org, "announce-business-transfer", goes_on=str(day + DAY), now=now + 41 * DAY, second="second-owner")
    do(org, "announce-business-transfer", goes_on=str(day), now=now + 41 * DAY, second="second-owner")
    pass_time(now + 41 * DAY)
    assert all_of(BusinessTransfer, org, state="done")[0].id == row.id and all_of(Controller, org)[0].name == "North Holding"


def test_what_a_notice_said(world: World) -> None:
    """The powers that it names, from when on, and its digest; its words where a draft or the version before proves them, and otherwise that they are lost."""
    org, now = world.north, datetime.now(UTC)
    do(org, "put-in-notice", powers=["suspend"], purpose="To keep the lights on", basis="contract")
    do(org, "write-notice", text="What we do")
    [draft] = all_of(NoticeVersion, org, state="draft")
    do(org, "publish-notice")
    tell()
    [row] = all_of(NoticeVersion, org, id=draft.id)
    whole = facts(row, *(f.attname for f in NoticeVersion._meta.concrete_fields if f.name != "version"))
    text = file.path().read_text()
    assert "suspend=contract" in text and not [word for word in WORDS if word in text]

    # a backup with the draft as it was published: nothing is lost
    arrange(lambda: NoticeVersion.objects.filter(id=row.id).update(state="draft", published_at=None, published_by=None, effective_at=None, digest="", meanwhile=[], significant=False))
    assert again(replayed(org, now=now)) == set()
    assert facts(all_of(NoticeVersion, org, id=row.id)[0], *whole) == whole and replayed(org, now=now) == []

    # one without it, and with another draft under its number
    with tampering() as hand:
        hand.execute("DELETE FROM accounts_noticeversion WHERE id = %s", [row.id])
    do(org, "write-notice", text="Something else")
    assert again(replayed(org, now=now)) == {"notice.state"}
    [back], [other] = all_of(NoticeVersion, org, id=row.id), all_of(NoticeVersion, org, state="draft")
    assert facts(back, *whole) == whole | {"text": LOST, "words": {slug: {"purpose": LOST, "basis": said["basis"]} for slug, said in row.words.items()}}
    assert other.number == row.number + 1 and other.text == "Something else"
    with tenancy.scope(org=org.organization.id):
        assert notice.on(notice.published(org.organization.id), now + 60 * DAY) == set(row.powers), "what people were told may be done, and nothing else"
    assert replayed(org, now=now) == []

    # a version that only leaves something out is proved by the one before
    do(org, "discard-notice-draft")
    do(org, "take-from-notice", powers=["suspend"])
    do(org, "publish-notice")
    tell()
    [last] = all_of(NoticeVersion, org, number=row.number + 1)
    with tampering() as hand:
        hand.execute("DELETE FROM accounts_noticeversion WHERE id = %s", [last.id])
    assert again(replayed(org, now=now)) == set() and facts(all_of(NoticeVersion, org, id=last.id)[0], *whole) == facts(last, *whole)
    assert last.state == NoticeState.PUBLISHED


def test_the_privacy_notice_and_who_confirmed_it(world: World, tmp_path: Path) -> None:
    """Its number, days and digest are there again, and who confirmed it is not asked anew; the same file brings the text back without telling anybody twice."""
    org, now, worker = world.north, datetime.now(UTC), world.north.person("worker")
    notices.publish(text="Before", significant=False, now=now)
    row = notices.publish(text=f"Our promise {org.slug}", significant=True, now=now + timedelta(seconds=1))
    with tenancy.installation("a test signs somebody in"):
        new = [one for one in notices.unseen(worker.account) if one.id == row.id]
        notices.shown(worker.account, new, now=now)
        notices.confirm(actor=org.actor("worker"), notices=[row.id], now=now + timedelta(seconds=2))
    tell(now + timedelta(seconds=3))
    assert not [word for word in WORDS if word in file.path().read_text()]
    [seen] = all_of(NoticeSeen, None, notice=row.id, account=worker.account)
    with tampering() as hand:
        hand.execute("DELETE FROM dsar_noticeseen WHERE notice = %s", [row.id])
        hand.execute("DELETE FROM dsar_privacynotice WHERE id = %s", [row.id])
    lines = [line for line in file.walk() if line.kind in {"privacy.state", "notice.seen"} and str(row.id) in line.facts.values()]
    assert {line.kind for line in lines} == {"privacy.state", "notice.seen"}
    replayed(org, now=now)
    [back], [known] = all_of(PrivacyNotice, None, id=row.id), all_of(NoticeSeen, None, notice=row.id, account=worker.account)
    assert facts(back, "number", "digest", "significant", "effective_at") == facts(row, "number", "digest", "significant", "effective_at") and back.text == LOST
    assert (known.id, known.confirmed_at, known.organization_id) == (seen.id, seen.confirmed_at, None)
    same = notices.publish(text=row.text, significant=True, now=now + timedelta(seconds=4))
    assert (same.digest, same.significant, same.number) == (row.digest, False, row.number + 1), "people were told of it"
    with pytest.raises(notices.NotPublished):
        notices.publish(text=row.text, significant=False, now=now)
