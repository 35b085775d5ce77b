"""The copy of one's data: everything that is one's own, nothing of anybody else, whole, signed, and gone when its time is over."""
from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bagit
import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import call_command
from django.db import connections

from accounts import door, tenancy
from accounts.models import Account, ApiToken, Mail, Membership, Organization, SavedView
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit.export.verify import ed25519
from audit.models import Entry
from dsar.datamap import MAP
from dsar.export import making, run, sealed
from dsar.holding import told
from dsar.models import Copy
from dsar.powers import export_person
from tests.api.calls import copy_for
from tests.browse import client_for
from tests.cast import World
from tests.dsar.copies import again, asked, copy_of, everything, fetched, lines, made, numbered, unpacked
from tests.situations import WHY, arrange, session_for, token_for

SECONDS = timedelta(seconds=1)


def test_the_package_is_a_bag_with_a_signature_that_others_can_check(world: World, tmp_path: Path) -> None:
    folder = copy_of(world.north.person("worker"), tmp_path)
    assert bagit.Bag(str(folder)).is_valid()
    text = (folder / "data/manifest.json").read_bytes()
    manifest, signed = json.loads(text), json.loads((folder / "data/manifest.sig").read_text())
    assert rfc8785.dumps(manifest) == text, "canonical, by an implementation that is not ours"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed["public_key"]))
    key.verify(base64.b64decode(signed["signature"]), text)
    assert ed25519(base64.b64decode(signed["public_key"]), text, base64.b64decode(signed["signature"])), "by a second implementation, which shares no code with the first"
    assert not ed25519(base64.b64decode(signed["public_key"]), text + b" ", base64.b64decode(signed["signature"]))
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signed["signature"]), text.replace(b"steward-copy/1", b"steward-copy/2"))
    for name, one in manifest["files"].items():
        data = (folder / "data" / name).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (one["sha256"], one["bytes"]), name
    assert set(manifest["files"]) == {str(p.relative_to(folder / "data")) for p in (folder / "data").rglob("*") if p.is_file()} - {"manifest.json", "manifest.sig"}
    assert client_for(world.north.person("guest")).get("/copies/key.json").json()["public_key"] == signed["public_key"]


def test_every_kind_is_there_and_zero_is_said(world: World, tmp_path: Path) -> None:
    folder = copy_of(world.north.person("worker"), tmp_path)
    counts = json.loads((folder / "data/manifest.json").read_text())["counts"]
    for unit in MAP.units:
        if told(unit) and not unit.table.startswith("audit_"):
            name = f"{unit.purpose}/{unit.table.removeprefix('accounts_')}.jsonl"
            assert counts[name] == len(lines(folder, name)), name
            assert (folder / "data" / name.replace(".jsonl", ".schema.json")).exists()
    assert counts["integration/apitoken.jsonl"] == 0 and counts["account/account.jsonl"] == 1


def marked(world: World, name: str) -> tuple[Membership, str]:
    """A person with a marker in every text that may hold one."""
    person, mark = world.north.person(name), f"mark{uuid.uuid4().hex[:12]}"

    def write() -> None:
        Account.objects.filter(id=person.account_id).update(name=f"Name {mark}", email=f"{mark}@{world.north.slug}.example", email_key=f"{mark}@{world.north.slug}.example", reason_text=f"reason {mark}", time_zone="Europe/Berlin")
        Membership.objects.filter(id=person.id).update(title=f"Title {mark}", department=f"Department {mark}", reason_text=f"text {mark}", private_note=f"note {mark}", external_id=f"ext-{mark}")
        session = session_for(person)
        type(session).objects.filter(id=session.id).update(ip="192.0.2.77", user_agent=f"Browser {mark}")
        ApiToken.objects.filter(id=token_for(person)[0].id).update(label=f"token {mark}")
        Mail.objects.create(account_id=person.account_id, template="own-security", address=f"{mark}@{world.north.slug}.example", subject=f"Subject {mark}", body=f"Body {mark}", state="sent", created_at=datetime.now(UTC), entry=uuid.uuid4())

    arrange(write)
    with tenancy.scope(org=world.north.organization.id):
        SavedView.objects.create(organization=world.north.organization, owner=person, page="people", name=f"View {mark[:20]}", query="q=someone", created_at=datetime.now(UTC))
    return person, mark


def test_everything_of_the_person_and_nothing_of_anybody_else(world: World, tmp_path: Path) -> None:
    person, mark = marked(world, "worker")
    other, foreign = marked(world, "guest")
    admin = Account.objects.get(id=world.north.person("owner").account_id)
    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=BY_SLUG["restrict"], actor=world.north.actor("owner"), ids=[person.id], data={**WHY, "mode": "read_only", "message": f"words for {mark}"}, now=datetime.now(UTC))
        door.perform(power=BY_SLUG["restrict"], actor=world.north.actor("owner"), ids=[other.id], data={**WHY, "mode": "read_only", "message": f"words for {foreign}"}, now=datetime.now(UTC))
    arrange(lambda: Membership.objects.filter(id=person.id).update(private_note=f"{mark} asked {admin.email} and Name {foreign}"))
    text = everything(copy_of(person, tmp_path))
    for wanted in (f"Name {mark}", f"{mark}@", f"Title {mark}", f"Department {mark}", f"words for {mark}", f"ext-{mark}", f"Browser {mark}", "192.0.2.77", f"token {mark}", f"Subject {mark}", f"Body {mark}", f"View {mark[:20]}", "Europe/Berlin"):
        assert wanted in text, wanted
    for never in (foreign, admin.email, "owner@", str(other.account_id), str(other.id), str(admin.id), world.contoso.slug):
        assert never not in text, never
    account = Account.objects.get(id=person.account_id)
    assert account.password not in text and "argon2" not in text
    assert f"{mark} asked Person 1 and Person" in text


def test_secrets_are_said_to_exist_and_are_not_there(world: World, tmp_path: Path) -> None:
    person = world.north.person("worker")
    secrets: list[str] = []
    arrange(lambda: secrets.append(token_for(person)[1]))
    folder = copy_of(person, tmp_path)
    withheld = json.loads((folder / "data/withheld.json").read_text())
    assert {"what": "API tokens", "count": 2, "ground": "security", "why": "Exists, and is not told to anybody: it would open your account."} in withheld
    assert secrets[0] not in everything(folder) and "secret_hash" not in everything(folder)


def test_what_was_done_to_and_by_the_person(world: World, tmp_path: Path) -> None:
    person = world.north.person("worker")
    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=BY_SLUG["update-profile"], actor=world.north.actor("owner"), ids=[person.id], data={"title": "Analyst"}, now=datetime.now(UTC))
    folder = copy_of(person, tmp_path)
    acts = lines(folder, "record/done-to-you.jsonl")
    assert [(a["act"], a["by"], a["organization"]) for a in acts] == [("profile.updated", "Person 1", world.north.organization.name)]
    assert {"field": "membership.title", "after": "Analyst"} in acts[0]["changes"]
    assert [a["act"] for a in lines(folder, "record/done-by-you.jsonl")] == ["package.requested"]


def test_two_organizations_are_both_in_it_and_told_apart(world: World, tmp_path: Path) -> None:
    person = world.north.person("worker")
    arrange(lambda: Membership.objects.create(organization=world.contoso.organization, account_id=person.account_id, role=world.contoso.roles["member"], status="active", created_at=datetime.now(UTC)))
    rows = lines(copy_of(person, tmp_path), "administration/membership.jsonl")
    assert {row["organization"] for row in rows} == {world.north.organization.name, world.contoso.organization.name}


def test_an_address_of_somebody_else_holds_the_copy_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last look at what leaves, for when the map is wrong: a column that should be scrubbed and is not."""
    person, stranger = world.north.person("worker"), "stranger@elsewhere.example"
    arrange(lambda: Membership.objects.filter(id=person.id).update(private_note=f"ask {stranger}"))
    row = made(person)
    assert row.state == "ready"
    monkeypatch.setattr(making.People, "scrub", lambda _self, text: text)
    monkeypatch.setattr("dsar.export.people.People.scrub", lambda _self, text: text)
    row = made(person)
    assert (row.state, row.failure, row.key) == ("failed", "held_back", "")
    assert not list(run.folder().glob(f"{row.id}*"))


def test_the_readable_page_loads_nothing_and_escapes(world: World, tmp_path: Path) -> None:
    person = world.north.person("worker")
    arrange(lambda: Account.objects.filter(id=person.account_id).update(name="<script>alert(1)</script>"))
    page = (copy_of(person, tmp_path) / "data/README.html").read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "default-src 'none'" in page
    for word in ("src=", "href=", "url(", "@import"):
        assert word not in page, word


def test_one_moment(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens while a copy is made is not in it, not even half."""
    person, kind, done = world.north.person("worker"), making._kind, []

    def change() -> None:
        try:
            arrange(lambda: Membership.objects.filter(id=person.id).update(title="Changed meanwhile"))
            done.append(True)
        finally:
            connections.close_all()

    def meanwhile(*args: object) -> object:
        if not done:
            thread = threading.Thread(target=change)
            thread.start()
            thread.join(10)
        return kind(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "_kind", meanwhile)
    assert "Changed meanwhile" not in everything(copy_of(person, tmp_path))
    with tenancy.installation("look"):
        assert done and Membership.objects.get(id=person.id).title == "Changed meanwhile"


def test_the_same_moment_gives_the_same_package(world: World) -> None:
    """Byte for byte: whoever has two copies of one moment can compare their hashes."""
    person, _mark = marked(world, "worker")
    other, _foreign = marked(world, "guest")
    for n in range(3):
        arrange(lambda n=n: (session_for(person), Membership.objects.filter(id=person.id).update(private_note=f"ask Name {_foreign} and {Account.objects.get(id=other.account_id).email} {n}")))
    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=BY_SLUG["update-profile"], actor=world.north.actor("owner"), ids=[person.id], data={"title": "Analyst"}, now=datetime.now(UTC))
    numbered()
    now, found = datetime.now(UTC), []
    for _n in range(2):
        sink = io.BytesIO()
        made_ = making.make(making.Wanted(copy=uuid.UUID(int=1), account=person.account_id, language="en", asked_at=now), sink, now=now)
        found.append((made_.manifest, sink.getvalue()))
    assert found[0] == found[1]


def test_three_times_seven_days_and_then_never(world: World) -> None:
    row = made(world.north.person("worker"))
    for _n in range(run.DOWNLOADS):
        assert fetched(row)
    with pytest.raises(run.NotThere):
        fetched(row)
    other = made(world.north.person("guest"))
    with pytest.raises(run.NotThere):
        run.fetch(holder=run.Holder(account=other.account_id), copy_id=other.id, now=other.expires_at, actor=run._SCHEDULE, via="ui")  # type: ignore[arg-type]
    with pytest.raises(run.NotThere):
        run.fetch(holder=run.Holder(account=row.account_id), copy_id=other.id, now=datetime.now(UTC), actor=run._SCHEDULE, via="ui")
    path = run.folder() / f"{other.id}.sealed"
    kept = path.read_bytes()
    run.expire(now=other.expires_at + SECONDS)  # type: ignore[operator]
    other = again(other)
    assert (other.state, other.key, path.exists()) == ("ended", "", False)
    path.write_bytes(kept)  # a backup of the file
    run.expire(now=datetime.now(UTC))
    assert path.exists(), "somebody may be at it: it gets its name before its row is written"
    os.utime(path, (1, 1))
    with pytest.raises(run.NotThere):
        fetched(other)
    run.expire(now=datetime.now(UTC))
    assert not path.exists()


def test_every_step_is_an_entry_in_the_right_log(world: World) -> None:
    row = made(world.north.person("worker"))
    fetched(row)
    run.end(holder=run.Holder(account=row.account_id), copy_id=row.id, now=datetime.now(UTC), actor=run._SCHEDULE, via="ui")
    with tenancy.installation("count"):
        records = [json.loads(text) for text in Entry.objects.filter(org=world.north.organization.id, record__contains=str(row.id)).order_by("occurred_at").values_list("record", flat=True)]
    assert [r["action"] for r in records] == ["package.requested", "package.built", "package.downloaded", "package.destroyed"]
    assert not any("@" in json.dumps(r) for r in records), "nobody is named in the clear"


def test_one_at_a_time_and_three_a_day(world: World) -> None:
    person = world.north.person("worker")
    asked(person)
    with pytest.raises(Refused) as refusal:
        asked(person)
    assert refusal.value.codes == ["copy_under_way"]
    run.resume(now=datetime.now(UTC))
    made(person)
    made(person)
    with pytest.raises(Refused) as refusal:
        asked(person)
    assert refusal.value.codes == ["too_many_copies"]


def test_a_worker_that_dies_leaves_nothing_and_the_next_one_makes_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = asked(world.north.person("worker"))
    numbered()
    real = making._portable

    def dies(*_args: object) -> None:
        raise SystemExit

    monkeypatch.setattr(making, "_portable", dies)
    with pytest.raises(SystemExit):
        run.resume(now=datetime.now(UTC))
    monkeypatch.setattr(making, "_portable", real)
    row = again(row)
    assert (row.state, row.attempts) == ("asked", 1)
    run.resume(now=datetime.now(UTC))
    row = again(row)
    assert row.state == "ready" and fetched(row)
    assert not list(run.folder().glob(f"{row.id}.part"))


def test_what_always_fails_is_given_up_and_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = asked(world.north.person("worker"))

    def broken(*_args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(making, "_portable", broken)
    for _n in range(run.ATTEMPTS):
        run.resume(now=datetime.now(UTC))
    row = again(row)
    assert (row.state, row.failure) == ("failed", "internal_error")


@pytest.mark.parametrize("size", [0, 1, sealed.BLOCK - 1, sealed.BLOCK, sealed.BLOCK + 1, 3 * sealed.BLOCK])
def test_a_sealed_file_cannot_be_changed_or_cut(tmp_path: Path, size: int) -> None:
    key, data, path = sealed.new_key(), bytes(n % 251 for n in range(size)), tmp_path / "file"
    with sealed.Sealer(path, key) as sink:
        for place in range(0, size, 1000):
            sink.write(data[place:place + 1000])
    assert b"".join(sealed.opened(path, key)) == data and sink.size == size
    whole = path.read_bytes()
    if size > 100:
        assert data[:100] not in whole
    for wrong in (whole[:-1], whole[:-(sealed.BLOCK + 16)] if size > sealed.BLOCK else whole[:-17], bytes([whole[0] ^ 1]) + whole[1:], whole[sealed.BLOCK + 16:] if size > sealed.BLOCK else b""):
        path.write_bytes(wrong)
        with pytest.raises(sealed.Broken):
            b"".join(sealed.opened(path, key))
    path.write_bytes(whole)
    with pytest.raises(sealed.Broken):
        b"".join(sealed.opened(path, sealed.new_key()))


def test_the_page_asks_makes_and_gives(world: World, tmp_path: Path) -> None:
    person = world.north.person("worker")
    client = client_for(person)
    assert "Your copy is being made" in client.post("/me/copies/", {"key": "k"}, follow=True).content.decode()
    assert "A copy is being made already" in client.get("/me/copies/").content.decode()
    numbered()
    run.resume(now=datetime.now(UTC))
    with tenancy.scope(account=person.account_id):
        row = Copy.objects.get(account_id=person.account_id)
    assert client.get(f"/me/copies/{row.id}/").status_code == 302, "a link alone fetches nothing"
    answer = client.post(f"/me/copies/{row.id}/")
    data = b"".join(answer.streaming_content)
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"], len(data)) == ("private, no-store", "nosniff", row.size)
    assert hashlib.sha256(data).hexdigest() == row.sha256
    assert bagit.Bag(str(unpacked(data, tmp_path))).is_valid()
    assert client_for(world.north.person("owner")).post(f"/me/copies/{row.id}/").status_code == 404, "not even an owner"
    assert "The copy is removed" in client.post(f"/me/copies/{row.id}/", {"do": "remove"}, follow=True).content.decode()
    assert client.post(f"/me/copies/{row.id}/").status_code == 404


def test_who_has_not_just_proved_who_they_are_is_asked(world: World) -> None:
    person = world.north.person("worker")
    row = made(person)
    client = client_for(person, tier=0)
    answer = client.post(f"/me/copies/{row.id}/")
    assert answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in/again/")
    row = again(row)
    assert row.downloads == 0


def test_mails(world: World) -> None:
    from audit import subscribers

    row = made(world.north.person("worker"))
    fetched(row)
    numbered()
    with tenancy.installation("subscribers"):
        subscribers.drain()
        assert set(Mail.objects.filter(account_id=row.account_id, template="copy-news").values_list("template", flat=True)) == {"copy-news"}
        assert Mail.objects.filter(account_id=row.account_id, template="copy-news").count() == 2


def test_an_organization_that_is_called_like_a_formula(world: World, tmp_path: Path) -> None:
    arrange(lambda: Organization.objects.filter(id=world.north.organization.id).update(name="=cmd|' /C calc'!A0"))
    folder = copy_of(world.north.person("worker"), tmp_path)
    assert "'=cmd" in (folder / "data/portable/membership.csv").read_text()
    assert lines(folder, "administration/membership.jsonl")[0]["organization"].startswith("=cmd")


def test_an_organization_gets_what_is_its_own_and_the_person_is_told(world: World, tmp_path: Path) -> None:
    """Of an unmanaged member only what hangs on the organization; of a managed one the account too; of other organizations nothing."""
    from audit import subscribers

    for name, managed in (("worker", True), ("guest", False)):
        person = world.north.person(name)
        arrange(lambda person=person: (token_for(person), session_for(person), Membership.objects.create(
            organization=world.contoso.organization, account_id=person.account_id, role=world.contoso.roles["member"], status="active", created_at=datetime.now(UTC), title="Secret of Contoso")))
        with tenancy.scope(org=world.north.organization.id):
            door.perform(power=export_person.POWER, actor=world.north.actor("administrator"), ids=[person.id], data=WHY, now=datetime.now(UTC))
        numbered()
        run.resume(now=datetime.now(UTC))
        with tenancy.scope(org=world.north.organization.id):
            row = Copy.objects.get(account_id=person.account_id, organization=world.north.organization)
        _row, blocks = run.fetch(holder=run.Holder(organization=world.north.organization.id), copy_id=row.id, now=datetime.now(UTC), actor=run._SCHEDULE, via="ui")
        folder = unpacked(b"".join(blocks), tmp_path / name)
        text = everything(folder)
        assert "Secret of Contoso" not in text and world.contoso.slug not in text
        assert len(lines(folder, "administration/membership.jsonl")) == 1
        assert (folder / "data/sign_in/session.jsonl").exists() == managed
        assert (folder / "data/integration/apitoken.jsonl").exists()
        for holder in (run.Holder(account=person.account_id), run.Holder(organization=world.contoso.organization.id)):
            with pytest.raises(run.NotThere):
                run.fetch(holder=holder, copy_id=row.id, now=datetime.now(UTC), actor=run._SCHEDULE, via="ui")
        numbered()
        with tenancy.installation("subscribers"):
            subscribers.drain()
            assert Mail.objects.filter(account_id=person.account_id, template="export-person").count() == 1
            assert Mail.objects.filter(account_id=person.account_id, template="copy-news").count() == 0
            assert Mail.objects.filter(account_id=world.north.person("administrator").account_id, template="copy-news").exists()


def test_the_page_of_the_organization(world: World) -> None:
    made_: list[Copy] = []
    arrange(lambda: made_.append(copy_for(world.north.person("worker"), world.north)))
    path = f"/o/{world.north.slug}/copies/"
    assert client_for(world.north.person("auditor")).get(path).status_code == 404
    officer = client_for(world.north.person("privacy-officer"))
    assert "Worker Person" in officer.get(path).content.decode()
    assert officer.get(f"{path}{made_[0].id}/").status_code == 302
    assert b"".join(officer.post(f"{path}{made_[0].id}/").streaming_content) == b"zip"
    assert client_for(world.contoso.person("owner")).post(f"/o/{world.contoso.slug}/copies/{made_[0].id}/").status_code == 404
    weak = client_for(world.north.person("privacy-officer"), tier=1)
    assert weak.post(f"{path}{made_[0].id}/").status_code == 302 and again(made_[0]).downloads == 1


def test_the_command(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slug, out = world.north.slug, tmp_path / "out"

    def command(*more: str) -> int:
        try:
            call_command("export_person", *more, "--out", str(out))
        except SystemExit as end:
            return int(str(end.code))
        return 0

    numbered()
    assert command(f"worker@{slug}.example", "--org", slug, "--as", f"administrator@{slug}.example") == 0
    (file,) = out.iterdir()
    assert bagit.Bag(str(unpacked(file.read_bytes(), tmp_path / "bag"))).is_valid()
    assert file.stat().st_mode & 0o777 == 0o600
    assert command(f"worker@{slug}.example", "--org", slug, "--as", f"auditor@{slug}.example") == 1
    assert command(f"nobody@{slug}.example", "--org", slug, "--as", f"administrator@{slug}.example") == 2
    assert command(f"worker@{slug}.example", "--org", "nowhere", "--as", f"administrator@{slug}.example") == 2
    assert command(f"worker@{slug}.example", "--org", slug, "--as", f"administrator@{slug}.example", "--reason", "fun") == 2
    assert "Traceback" not in capsys.readouterr().err
