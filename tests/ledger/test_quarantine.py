"""A database and its ledger agree, or nobody is served: rolled back acts and crashes are no restore, and a ledger that is missing, cut, changed or another one is said."""
from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as live
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.test import Client

from accounts import purging, tenancy
from accounts.models import Account, Deletion, Mail, Management, Membership
from audit import INSTALLATION, disclosure, signer, subscribers
from audit.models import Cursor, Entry, SignerState
from dsar import ledger
from dsar.ledger import file, memory, quarantine, settling, states
from dsar.ledger.models import LedgerMark, LedgerSeen
from portal import metrics
from portal import quarantine as closing
from tests.browse import client_for
from tests.cast import World
from tests.deletion.acts import act, warned
from tests.dsar.copies import numbered
from tests.ledger.drill import manage
from tests.situations import arrange

NOW = datetime.now(UTC)


@pytest.fixture
def own(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A ledger of this test's own, and a database that knows nothing of any; afterwards the one of the other tests again."""
    seen, marks = list(LedgerSeen.objects.all()), list(LedgerMark.objects.all())
    LedgerSeen.objects.all().delete()
    LedgerMark.objects.all().delete()
    settings.LEDGER = tmp_path / "ledger"
    yield tmp_path / "ledger"
    LedgerSeen.objects.all().delete()
    LedgerMark.objects.all().delete()
    LedgerSeen.objects.bulk_create(seen)
    LedgerMark.objects.bulk_create(marks)
    quarantine.forget()


def write(kind: str = "account.purge") -> int:
    return ledger.line(kind, org=None, subject=uuid4(), facts={}, now=NOW)


def verdict() -> str:
    quarantine.forget()
    return quarantine.now().code


def test_the_database_remembers_with_the_act(own: Path) -> None:
    with transaction.atomic():
        seq = write()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text")
            assert next(iter(file.walk())).tx.split(".")[-1] == cursor.fetchone()[0]
    assert seq == 1 and LedgerSeen.objects.get().hash == next(iter(file.walk())).hash
    file.path().unlink()
    with pytest.raises(ledger.Unavailable, match="ends with line 0; the database remembers line 1"):
        write()
    assert file.tail() == file.EMPTY


def test_what_was_rolled_back_or_killed_is_no_restore(own: Path) -> None:
    assert verdict() == "", "neither has anything"
    write()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        write()
        raise ZeroDivisionError
    code = ("import os, django; django.setup()\nfrom django.db import transaction\nfrom dsar import ledger\nfrom datetime import datetime, UTC\n"
            "with transaction.atomic():\n    ledger.line('account.purge', org=None, subject=None, facts={}, now=datetime.now(UTC)); os.kill(os.getpid(), 9)")
    subprocess.run([sys.executable, "-c", code], cwd=live.BASE_DIR, check=False, env={**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", "STEWARD_LEDGER": str(own)})
    assert file.tail().seq == 3 and verdict() == ""  # type: ignore[union-attr]
    with transaction.atomic():
        write()
        assert verdict() == "", "what is under way is not missing"
    assert settling.settle(now=NOW) >= 4 and verdict() == ""
    assert [(one.kind, one.facts.get("of")) for one in file.walk() if one.kind == memory.VOID] == [("ledger.void", 2), ("ledger.void", 3)], "no replay does what never was"
    settling.settle(now=NOW)
    assert LedgerMark.objects.get(id=1).seq == 6 and not LedgerSeen.objects.exists()
    write()
    LedgerSeen.objects.all().delete()  # as in a backup: the line was committed, and this database does not know it
    assert verdict() == "behind"
    LedgerSeen.objects.create(seq=7, hash=file.tail().hash)  # type: ignore[union-attr]
    assert verdict() == "behind", "it stays closed until it was replayed"
    with pytest.raises(ledger.Unavailable):
        write()


def test_processes_without_a_page_stand_still_too(own: Path, settings: Any, tmp_path: Path) -> None:
    """Nothing is numbered, signed, adopted or published from an older database, also not by a signer on a machine that has no ledger."""
    notice = tmp_path / "notice.txt"
    notice.write_text("What we do with data.")
    write()
    memory.close(now=NOW)
    quarantine.forget()
    for command in (("sequencer", "--once"), ("publish_privacy_notice", str(notice))):
        with pytest.raises(CommandError, match="privacy_replay"):
            call_command(*command)
    for folder in (own, tmp_path / "nothing"):
        settings.LEDGER = folder
        for flag in ("--once", "--adopt"):
            with pytest.raises(SystemExit):
                call_command("signer", flag)
    stop, looked = threading.Event(), list[str]()

    def rests() -> bool:
        looked.append(closing.why_unsigned())
        stop.set()
        return bool(looked[-1])
    before = SignerState.objects.get(id=1).seen_at
    signer.loop(stop=stop, rests=rests)
    assert len(looked) == 1 and "privacy_replay" in looked[0] and SignerState.objects.get(id=1).seen_at == before, "it stands still"
    memory.open_again()
    assert closing.why_unsigned() == ""


@contextmanager
def no_room() -> Iterator[None]:
    """The ledger’s file cannot grow, as on a full disk."""
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.path().stat().st_size + 20, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def _unlink(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _change(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"kind":"account.purge"', b'"kind":"account.egrup"', 1))


def _another(path: Path) -> None:
    path.unlink()
    file.append([file.Draft("account.purge", None, None, {})] * 3, tx="1.2.3.4", now=NOW)


@pytest.mark.parametrize(("spoil", "code", "says"), [(_unlink, "missing", "Bring it back"), (_cut, "shorter", "ends with line 2"), (_change, "damaged", "never repair"), (_another, "different", "another one")])
@pytest.mark.parametrize("settled", [True, False])
def test_a_ledger_that_is_not_what_was_written_serves_nobody(own: Path, spoil: Callable[[Path], None], code: str, says: str, settled: bool) -> None:
    for _ in range(3):
        write()
    if settled:
        settling.settle(now=NOW)
    assert Client().get("/sign-in/").status_code == 200 and quarantine.now().code == ""
    spoil(file.path())
    quarantine.forget()
    assert quarantine.now().code == code and says in quarantine.now().words
    answer = Client().get("/")
    assert answer.status_code == 503 and "default-src 'none'" in answer["Content-Security-Policy"]
    with pytest.raises(CommandError, match=str(own) if code != "damaged" else "never repair"):
        call_command("privacy_replay")
    with pytest.raises(CommandError, match="nothing is backed up" if live.BACKUPS else "STEWARD_BACKUPS"):
        call_command("backup")


def test_a_file_that_is_taken_away_is_noticed_at_once(own: Path) -> None:
    write()
    assert quarantine.now().code == ""
    file.path().unlink()  # no waiting for the next look
    assert quarantine.now().code == "missing" and closing.why()


def test_processes_stand_still(own: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    client = client_for(world.north.person("owner"))
    file.path().unlink()
    from portal.management.commands.worker import Worker

    done: list[object] = []
    monkeypatch.setattr("rq.SimpleWorker.execute_job", lambda *_a: done.append(1))
    Worker.execute_job(Worker.__new__(Worker), None, None)  # type: ignore[arg-type]
    assert not done and client.get(f"/o/{world.north.slug}/").status_code == 503
    with pytest.raises(CommandError, match="Bring it back"):
        call_command("streamer", "--once")
    with pytest.raises(CommandError, match="Bring it back"):
        call_command("power", "--list")


def test_no_line_no_erasure(own: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file can grow, as on a full disk: a deletion that is due stays whole, operators see it, and it goes on by itself."""
    person, north, later = world.north.person("worker"), world.north, datetime.now(UTC) + timedelta(days=91)
    act(north, "schedule-deletion", person)
    warned(person)
    numbered()
    write("a.line")
    with no_room(), tenancy.installation("the schedule"):
        assert purging.run(now=later) == 0
        account, row = Account.objects.get(id=person.account_id), Deletion.objects.get(account_id=person.account_id)
        assert (account.name, row.state) == ("Worker Person", "waiting") and Membership.objects.get(id=person.id).status == "active"
        with pytest.raises(ledger.Unavailable):
            disclosure.erase_subject(org=north.organization.id, subject=person.account_id, ground="gdpr:17.1.b", now=later)
        assert not Mail.objects.filter(account_id=person.account_id, template="account-deleted").exists()
    with monkeypatch.context() as full:
        full.setattr(file, "ROOM", 1 << 60)
        assert b"disk is full: nothing is deleted" in Client().get("/readyz").content and b"steward_ledger_writable 0.0" in metrics.text()
    with tenancy.installation("the schedule"):
        assert purging.purge(account_id=person.account_id, now=later)
    kinds = [one.kind for one in file.walk() if one.subject == person.account_id]
    assert kinds[0] == "account.purge" and "log.erased" in kinds, "the line stands before what it announces"
    text = file.path().read_text()
    assert account.email not in text and account.name not in text and "@" not in text


def test_every_state_is_a_line(own: Path, world: World) -> None:
    """What the log says about somebody's privacy stands in the ledger, in codes and numbers; a batch that failed is read again and says the same."""
    north = world.north
    with tenancy.installation("a test reads on from here"):
        numbered()
        subscribers.drain([states.SUBSCRIBER])
    act(north, "suspend", north.person("member"), message="Words that are nobody’s business")
    act(north, "revoke-sessions", north.person("auditor"))
    numbered()
    write("a.line")
    before = Cursor.objects.get(name="ledger").pos
    with no_room(), tenancy.installation("the ledger"):
        subscribers.drain([states.SUBSCRIBER])
    assert Cursor.objects.get(name="ledger").pos == before, "without a line the cursor stays"
    arrange(lambda: Cursor.objects.filter(name="ledger").update(not_before=None))
    with tenancy.installation("the ledger"):
        subscribers.drain([states.SUBSCRIBER])
    lines = {(one.kind, one.subject): one for one in file.walk()}
    line = lines["membership.state", north.person("member").account_id]
    assert line.facts["status"] == "suspended" and line.facts["membership"] == str(north.person("member").id) and line.facts["event"]
    assert ("account.state", north.person("auditor").account_id) in lines and "business" not in file.path().read_text()


def test_asking_costs_nothing_in_between(own: Path) -> None:
    write()
    quarantine.now()
    with connection.execute_wrapper(_never), connections[quarantine.ALIAS].execute_wrapper(_never):
        assert not quarantine.now()


def _never(*_arguments: Any) -> None:
    raise AssertionError("the database was asked")


def test_the_operator_lets_in_whom_a_restore_locked(world: World) -> None:
    """Only where nobody manages the account, only with an address that is free, with an entry in the log; and the ledger hears of it."""
    managed, own = world.north.person("member"), world.north.person("guest")
    arrange(lambda: Management.objects.filter(account_id=own.account_id).delete())
    arrange(lambda: Account.objects.filter(id__in=[managed.account_id, own.account_id]).update(status="locked", reason_code="restored_address", status_changed_at=NOW))
    said = manage("restored_address", "list").splitlines()
    assert [line.split("  ")[2] for line in said if str(own.account_id) in line] == ["the operator decides"] and [line for line in said if str(managed.account_id) in line and "organization decides" in line]
    for account, address, words in ((managed.account_id, "new@people.example", "administrators set the address"), (own.account_id, "no address", "no e-mail address"),
                                    (own.account_id, world.north.person("owner").account.email, "."), (uuid4(), "new@people.example", "no such account")):
        with pytest.raises(CommandError, match=words):
            manage("restored_address", "admit", str(account), "--address", address, "--ground", "showed a passport")
    assert "open again" in manage("restored_address", "admit", str(own.account_id), "--address", "new@people.example", "--ground", "showed a passport")
    account = Account.objects.get(id=own.account_id)
    assert (account.status, account.reason_code, account.email) == ("active", "", "new@people.example") and account.reset_required_at is not None
    numbered()
    with tenancy.installation("a test looks"):
        assert Entry.objects.filter(org=INSTALLATION, record__contains='"account.restored_address_set"').count() == 1
        assert Account.objects.get(id=managed.account_id).status == "locked"
    assert not [line for line in manage("restored_address", "list").splitlines() if str(own.account_id) in line]
