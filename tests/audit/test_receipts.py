"""Receipts: a promise is signed when the act is committed, kept when its entry is in the tree, and broken when it is not there in time."""
from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from accounts import tenancy
from audit import keys, notes, receipts
from audit.notes import BadNote
from audit.signer import Signer
from tests.audit.logs import Log, number_all, tampering
from tests.browse import client_for
from tests.cast import World


@pytest.fixture(autouse=True)
def first_day(signing: None) -> None:
    """The signer has made its keys."""
    Signer()


def issued(log: Log, count: int = 1) -> str:
    ids = log.write(count)
    with tenancy.scope(org=log.org):
        text = receipts.issue(org=log.org, entries=ids, now=datetime.now(UTC))
    assert text is not None
    return text


def checked(text: str, *, seconds: int = 0) -> receipts.Checked:
    with tenancy.installation("a test checks a receipt"):
        return receipts.check(receipt=text, now=datetime.now(UTC) + timedelta(seconds=seconds))


def test_a_promise_waits_and_is_kept(log: Log) -> None:
    text = issued(log, 2)
    assert checked(text).state == "waiting"
    number_all()
    found = checked(text)
    assert (found.state, found.seqs) == ("kept", (1, 2)) and found.log.endswith("/log/" + receipts.epochs.opaque(log.org))
    assert str(log.org) not in text and "example" not in text.replace(found.log, "")
    with tenancy.scope(org=log.org):
        assert notes.parse(receipts.issue(org=log.org, entries=[log_entry(log)], now=datetime.now(UTC)) or "")  # numbered ones too


def log_entry(log: Log) -> Any:
    return log.rows("SELECT entry FROM audit_leaf WHERE org = %s LIMIT 1", [log.org])[0][0]


def test_an_entry_removed_before_it_was_numbered_breaks_the_promise(log: Log) -> None:
    """The window of half a second that nothing else covers."""
    text = issued(log)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_pending WHERE org = %s", [log.org])
        attacker.execute("DELETE FROM audit_entry WHERE org = %s", [log.org])
    number_all()
    assert checked(text).state == "waiting"
    found = checked(text, seconds=61)
    assert found.state == "broken" and len(found.missing) == 1


def test_an_entry_that_was_exchanged_breaks_the_promise(log: Log) -> None:
    text = issued(log)
    with tampering() as attacker:
        attacker.execute("UPDATE audit_pending SET record_sha256 = %s WHERE org = %s", [b"\5" * 32, log.org])
    number_all()
    assert checked(text, seconds=61).state == "broken"


def test_an_entry_removed_from_the_tree_breaks_the_promise(log: Log) -> None:
    text = issued(log)
    number_all()
    with tampering() as attacker:
        attacker.execute("UPDATE audit_tree SET root = %s WHERE org = %s", [b"\5" * 32, log.org])
    assert checked(text, seconds=61).state == "broken"


def test_a_promise_about_one_log_is_not_kept_by_another(log: Log) -> None:
    text = issued(log)
    number_all()
    assert checked(text).state == "kept"
    said, other = notes.parse(text)[0], uuid.uuid4()
    said = said.replace(receipts.epochs.opaque(log.org), receipts.epochs.opaque(other))
    resigned = notes.note(said, [notes.sign(said, name=said.split("\n", 1)[0], key=keys.receipt_key())])
    assert checked(resigned, seconds=61).state == "broken"


def test_nothing_is_promised_about_what_is_not_there(log: Log) -> None:
    ids = log.write(1)
    with tenancy.scope(org=log.org):
        for wrong in ([*ids, uuid.uuid4()], [uuid.uuid4()], []):
            assert receipts.issue(org=log.org, entries=wrong, now=datetime.now(UTC)) is None


def test_the_name_of_a_log_follows_from_a_secret(log: Log) -> None:
    found = receipts.epochs.opaque(log.org)
    with override_settings(AUDIT_KEY=b"another" * 5):
        assert receipts.epochs.opaque(log.org) != found


@pytest.mark.parametrize("change", [("entry ", "entri "), ("receipt/v1", "receipt/v2"), ("deadline 2", "deadline 3"), ("— ", "- "), ("\n\n", "\n")])
def test_a_changed_receipt_is_none(log: Log, change: tuple[str, str]) -> None:
    text = issued(log)
    with pytest.raises(BadNote):
        checked(text.replace(*change))


def test_the_command(log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "receipt.txt"
    path.write_text(issued(log))
    number_all()
    call_command("check_receipt", str(path))
    assert capsys.readouterr().out.startswith("kept: entry 1 of ")
    for content, status in ((b"nonsense", 2), (b"\xff\xfe", 2)):
        path.write_bytes(content)
        with pytest.raises(SystemExit) as ended:
            call_command("check_receipt", str(path))
        assert ended.value.code == status and len(capsys.readouterr().err.splitlines()) == 1
    with pytest.raises(SystemExit):
        call_command("check_receipt", str(tmp_path / "nothing"))


def test_an_act_through_the_api_carries_a_promise(world: World) -> None:
    client = client_for(world.north.person("administrator"), tier=2)
    answer = client.post(f"/api/v1/orgs/{world.north.slug}/people/{world.north.person('worker').id}/actions/update-profile/", json.dumps({"title": "Promised"}), content_type="application/json")
    assert answer.status_code == 200
    text = answer.json()["promise"]
    number_all()
    assert checked(text).state == "kept"
    page = client_for(world.north.person("worker")).post("/log/receipt/", {"receipt": text})
    assert page.status_code == 200 and b"The promise is kept" in page.content
    page = client_for(world.north.person("worker")).post("/log/receipt/", {"receipt": text.replace("entry", "entri")})
    assert page.status_code == 422 and b"no receipt" in page.content


def test_a_receipt_is_for_who_acted_and_who_reads_the_log(world: World) -> None:
    org = world.north
    made = client_for(org.person("administrator"), tier=2).post(f"/api/v1/orgs/{org.slug}/people/{org.person('worker').id}/actions/update-profile/", json.dumps({"title": "Mine"}), content_type="application/json").json()
    path = f"/o/{org.slug}/audit/{made['entries'][0]}/receipt.txt"
    for who, status in (("administrator", 200), ("auditor", 200), ("worker", 404)):
        answer = client_for(org.person(who)).get(path)
        assert answer.status_code == status, who
    assert client_for(world.contoso.person("owner")).get(path.replace(org.slug, world.contoso.slug)).status_code == 404


def test_before_the_signers_first_day_there_is_none(log: Log) -> None:
    with tampering() as attacker:
        attacker.execute("TRUNCATE audit_logkey")
    ids = log.write()
    with tenancy.scope(org=log.org):
        assert receipts.issue(org=log.org, entries=ids, now=datetime.now(UTC)) is None


def test_a_receipt_of_what_retention_removed_is_no_accusation(log: Log) -> None:
    text = issued(log)
    number_all()
    log.write(2)
    number_all()
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_leaf WHERE org = %s AND seq = 1", [log.org])
    assert checked(text, seconds=61).state == "broken"
    with tampering() as attacker:
        attacker.execute("INSERT INTO audit_pruned (org, first, last, root, entry, at, swept) VALUES (%s, 1, 1, %s, gen_random_uuid(), now() + interval '1 minute', true)", [log.org, b"\1" * 32])
    assert checked(text, seconds=61).state == "removed"
    later = issued(log)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_pending WHERE org = %s", [log.org])
    number_all()
    assert checked(later, seconds=61).state == "broken"  # written after what was removed
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_pruned WHERE org = %s", [log.org])


def test_an_earlier_removal_explains_nothing(log: Log) -> None:
    """What was removed yesterday cannot have been an entry of today, though nothing numbered stands behind it."""
    log.write(1)
    number_all()
    text = issued(log)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_pending WHERE org = %s", [log.org])
        attacker.execute("DELETE FROM audit_leaf WHERE org = %s", [log.org])
        attacker.execute("INSERT INTO audit_pruned (org, first, last, root, entry, at, swept) VALUES (%s, 1, 1, %s, gen_random_uuid(), now() - interval '1 day', true)", [log.org, b"\1" * 32])
    assert checked(text, seconds=61).state == "broken"
    with tampering() as attacker:
        attacker.execute("UPDATE audit_pruned SET at = now() + interval '1 minute' WHERE org = %s", [log.org])
    assert checked(text, seconds=61).state == "removed"
