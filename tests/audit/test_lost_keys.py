"""The signer's keys are gone and no copy is left: new ones that nobody endorses, and everybody can see it."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit import INSTALLATION, keys, lost_keys
from audit.keys import NoKeys
from audit.models import LogKey
from audit.notes import Verifier
from audit.signer import Signer
from tests.audit.exports import bundle, entries, exported, history, kept_apart, verified
from tests.audit.logs import login, number_all
from tests.audit.signing import release
from tests.cast import World


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    with kept_apart(settings, tmp_path):
        yield


def signing_keys() -> list[LogKey]:
    return list(LogKey.objects.filter(type="ed25519").order_by("id"))


def replaced(number: str, capsys: pytest.CaptureFixture[str], *, status: int = 0) -> str:
    """What the command says."""
    release()
    if status == 0:
        call_command("rotate_log_key", "--lost", number)
        return capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_log_key", "--lost", number)
    said = capsys.readouterr().err
    assert ended.value.code == status and len(said.splitlines()) == 1
    return said


def test_new_keys_in_place_of_lost_ones(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    history(world.north, 2)
    before = exported(world.north, matter="Smith v. Jones")
    [old] = signing_keys()
    number, path = Verifier.parse(old.vkey).id.hex(), keys.folder() / "keys.json"
    # nothing is lost, or somebody named another key
    assert "nothing is lost" in replaced(number, capsys, status=1)
    assert f"the key in use is {number}" in replaced("00000000", capsys, status=1)
    path.chmod(0o644)
    assert "can be read by others" in replaced(number, capsys, status=1)
    path.unlink()
    with pytest.raises(NoKeys, match="no keys"):
        Signer()
    with login("signer") as other:
        other.execute("SELECT pg_advisory_lock(%s)", [lost_keys.LOCK])
        assert "a signer is at work" in replaced(number, capsys, status=1)
    earlier = len(entries(INSTALLATION, lost_keys.ACTION))
    assert len(signing_keys()) == 1
    # what is damaged is kept beside
    path.write_text("damaged")
    path.chmod(0o600)
    said = replaced(number.upper(), capsys)
    old, new = signing_keys()
    assert new.vkey in said and (keys.folder() / "keys.replaced.json").read_text() == "damaged" and path.stat().st_mode & 0o777 == 0o600
    [record] = entries(INSTALLATION, lost_keys.ACTION)[earlier:]
    assert (record["facts"], record["actor"]["type"], record["severity"]) == ({"lost": old.vkey, "new": new.vkey}, "operator", "critical")
    assert new.endorsed_by == {"lost": old.vkey, "entry": record["event_id"]}
    assert old.until == new.since and new.until is None and Verifier.parse(new.vkey).name == Verifier.parse(old.vkey).name
    assert "nothing is lost" in replaced(Verifier.parse(new.vkey).id.hex(), capsys, status=1)
    # the logs go on, and an outsider sees what happened
    number_all()
    after = exported(world.north, matter="Smith v. Jones")
    done = verified(bundle(after), "--previous", str(bundle(before)))
    assert done.returncode == 0, done.stdout
    assert "is endorsed by nobody: the one before it was declared lost" in done.stdout and "A key that signed the log was lost" in (bundle(after) / "CERTIFICATE.md").read_text()
    assert "declared lost" not in verified(bundle(before)).stdout and "was lost" not in (bundle(before) / "CERTIFICATE.md").read_text()
    assert verified(bundle(after), "--key", new.vkey).returncode == 0
    assert "FAIL  signature" in verified(bundle(after), "--key", old.vkey).stdout
    assert verified(bundle(before), "--key", old.vkey).returncode == 0
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--org", world.north.slug)
    assert ended.value.code == 0
    # later keys follow the new one
    release()
    call_command("rotate_log_key")
    newest = signing_keys()[-1]
    assert newest.endorsed_by["vkey"] == new.vkey
    done = verified(bundle(exported(world.north)), "--key", new.vkey)
    assert done.returncode == 0, done.stdout
    listed = [key["vkey"] for key in json.loads((bundle(after) / "keys.json").read_bytes())["keys"] if key["type"] == "ed25519"]
    assert listed == [new.vkey, old.vkey]


def test_killed_before_the_keys_were_published(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing counts until it is published; doing it again is all that is needed."""
    Signer()
    number = Verifier.parse(signing_keys()[0].vkey).id.hex()
    (keys.folder() / "keys.json").unlink()
    real = keys.save

    def killed(ring: keys.KeyRing) -> None:
        real(ring)
        raise KeyboardInterrupt

    monkeypatch.setattr(keys, "save", killed)
    release()
    with pytest.raises(KeyboardInterrupt):
        call_command("rotate_log_key", "--lost", number)
    assert len(signing_keys()) == 1
    with pytest.raises(NoKeys, match="not the keys"):
        Signer()
    monkeypatch.undo()
    replaced(number, capsys)
    assert len(signing_keys()) == 2 and Signer().ring.verifiers()[0][1].vkey == signing_keys()[-1].vkey


def test_before_the_first_day_nothing_can_be_lost(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there are no keys yet" in replaced("00000000", capsys, status=1)
