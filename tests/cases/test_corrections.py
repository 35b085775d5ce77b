"""A value that is not right: proposed, shown with evidence, answered; used by nobody until then, and never brought back unnoticed."""
from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts import door, tenancy
from accounts.models import Membership, ValueDispute
from accounts.profile import telling
from accounts.reasons import Refused
from audit import subscribers
from dsar.cases import evidence
from dsar.cases.models import Action, Case, Evidence
from dsar.powers import adding, cases, dialogue
from portal.powers import BY_SLUG
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cases.test_acts import by, own, the_case
from tests.cast import Org, World
from tests.fields.test_questions import act, last, member
from tests.situations import arrange

PDF, PNG = b"%PDF-1.7\n%\xe2\xe3 a deed", b"\x89PNG\r\n\x1a\n\x00\x00"


def disputed(org: Org, field: str = "title", old: str = "Clerk", new: str = "Engineer", name: str = "worker") -> Case:
    """The person disputes a value that the organization set."""
    person = org.person(name)
    arrange(lambda: Membership.objects.filter(id=person.id).update(**{field: old}))
    assert act(org, "dispute-value", name, {"field": field, "proposed": new, "words": "Since May."}, by=name) == []
    return the_case(person)


def answer(org: Org, outcome: str, field: str = "title", **more: Any) -> list[str]:
    return act(org, "answer-value-dispute", "worker", {"field": field, "outcome": outcome, "value": "", "reason_code": "" if outcome == "corrected" else "our_records", **more})


def follow() -> None:
    number_all()
    with tenancy.installation("the worker"):
        subscribers.drain()


def stands(case: Case) -> tuple[str, list[str]]:
    with tenancy.installation("a test looks"):
        row = Case.objects.get(id=case.id)
        return row.state, list(Action.objects.filter(case=row).values_list("outcome", flat=True))


def rows(org: Org, *values: dict[str, Any]) -> dict[str, list[str]]:
    with tenancy.scope(org=org.organization.id, purpose="act"):
        plan = door.plan(power=BY_SLUG["import-people"], actor=org.actor("administrator"), data={"rows": list(values), "message": ""}, now=datetime.now(UTC))
    return {v.target.values["email"]: list(v.reasons) for v in plan.verdicts}


def test_what_is_contested_is_used_by_nobody_and_what_was_corrected_stays_so(world: World) -> None:
    org, worker = world.north, world.north.person("worker")
    email = worker.account.email
    case = disputed(org, old="Canary clerk")
    assert stands(case) == ("triage", [""]) and case.level == 2 and case.statutory_due is not None
    assert disputed(org, "department").id == case.id, "a second one goes with the first, which has its date already"
    boss = client_for(org.person("administrator"))
    pages = [f"/o/{org.slug}/people/?q=canary", f"/o/{org.slug}/people/export.csv", f"/api/v1/orgs/{org.slug}/people/{worker.id}/"]
    for path in pages:
        answered = boss.get(path)
        body = b"".join(answered.streaming_content) if answered.streaming else answered.content  # type: ignore[attr-defined]
        assert answered.status_code == 200 and b"Canary clerk" not in body, path
    page = unescape(boss.get(f"/o/{org.slug}/people/{worker.id}/answer-value-dispute/?field=title").content.decode())
    assert "Canary clerk" in page and "Engineer" in page, "whoever checks it sees both"
    assert act(org, "update-profile", "worker", {"title": "Other"}) == ["field_contested"]
    assert rows(org, {"email": email, "title": "Other"}) == {email: ["field_contested"]}
    assert answer(org, "corrected", "department") == [] and stands(case) == ("triage", [""]), "the title still waits"
    with pytest.raises(Refused) as refused:
        by(world, "administrator", cases.ANSWER, case, outcome="granted", ground="")
    assert refused.value.codes == ["answer_values_first"]
    assert answer(org, "corrected") == []
    assert member(org, "worker").title == "Engineer" and stands(case) == ("fulfilled", ["granted"])
    assert rows(org, {"email": email, "title": "canary  CLERK"}) == {email: ["corrected_before"]}
    assert rows(org, {"email": email, "title": "Chief"}) == {email: []}
    arrange(lambda: Membership.objects.filter(id=worker.id).update(status="removed"))
    assert rows(org, {"email": email, "title": "Canary clerk"}) == {email: ["corrected_before"]}, "invited anew, it is the same person"
    arrange(lambda: Membership.objects.filter(id=worker.id).update(status="active"))
    assert act(org, "update-profile", "worker", {"title": "Canary clerk"}) == ["corrected_before"]
    assert act(org, "update-profile", "worker", {"title": "Canary clerk", "anew": True}) == [], "somebody says that it is meant"


def test_what_is_kept_comes_back_after_the_person_was_told_and_disagreeing_holds_it(world: World) -> None:
    org, worker, now = world.north, world.north.person("worker"), datetime.now(UTC)
    case = disputed(org)
    assert answer(org, "kept", message="See page 2.") == [] and stands(case) == ("refused", ["refused"])
    telling.run(now=now + timedelta(hours=71))
    assert member(org, "worker").title == ""
    assert act(org, "dispute-value", "worker", {"field": "title", "proposed": "Other", "words": "x"}, by="worker") == ["asked_already"]
    own(worker, dialogue.DISPUTE, request=str(case.id), message="Look again.")
    follow()
    telling.run(now=now + timedelta(days=9))
    assert member(org, "worker").title == "", "it is contested on"
    assert by_other(world, case, "upheld") == []
    follow()
    telling.run(now=now + timedelta(days=4))
    assert member(org, "worker").title == "Clerk" and '"membership.set_aside"' in last(org, "profile.value_back")
    second = disputed(org)
    assert answer(org, "kept") == []
    telling.run(now=now + timedelta(days=4))
    own(worker, dialogue.DISPUTE, request=str(second.id), message="Look again.")
    follow()
    assert member(org, "worker").title == "", "taken out of use again, because it is contested again"
    assert by_other(world, second, "reversed") == []
    follow()
    assert stands(second) == ("planned", [""]) and answer(org, "corrected") == []
    assert member(org, "worker").title == "Engineer" and stands(second) == ("fulfilled", ["granted"])


def by_other(world: World, case: Case, outcome: str) -> list[str]:
    """Somebody who did not answer decides about it."""
    try:
        by(world, "owner", dialogue.RESOLVE, case, outcome=outcome)
    except Refused as refusal:
        return refusal.codes
    return []


def test_in_part_and_taken_back(world: World) -> None:
    org, worker = world.north, world.north.person("worker")
    case = disputed(org)
    manager = client_for(org.person("people-manager"))
    path = f"/o/{org.slug}/people/{worker.id}/answer-value-dispute/"
    for wrong in ({"outcome": "partly"}, {"outcome": "partly", "value": "Senior"}, {"outcome": "partly", "value": "Engineer", "reason_code": "our_records"}):
        assert manager.post(path, {"field": "title", **wrong}).status_code == 422, wrong
    assert manager.post(path, {"field": "title", "outcome": "partly", "value": "Junior engineer", "reason_code": "our_usage"}).status_code == 302
    assert member(org, "worker").title == "Junior engineer" and stands(case) == ("partially_fulfilled", ["partial"])
    page = unescape(client_for(worker).get(f"/me/requests/{case.id}/").content.decode())
    assert "“Clerk” should be “Engineer”" in page and "writes it this way" in page and "Disagree with the answer" in page
    case = disputed(org)
    assert act(org, "withdraw-dispute", "worker", {"field": "title"}, by="worker") == []
    assert member(org, "worker").title == "Clerk" and stands(case) == ("withdrawn", ["withdrawn"])
    case = disputed(org)
    own(worker, cases.WITHDRAW, request=str(case.id))
    follow()
    assert member(org, "worker").title == "Clerk", "with the request, what is disputed in it is taken back"
    with tenancy.installation("a test looks"):
        assert not ValueDispute.objects.filter(account_id=worker.account_id, state="open").exists()


def test_what_is_set_meanwhile_by_the_person_is_not_overwritten(world: World) -> None:
    org = world.north
    disputed(org)
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(title="Mine"))
    assert answer(org, "kept") == []
    telling.run(now=datetime.now(UTC) + timedelta(days=4))
    assert member(org, "worker").title == "Mine"


@pytest.mark.parametrize(("data", "kind"), [(PDF, "pdf"), (PNG, "png"), (b"\xff\xd8\xff\xe0", "jpeg"), ("Größe\n".encode(), "text"), (b"MZ\x90\x00", None), (b"", None), (b"\x00text", None), (b"PK\x03\x04", None)])
def test_a_file_is_what_it_is_and_not_what_it_is_called(data: bytes, kind: str | None) -> None:
    assert evidence.kind_of(data) == kind


def test_evidence_is_sealed_fetched_by_whoever_answers_and_destroyed_with_the_answer(world: World) -> None:
    org, worker = world.north, world.north.person("worker")
    case, person = disputed(org), client_for(worker)
    page = f"/me/requests/{case.id}/"
    assert person.post(page, {"do": "add", "message": "", "file": upload(b"MZ\x90\x00", "deed.pdf")}).status_code == 422
    assert person.post(page, {"do": "add", "message": ""}).status_code == 422
    large = person.post(page, {"do": "add", "message": "", "file": upload(PDF + b"x" * evidence.BYTES, "deed.pdf")})
    assert large.status_code == 422 and "larger than 2 MB" in large.content.decode()
    assert person.post(page, {"do": "add", "message": "My deed", "file": upload(PDF, "../../<deed>.html")}).status_code == 302
    with tenancy.installation("a test looks"):
        row = Evidence.objects.get(case=case)
        assert b"deed" not in bytes(row.sealed) and (row.kind, row.size) == ("pdf", len(PDF))
    record = last(org, "case.added")
    assert str(row.id) in record and "My deed" not in record
    path = f"/o/{org.slug}/requests/{case.id}/files/{row.id}/"
    for name, status in (("auditor", 404), ("worker", 404), ("help-desk", 404)):
        assert client_for(org.person(name)).post(path).status_code == status, name
    for foreign in (f"/o/{world.contoso.slug}/requests/{case.id}/files/{row.id}/", f"/o/{org.slug}/requests/{row.id}/files/{row.id}/"):
        assert client_for(world.contoso.person("owner") if world.contoso.slug in foreign else org.person("administrator")).post(foreign).status_code == 404
    boss = client_for(org.person("administrator"))
    assert boss.get(path).status_code == 302 and not last(org, "case.evidence_read"), "a link alone fetches nothing"
    assert client_for(org.person("administrator"), tier=0).post(path).status_code == 302 and not last(org, "case.evidence_read"), "first a proof"
    got = client_for(org.person("people-manager")).post(path)
    assert got.content == PDF and got["Content-Disposition"].startswith("attachment") and "deed" not in got["Content-Disposition"] and "sandbox" in got["Content-Security-Policy"]
    assert got["X-Content-Type-Options"] == "nosniff" and "no-store" in got["Cache-Control"] and str(row.id) in last(org, "case.evidence_read")
    own(worker, dialogue.BAR, request=str(case.id), administrator=org.person("administrator").account.email)
    assert boss.post(path).status_code == 404 and answer(org, "corrected") == ["unknown_request"], "kept out of the request is kept out of the answer"
    for _n in range(2):
        own(worker, adding.POWER, request=str(case.id), message="", file=base64.b64encode(PNG).decode())
    with pytest.raises(Refused) as refused:
        own(worker, adding.POWER, request=str(case.id), message="", file=base64.b64encode(PNG).decode())
    assert refused.value.codes == ["too_much_added"]
    assert act(org, "answer-value-dispute", "worker", {"field": "title", "outcome": "corrected", "value": ""}, by="owner") == []
    assert stands(case) == ("triage", [""]), "words were added, which somebody has to answer"
    by(world, "owner", cases.ANSWER, case, outcome="granted", ground="")
    with tenancy.installation("a test looks"):
        assert not Evidence.objects.filter(case=case).exists()
    assert '"evidence_destroyed":3' in last(org, "case.fulfilled")


def upload(data: bytes, name: str) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile(name, data)


def test_what_is_far_too_large_is_refused_by_what_it_says_of_itself(world: World) -> None:
    """Not a byte of it is read: there is none."""
    worker = world.north.person("worker")
    case = disputed(world.north)
    client: Client = client_for(worker, enforce_csrf_checks=True)
    for path, says in ((f"/me/requests/{case.id}/", "At most 2 MB"), ("/me/requests/", "At most 6 MB")):
        answered = client.generic("POST", path, b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=str(1 << 30))
        assert answered.status_code == 413 and says in answered.content.decode(), path


def test_asked_again_in_other_words_nothing_of_it_is_lost(world: World) -> None:
    worker = world.north.person("worker")
    own(worker, cases.ASK, right="correct", organization="", message="My birthday.")
    own(worker, cases.ASK, right="correct", organization="", message="And my badge.")
    case = the_case(worker)
    with tenancy.installation("a test looks"):
        assert Case.objects.filter(account_id=worker.account_id).count() == 1
        assert list(case.happenings.filter(event="added").values_list("words", flat=True)) == ["And my badge."]
    own(worker, cases.ASK, right="object", organization="", message="")
    with pytest.raises(Refused) as refused:
        own(worker, adding.POWER, request=str(the_case(worker).id), message="", file=base64.b64encode(PDF).decode())
    assert refused.value.codes == ["no_files_here"]
