"""Witnesses and the time-stamping authority: real peers on loopback, and peers that are slow, lying or gone."""
from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from audit import epochs, keys, notes, timestamping, witness
from audit.models import LogKey
from audit.notes import Checkpoint, Verifier
from audit.signer import Signer
from tests.audit.logs import Log, number_all, tampering
from tests.audit.signing import only, step
from tests.faults.installation import free_port
from tests.peer_witness import Witness, serve
from tests.plugin_services import ROOT

pytestmark = pytest.mark.usefixtures("signing")


@pytest.fixture
def box(tmp_path: Path, log: Log, settings: Any) -> Iterator[dict[str, str]]:
    """A witness as a process of its own, which knows this installation's root log."""
    log.write()
    number_all()
    only(log.org)
    Signer()
    port, vkey = free_port(), LogKey.objects.get(type="ed25519").vkey
    with subprocess.Popen([sys.executable, "-m", "tests.peer_witness", str(port), str(tmp_path), "witness.example/box", vkey], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            own = process.stdout.readline().strip()
            settings.WITNESSES = [{"name": "box", "vkey": own, "url": f"http://127.0.0.1:{port}/"}]
            _await(port)
            yield settings.WITNESSES[0]
        finally:
            process.kill()


def _await(port: int) -> None:
    import socket

    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the peer did not start")


def cosigners() -> list[str]:
    head = epochs.root_checkpoint()
    assert head is not None
    return [s.name for s in notes.parse(head.note)[1]]


def later(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def test_a_witness_cosigns_what_continues(box: dict[str, str], log: Log) -> None:
    step()
    log.write(3)
    step(now=later(2))
    head = epochs.root_checkpoint()
    assert head is not None and head.size == 2
    assert Verifier.parse(box["vkey"]) in notes.verify(head.note, [Verifier.parse(box["vkey"])])[1]
    assert keys.policy().endswith("quorum box\n") and f"witness box {box['vkey']}\n" in keys.policy()


def test_a_witness_that_missed_some_is_caught_up(box: dict[str, str], log: Log, settings: Any) -> None:
    """It stands at an earlier size and says so (409); it is given the proof from there."""
    step()
    known, settings.WITNESSES = settings.WITNESSES, []
    for minutes in (2, 4, 6):
        log.write()
        step(now=later(minutes))
    assert "witness.example/box" not in cosigners()
    settings.WITNESSES = known
    log.write()
    step(now=later(8))
    assert "witness.example/box" in cosigners()


def test_a_witness_does_not_sign_a_rewritten_history(box: dict[str, str], log: Log) -> None:
    """The key was stolen and the memory with it: the witness remembers."""
    step()
    log.write()
    step(now=later(2))
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_rootcheckpoint")
        attacker.execute("UPDATE audit_epoch SET leaf_sha256 = %s WHERE pos = 0", [b"\3" * 32])
        attacker.execute("DELETE FROM audit_tile WHERE org = '00000000-0000-4000-8000-000000000002'")
    log.write()
    number_all()
    keys.folder().joinpath("memory.json").unlink()
    signer = Signer()
    signer.memory.exists = True
    signer.step(now=later(4))
    assert "witness.example/box" not in cosigners()


@contextmanager
def peer(answer: Any) -> Iterator[str]:
    """A server that answers whatever the test wants."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _say(status: int, body: bytes, wait: float = 0) -> Any:
    def answer(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        time.sleep(wait)
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def _other_key(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    text = notes.parse(body.decode().partition("\n\n")[2])[0]
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    _say(200, notes.cosign(text, name="witness.example/liar", key=Ed25519PrivateKey.generate(), at=1).line.encode())(handler, body)


@pytest.mark.parametrize("answer", [_say(500, b""), _say(200, b""), _say(200, b"nonsense\n"), _say(409, b"999999\n"), _say(409, b"x"), _other_key, _say(302, b""), _say(200, b"\xff" * 100_000), _say(200, b"", wait=1.5)])
def test_bad_witnesses_hold_nothing_up(log: Log, settings: Any, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "SECONDS", 0.5)
    log.write()
    number_all()
    only(log.org)
    liar = Verifier("witness.example/liar", notes.COSIGNATURE, bytes(range(32)))
    with peer(answer) as url:
        settings.WITNESSES = [{"name": "liar", "vkey": liar.vkey, "url": url}, {"name": "gone", "vkey": liar.vkey, "url": "http://127.0.0.1:1/"}]
        begun = time.monotonic()
        step()
        assert time.monotonic() - begun < 4
    assert len(cosigners()) == 2 and "witness.example/liar" not in cosigners()


def test_the_box_refuses_what_it_must(tmp_path: Path) -> None:
    """The answers that the protocol asks for, from the peer the other tests rely on."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    box = Witness(tmp_path, "witness.example/box", [Verifier("log.example/root", notes.ED25519, key.public_key().public_bytes_raw())])

    def ask(old: int, head: Checkpoint, *, by: Ed25519PrivateKey = key) -> int:
        return box.add(f"old {old}\n\n" + notes.note(head.text, [notes.sign(head.text, name=head.origin, key=by)]))[0]

    assert ask(0, Checkpoint("other.example/root", 1, b"\1" * 32)) == 404
    assert ask(0, Checkpoint("log.example/root", 1, b"\1" * 32), by=Ed25519PrivateKey.generate()) == 403
    assert ask(0, Checkpoint("log.example/root", 1, b"\1" * 32)) == 200
    assert ask(0, Checkpoint("log.example/root", 2, b"\1" * 32)) == 409
    assert ask(1, Checkpoint("log.example/root", 2, b"\1" * 32)) == 422
    assert ask(1, Checkpoint("log.example/root", 1, b"\2" * 32)) == 409
    assert ask(3, Checkpoint("log.example/root", 2, b"\1" * 32)) == 400
    assert box.add("nonsense")[0] == 400
    assert Witness(tmp_path, "witness.example/box", []).heads == box.heads
    server = serve(box, 0)
    server.server_close()


@pytest.fixture
def authority(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """A time-stamping authority: stock openssl behind a small server."""
    (tmp_path / "tsa.cnf").write_text(f"[tsa]\ndefault_tsa = one\n[one]\nserial = {tmp_path}/serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256, sha384, sha512\naccuracy = secs:1\nordering = no\ntsa_name = no\ness_cert_id_alg = sha256\n"
                                      "[ext]\nextendedKeyUsage = critical,timeStamping\nbasicConstraints = CA:FALSE\n[req]\ndistinguished_name = dn\n[dn]\n")
    (tmp_path / "serial").write_text("01\n")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=Test Authority", "-days", "2", "-config", "tsa.cnf", "-extensions", "ext"],
                   cwd=tmp_path, capture_output=True, check=True)

    def stamp(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        (tmp_path / "query.tsq").write_bytes(body)
        done = subprocess.run(["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "one", "-queryfile", "query.tsq", "-signer", "cert.pem", "-inkey", "key.pem", "-out", "reply.tsr"], cwd=tmp_path, capture_output=True, check=False)
        _say(200 if done.returncode == 0 else 500, (tmp_path / "reply.tsr").read_bytes() if done.returncode == 0 else done.stderr)(handler, body)

    with peer(stamp) as url:
        settings.TIMESTAMP_URL = url
        yield tmp_path


def test_stock_openssl_verifies_a_time_stamp(authority: Path, log: Log) -> None:
    log.write()
    number_all()
    only(log.org)
    step()
    head = epochs.root_checkpoint()
    assert head is not None and head.stamp is not None
    (authority / "stamp.tsr").write_bytes(bytes(head.stamp))
    (authority / "text").write_text(notes.parse(head.note)[0])
    command = ["openssl", "ts", "-verify", "-data", "text", "-in", "stamp.tsr", "-CAfile", "cert.pem", "-untrusted", "cert.pem"]
    assert subprocess.run(command, cwd=authority, capture_output=True, check=False).returncode == 0
    (authority / "text").write_text("something else\n")
    assert subprocess.run(command, cwd=authority, capture_output=True, check=False).returncode != 0


def test_a_stamp_of_something_else_is_not_kept(authority: Path, settings: Any) -> None:
    other = timestamping.stamp(b"one thing")
    assert other is not None
    with peer(_say(200, other)) as url:
        settings.TIMESTAMP_URL = url
        assert timestamping.stamp(b"one thing") is None  # another nonce
        assert timestamping.stamp(b"another thing") is None
    for answer in (_say(500, b""), _say(200, b""), _say(200, b"\x30\x03\x02\x01\x02"), _say(200, hashlib.sha256(b"x").digest())):
        with peer(answer) as url:
            settings.TIMESTAMP_URL = url
            assert timestamping.stamp(b"one thing") is None
    settings.TIMESTAMP_URL = "http://127.0.0.1:1/"
    assert timestamping.stamp(b"one thing") is None
