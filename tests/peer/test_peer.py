"""A program of its own, in a process of its own, lives with Steward: people sign in there with their account, and what happens to them here arrives there and is answered."""
from __future__ import annotations

import base64
import io
import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook as Signer

from accounts import purging, tenancy
from accounts.models import OAuthApplication, SignalStream, Webhook
from accounts.oauth import calling
from accounts.signals import push
from accounts.webhooks import delivery
from audit import outbound, subscribers
from audit.streams import runner
from dsar.export import run
from dsar.powers import carrying
from dsar.relays import sending
from dsar.relays.models import Responder
from portal import demo_notes
from tests import live
from tests.audit.logs import nothing_waits, number_all
from tests.cases.helpers import received
from tests.cases.test_acts import by
from tests.cases.test_carrying import over, the_copy
from tests.cast import PASSWORD, World
from tests.deletion.acts import act
from tests.dsar import copies
from tests.plugin_services import ROOT
from tests.relays.programs import relays
from tests.relays.test_push import entries
from tests.situations import arrange, deletion_for

TOKEN = re.compile(r'name="(csrf[a-z]*)" value="([^"]+)"')


@pytest.fixture
def notes(world: World, settings: Any, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """Notes runs, and is known to the first organization with everything that the demo gives it."""
    nothing_waits()
    with live.serving() as here, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        settings.STEWARD_URL, settings.DEMO_NOTES = here, [("127.0.0.1", port)]
        service = next(one for one in world.north.services if one.slug == "notes")
        known: dict[str, str] = {}
        arrange(lambda: known.update(demo_notes.equip(service, f"http://127.0.0.1:{port}", now=datetime.now(UTC))))
        file = tmp_path / "notes.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(known))
        with (tmp_path / "log").open("wb") as log, subprocess.Popen([sys.executable, "-m", "tests.peer", str(file)], cwd=ROOT, env={"PATH": "/usr/bin"}, stdout=log, stderr=log) as process:
            try:
                with tenancy.scope(org=world.north.organization.id):
                    until(lambda: SignalStream.objects.filter(application_id=known["application"], method="push").exists())  # it has asked for security events by itself
                yield SimpleNamespace(url=known["address"], known=known, here=here, store=tmp_path / "notes.sqlite3", service=service, org=world.north)
            finally:
                process.terminate()


def until(true: Callable[[], Any], seconds: float = 15) -> Any:
    """What another process does soon."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def sign_in(browser: requests.Session, notes: Any, person: Any) -> requests.Response:
    """As a browser does it: from Notes to Steward, through our form if it is shown, and back."""
    page = browser.get(f"{notes.url}/sign-in")
    if page.url.startswith(notes.here) and 'name="password"' in page.text:
        page = browser.post(page.url.partition("?")[0], {**dict(TOKEN.findall(page.text)), "login": person.account.email, "password": PASSWORD, "next": re.search(r'name="next" value="([^"]+)"', page.text)[1].replace("&amp;", "&")})  # type: ignore[index]
    if where := page.headers.get("Refresh"):
        page = browser.get(where.removeprefix("0;url="))
    return page


def travels(notes: Any) -> None:
    """What the sequencer, the worker and the streamer do: the log is read, and Notes is told."""
    number_all()
    with tenancy.installation("the worker"):
        subscribers.drain()
    runner.once([calling.LINE])
    sending.run(now=datetime.now(UTC))
    org = notes.org.organization.id
    with tenancy.scope(org=org):
        stream, hook = SignalStream.objects.get(application_id=notes.known["application"]), Webhook.objects.get(service=notes.service)
    push.turn(stream.id, org)
    delivery.turn(hook.id, org)


def stored(notes: Any, query: str, *values: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(notes.store, timeout=10)) as db:
        return db.execute(query, values).fetchall()


def test_a_program_of_its_own(world: World, notes: SimpleNamespace, settings: Any) -> None:
    person, browser = world.north.person("worker"), requests.Session()
    page = sign_in(browser, notes, person)
    assert (page.url, page.status_code) == (f"{notes.url}/", 200) and "You have no notes yet" in page.text and person.account.name in page.text
    assert browser.post(f"{notes.url}/notes", {"text": "from elsewhere"}).status_code == 403, "a form of another site writes nothing"
    page = browser.post(f"{notes.url}/notes", {**dict(TOKEN.findall(page.text)), "text": "Buy <b>figs</b>"})
    assert page.url == f"{notes.url}/" and "Buy &lt;b&gt;figs&lt;/b&gt;" in page.text
    [(sub, name, email)] = stored(notes, "SELECT sub, name, email FROM person")
    assert (name, email, len(sub)) == (person.account.name, person.account.email, 43) and str(person.account_id) not in sub

    act(world.north, "suspend", person, reason_code="absence")
    travels(notes)
    assert stored(notes, "SELECT * FROM session") == [] and "Sign in with" in browser.get(f"{notes.url}/").text, "out of Notes; how soon is measured by `make bench`"
    heard = stored(notes, "SELECT how, what, did FROM heard ORDER BY id")
    assert ("Sign-out", "Somebody is signed out", "1 session ended here") in heard and ("Webhook", "membership.suspended", "Noted") in heard
    assert {one[1] for one in heard if one[0] == "Security event"} == {"session-revoked", "account-disabled"}
    refused = sign_in(browser, notes, person)
    assert refused.url.startswith(notes.here) and refused.status_code == 403 and stored(notes, "SELECT * FROM session") == [], "the next sign-in is refused, here"
    act(world.north, "restore", person, how="reinstate")
    travels(notes)
    assert "figs" in sign_in(requests.Session(), notes, person).text, "and what was kept is there again, after signing in anew"

    forged(notes, sub)

    with tenancy.installation("a test looks"):
        responder = Responder.objects.get(service=notes.service)
    case = received(person, "access")
    travels(notes)
    asked = until(lambda: relays(responder, type="access", state="completed"))[0]
    assert asked.how == "callback" and len(asked.receipt) == 64 and asked.told_at
    over(world, "privacy-officer", carrying.COPY, person)
    run.resume(now=datetime.now(UTC))
    travels(notes)
    by(world, "owner", carrying.RELEASE, case, outcome="granted", ground="")
    with zipfile.ZipFile(io.BytesIO(copies.fetched(the_copy(case)))) as archive:
        [told] = [json.loads(archive.read(one)) for one in archive.namelist() if one.endswith("/answer.json")]
    assert [one["text"] for one in told["notes"]] == ["Buy <b>figs</b>"] and told["name"] == person.account.name, "what Notes keeps is in the copy"

    arrange(lambda: deletion_for(person, warned=True))
    with tenancy.installation("the worker"):
        assert purging.purge(account_id=person.account_id, now=datetime.now(UTC) + timedelta(days=60))
    travels(notes)
    gone = until(lambda: relays(responder, type="erasure", state="completed"))[0]
    assert len(gone.receipt) == 64 and gone.receipt != asked.receipt and entries(world, "relay.answer_refused") == [], "every receipt and answer was signed as it should be"
    assert [stored(notes, f"SELECT * FROM {table}") for table in ("note", "person", "session")] == [[], [], []]
    assert b"figs" not in notes.store.read_bytes() and person.account.email.encode() not in notes.store.read_bytes(), "not in what the file has left over either"
    moved(notes, settings)
    page = requests.get(f"{notes.url}/heard").text
    assert "Done and confirmed" in page and "account-purged" in page and sub not in page and person.account.email not in page


def moved(notes: Any, settings: Any) -> None:
    """After a start with another port, what the demo made has the new addresses, what somebody changed stays, and the file says so to Notes alone."""
    settings.DATA, settings.DEMO_NOTES = notes.store.parent, [("127.0.0.1", 9)]
    demo_notes._write({**notes.known, "service": str(notes.service.id)})
    arrange(lambda: Webhook.objects.filter(service=notes.service).update(url="https://hooks.example.com/ours"))
    with tenancy.installation("the demo starts"):
        demo_notes.follow(now=datetime.now(UTC))
        client = OAuthApplication.objects.select_related("service").get(id=notes.known["application"])
        assert (client.redirect_uris, client.logout_url, client.service.url) == ("http://127.0.0.1:9/back", "http://127.0.0.1:9/logout", "http://127.0.0.1:9/")
        assert Responder.objects.get(service=notes.service).url == "http://127.0.0.1:9/requests" and Webhook.objects.get(service=notes.service).url == "https://hooks.example.com/ours"
    assert json.loads(demo_notes.file().read_text())["address"] == "http://127.0.0.1:9" and demo_notes.file().stat().st_mode & 0o777 == 0o600


def forged(notes: Any, sub: str) -> None:
    """What does not come from Steward, or is not for Notes, or is too old, does nothing; what anybody's library signs with the secret is taken, once."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"logout+jwt"}').rstrip(b"=").decode()
    claims = base64.urlsafe_b64encode(json.dumps({"iss": notes.here, "aud": notes.known["client_id"], "iat": 1, "exp": 9e9, "jti": "x", "sub": sub, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}).encode()).rstrip(b"=").decode()
    assert requests.post(f"{notes.url}/logout", {"logout_token": f"{header}.{claims}."}).status_code == 400
    assert requests.post(f"{notes.url}/events", f"{header}.{claims}.", headers={"Authorization": "Bearer guessed"}).status_code == 401
    assert requests.post(f"{notes.url}/requests", "{}", headers={"Steward-Signature": "x:eHg="}).status_code == 401
    signer, body, now = Signer(notes.known["webhook_secret"]), '{"type": "membership.restored"}', datetime.now(UTC)
    for at, text, status in ((now, body, 200), (now, body, 200), (now, body + " ", 401), (now - timedelta(minutes=6), body, 400)):
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signer.sign("msg_1", at, body)}
        assert requests.post(f"{notes.url}/webhooks", text, headers=headers).status_code == status
    with pytest.raises(outbound.NotSent, match="private_address"):
        outbound.request("GET", notes.here, headers={}, body=b"", seconds=5)  # of this machine that one port, and no other
    assert requests.get(f"{notes.url}/", headers={"Host": "elsewhere.example"}).status_code == 400
    assert len(stored(notes, "SELECT * FROM session")) == 1 and len(stored(notes, "SELECT * FROM seen WHERE id = 'webhook msg_1'")) == 1
