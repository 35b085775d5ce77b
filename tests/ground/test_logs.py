"""The log says what happened and names nobody: no addresses, no names, no query strings, no links that carry authority."""
from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import Account
from portal.logs import Json, Line, mask
from tests.browse import client_for
from tests.cast import World


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that any logger says, at every level, as production writes it."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Json())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_people_do_leaves_no_trace_of_who_they_are(world: World, written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = world.north.person("owner")
    account = Account.objects.get(id=owner.account_id)
    member = Account.objects.get(id=world.north.person("member").account_id)
    browser = client_for(owner, raise_request_exception=False)
    slug = world.north.slug
    assert Client(REMOTE_ADDR="203.0.113.77").post("/sign-in/", {"login": member.email, "password": "not the password at all"}).status_code == 200
    shown = browser.get(f"/o/{slug}/people/", {"q": "Quintessa Marlowe quintessa@example.org"})
    assert shown.status_code == 200, shown.content.decode().split("<main")[-1]
    table = SimpleUploadedFile("people.csv", f"email,name,role\nbroken line,Quintessa,{account.email}\nquintessa@example.org,Quintessa Marlowe,no-such-role,more\n".encode())
    assert browser.post(f"/o/{slug}/people/import/", {"file": table}).status_code in {302, 422}
    assert Client().get("/sign-in/reset/2n-cn2abc-5f4dcc3b5aa765d61d8327deb882cf99/").status_code in {200, 302}
    assert Client().get("/invitation/single-use-secret-of-quintessa/").status_code in {200, 302, 404}

    def fails(*_args: object, **_options: object) -> None:
        raise RuntimeError(f"cannot show 'Quintessa Marlowe' <{account.email}> at 203.0.113.77\nKey (email)=({account.email})")

    monkeypatch.setattr("portal.views.people.render", fails)
    assert browser.get(f"/o/{slug}/people/?q=quintessa%40example.org").status_code == 500
    said = written.getvalue()
    for secret in (member.email, member.name, account.email, account.email.split("@")[0] + "@", "example.org", "Quintessa", "Marlowe", "quintessa", "203.0.113.77", "127.0.0.1", "not the password", "cn2abc", "q=", slug, account.name):
        assert secret.lower() not in said.lower(), (secret, [line for line in said.splitlines() if secret.lower() in line.lower()])
    requests = [line for line in lines(written) if line["message"] == "request"]
    assert [(line["route"], line["status"]) for line in requests][:3] == [("account_login", 200), ("people", 200), ("people-import", requests[2]["status"])]
    assert all(line["request_id"] and line["time"] and line["level"] == "INFO" and line["logger"] == "steward.request" and "duration_ms" in line for line in requests)
    fault = next(line for line in lines(written) if line["level"] == "ERROR")
    assert (fault["route"], fault["request_id"], fault["message"]) == ("people", requests[-1]["request_id"], "Internal Server Error: people")
    assert fault["exception"][0]["type"] == "RuntimeError"  # type: ignore[index]
    assert any("portal/views/people.py" in place for place in fault["exception"][0]["at"])  # type: ignore[index]


def test_what_the_database_says_of_a_row_is_not_written(world: World, written: io.StringIO) -> None:
    account = Account.objects.get(id=world.north.person("owner").account_id)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE seen (email text PRIMARY KEY) ON COMMIT DROP")
            for _ in range(2):
                cursor.execute("INSERT INTO seen VALUES (%s)", [account.email])
    except IntegrityError:
        logging.getLogger("steward.jobs").exception("it failed")
    said = lines(written)[-1]["exception"]
    assert [error["type"] for error in said] == ["django.db.utils.IntegrityError", "psycopg.errors.UniqueViolation"]  # type: ignore[index,union-attr]
    assert account.email not in written.getvalue() and "seen_pkey" in written.getvalue()


@pytest.mark.parametrize(("text", "shown"), [
    ("mail to ada.l+x@example.org failed", "mail to [address] failed"), ("Ada <ada@münchen.example>", "Ada <[address]>"), ("next=ada%40example.org", "next=[address]"), ("from 203.0.113.7, 10.0.0.1", "from [ip], [ip]"),
    ("from 2001:db8::17 and ::1", "from [ip] and [ip]"), ("GET /o/x/people/?q=ada&page=2 HTTP", "GET /o/x/people/?[query] HTTP"), ("/invitation/abc-def/ and /sign-in/reset/1-x/", "/invitation/[link]/ and /sign-in/reset/[link]/"),
    ("Authorization: Bearer stw_abc.def", "Authorization: [token]"), ("used stw_abcDEF", "used [token]"), ("took 12:30:45 and 1.5 s, is that so? yes", "took 12:30:45 and 1.5 s, is that so? yes"),
    ("plan 2f1e6a1c-0000-4000-8000-000000000000 row 12", "plan 2f1e6a1c-0000-4000-8000-000000000000 row 12")])
def test_what_looks_like_an_address_is_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_a_record_that_cannot_be_formatted_is_still_one_line() -> None:
    record = logging.LogRecord("steward.x", logging.INFO, "x.py", 1, "%d of %s\nsecond line", ("many",), None)
    record.fields = {"what": object()}
    assert json.loads(Json().format(record))["message"] == "%d of %s\nsecond line"
    assert "\n" not in Json().format(record)


def test_the_line_for_people_is_masked_too() -> None:
    try:
        raise ValueError("no such person: 'Ada Lovelace'")
    except ValueError:
        import sys

        text = Line().format(logging.LogRecord("steward.x", logging.ERROR, "x.py", 1, "for %s", ("ada@example.org",), sys.exc_info()))
    assert "for [address]" in text and "ValueError: no such person: '…'" in text and "Lovelace" not in text
    assert "tests/ground/test_logs.py:" in text
