"""The register of disclosures: who may know what when, and that nothing in it is changed silently (policy D3)."""
from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile as Upload
from django.db import ProgrammingError, connections

from accounts import tenancy
from accounts.models import Mail
from accounts.reasons import Refused
from audit import subscribers
from dsar.registers import disclosures, rounds
from dsar.registers.models import Disclosure, DisclosureFile, PrivacyNotice, Round
from tests.audit.logs import tampering
from tests.browse import client_for
from tests.cast import World
from tests.dsar.copies import copy_of, numbered
from tests.registers.acts import do, entries, lines, mails, pass_time, record, tell, told
from tests.situations import DATA, arrange

NOW = datetime.now
DAY = timedelta(days=1)


def refused(world: World, slug: str, **data: Any) -> list[str]:
    with pytest.raises(Refused) as found:
        do(world.north, slug, **data)
    return found.value.codes


def test_from_the_request_to_the_person(world: World, tmp_path: Path) -> None:
    """Recorded, decided by two, told: on the page, in the API, by mail and in the copy, to whom it is about and to nobody else; a correction stands beside what it corrects."""
    org, worker, guest = world.north, world.north.person("worker"), world.north.person("guest")
    row = record(org, worker, name="Public <b>Prosecutor</b>", their_reference="12 Js 34")
    tell()
    assert not told(worker) and not mails(worker, "disclosure-told"), "nothing is told before it is decided"
    do(org, "answer-disclosure", disclosure=row.reference)
    assert [one.outcome for one in lines(org)][-1] == "refused", "refusing takes one"
    given = record(org, worker)
    do(org, "answer-disclosure", second="second-owner", disclosure=given.reference, outcome="partly", refusal="too_broad", given=["user.account"], records=7)
    tell()
    tell()
    found = {one.disclosure: one for one in told(worker)}
    assert set(found) == {row.entry, given.entry} and found[given.entry].records == 7 and not told(guest)
    assert len(mails(worker, "disclosure-told")) == 2 and not mails(guest, "disclosure-told")
    assert {"a part of what it asked for was given", "It was refused, and nothing was given"} == {
        words for words in ("a part of what it asked for was given", "It was refused, and nothing was given") for one in mails(worker, "disclosure-told") if words in one.body}
    client = client_for(worker)
    page = client.get("/me/disclosures/").content.decode()
    assert "Public &lt;b&gt;Prosecutor&lt;/b&gt;" in page and "12 Js 34" in page and "7 records" in page
    assert {one["id"] for one in client.get("/api/v1/me/disclosures/").json()["disclosures"]} == {str(row.entry), str(given.entry)}
    assert "Prosecutor" not in client_for(guest).get("/me/disclosures/").content.decode()
    do(org, "correct-disclosure", disclosure=given.reference, name="Public Prosecutor of the South", words="Another office")
    tell()
    assert [one.name for one in told(worker) if one.disclosure == given.entry] == ["Public Prosecutor", "Public Prosecutor of the South"]
    assert mails(worker, "disclosure-told")[-1].subject.startswith("Correction")
    assert client.get("/me/disclosures/").content.decode().count("of the South") == 1
    assert [one.step for one in lines(org) if one.entry == given.entry] == ["recorded", "answered", "told", "corrected"]
    keeper = client_for(org.person("legal")).get(f"/o/{org.slug}/registers/disclosures/{given.entry}/").content.decode()
    assert "Another office" in keeper and "Worker Person" in keeper
    folder = copy_of(worker, tmp_path)
    rows = [json.loads(line) for line in (folder / "data/rights/dsar_tolddisclosure.jsonl").read_text().splitlines()]
    assert sorted(one["name"] for one in rows if one["outcome"] == "partly") == ["Public Prosecutor", "Public Prosecutor of the South"] and len(rows) == 3
    assert not list(folder.rglob("dsar_disclosure.*")), "the register itself is in nobody's copy"


def test_what_may_not_be_told_shows_nowhere(world: World, tmp_path: Path) -> None:
    """While it is forbidden: no page, answer, mail, count, copy or line of the log of the person changes; not in the register either, where they keep it. On the day after the end they are told by themselves."""
    org, worker, legal, now = world.north, world.north.person("worker"), world.north.person("legal"), NOW(UTC)
    until = now.date() + timedelta(days=10)
    client, keeper = client_for(worker), client_for(legal)
    addresses = ("/me/disclosures/", "/me/privacy/", "/me/data/", "/me/who/", "/me/notices/", "/api/v1/me/disclosures/", "/api/v1/me/ledger/")
    register = (f"/o/{org.slug}/registers/", f"/o/{org.slug}/registers/report/", f"/o/{org.slug}/do/answer-disclosure/")
    strip = lambda body: b"".join(line for line in body.split(b"\n") if b"csrf" not in line and b"name=\"key\"" not in line and b"request_id" not in line)  # noqa: E731
    before = [strip(client.get(one).content) for one in addresses] + [strip(keeper.get(one).content) for one in register]
    row = record(org, worker, legal, secret_until=until, secret_basis="Order 17 of the court")
    do(org, "answer-disclosure", second="second-owner", disclosure=row.reference, outcome="given", given=["user.account"], refusal="")
    pass_time(now)
    after = [strip(client.get(one).content) for one in addresses] + [strip(keeper.get(one).content) for one in register]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True] * len(after)
    assert keeper.get(f"/o/{org.slug}/registers/disclosures/{row.entry}/").status_code == 404 and keeper.get(f"/api/v1/orgs/{org.slug}/disclosures/{row.entry}/").status_code == 404
    with pytest.raises(Refused) as codes:
        do(org, "correct-disclosure", who="legal", disclosure=row.reference)
    assert codes.value.codes == ["unknown_disclosure"]
    assert not told(worker) and not Mail.objects.filter(account__in=[worker.account_id, legal.account_id], template="disclosure-told").exists()
    written = [json.dumps(one) for one in entries(org, "disclosure.")]
    assert written and not any(str(worker.account_id) in one or str(worker.id) in one for one in written), "the log names nobody whom it is about"
    text = b"".join(path.read_bytes() for path in copy_of(worker, tmp_path).rglob("*") if path.is_file())
    assert row.reference.encode() not in text and str(row.entry).encode() not in text and b"Order 17" not in text and b"nothing in a copy shows whether there is one" in text
    # two weeks before the end those who keep the register hear of it, but for whom it is about
    told_of = set(Mail.objects.filter(template="prohibition-ends").values_list("account_id", flat=True))
    assert org.person("owner").account_id in told_of and org.person("privacy-officer").account_id in told_of and legal.account_id not in told_of
    (mail,) = mails(org.person("owner"), "prohibition-ends")
    assert row.reference in mail.body and "Worker" not in mail.body and "Prosecutor" not in mail.body
    assert refused(world, "tell-of-disclosure", disclosure=row.reference) == ["may_not_be_told"]
    assert refused(world, "extend-prohibition", disclosure=row.reference, secret_until=until) == ["not_longer"]
    do(org, "extend-prohibition", disclosure=row.reference, secret_until=until + 20 * DAY, secret_basis="Order 18")
    pass_time(now + 15 * DAY)
    assert not told(worker), "the prohibition was prolonged"
    pass_time(now + 31 * DAY)
    pass_time(now + 32 * DAY)
    (mine,) = told(worker)
    assert mine.secret_until == until + 20 * DAY and mine.records is None and len(mails(worker, "disclosure-told")) == 1 and len(told(legal)) == 1
    assert "it was forbidden to tell you" in client.get("/me/disclosures/").content.decode()
    assert row.reference in keeper.get(register[0]).content.decode()


def test_everybody_is_told_in_batches_that_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two batches and begun anew, nobody is left out and nobody is told twice; a round that fails keeps no other from going on; a lifted prohibition takes two people."""
    org, now = world.north, NOW(UTC)
    row = record(org, reach="everyone", secret_until=now.date() + 40 * DAY, secret_basis="Order 17")
    assert row.concerned == 13 and len(client_for(org.person("legal")).get(f"/api/v1/orgs/{org.slug}/disclosures/").json()["disclosures"]) == 1, "somebody has to keep it"
    do(org, "tell-of-disclosure", second="second-owner", disclosure=row.reference, lifted=True)
    assert [one.step for one in lines(org)] == ["recorded", "told"]
    tell()
    assert [one.secret_until for one in told(org.person("member"))] == [None]
    open_ = record(org, reach="everyone")
    do(org, "tell-of-disclosure", disclosure=open_.reference)
    monkeypatch.setattr(rounds, "BATCH", 5)
    numbered()
    with tenancy.installation("a test reads the log"):
        subscribers.drain()
        begun = Round.objects.get(about=open_.entry)
        rounds.step(begun.id, now=now)
        assert Mail.objects.filter(template="disclosure-told", entry=Round.objects.get(id=begun.id).entry).count() == 5
    broken = Round(id=UUID(int=9), kind="privacy", about=UUID(int=9), entry=UUID(int=9), begun_at=now - 40 * DAY)
    arrange(lambda: broken.save(force_insert=True))
    try:
        for seconds in (20.0, 20.0, 0.0):  # and it is not gone on with at once where nothing else is left, however late it is
            with pytest.raises(PrivacyNotice.DoesNotExist):
                rounds.run(now=now, seconds=seconds)
    finally:
        with tampering() as hand:
            hand.execute("DELETE FROM dsar_round WHERE id = %s", [broken.id])
    with tenancy.installation("look"):
        done = Round.objects.get(id=begun.id)
        assert done.told == 13 and done.finished_at and Mail.objects.filter(template="disclosure-told", entry=done.entry).count() == 13
    mail = mails(org.person("member"), "disclosure-told")[-1]
    assert "It is not decided yet" in mail.body
    do(org, "answer-disclosure", disclosure=open_.reference)
    tell()
    assert [one.outcome for one in told(org.person("member")) if one.disclosure == open_.entry] == ["", "refused"] and len(mails(org.person("member"), "disclosure-told")) == 3


def test_the_database_changes_no_line(world: World) -> None:
    row = record(world.north, world.north.person("worker"))
    for act in (lambda: Disclosure.objects.filter(id=row.id).update(name="Nobody"), lambda: Disclosure.objects.filter(id=row.id).delete()):
        with pytest.raises(ProgrammingError, match="permission denied"):
            arrange(act)


def test_two_officers_at_once(world: World) -> None:
    """Both decide: one of them is too late, and there is one decision."""
    org = world.north
    row, results = record(org), []

    def decide(name: str) -> None:
        try:
            do(org, "answer-disclosure", who=name, disclosure=row.reference)
            results.append("done")
        except Exception as error:  # whatever it is, the test looks at it
            results.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=(name,)) for name in ("owner", "legal")]
    [one.start() for one in threads]
    [one.join() for one in threads]
    assert sorted(results) in (["Refused", "done"], ["Stale", "done"]), results
    assert [one.number for one in lines(org)] == [1, 2]


def test_bad_input(world: World) -> None:
    """Sentences for people and fields for programs; nothing is written."""
    org = world.north
    client, base = client_for(org.person("owner")), f"/api/v1/orgs/{org.slug}/actions/record-disclosure/"
    good = {name: value for name, value in DATA["record-disclosure"].items() if value not in (None, "")}
    tomorrow = NOW(UTC).date() + 3 * DAY
    wrong: dict[str, dict[str, Any]] = {
        "received_on": {"received_on": tomorrow.isoformat()}, "to_day": {"from_day": "2026-02-01", "to_day": "2026-01-31"}, "people": {"reach": "people", "people": "no address"},
        "secret_basis": {"secret_until": "2030-01-31"}, "secret_until": {"secret_until": "2026-01-01", "secret_basis": "x"}, "country": {"country": "XX"}, "name": {"name": "x" * 10_000},
        "from_day": {"from_day": "2026-02-29"}, "categories": {"categories": ["user.nothing"]}, "concerned": {"concerned": 0},
    }
    for name, changes in wrong.items():
        answer = client.post(base, json.dumps({**good, **changes}), content_type="application/json")
        assert answer.status_code == 422 and name in json.dumps(answer.json()), (name, answer.content)
    for changes, code in (({"reach": "people", "people": "nobody@elsewhere.example"}, "unknown_people"), ({"reach": "people", "people": f"owner@{org.slug}.example"}, "about_yourself")):
        answer = client.post(base, json.dumps({**good, **changes}), content_type="application/json")
        assert answer.status_code in {403, 409, 422} and code in answer.content.decode(), answer.content
    assert client.post(base, json.dumps({**good, "name": "x" * 10_000_000}), content_type="application/json").status_code in {413, 422}
    page = client.post(f"/o/{org.slug}/do/record-disclosure/", {**good, "received_on": "2027-02-30", "reach": "people"})
    assert page.status_code == 422 and b"Write at least one address" in page.content
    assert client.post(base, json.dumps({**good, "received_on": "2024-02-29"}), content_type="application/json").status_code == 200, "a leap day is a day"
    assert len(lines(org)) == 1
    ref = lines(org)[0].reference
    assert refused(world, "answer-disclosure", disclosure=ref, answered_on="2020-01-01") == ["before_received"]
    assert refused(world, "answer-disclosure", disclosure="D-0000-0000") == ["unknown_disclosure"]
    assert refused(world, "correct-disclosure", disclosure=ref, name="Public Prosecutor", words="x") == ["nothing_to_change"]
    assert refused(world, "tell-of-disclosure", disclosure=ref) == ["names_nobody"]
    with pytest.raises(Refused) as found:
        do(world.contoso, "answer-disclosure", disclosure=ref)
    assert found.value.codes == ["unknown_disclosure"], "another organization's entry does not exist"


def test_evidence(world: World) -> None:
    """A letter is looked at and not believed, lies sealed, and whoever fetches it is written down. Others do not find it."""
    org = world.north
    row = record(org)
    client, page = client_for(org.person("legal")), f"/o/{org.slug}/registers/disclosures/{row.entry}/"
    assert client.post(page, {"file": Upload("order.pdf", b"\x00\x01\x02")}).status_code == 422
    assert client.post(page, {"file": Upload("order.pdf", b"x" * (2 * 1024 * 1024 + 1))}).status_code == 422
    assert client.post(page, {"file": Upload("order.pdf", b"%PDF-1.7 the order")}).status_code == 302
    with tenancy.scope(org=org.organization.id):
        (kept,) = DisclosureFile.objects.all()
    assert b"order" not in bytes(kept.sealed) and kept.kind == "pdf"
    found = client.post(f"{page}files/{kept.id}/")
    assert found.content == b"%PDF-1.7 the order" and "sandbox" in found["Content-Security-Policy"] and found["Content-Disposition"].startswith("attachment")
    assert client.get(f"{page}files/{kept.id}/").status_code == 302, "a link alone fetches nothing"
    assert len(entries(org, "disclosure.evidence_read")) == 1
    for other in (client_for(org.person("auditor")), client_for(org.person("member")), client_for(world.contoso.person("owner"))):
        assert other.post(f"{page}files/{kept.id}/").status_code == 404
    assert client.post(f"{page}files/{uuid4()}/").status_code == 404
    text = base64.b64encode(b"by a program").decode()
    answer = client.post(f"/api/v1/orgs/{org.slug}/actions/add-disclosure-evidence/", json.dumps({"disclosure": row.reference, "file": text}), content_type="application/json")
    assert answer.status_code == 200, answer.content


def test_references_say_nothing() -> None:
    assert len({disclosures.reference() for _ in range(200)}) == 200
