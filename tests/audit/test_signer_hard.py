"""The signer on bad days: a second one that takes over, a folder that is lost, a memory that is damaged, peers that dawdle, logs that shrink in silence."""
from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit import keys, merkle, notes, timestamping, witness
from audit.models import Epoch, LogKey, SignerState
from audit.notes import Verifier
from audit.signer import ALIAS, Refused, Signer
from tests.audit.logs import Log, number_all, tampering
from tests.audit.signing import only, state, step
from tests.audit.test_witness import peer

pytestmark = pytest.mark.usefixtures("signing")


@pytest.fixture
def stated(log: Log) -> Log:
    log.write(5)
    number_all()
    only(log.org)
    state(log.org)
    return log


def later(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def refused() -> str:
    return SignerState.objects.get(id=1).refused


def rebuild(log: Log, attacker: Any) -> None:
    leaves = [bytes(r[0]) for r in attacker.execute("SELECT leaf_sha256 FROM audit_leaf WHERE org = %s ORDER BY seq", [log.org])]
    size, peaks = merkle.append(0, [], leaves)
    attacker.execute("UPDATE audit_tree SET size = %s, root = %s, range = %s WHERE org = %s", [size, merkle.root(peaks), peaks, log.org])


def rewrite(log: Log, seq: int) -> None:
    with tampering() as attacker:
        attacker.execute("UPDATE audit_leaf SET leaf_sha256 = %s WHERE org = %s AND seq = %s", [b"\1" * 32, log.org, seq])
        rebuild(log, attacker)


def cut(log: Log, size: int) -> None:
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_leaf WHERE org = %s AND seq > %s", [log.org, size])
        rebuild(log, attacker)


def test_who_takes_over_remembers_what_the_first_signed(stated: Log) -> None:
    second = Signer()  # waits for the lock with what it read then
    stated.write()
    step(now=later(2))
    stated.write()
    number_all()
    rewrite(stated, 6)
    assert second.step(now=later(4)) == 0
    assert "its first 6 entries are not those that were signed" in refused()


def test_who_takes_over_signs_with_the_newest_keys(stated: Log) -> None:
    second = Signer()
    call_command("rotate_log_key")
    stated.write()
    number_all()
    second.step(now=later(4))
    newest = Verifier.parse(LogKey.objects.filter(type="ed25519").order_by("-id").first().vkey)  # type: ignore[union-attr]
    note = Epoch.objects.using(ALIAS).order_by("-pos").first().note  # type: ignore[union-attr]
    text, lines = notes.parse(note)
    assert any(Verifier(line.name, notes.ED25519, newest.public).signed(text, line.signature) for line in lines)


def test_an_empty_folder_makes_no_keys_beside_those_that_are_known(stated: Log, settings: Any, tmp_path: Path) -> None:
    before = keys.published()
    settings.SIGNER_DIR = str(tmp_path / "elsewhere")
    with pytest.raises(keys.NoKeys, match="no keys"):
        Signer().step(now=later(2))
    assert keys.published() == before
    assert not (tmp_path / "elsewhere" / "keys.json").exists()


def test_foreign_keys_are_not_published(stated: Log, settings: Any, tmp_path: Path) -> None:
    before = keys.published()
    settings.SIGNER_DIR = str(tmp_path / "foreign")
    (tmp_path / "foreign").mkdir(mode=0o700)
    keys.save(keys.KeyRing(tmp_path / "foreign", "other.example", [keys.fresh(datetime.now(UTC))]))
    with pytest.raises(keys.NoKeys, match="not the keys"):
        Signer().step(now=later(2))
    assert keys.published() == before


def test_a_damaged_memory_can_be_adopted(stated: Log) -> None:
    (keys.folder() / "memory.json").write_text("{")
    with pytest.raises(keys.NoKeys, match="--adopt"):
        Signer().step(now=later(2))
    call_command("signer", "--adopt")
    stated.write()
    number_all()
    assert Signer().step(now=later(2)) == 1


def test_adopting_after_a_restore_forgets_what_is_gone(stated: Log) -> None:
    cut(stated, 3)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_epoch")
        attacker.execute("DELETE FROM audit_rootcheckpoint")
        attacker.execute("DELETE FROM audit_tile WHERE org = '00000000-0000-4000-8000-000000000002'")
    Signer().step(now=later(2))
    assert "was an older database restored" in refused()
    call_command("signer", "--adopt")
    assert Signer().step(now=later(4)) == 1 and refused() == ""


def test_new_keys_do_not_stand_in_for_a_lost_memory(stated: Log) -> None:
    (keys.folder() / "memory.json").unlink()
    before = keys.published()
    rewrite(stated, 2)
    with pytest.raises(SystemExit):
        call_command("rotate_log_key")
    assert Epoch.objects.using(ALIAS).count() == 1 and keys.published() == before
    with pytest.raises(Refused, match="memory is gone"):
        Signer().step(now=later(2))


def test_a_refused_log_leaves_the_keys_as_they_were(stated: Log) -> None:
    before = keys.published()
    rewrite(stated, 2)
    with pytest.raises(SystemExit):
        call_command("rotate_log_key")
    assert keys.published() == before and len(keys.ring(now=later(0)).pairs) == 1


def test_a_truncated_tail_is_noticed_though_nobody_asks(stated: Log) -> None:
    cut(stated, 3)
    Signer().step(now=later(2))
    assert "it has 3 entries and had 5 when it was signed last" in refused()


def test_a_restored_database_is_noticed_before_it_grows(stated: Log) -> None:
    signer = Signer()
    stated.write()
    step(signer, now=later(2))
    cut(stated, 5)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_rootcheckpoint WHERE size = 2")
        attacker.execute("DELETE FROM audit_epoch WHERE pos = 1")
    Signer().step(now=later(4))
    assert "it has 5 entries and had 6 when it was signed last" in refused()


def test_a_refusal_stays_and_is_not_said_each_second(stated: Log, caplog: pytest.LogCaptureFixture) -> None:
    cut(stated, 3)
    signer = Signer()
    for second in range(5):
        signer.step(now=later(2) + timedelta(seconds=second))
        assert "it has 3 entries" in refused()
    assert len([r for r in caplog.records if "the signer refuses" in r.getMessage()]) == 1


def test_an_idle_signer_writes_nothing(stated: Log) -> None:
    signer = Signer()
    before = (keys.folder() / "memory.json").stat().st_mtime_ns
    signer.step(now=later(2))
    assert (keys.folder() / "memory.json").stat().st_mtime_ns == before


def _drip(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 40\r\n\r\n")
    try:
        for _ in range(40):
            handler.wfile.write(b"x")
            time.sleep(0.2)
    except OSError:
        pass


def _drip_head(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
    try:
        for byte in b"HTTP/1.0 200 OK\r\nX-Long: " + b"y" * 40:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.2)
    except OSError:
        pass


@pytest.mark.parametrize("answer", [_drip, _drip_head])
def test_a_witness_that_dawdles_holds_nothing_up(stated: Log, settings: Any, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(witness, "SECONDS", 0.5)
    stated.write()
    with peer(answer) as url:
        settings.WITNESSES = [{"name": "slow", "vkey": Verifier("witness.example/slow", notes.COSIGNATURE, bytes(range(32))).vkey, "url": url}]
        begun = time.monotonic()
        step(now=later(2))
        assert time.monotonic() - begun < 3
    assert Epoch.objects.using(ALIAS).count() == 2


@pytest.mark.parametrize("answer", [_drip, _drip_head])
def test_an_authority_that_dawdles_holds_nothing_up(settings: Any, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(timestamping, "SECONDS", 0.5)
    with peer(answer) as url:
        settings.TIMESTAMP_URL = url
        begun = time.monotonic()
        assert timestamping.stamp(b"x") is None
        assert time.monotonic() - begun < 3


def test_signers_that_begin_at_once_make_one_set_of_keys(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keys.fresh

    def slowly(now: datetime) -> keys.Pair:
        time.sleep(0.2)
        return made(now)

    monkeypatch.setattr(keys, "fresh", slowly)
    with ThreadPoolExecutor(4) as pool:
        rings = list(pool.map(lambda _n: keys.ring(now=datetime.now(UTC)), range(4)))
    assert len({ring.verifiers()[0][1].vkey for ring in rings}) == 1
