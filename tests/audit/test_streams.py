"""Log streams against real receivers on loopback: what arrives, in which order, signed by whom, and what happens when a receiver misbehaves."""
from __future__ import annotations

import base64
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connections

from accounts import tenancy
from audit import outbound
from audit.models import Stream, StreamAttempt
from audit.streams import delivery, formats, runner, secrets, sending
from tests.audit.logs import Log, number_all, tampering
from tests.audit.receivers import Authority, Got, Receiver, authority, drip, flood, flood_headers, https, syslog
from tests.situations import arrange

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def receiver(trust: Authority) -> Iterator[Receiver]:
    with https(trust) as made:
        yield made


@pytest.fixture(autouse=True)
def loopback(settings: Any, log: Log) -> Iterator[None]:
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    yield
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_stream WHERE org = %s", [log.org])
        attacker.execute("DELETE FROM audit_streamattempt WHERE org = %s", [log.org])


SECRET = secrets.mint()


def stream(log: Log, **given: Any) -> uuid.UUID:
    row_id = uuid.uuid4()
    values = {"name": f"SIEM {row_id}", "kind": "webhook", "format": "native", "ocsf": "1.8.0", "seq": 0, "created_at": datetime.now(UTC), "secret": secrets.seal(SECRET, stream=row_id), "public_key": SECRET.public}
    arrange(lambda: Stream.objects.create(id=row_id, org=log.org, **{**values, **given}))
    return row_id


def now_due(log: Log, row_id: uuid.UUID) -> None:
    with tenancy.scope(org=log.org):
        Stream.objects.filter(id=row_id).update(next_try=None)


def state(log: Log, row_id: uuid.UUID) -> Stream:
    with tenancy.scope(org=log.org):
        return Stream.objects.get(id=row_id)


def turn(log: Log, row_id: uuid.UUID) -> int:
    now_due(log, row_id)
    return delivery.turn(row_id, log.org)


def written(log: Log, count: int, **given: Any) -> None:
    log.write(count, **given)
    number_all()


def seqs(got: list[Got]) -> list[int]:
    return [json.loads(line)["envelope"]["seq"] for one in got for line in one.body.splitlines()]


def test_what_arrives_is_the_line_of_the_evidence_copy_signed_both_ways(log: Log, receiver: Receiver, trust: Authority) -> None:
    written(log, 3)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    assert turn(log, row_id) == 3
    (got,) = receiver.got
    expected = log.rows("SELECT l.envelope, e.record FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry WHERE l.org = %s ORDER BY l.seq", [log.org])
    assert got.body == b"".join(b'{"envelope":%b,"record":%b}\n' % (e.encode(), r.encode()) for e, r in expected)
    assert got.headers["content-type"] == "application/x-ndjson"
    assert got.headers["host"].startswith("localhost:")
    # v1 by the reference library; it parses JSON bodies only, so it checks the signature and then stumbles over the second line
    checked = standardwebhooks.Webhook(SECRET.text)
    assert checked.sign(got.headers["webhook-id"], datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC), got.body.decode()) in got.headers["webhook-signature"].split()
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        checked.verify(got.body + b" ", got.headers)
    # v1a by cryptography, with the public key that the page shows
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(SECRET.public.removeprefix("whpk_")))
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    (signature,) = [word[4:] for word in got.headers["webhook-signature"].split() if word.startswith("v1a,")]
    public.verify(base64.b64decode(signature), content)
    row = state(log, row_id)
    assert (row.seq, row.upto, row.failures, row.last_error, row.last_status) == (3, None, 0, "", 204)
    assert turn(log, row_id) == 0
    assert len(receiver.got) == 1


def test_both_secrets_sign_while_one_is_replaced(log: Log, receiver: Receiver, trust: Authority) -> None:
    written(log, 1)
    fresh = secrets.mint()
    row_id = stream(log, url=receiver.url, ca=trust.pem, format="cloudevents", old_until=datetime.now(UTC) + timedelta(hours=1))
    arrange(lambda: Stream.objects.filter(id=row_id).update(secret=secrets.seal(fresh, stream=row_id), old_secret=secrets.seal(SECRET, stream=row_id)))
    turn(log, row_id)
    for secret in (fresh, SECRET):
        assert standardwebhooks.Webhook(secret.text).verify(receiver.got[0].body, receiver.got[0].headers)
    arrange(lambda: Stream.objects.filter(id=row_id).update(old_until=datetime.now(UTC) - timedelta(seconds=1)))
    written(log, 1)
    turn(log, row_id)
    assert standardwebhooks.Webhook(fresh.text).verify(receiver.got[1].body, receiver.got[1].headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET.text).verify(receiver.got[1].body, receiver.got[1].headers)


def test_personal_values_only_with_names(log: Log, receiver: Receiver, trust: Authority) -> None:
    written(log, 1)
    for format_ in formats.FORMATS:
        for names in (False, True):
            turn(log, stream(log, url=receiver.url, ca=trust.pem, format=format_, names=names))
            body = receiver.got[-1].body
            assert (b"Ada Example" in body) == names, (format_, names)
            if not names:
                assert not re.search(rb"Bob|Robert|ada@log|asked on the phone", body)


def test_cloudevents(log: Log, receiver: Receiver, trust: Authority) -> None:
    """CloudEvents 1.0, batched content mode: required attributes, types, names of attributes."""
    written(log, 3)
    turn(log, stream(log, url=receiver.url, ca=trust.pem, format="cloudevents"))
    assert receiver.got[0].headers["content-type"] == "application/cloudevents-batch+json"
    events = json.loads(receiver.got[0].body)
    for number, event in enumerate(events, start=1):
        assert event["specversion"] == "1.0"
        assert all(event[name] and isinstance(event[name], str) for name in ("id", "source", "type"))
        assert all(re.fullmatch(r"[a-z0-9]+", name) for name in event)
        assert datetime.fromisoformat(event["time"]).tzinfo is not None
        assert event["data"]["envelope"]["seq"] == number == int(event["sequence"])
        assert event["id"] == event["data"]["record"]["event_id"]
    assert len({(e["source"], e["id"]) for e in events}) == 3
    assert [e["sequence"] for e in events] == sorted(e["sequence"] for e in events)


@pytest.mark.parametrize("version", ["1.8.0", "1.9.0"])
def test_ocsf(log: Log, receiver: Receiver, trust: Authority, version: str) -> None:
    written(log, 2)
    turn(log, stream(log, url=receiver.url, ca=trust.pem, format="ocsf", ocsf=version))
    events = json.loads(receiver.got[0].body)
    assert [e["metadata"]["sequence"] for e in events] == [1, 2]
    assert {e["metadata"]["version"] for e in events} == {version}
    assert all(e["type_uid"] == e["class_uid"] * 100 + e["activity_id"] for e in events)


def test_batches_are_limited_in_number_and_size(log: Log, receiver: Receiver, trust: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    written(log, 1203)
    assert turn(log, stream(log, url=receiver.url, ca=trust.pem)) == 1203
    assert seqs(receiver.got) == list(range(1, 1204))
    assert [len(got.body.splitlines()) for got in receiver.got] == [500, 500, 203]
    monkeypatch.setattr(formats, "LARGEST", 3000)
    receiver.got.clear()
    turn(log, stream(log, url=receiver.url, ca=trust.pem, seq=1190))
    assert seqs(receiver.got) == list(range(1191, 1204))
    assert all(len(got.body) <= 3000 for got in receiver.got)
    monkeypatch.setattr(formats, "LARGEST", 1)
    receiver.got.clear()
    turn(log, stream(log, url=receiver.url, ca=trust.pem, seq=1201))
    assert [len(got.body.splitlines()) for got in receiver.got] == [1, 1]


def test_a_receiver_that_fails_loses_nothing_and_sees_the_same_id_again(log: Log, receiver: Receiver, trust: Authority) -> None:
    written(log, 4)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    receiver.behave = lambda n: 500 if n <= 2 else 200
    assert turn(log, row_id) == 0
    row = state(log, row_id)
    assert (row.seq, row.upto, row.failures, row.last_error, row.last_status) == (0, 4, 1, "receiver_failed", 500)
    assert row.next_try is not None
    assert delivery.turn(row_id, log.org) == 0
    assert len(receiver.got) == 1, "it waits before it tries again"
    written(log, 2)
    turn(log, row_id)
    assert turn(log, row_id) == 6
    first, second, third, fourth = receiver.got
    assert first.body == second.body == third.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == third.headers["webhook-id"] != fourth.headers["webhook-id"]
    assert seqs(receiver.taken) == [1, 2, 3, 4, 5, 6]
    row = state(log, row_id)
    assert (row.seq, row.failures, row.failing_since, row.next_try, row.last_error) == (6, 0, None, None, "")
    with tenancy.scope(org=log.org):
        assert list(StreamAttempt.objects.filter(stream=row_id).order_by("id").values_list("first", "last", "code", "status")) == [
            (1, 4, "receiver_failed", 500), (1, 4, "receiver_failed", 500), (1, 4, "", 200), (5, 6, "", 200)]


def test_whoever_moved_the_cursor_meanwhile_is_right(log: Log, receiver: Receiver, trust: Authority) -> None:
    """While a batch is on its way somebody sets the stream back: it goes on from there, and what was under way counts for nothing."""
    written(log, 4)
    row_id = stream(log, url=receiver.url, ca=trust.pem)

    def moved(n: int) -> int:
        if n == 1:
            with tampering() as outside:
                outside.execute("UPDATE audit_stream SET seq = 1, upto = NULL WHERE id = %s", [row_id])
        return 200

    receiver.behave = moved
    turn(log, row_id)
    assert seqs(receiver.got) == [1, 2, 3, 4, 2, 3, 4] and state(log, row_id).seq == 4


def test_a_batch_that_was_begun_stays_as_it_is(log: Log, receiver: Receiver, trust: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when batches have become smaller meanwhile: a repetition has the same bytes under the same id."""
    written(log, 4)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    receiver.behave = lambda n: 500 if n == 1 else 200
    turn(log, row_id)
    monkeypatch.setattr(formats, "LARGEST", 1)
    turn(log, row_id)
    first, second = receiver.got
    assert first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"] and seqs([second]) == [1, 2, 3, 4]


def test_what_is_erased_or_removed_is_sent_as_such(log: Log, receiver: Receiver, trust: Authority) -> None:
    """An erased value is null. A removed record is null in our own formats; OCSF has nothing to say of it, and the stream goes on."""
    ids = log.write(3)
    number_all()
    arrange_erased(log)
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_entry WHERE id = ANY(%s)", [ids[1:2]])
    turn(log, stream(log, url=receiver.url, ca=trust.pem, names=True))
    lines = [json.loads(line) for line in receiver.got[-1].body.splitlines()]
    opened = lines[0]["disclosed"]
    assert opened["targets.0.label"] is None and opened["actor.name"] == "Ada Example"
    assert [line["record"] is None for line in lines[:3]] == [False, True, False] and lines[1]["envelope"]["seq"] == 2
    row_id = stream(log, url=receiver.url, ca=trust.pem, format="ocsf")
    turn(log, row_id)
    assert [event["metadata"]["sequence"] for event in json.loads(receiver.got[-1].body)][:2] == [1, 3]
    with tampering() as attacker:
        attacker.execute("DELETE FROM audit_entry WHERE org = %s", [log.org])
    sent = len(receiver.got)
    row_id = stream(log, url=receiver.url, ca=trust.pem, format="ocsf")
    assert turn(log, row_id) == state(log, row_id).seq > 0
    assert len(receiver.got) == sent, "there was nothing to say"


def arrange_erased(log: Log) -> None:
    """The person of the log is erased from it."""
    from audit import disclosure

    with tenancy.scope(org=log.org):
        assert disclosure.erase_subject(org=log.org, subject=log.person, ground="gdpr:17.1.b", now=datetime.now(UTC)).openings
    number_all()


def test_a_syslog_message_keeps_the_limits_of_its_form() -> None:
    """RFC 5424: MSGID has at most 32 signs; sequenceId is a whole number from 1 to 2147483647 and begins anew."""
    for seq, said in ((1, 1), (2147483647, 2147483647), (2147483648, 1), (2147483650, 3)):
        made = formats.frame(b"{}", at="2026-11-24T01:00:00.000000Z", what="x" * 40, seq=seq)
        assert f'sequenceId="{said}"'.encode() in made and made.split(b" ")[6] == b"x" * 32


def test_waiting_grows_over_hours_and_is_never_the_same_for_all() -> None:
    assert 1.5 <= min(delivery.pause(0) for _ in range(50))
    assert max(delivery.pause(0) for _ in range(50)) <= 2.5
    assert len({delivery.pause(5) for _ in range(20)}) > 10
    assert all(2700 <= delivery.pause(n) <= 4500 for n in (11, 50, 10_000))
    assert sum(2.0 * 2**n for n in range(11)) + 3600 * 60 > 2 * 86_400


@pytest.mark.parametrize(("answer", "code", "low", "high"), [
    ((429, {"Retry-After": "120"}), "busy", 115, 121), ((503, {"Retry-After": "7"}), "receiver_failed", 5, 8), ((429, {"Retry-After": "99999999"}), "busy", 86_000, 86_401),
    ((429, {"Retry-After": "soon"}), "busy", 1, 3), ((429, {}), "busy", 1, 3), ((500, {"Retry-After": "700"}), "receiver_failed", 1, 3), ((301, {"Location": "https://localhost:1/"}), "redirected", 1, 3),
    ((307, {"Location": "http://169.254.169.254/"}), "redirected", 1, 3), ((404, {}), "refused", 1, 3)])
def test_what_a_receiver_answers(log: Log, receiver: Receiver, trust: Authority, answer: Any, code: str, low: int, high: int) -> None:
    written(log, 1)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    receiver.behave = lambda _n: answer
    turn(log, row_id)
    row = state(log, row_id)
    assert (row.seq, row.last_error, row.last_status) == (0, code, answer[0])
    assert row.next_try is not None
    assert low <= (row.next_try - datetime.now(UTC)).total_seconds() <= high
    assert len(receiver.got) == 1, "nothing follows a redirect"


def test_a_date_in_retry_after() -> None:
    now = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    answer = outbound.Answer(503, {"retry-after": "Tue, 24 Nov 2026 01:05:00 GMT"}, b"")
    assert sending.answered(answer, now).wait == 300


def test_410_pauses_and_is_an_entry(log: Log, receiver: Receiver, trust: Authority) -> None:
    written(log, 1)
    row_id = stream(log, url=receiver.url, ca=trust.pem, name="Lake")
    receiver.behave = lambda _n: 410
    turn(log, row_id)
    row = state(log, row_id)
    assert (row.state, row.paused_why, row.seq) == ("paused", "gone", 0)
    number_all()
    assert log.rows("SELECT action, outcome FROM audit_leaf WHERE org = %s ORDER BY seq DESC LIMIT 1", [log.org]) == [("audit.stream_gone", "success")]
    assert turn(log, row_id) == 0
    assert len(receiver.got) == 1
    assert row_id not in {found[0] for found in delivery.due()}


@pytest.mark.parametrize(("behaviour", "code"), [(drip, "too_slow"), (flood_headers, "unreachable"), (lambda handler: handler.connection.close(), "unreachable"), (lambda _handler: time.sleep(4), "too_slow")])
def test_receivers_that_misbehave(log: Log, receiver: Receiver, trust: Authority, behaviour: Any, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SECONDS", 1.0)
    written(log, 2)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    receiver.behave = lambda _n: behaviour
    began = time.monotonic()
    turn(log, row_id)
    assert time.monotonic() - began < 3
    row = state(log, row_id)
    assert (row.seq, row.last_error) == (0, code)
    receiver.behave = lambda _n: 200
    assert turn(log, row_id) == 2
    assert seqs(receiver.taken) == [1, 2]


def test_a_flood_after_success_is_not_read(log: Log, receiver: Receiver, trust: Authority) -> None:
    written(log, 1)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    receiver.behave = lambda _n: flood
    assert turn(log, row_id) == 1
    assert state(log, row_id).seq == 1


def test_who_is_not_who_it_says_gets_nothing(log: Log, receiver: Receiver, trust: Authority, tmp_path: Path) -> None:
    written(log, 1)
    other = authority(tmp_path, name="elsewhere.example")
    for given in ({"ca": ""}, {"ca": other.pem}):
        row_id = stream(log, url=receiver.url, **given)
        turn(log, row_id)
        assert state(log, row_id).last_error == "tls_failed"
    with https(other) as wrong:
        row_id = stream(log, url=wrong.url, ca=other.pem)
        turn(log, row_id)
        assert state(log, row_id).last_error == "tls_failed"
        assert wrong.got == []
    assert receiver.got == []


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "fec0::1"])
def test_private_addresses_are_refused(settings: Any, address: str) -> None:
    settings.OUTBOUND_ALLOW = []
    assert not outbound.permitted(address)


def test_public_and_listed_addresses_are_not(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = [ip_network("10.1.0.0/16")]
    assert all(map(outbound.permitted, ("93.184.216.34", "2606:2800:220:1::1", "10.1.2.3", "64:ff9b::5db8:d822", "::ffff:93.184.216.34", "::ffff:10.1.2.3")))
    assert not outbound.permitted("10.2.0.1")


def test_a_name_that_changes_its_mind(log: Log, receiver: Receiver, trust: Authority, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was checked is the one that is used; and it is checked at each connection."""
    written(log, 1)
    row_id = stream(log, url=receiver.url.replace("localhost", "siem.example"), ca=trust.pem)
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    asked: list[str] = []
    monkeypatch.setattr(outbound.socket, "getaddrinfo", lambda host, port, **_o: asked.append(host) or [(2, 1, 6, "", (a, port)) for a in answers[min(len(asked) - 1, 1)]])
    used: list[str] = []
    monkeypatch.setattr(outbound.socket, "create_connection", lambda where, timeout: used.append(where[0]) or (_ for _ in ()).throw(ConnectionRefusedError()))
    settings.OUTBOUND_ALLOW = []
    turn(log, row_id)
    assert (used, state(log, row_id).last_error) == (["93.184.216.34"], "unreachable")
    turn(log, row_id)
    assert (used, state(log, row_id).last_error) == (["93.184.216.34"], "private_address")
    assert state(log, row_id).seq == 0


def test_plain_http_only_into_listed_networks(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = []
    with pytest.raises(outbound.NotSent) as caught:
        outbound.request("POST", "http://93.184.216.34/", headers={}, seconds=1)
    assert caught.value.code == "plain_http"
    for address in ("ftp://a.example/", "https:///x", "https://u:p@a.example/", "https://a.example:99999/"):
        with pytest.raises(outbound.NotSent) as caught:
            outbound.request("POST", address, headers={}, seconds=1)
        assert caught.value.code == "bad_address"


def test_syslog(log: Log, trust: Authority) -> None:
    """RFC 5424 messages, each counted in octets, over TLS."""
    written(log, 2)
    written(log, 1, action="test.refused", outcome="denied")
    messages: list[bytes] = []
    with syslog(trust, messages) as port:
        row_id = stream(log, kind="syslog", url=f"localhost:{port}", ca=trust.pem)
        assert turn(log, row_id) == 3
    assert len(messages) == 3
    for number, message in enumerate(messages, start=1):
        found = re.fullmatch(rb'<(\d+)>1 (\S+) (\S+) steward - (\S{1,32}) \[meta sequenceId="(\d+)"\] \xef\xbb\xbf(.*)', message, re.DOTALL)
        assert found, message
        assert int(found[1]) == (108 if number == 3 else 109)
        assert datetime.fromisoformat(found[2].decode()).tzinfo is not None
        assert int(found[5]) == number == json.loads(found[6])["envelope"]["seq"]
    assert messages[2].split()[5] == b"test.refused"


def test_syslog_that_breaks_off_is_tried_again(log: Log, trust: Authority) -> None:
    written(log, 2)
    messages: list[bytes] = []
    with syslog(trust, messages, answer=False) as port:
        row_id = stream(log, kind="syslog", url=f"localhost:{port}", ca=trust.pem)
        assert turn(log, row_id) == 0
        assert state(log, row_id).last_error in {"unconfirmed", "unreachable"}
        assert state(log, row_id).seq == 0


def test_files(log: Log, settings: Any, tmp_path: Path) -> None:
    settings.STREAM_FILES = str(tmp_path)
    written(log, 3)
    row_id = stream(log, kind="file", url="", secret=None, public_key="")
    assert turn(log, row_id) == 3
    (path,) = (tmp_path / str(log.org)).iterdir()
    assert path.name == f"{json.loads(path.read_bytes().splitlines()[0])['envelope']['recorded_at'][:10]}.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("ab") as half:
        half.write(b'{"envelope":{"cut')  # a crash in the middle of a line
    written(log, 2)
    assert turn(log, row_id) == 2
    assert [json.loads(line)["envelope"]["seq"] for line in path.read_bytes().splitlines()] == [1, 2, 3, 4, 5]
    path.unlink()
    path.symlink_to("/etc/hostname")
    written(log, 1)
    turn(log, row_id)
    assert state(log, row_id).last_error == "file_refused"
    settings.STREAM_FILES = ""
    turn(log, row_id)
    assert state(log, row_id).last_error == "files_not_allowed"


def test_a_full_disk_leaves_no_half_line(log: Log, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STREAM_FILES = str(tmp_path)
    written(log, 2)
    row_id = stream(log, kind="file", url="", secret=None, public_key="")
    write = os.write

    def full(handle: int, data: Any) -> int:
        if len(data) > 100:
            return write(handle, bytes(data[:100]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sending.os, "write", lambda handle, data: full(handle, data) if state_calls.append(1) is None and len(state_calls) < 3 else (_ for _ in ()).throw(OSError(28, "full")))
    state_calls: list[int] = []
    turn(log, row_id)
    assert state(log, row_id).last_error == "disk_full"
    (path,) = (tmp_path / str(log.org)).iterdir()
    assert path.read_bytes() == b""
    monkeypatch.setattr(sending.os, "write", write)
    assert turn(log, row_id) == 2


def test_two_at_once_send_everything_once(log: Log, receiver: Receiver, trust: Authority) -> None:
    written(log, 900)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    receiver.behave = lambda _n: time.sleep(0.05) or 200
    taken: list[int] = []

    def work() -> None:
        try:
            for _ in range(5):
                taken.append(delivery.turn(row_id, log.org))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 900
    assert seqs(receiver.got) == list(range(1, 901))


def test_a_slow_receiver_does_not_hold_up_others(log: Log, receiver: Receiver, trust: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More slow receivers than hands, and one good one, served by the real loop."""
    monkeypatch.setattr(sending, "SECONDS", 1.0)
    written(log, 5)
    with https(trust) as slow:
        slow.behave = lambda _n: lambda _handler: time.sleep(3)
        bad = [stream(log, url=slow.url, ca=trust.pem, failures=3) for _ in range(runner.HANDS + 4)]
        good = stream(log, url=receiver.url, ca=trust.pem)
        with tenancy.scope(org=log.org):
            Stream.objects.filter(id=good).update(served_at=datetime.now(UTC) + timedelta(hours=1))  # it is the last in line
        arrange(lambda: Stream.objects.exclude(id__in=[*bad, good]).update(state="paused"))  # what other tests left is not served here
        stop = threading.Event()
        thread = threading.Thread(target=lambda: runner.loop(stop=stop, tick=0.05))
        thread.start()
        end = time.monotonic() + 3
        while not receiver.got and time.monotonic() < end:
            time.sleep(0.02)
        gave_up = [one for one in bad if state(log, one).last_error == "too_slow"]
        stop.set()
        thread.join(15)
        assert not thread.is_alive(), "told to stop, it ends"
    assert seqs(receiver.got) == [1, 2, 3, 4, 5]
    assert gave_up == [], "it was served before the slow ones gave up"
    assert any(state(log, one).last_error == "too_slow" for one in bad)


def test_killed_in_the_middle_nothing_is_missing(log: Log, receiver: Receiver, trust: Authority) -> None:
    """Three kill -9 of the real process while it sends. What arrives twice has the same id and the same bytes; the order holds."""
    written(log, 1500)
    stream(log, url=receiver.url, ca=trust.pem)
    receiver.behave = lambda _n: time.sleep(0.15) or 200
    environment = {**os.environ, "STEWARD_OUTBOUND_ALLOW": "127.0.0.0/8", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    for kill in range(1, 5):
        process = subprocess.Popen([sys.executable, "manage.py", "streamer"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before, end = len(receiver.got), time.monotonic() + 90
        while len(receiver.got) < before + (1 if kill < 4 else 999) and time.monotonic() < end and max(seqs(receiver.taken), default=0) < 1500:
            time.sleep(0.01)
        if kill == 4:
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        else:
            process.kill()
            process.wait()
    bodies: dict[str, bytes] = {}
    order: list[int] = []
    for got in receiver.got:
        message = got.headers["webhook-id"]
        assert bodies.setdefault(message, got.body) == got.body
    for message in dict.fromkeys(got.headers["webhook-id"] for got in receiver.got):
        order += [json.loads(line)["envelope"]["seq"] for line in bodies[message].splitlines()]
    assert order == list(range(1, 1501))
    assert len(receiver.got) > len(bodies), "at least one was cut off and came again"


def test_a_test_delivery(log: Log, receiver: Receiver, trust: Authority) -> None:
    """It says nothing of the log, moves nothing, and works while the stream is paused."""
    with tampering() as outside:
        outside.execute("DELETE FROM audit_stream")  # those of other tests, of which there may be more than one look takes
    written(log, 1)
    row_id = stream(log, url=receiver.url, ca=trust.pem, state="paused", test_asked_at=datetime.now(UTC))
    assert row_id in {found[0] for found in delivery.due()}
    turn(log, row_id)
    said = json.loads(receiver.got[0].body)
    assert said == {"test": True, "stream": str(row_id), "org": str(log.org)}
    assert standardwebhooks.Webhook(SECRET.text).verify(receiver.got[0].body, receiver.got[0].headers) == said
    assert len(receiver.got) == 1
    row = state(log, row_id)
    assert (row.seq, row.test_asked_at) == (0, None)
    with tenancy.scope(org=log.org):
        assert list(StreamAttempt.objects.filter(stream=row_id).values_list("test", "code", "status")) == [(True, "", 204)]


def test_a_test_that_is_asked_for_while_one_is_made_is_made_too(log: Log, receiver: Receiver, trust: Authority) -> None:
    row_id = stream(log, url=receiver.url, ca=trust.pem, state="paused", test_asked_at=datetime.now(UTC) - timedelta(minutes=1))

    def once_more(n: int) -> int:
        if n == 1:
            with tampering() as outside:
                outside.execute("UPDATE audit_stream SET test_asked_at = now() WHERE id = %s", [row_id])
        return 200

    receiver.behave = once_more
    turn(log, row_id)
    assert len(receiver.got) == 2 and receiver.got[0].headers["webhook-id"] != receiver.got[1].headers["webhook-id"]


def test_the_delivery_log_has_an_end(log: Log, receiver: Receiver, trust: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "KEPT", 3)
    written(log, 6)
    monkeypatch.setattr(formats, "LARGEST", 1)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    turn(log, row_id)
    with tenancy.scope(org=log.org):
        assert list(StreamAttempt.objects.filter(stream=row_id).order_by("id").values_list("first", flat=True)) == [4, 5, 6]


def test_secrets_are_in_no_log_and_worthless_elsewhere(log: Log, receiver: Receiver, trust: Authority, caplog: pytest.LogCaptureFixture) -> None:
    written(log, 1)
    row_id = stream(log, url=receiver.url, ca=trust.pem)
    receiver.behave = lambda _n: 500
    with caplog.at_level(logging.DEBUG):
        turn(log, row_id)
        receiver.behave = lambda _n: 410
        turn(log, row_id)
    assert "receiver_failed" in caplog.text
    for word in ("whsec_", base64.b64encode(SECRET.shared).decode(), SECRET.seed.hex(), "very-secret-path"):
        assert word not in caplog.text
    row = state(log, row_id)
    assert SECRET.shared not in bytes(row.secret or b"")
    assert secrets.unseal(bytes(row.secret or b""), stream=row_id) == SECRET
    assert secrets.unseal(bytes(row.secret or b""), stream=uuid.uuid4()) is None
    assert secrets.seal(SECRET, stream=row_id) != secrets.seal(SECRET, stream=row_id), "the same number twice would give the key away"
    arrange(lambda: Stream.objects.filter(id=row_id).update(secret=b"x" * 40, state="active"))
    turn(log, row_id)
    assert state(log, row_id).last_error == "secret_unreadable"


def test_what_the_page_about_receivers_shows_works(log: Log, receiver: Receiver, trust: Authority) -> None:
    """The example of docs/streams.md, executed with a delivery that was really made."""
    written(log, 2)
    turn(log, stream(log, url=receiver.url, ca=trust.pem))
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/streams.md").read_text(), re.DOTALL)
    space: dict[str, Any] = {}
    exec(code, space)
    got = receiver.got[0]
    assert space["genuine"](got.headers, got.body, SECRET.text)
    assert space["genuine_by_public_key"](got.headers, got.body, SECRET.public)
    for headers, body in ((got.headers, got.body + b" "), ({**got.headers, "webhook-id": "msg_other"}, got.body), ({**got.headers, "webhook-timestamp": str(int(time.time()) - 4000)}, got.body)):
        assert not space["genuine"](headers, body, SECRET.text)
        assert not space["genuine_by_public_key"](headers, body, SECRET.public)
    assert not space["genuine"](got.headers, got.body, secrets.mint().text)
