"""The worker is killed while it makes a copy, and while it deletes an account: the next one goes on, nothing happens twice, nothing is lost, and nobody reads half a file."""
from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import bagit
import pytest

from accounts import tenancy
from accounts.models import Mail, Tombstone
from audit.models import Entry
from dsar.export import run
from portal import jobs
from tests.cast import World
from tests.deletion.acts import account, deletion
from tests.deletion.test_purge import found_in, sent, storied
from tests.dsar.copies import again, asked, fetched, numbered, unpacked
from tests.situations import arrange, deletion_for

pytestmark = pytest.mark.usefixtures("alone")  # they look at the whole installation
ROOT = Path(__file__).parents[2]
_WORKER = """
import importlib, sys, time
import django
django.setup()
from django.core.management import call_command
place, whose, when, event = sys.argv[1:]
module, name = place.rsplit(".", 1)
module = importlib.import_module(module)
real = getattr(module, name)
def stopped(*args, **more):
    ours = any(str(getattr(one, "account_id", getattr(one, "id", ""))) == whose for one in args) and (not event or event in args)
    done = real(*args, **more) if when == "after" or not ours else None
    if ours:
        print("here", flush=True)
        time.sleep(60)
    return done
setattr(module, name, stopped)
call_command("worker", burst=True)
"""


def killed(job: str, place: str, whose: UUID, *, when: str = "before", event: str = "") -> None:
    """The real worker takes the job from the queue, and dies at this place."""
    jobs.wake(job)
    process = subprocess.Popen([sys.executable, "-c", _WORKER, place, str(whose), when, event], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ}, cwd=ROOT)
    assert process.stdout is not None and process.stdout.readline().strip() == "here"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()


def worker(job: str) -> None:
    """The next one, until nothing waits; and what is told of it."""
    numbered()
    jobs.wake(job)
    subprocess.run([sys.executable, "manage.py", "worker", "--burst"], cwd=ROOT, env={**os.environ}, check=True, capture_output=True)
    sent(datetime.now(UTC))


def told(org: UUID, about: UUID) -> Counter[str]:
    with tenancy.installation("a test looks"):
        records = Entry.objects.filter(org=org, record__contains=str(about)).values_list("record", flat=True)
        return Counter(json.loads(text)["action"] + json.loads(text).get("facts", {}).get("part", "") for text in records)


@pytest.mark.parametrize(("place", "event", "left"), [("dsar.export.making._portable", "", "part"), ("dsar.export.run._write", "package.built", "sealed")])
def test_while_a_copy_is_made(world: World, tmp_path: Path, place: str, event: str, left: str) -> None:
    """In the middle of the file; and when the file is whole and nobody has written down its key."""
    row = asked(world.north.person("worker"))
    numbered()
    killed("copies", place, row.account_id, event=event)
    assert [path.name for path in run.folder().glob(f"{row.id}*")] == [f"{row.id}.{left}"]
    row = again(row)
    assert (row.state, row.key, row.attempts) == ("asked", "", 1)
    with pytest.raises(run.NotThere):
        fetched(row)
    assert not (run.folder() / f"{row.id}.{left}").read_bytes().startswith(b"PK"), "what lies there is sealed, and its key died with the worker"
    worker("copies")
    row = again(row)
    assert (row.state, row.attempts) == ("ready", 2)
    data = fetched(row)
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None and bagit.Bag(str(unpacked(data, tmp_path / "bag"))).is_valid()
    assert [path.name for path in run.folder().glob(f"{row.id}*")] == [f"{row.id}.sealed"]
    assert told(world.north.organization.id, row.id) == {"package.requested": 1, "package.built": 1, "package.downloaded": 1}
    with tenancy.installation("a test looks"):
        assert Mail.objects.filter(account_id=row.account_id, template="copy-news").count() == 1


@pytest.mark.parametrize("place", ["accounts.purge_parts.letters", "accounts.purging._tell"])
def test_while_an_account_is_deleted(world: World, place: str) -> None:
    """In a part that is not committed, and in the last transaction."""
    org = world.north
    person, address, word = storied(org)
    arrange(lambda: deletion_for(person, purge_at=datetime.now(UTC) - timedelta(minutes=1)))
    killed("purges", place, person.account_id, when="after")
    row = deletion(person)
    assert row is not None and row.state == "purging" and account(person).status == "pending_deletion"
    assert ("letters" in row.done) == (place != "accounts.purge_parts.letters"), "what was not committed is not said to be done"
    worker("purges")
    assert deletion(person) is None and account(person).status == "purged"
    happened = told(org.organization.id, person.account_id)
    assert happened["account.purge_began"] == happened["account.purged"] == 1
    assert {name: n for name, n in happened.items() if name.startswith("account.purge_part")} == {f"account.purge_part{part}": 1 for part in (
        "erasures", "outlive", "last_events", "credentials", "memberships", "letters", "requests", "rest", "copies", "by_map")}
    with tenancy.installation("a test looks"):
        assert Tombstone.objects.filter(account=person.account_id).count() == 1
        assert Mail.objects.filter(account_id=person.account_id, template="account-deleted").count() == 1
    sent(datetime.now(UTC))
    assert list(found_in(word, address)) == []
