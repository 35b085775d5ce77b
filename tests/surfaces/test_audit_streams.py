"""Log streams on pages and through the API: adding, changing, health in words; who may, and what is never shown."""
from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import tenancy
from audit.models import Entry, Stream, StreamAttempt
from audit.streams import secrets
from tests.api.calls import Api
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cast import Org, World
from tests.situations import arrange, stream_for

GOOD = {"name": "SIEM", "kind": "webhook", "url": "https://siem.example.com/in/very-secret-path", "format": "native", "ocsf": "1.8.0", "start": "now"}


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def rows(org: Org) -> list[Stream]:
    with tenancy.scope(org=org.organization.id):
        return list(Stream.objects.filter(org=org.organization.id).order_by("created_at"))


def made(org: Org, name: str = "SIEM", **more: Any) -> Stream:
    found: list[Stream] = []
    arrange(lambda: found.append(stream_for(org, name, **more)))
    return found[0]


def attempt(row: Stream, **more: Any) -> None:
    with tenancy.scope(org=row.org):
        StreamAttempt.objects.create(**{"stream": row.id, "org": row.org, "at": datetime.now(UTC), "first": 1, "last": 9, "count": 9, "took": 31, "test": False, **more})


def records(org: Org, action: str) -> list[dict[str, Any]]:
    with tenancy.installation("look"):
        return [r for r in (json.loads(e.record) for e in Entry.objects.filter(org=org.organization.id)) if r["action"] == action]


def test_added_on_the_page_and_its_secret_shown_once(world: World) -> None:
    org = world.north
    number_all()
    client = client_for(org.person("owner"))
    assert "Type" not in text(client.get(f"/o/{org.slug}/do/add-log-stream/"))
    shown = client.post(f"/o/{org.slug}/do/add-log-stream/", GOOD)
    assert shown.status_code == 200
    secret = re.search(r'value="(whsec_[A-Za-z0-9+/=]+)"', shown.content.decode())
    assert secret
    (row,) = rows(org)
    held = secrets.unseal(bytes(row.secret or b""), stream=row.id)
    assert held is not None
    assert held.text == secret[1]
    assert row.seq > 0, "it begins with what is recorded from now on"
    for path in ("", f"{row.id}/"):
        page = client.get(f"/o/{org.slug}/audit/streams/{path}").content.decode()
        assert "SIEM" in page
        assert "https://siem.example.com" in page
        for word in (secret[1], held.seed.hex(), "very-secret-path"):
            assert word not in page
    assert held.public in client.get(f"/o/{org.slug}/audit/streams/{row.id}/").content.decode()
    (record,) = records(org, "audit.stream_added")
    assert "very-secret-path" not in json.dumps(record)
    assert secret[1] not in json.dumps(record)
    assert {"type": "log_stream", "id": str(row.id)}.items() <= record["targets"][0].items()
    assert {c["path"]: c["after"] for c in record["change"]}["stream.host"] == "https://siem.example.com"
    assert "added the log stream “SIEM”" in text(client.get(f"/o/{org.slug}/audit/"))


def test_the_way_of_a_stream(world: World) -> None:
    """Paused, resumed from elsewhere, another secret, removed: by the pages, each an entry."""
    org = world.north
    number_all()
    row = made(org, seq=1)
    client = client_for(org.person("administrator"))
    assert f'value="{row.id}" selected' in client.get(f"/o/{org.slug}/do/pause-log-stream/?stream={row.id}").content.decode()

    def act(slug: str, **data: Any) -> Any:
        return client.post(f"/o/{org.slug}/do/{slug}/", {"stream": str(row.id), **data})

    assert act("pause-log-stream").status_code == 302
    assert (rows(org)[0].state, rows(org)[0].paused_why) == ("paused", "asked")
    assert act("pause-log-stream").status_code == 422
    assert "Paused" in text(client.get(f"/o/{org.slug}/audit/streams/"))
    assert act("resume-log-stream", start="stood").status_code == 302
    assert (rows(org)[0].state, rows(org)[0].seq) == ("active", 1)
    assert act("resume-log-stream", start="entry", after="0").status_code == 302
    assert rows(org)[0].seq == 0
    assert act("resume-log-stream", start="entry").status_code == 422
    assert act("resume-log-stream", start="entry", after="999999").status_code == 422
    assert act("resume-log-stream", start="entry", after="-1").status_code == 422
    number_all()
    assert act("resume-log-stream", start="now").status_code == 302
    assert rows(org)[0].seq > 1
    before = bytes(rows(org)[0].secret or b"")
    fresh = act("rotate-log-stream-secret")
    after = rows(org)[0]
    held = secrets.unseal(bytes(after.secret or b""), stream=row.id)
    assert held is not None
    assert held.text in fresh.content.decode().replace("&#x2B;", "+")
    assert bytes(after.old_secret or b"") == before
    assert after.old_until is not None
    assert timedelta(hours=23) < after.old_until - datetime.now(UTC) <= timedelta(hours=24)
    attempt(row)
    assert act("remove-log-stream").status_code == 302
    assert rows(org) == []
    with tenancy.scope(org=row.org):
        assert not StreamAttempt.objects.filter(stream=row.id).exists()
    for action in ("paused", "resumed", "secret_rotated", "removed"):
        assert [r for r in records(org, f"audit.stream_{action}") if r["decision"]["outcome"] == "success"], action
    assert "paused the log stream “SIEM”" in text(client.get(f"/o/{org.slug}/audit/"))


@pytest.mark.parametrize(("change", "field"), [
    ({"url": ""}, "url"), ({"url": "siem.example.com"}, "url"), ({"url": "ftp://siem.example.com/"}, "url"), ({"url": "http://siem.example.com/"}, "url"), ({"url": "https://user:pw@siem.example.com/"}, "url"),
    ({"url": "https://siem.example.com/#x"}, "url"), ({"url": "https://siem.example.com:99999/"}, "url"), ({"url": "https://10.0.0.1/"}, "url"), ({"url": "https://[::1]/"}, "url"),
    ({"url": "https://169.254.169.254/latest"}, "url"), ({"url": "https://siem.example.com/a b"}, "url"), ({"url": "https://ex\u00e4mple.com/"}, "url"), ({"url": "https://" + "x" * 600}, "url"),
    ({"kind": "syslog", "url": "https://siem.example.com"}, "url"), ({"kind": "syslog", "url": "siem.example.com:0"}, "url"), ({"kind": "syslog", "url": "127.0.0.1:6514"}, "url"), ({"kind": "syslog", "url": "a:b"}, "url"),
    ({"kind": "file", "url": "/etc/passwd"}, "url"), ({"kind": "carrier pigeon"}, "kind"), ({"format": "yaml"}, "format"), ({"ocsf": "0.1"}, "ocsf"), ({"ca": "not a certificate"}, "ca"),
    ({"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, "ca"), ({"name": ""}, "name"), ({"name": "x" * 61}, "name"), ({"name": "\u200b"}, "name"), ({"start": "entry"}, "after"),
    ({"start": "entry", "after": "x"}, "after"), ({"kind": "file", "url": ""}, "")])
def test_bad_input(world: World, change: dict[str, str], field: str) -> None:
    org = world.north
    answer = client_for(org.person("owner")).post(f"/o/{org.slug}/do/add-log-stream/", {**GOOD, **change})
    assert answer.status_code == 422
    assert not field or field in answer.context["form"].errors
    assert rows(org) == []


def test_syslog_gets_its_port_and_file_streams_are_one(world: World, settings: Any, tmp_path: Any) -> None:
    org, client = world.north, client_for(world.north.person("owner"))
    assert client.post(f"/o/{org.slug}/do/add-log-stream/", {**GOOD, "kind": "syslog", "url": "siem.example.com"}).status_code == 302
    assert rows(org)[0].url == "siem.example.com:6514"
    settings.STREAM_FILES = str(tmp_path)
    assert client.post(f"/o/{org.slug}/do/add-log-stream/", {**GOOD, "kind": "file", "url": "", "name": "Files"}).status_code == 302
    assert client.post(f"/o/{org.slug}/do/add-log-stream/", {**GOOD, "kind": "file", "url": "", "name": "More files"}).status_code == 422
    assert client.post(f"/o/{org.slug}/do/add-log-stream/", {**GOOD, "name": "siem"}).status_code == 422, "the name is taken"
    assert client.post(f"/o/{org.slug}/do/rotate-log-stream-secret/", {"stream": "SIEM"}).status_code == 422, "only webhooks have a secret"


def test_health_in_words(world: World) -> None:
    org = world.north
    number_all()
    row = made(org, seq=0, failures=3, failing_since=datetime.now(UTC), next_try=datetime.now(UTC) + timedelta(minutes=5), last_error="receiver_failed", last_status=502, last_error_at=datetime.now(UTC))
    attempt(row, code="receiver_failed", status=502)
    attempt(row, code="private_address", status=None)
    client = client_for(org.person("auditor"))
    listed, one = text(client.get(f"/o/{org.slug}/audit/streams/")), text(client.get(f"/o/{org.slug}/audit/streams/{row.id}/"))
    for expected in ("Failing, tried again", "The receiver reported an error of its own. It answered 502."):
        assert expected in listed
        assert expected in one
    for expected in ("3 attempts failed. Nothing is lost", "Entries 1 to 9", "leads to a private address", "31 ms"):
        assert expected in one
    assert re.search(r"[1-9]\d* entr", one)
    assert "Send a test" not in one, "an auditor looks"
    assert "Add a log stream" not in listed


def test_every_error_has_words() -> None:
    """Each code that sending can end in is a sentence somewhere."""
    from pathlib import Path

    from portal.streams import ERRORS
    source = "".join((Path(__file__).parents[2] / name).read_text() for name in ("audit/outbound.py", "audit/streams/sending.py"))
    codes = set(re.findall(r'(?:NotSent|Outcome)\("([a-z_]+)"', source)) | set(re.findall(r'"(gone|busy|redirected|refused|receiver_failed|unconfirmed|disk_full|file_refused|too_slow|tls_failed|unreachable)"', source))
    assert codes == set(ERRORS)


def test_a_test_is_asked_for(world: World) -> None:
    org = world.north
    row = made(org)
    client = client_for(org.person("owner"))
    assert client.post(f"/o/{org.slug}/audit/streams/{row.id}/", {"do": "test"}).status_code == 302
    assert rows(org)[0].test_asked_at is not None
    assert "A test delivery waits to be sent." in text(client.get(f"/o/{org.slug}/audit/streams/{row.id}/"))
    assert client.post(f"/o/{org.slug}/audit/streams/{row.id}/", {"do": "nonsense"}).status_code == 404
    assert client_for(org.person("auditor")).post(f"/o/{org.slug}/audit/streams/{row.id}/", {"do": "test"}).status_code == 404


def test_who_may_look_and_act(world: World) -> None:
    org = world.north
    row = made(org)
    for role in ("owner", "administrator", "security", "privacy-officer", "people-manager", "app-manager", "legal", "help-desk", "auditor", "member"):
        client, permissions = client_for(org.person(role)), org.roles[role].permissions
        assert client.get(f"/o/{org.slug}/audit/streams/").status_code == (200 if "view_audit" in permissions else 404), role
        assert client.get(f"/o/{org.slug}/audit/streams/{row.id}/").status_code == (200 if "view_audit" in permissions else 404), role
        assert client.get(f"/o/{org.slug}/do/add-log-stream/").status_code == (200 if "manage_settings" in permissions else 404), role
    stale = client_for(org.person("owner"), tier=0).post(f"/o/{org.slug}/do/pause-log-stream/", {"stream": str(row.id)})
    assert stale.status_code == 302
    assert rows(org)[0].state == "active", "who did not prove who they are does nothing"


def test_other_organizations_streams_are_not_there(world: World) -> None:
    foreign, org = made(world.contoso), world.north
    client, api = client_for(org.person("owner")), Api(world, "owner")
    for i in (foreign.id, uuid.uuid4()):
        assert client.get(f"/o/{org.slug}/audit/streams/{i}/").status_code == 404
        assert client.post(f"/o/{org.slug}/audit/streams/{i}/", {"do": "test"}).status_code == 404
        assert api.client.post(f"{api.base}/audit-streams/{i}/test/", {}, content_type="application/json", **api.headers).status_code == 404
        said = client.post(f"/o/{org.slug}/do/remove-log-stream/", {"stream": str(i)})
        assert said.status_code == 422
        assert "There is no log stream with this name or id." in text(said)
    (left,) = rows(world.contoso)
    assert (left.state, left.test_asked_at) == ("active", None)
    assert "SIEM" not in text(client.get(f"/o/{org.slug}/audit/streams/"))


def test_the_api_does_the_same(world: World) -> None:
    org, api = world.north, Api(world, "owner")

    def post(path: str, body: Any) -> Any:
        return api.client.post(f"{api.base}/{path}", body, content_type="application/json", **api.headers)

    added = post("actions/add-log-stream/", {"name": "Lake", "url": "https://lake.example.com/very-secret-path", "format": "cloudevents", "start": "entry", "after": 0})
    assert added.status_code == 200, added.content
    assert added.json()["secret"].startswith("whsec_")
    (found,) = api.client.get(f"{api.base}/audit-streams/", **api.headers).json()["streams"]
    assert (found["name"], found["kind"], found["format"], found["after"], found["host"]) == ("Lake", "webhook", "cloudevents", 0, "https://lake.example.com")
    answer = api.client.get(f"{api.base}/audit-streams/{found['id']}/", **api.headers)
    assert answer.json()["attempts"] == []
    assert "very-secret-path" not in answer.content.decode()
    assert added.json()["secret"] not in answer.content.decode()
    assert post(f"audit-streams/{found['id']}/test/", {}).json()["test_waiting"] is True
    assert post("actions/pause-log-stream/", {"stream": "Lake"}).status_code == 200
    assert api.client.get(f"{api.base}/audit-streams/", **api.headers).json()["streams"][0]["state"] == "paused"
    assert post("actions/add-log-stream/", {"name": "Other", "url": "https://10.0.0.1/"}).status_code == 422
    assert post("actions/remove-log-stream/", {"stream": "Lake"}).status_code == 200
    assert rows(org) == []
