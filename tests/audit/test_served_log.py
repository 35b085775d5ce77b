"""What anybody may read of the logs: enough to follow them, nothing about anybody."""
from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django.test import Client

from audit import epochs, merkle, notes
from audit.notes import Checkpoint, Verifier
from audit.signer import Signer
from tests.audit.logs import Log, number_all
from tests.audit.signing import only, step

pytestmark = pytest.mark.usefixtures("signing")


@pytest.fixture
def stated(log: Log) -> Log:
    log.write(300)
    number_all()
    only(log.org)
    step()
    return log


def follow(prefix: str, size: int) -> bytes:
    """The root of a log from nothing but its public tiles, as an outsider computes it."""
    client, hashes = Client(), []
    for n in range((size + 255) // 256):
        width = min(256, size - n * 256)
        answer = client.get(f"{prefix}tile/0/{n:03}" + ("" if width == 256 else f".p/{width}"))
        assert answer.status_code == 200 and len(answer.content) == 32 * width
        hashes += [answer.content[at:at + 32] for at in range(0, len(answer.content), 32)]
    return merkle.tree_root(hashes)


def test_an_outsider_follows_a_log_from_its_tiles(stated: Log) -> None:
    client = Client()
    said = json.loads(client.get("/log/keys.json").content)["keys"]
    ed = Verifier.parse(next(k["vkey"] for k in said if k["type"] == "ed25519"))
    for prefix in ("/log/", f"/log/{epochs.opaque(stated.org)}/"):
        text, _lines = notes.parse(client.get(f"{prefix}checkpoint").content.decode())
        head = Checkpoint.parse(text)
        notes.verify(client.get(f"{prefix}checkpoint").content.decode(), [Verifier(head.origin, ed.kind, ed.public)])
        assert follow(prefix, head.size) == head.root
    assert client.get(f"/log/{epochs.opaque(stated.org)}/tile/1/000.p/1").content == merkle.tree_root([client.get(f"/log/{epochs.opaque(stated.org)}/tile/0/000").content[at:at + 32] for at in range(0, 8192, 32)])
    assert client.get("/log/policy").content.startswith(b"log ")


def test_nothing_beyond_the_signed_head_and_nothing_else(stated: Log) -> None:
    stated.write(30)
    number_all()
    opaque, client = epochs.opaque(stated.org), Client()
    assert client.get(f"/log/{opaque}/tile/0/001.p/44").status_code == 200
    for path in (f"/log/{opaque}/tile/0/001.p/45", f"/log/{opaque}/tile/0/001", f"/log/{opaque}/tile/0/002", f"/log/{opaque}/tile/9/000", f"/log/{opaque}/tile/0/1", f"/log/{opaque}/tile/0/001.p/0", f"/log/{opaque}/tile/0/001.p/256",
                 f"/log/{opaque}/tile/0/../../keys.json", "/log/0123456789abcdef01234567/checkpoint", "/log/tile/entries/000", f"/log/{stated.org}/checkpoint", f"/log/{opaque}/tile/0/x001/x234/067"):
        assert client.get(path).status_code == 404, path
    assert client.post("/log/checkpoint").status_code == 405


def test_answers_are_cacheable_and_say_whether_they_changed(stated: Log) -> None:
    client = Client()
    tile = client.get(f"/log/{epochs.opaque(stated.org)}/tile/0/000")
    assert "immutable" in tile.headers["Cache-Control"]
    head = client.get("/log/checkpoint")
    assert "immutable" not in head.headers["Cache-Control"]
    assert client.get("/log/checkpoint", headers={"If-None-Match": head.headers["ETag"]}).status_code == 304


def test_before_the_first_statement_there_is_nothing() -> None:
    assert Client().get("/log/checkpoint").status_code == 404
    assert json.loads(Client().get("/log/keys.json").content) == {"keys": []}


def test_too_many_questions_are_told_when_to_come_back(stated: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.api import auth

    monkeypatch.setitem(auth.LIMITS, "address", 3)
    client = Client()
    answers = [client.get("/log/checkpoint").status_code for _ in range(5)]
    assert answers[0] == 200 and answers[-1] == 429
    assert int(client.get("/log/checkpoint").headers["Retry-After"]) > 0


def test_the_head_of_a_log_carries_the_time_it_was_signed_at(stated: Log) -> None:
    assert epochs.alive(now=datetime.now(UTC))
    Signer().step(now=datetime.now(UTC))
    assert epochs.refusal() == ""
