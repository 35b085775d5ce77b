"""The restore drill (RIGHTS 6c): a backup brings back a database, and nobody with it. `make drill` runs it and prints its verdict."""
from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live
from django.test import Client

from accounts import access, door, outbox, purging, tenancy
from accounts.actor import Proof
from accounts.communications import choices
from accounts.models import Account, ApiToken, Deletion, Mail, Membership, Session, Tombstone
from accounts.purposes import ACT
from audit import INSTALLATION, key_store, subscribers
from audit.models import Entry, SubjectKey
from dsar.ledger import file, quarantine, replay, states
from dsar.ledger.models import LedgerMark
from dsar.powers import POWERS
from dsar.restriction.model import Restriction
from portal import backups, jobs
from portal.services.postgres import Postgres, binaries
from tests.browse import client_for
from tests.cast import PASSWORD, World
from tests.communications.test_communications import choose
from tests.deletion.acts import act, warned
from tests.dsar.canaries import words
from tests.dsar.copies import numbered
from tests.dsar.test_canary import kept, marked
from tests.ledger.drill import copy_of_ledger, fresh_cluster, manage, turned_to
from tests.situations import WHY, arrange, token_for

USE = {power.slug: power for power in POWERS}


@dataclass
class Drill:
    """What was so before the disaster: who, and what was done after the backup."""

    world: World
    archives: list[Path]
    erased: Any
    bystander: Any
    token: str
    told: datetime
    horizon: object
    database: str


def everything_follows() -> None:
    numbered()
    with tenancy.installation("the ledger reads the log"):
        subscribers.drain([states.SUBSCRIBER])


def own(person: Membership) -> Any:
    account = Account.objects.get(id=person.account_id)
    return access.own_actor(account=account, proof=Proof(method="totp", at=datetime.now(UTC)), session_id=None)


def populate(folder: Path, world: World) -> Drill:
    """People with a word in every field; an operator; a backup of both databases; and then a bad week."""
    north = world.north
    world.contoso  # noqa: B018  (made before an act is open)
    erased, bystander = marked(world, "p", "worker"), marked(world, "b", "guest")
    secret: list[tuple[ApiToken, str]] = []
    arrange(lambda: secret.append(token_for(north.person("people-manager"))))
    arrange(lambda: Account.objects.filter(id__in=[north.person("auditor").account_id, north.person("app-manager").account_id]).update(is_operator=True))
    act(north, "schedule-deletion", north.person("privacy-officer"))
    everything_follows()
    jobs.settling.settle(now=datetime.now(UTC))
    now = datetime.now(UTC)
    archives = [folder / backups.make(holds, ledger=0, now=now).file for holds in ("main", "keys")]

    act(north, "schedule-deletion", erased.members["x"])
    warned(erased.members["x"])
    numbered()
    with tenancy.installation("the schedule"):
        assert purging.purge(account_id=erased.account.id, now=now + timedelta(days=91))
    act(north, "suspend", north.person("member"))
    act(north, "revoke-tokens", north.person("people-manager"))
    act(north, "remove", north.person("help-desk"))
    act(north, "change-role", north.person("security"), role="auditor")
    act(north, "lockdown", north.person("legal"))
    act(north, "cancel-deletion", north.person("privacy-officer"))
    act(north, "schedule-deletion", north.person("administrator"))
    with tenancy.scope(org=world.contoso.organization.id, purpose=ACT):
        door.perform(power=USE["restrict-use"], actor=world.contoso.actor("owner"), ids=[world.contoso.person("member").id], data={"trigger": "accuracy", **WHY}, now=now)
    choose(north.person("owner"))
    arrange(lambda: Account.objects.filter(id=north.person("app-manager").account_id).update(is_operator=False))  # an operator who is none any more
    act(north, "revoke-sessions", north.person("app-manager"))
    everything_follows()
    with tenancy.installation("a test looks"):
        stone = Tombstone.objects.get(account=erased.account.id)
    return Drill(world, archives, erased, bystander, secret[0][1], stone.purged_at, stone.backups_until, live.DATABASES["default"]["NAME"])


def status(client: Client, path: str) -> int:
    return client.get(path).status_code


def serves_nobody(done: Drill) -> None:
    north, client = done.world.north, Client()
    assert Account.objects.get(id=done.erased.account.id).status == "active", "the backup has them"
    assert quarantine.look().code == "behind"
    for path in ("/", f"/o/{north.slug}/people/", "/rights/", "/communications/x/", "/sign-in/forgotten/"):
        page = client.get(path)
        assert page.status_code == 503 and b"closed for the moment" in page.content and page["Retry-After"], path
    answer = client.get(f"/api/v1/orgs/{north.slug}/people/", HTTP_AUTHORIZATION=f"Bearer {done.token}")
    assert answer.status_code == 503 and answer.json()["code"] == "quarantine" and answer["Content-Type"] == "application/problem+json"
    ready = client.get("/readyz")
    assert ready.status_code == 503 and b"privacy_replay" in ready.content and status(client, "/healthz") == 200
    assert status(client_for(north.person("owner")), f"/o/{north.slug}/people/") == 503, "a session of the backup opens nothing"
    for name, opens in (("owner", False), ("app-manager", False), ("auditor", True)):  # no operator; one who was until then; one who is
        there = Client()
        there.post("/sign-in/", {"login": north.person(name).account.email, "password": PASSWORD})
        assert ("_auth_user_id" in there.session or "account_login" in there.session) is opens, name
    page = client_for(north.person("auditor")).get("/operator/")
    assert page.status_code == 200 and b"privacy_replay" in page.content
    with pytest.raises(file.Unavailable, match="older than the ledger"), tenancy.installation("nothing is destroyed now"):
        from dsar import ledger

        ledger.line("account.purge", org=None, subject=done.bystander.account.id, facts={}, now=datetime.now(UTC))
    from django.core.cache import cache

    cache.clear()  # FLUSHALL opens nothing
    assert status(client, "/") == 503


def dry_run_says_what_it_would_do(done: Drill) -> None:
    said = manage("privacy_replay", "--dry-run")
    assert "would be replayed" in said and "1 accounts that had been deleted are deleted again" in said and "nothing was changed" in said
    assert Account.objects.get(id=done.erased.account.id).status == "active" and quarantine.look().code == "behind"


def replay_that_was_killed_and_done_again_brings_nobody_back(done: Drill, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    north, now = done.world.north, datetime.now(UTC)
    mails = set(Mail.objects.filter(state="sent").values_list("id", flat=True))
    parts = iter(range(99))

    def killed(name: str, *_arguments: object) -> Any:
        raise KeyboardInterrupt(name) if next(parts) == 0 else AssertionError
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(purging, "_erase_in_logs", killed)
        replay.run(now=now)
    assert quarantine.look().code == "behind" and LedgerMark.objects.get(id=1).closed_at
    said = manage("privacy_replay")
    assert "1 accounts that had been deleted are deleted again" in said and "it is open" in said
    assert "nothing to replay" in manage("privacy_replay")
    quarantine.forget()
    assert not quarantine.look() and b"ready" in Client().get("/readyz").content

    with tenancy.installation("a test looks"):
        account = Account.objects.get(id=done.erased.account.id)
        stone = Tombstone.objects.get(account=account.id)
        assert account.status == "purged" and (stone.purged_at, stone.backups_until) == (done.told, done.horizon), "the days that were told stay"
        members = {name: Membership.objects.select_related("role", "account").get(id=north.person(name).id) for name in north.people}
        assert members["member"].status == "suspended" and members["help-desk"].status == "removed" and members["security"].role.slug == "auditor"
        assert members["legal"].account.status == "locked" and members["privacy-officer"].account.status == "active" and members["administrator"].account.status == "pending_deletion"
        assert not Deletion.objects.filter(account_id=members["privacy-officer"].account_id).exists() and Deletion.objects.get(account_id=members["administrator"].account_id).term > now
        restricted = Membership.objects.get(id=done.world.contoso.person("member").id)
        assert restricted.use_restricted and Restriction.objects.get(account_id=restricted.account_id).state == "confirmed"
        assert choices.unwanted(accounts=[members["owner"].account], organization_id=north.organization.id, kind="announcements") == {members["owner"].account_id}
        assert set(ApiToken.objects.filter(account_id=members["people-manager"].account_id).values_list("state", flat=True)) == {"revoked"}
        assert not members["app-manager"].account.is_operator and members["auditor"].account.is_operator
        assert not Session.objects.filter(ended_at=None).exists() and members["guest"].status == "active"
        assert not SubjectKey.objects.filter(subject=account.id).exists() and key_store.missing().lost == []
        logs = list(Entry.objects.filter(record__contains='"restore.resurrection"').values_list("org", flat=True))
        assert sorted(logs, key=str) == sorted({INSTALLATION, north.organization.id, done.world.contoso.organization.id}, key=str), "one incident for the installation, and one for each organization that it concerns"
        outbox.deliver(now=now + timedelta(days=1), limit=500)
        sent = Mail.objects.filter(state="sent").exclude(id__in=mails)
        assert not sent.filter(account=account).exists(), "what the backup still owed to them never leaves"
    for name in ("member", "legal", "help-desk"):
        assert status(client_for(north.person(name)), f"/o/{north.slug}/people/") in {302, 403, 404}, name
    assert status(client_for(north.person("second-owner")), f"/o/{north.slug}/people/") == 200
    assert Client().get(f"/api/v1/orgs/{north.slug}/people/", HTTP_AUTHORIZATION=f"Bearer {done.token}").status_code == 401

    dump = b"".join(subprocess.run([str(binaries() / "pg_dump"), "--data-only", postgres.dsn(name)], capture_output=True, check=True).stdout for name in ("steward", "steward_keys"))
    left = {word for word in words(dump + file.path().read_bytes()) if word[1] == "p"}
    stays = {word for word in left if kept(done.erased.put[word])}
    assert left == stays, sorted(str(done.erased.put[word]) for word in left - stays)
    assert left <= {word for word in words(_live(done.database)) if word[1] == "p"}, "no more is left than in the database that was lost"
    assert any(word[1] == "b" for word in words(dump)), "the others are there"


def test_the_restore_drill(settings: Any, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BACKUPS = str(tmp_path / "backups")
    done = populate(Path(settings.BACKUPS), world)
    settings.LEDGER = copy_of_ledger(tmp_path / "ledger")
    with fresh_cluster() as postgres, turned_to(postgres):
        manage("setup_database")
        for archive in done.archives:
            manage("restore", str(archive))
        serves_nobody(done)
        dry_run_says_what_it_would_do(done)
        replay_that_was_killed_and_done_again_brings_nobody_back(done, postgres, monkeypatch)
    print("\nThe restore drill: a backup was brought back, and nobody came with it.")


def _live(name: str) -> bytes:
    """What the database that was lost has, asked of its server directly: the connections lead to the other one."""
    import os

    import psycopg

    parts = psycopg.conninfo.conninfo_to_dict(os.environ["STEWARD_TESTS_SUPERUSER"]) | {"dbname": name}
    return subprocess.run([str(binaries() / "pg_dump"), "--data-only", psycopg.conninfo.make_conninfo(**parts)], capture_output=True, check=True).stdout  # type: ignore[arg-type]


