"""What organizations decided and did about data comes back from the ledger alone: rules, matters and holds, accesses to records, the register of disclosures. Without a word that somebody typed."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from accounts import tenancy
from accounts.models import Membership
from audit.models import Hold
from dsar.content import life
from dsar.content.model import ContentAccess
from dsar.holds.models import HoldNotice, LegalHold, Matter
from dsar.ledger import duties, file, replay, restoring
from dsar.ledger.duties_again import Change
from dsar.ledger.report import Report
from dsar.registers.models import Disclosure, Round, ToldDisclosure
from dsar.retention.models import RetentionRule
from tests.audit.logs import tampering
from tests.cast import Org, World
from tests.dsar.test_content import agrees, asks
from tests.holds import acts
from tests.registers.acts import do, pass_time, record
from tests.situations import arrange, role_for

LOST = "(lost with a database; to be entered again)"
WORDS = ("Smith v. Jones", "a claim", "Incident 12", "Prosecutor", "12 Js 34", "Order 17", "Sealed")
MODELS = (RetentionRule, Matter, LegalHold, HoldNotice, ContentAccess, Disclosure)
KINDS = {kind: record for kind, record in duties.RECORDS.items() if record.model in MODELS}
"""The others are in `test_told.py`."""


def stored(org: Org) -> dict[Any, dict[str, Any]]:
    """Every column that a line carries, of every row, and whom the holds keep."""
    with tenancy.installation("a test looks"):
        rows = {(kind, row.id): {name: getattr(row, name) for name in (*record.columns, *filter(None, [record.person]))}
                for kind, record in KINDS.items() for row in record.model._default_manager.filter(organization_id=org.organization.id)}
        held = {("hold", row.id): {name: getattr(row, name) for name in ("org", "subject", "kind", "since", "within", "released_at")} for row in Hold.objects.filter(org=org.organization.id)}
    return rows | held


def replayed(org: Org, *, now: datetime) -> list[Change]:
    """What the whole ledger, carried out, changed for this organization; other tests leave lines and rows of theirs."""
    lines, found = list(file.walk()), list[Change]()
    arrange(lambda: found.extend(one for kind, restore in restoring.KINDS_OF_LINES.items() for one in restore([line for line in lines if line.kind == kind], now)))
    return [one for one in found if one.org == org.organization.id]


def older() -> None:
    """As in a backup that was made before all of it."""
    with tampering() as hand:
        for table in ("dsar_holdnotice", "dsar_legalhold", "dsar_matter", "dsar_contentaccess", "dsar_tolddisclosure", "dsar_round", "dsar_disclosure", "dsar_retentionrule", "audit_hold"):
            hand.execute(f"DELETE FROM {table}")


def test_what_organizations_decided_comes_back(world: World) -> None:
    org, now = world.north, datetime.now(UTC)
    worker, guest = org.person("worker"), org.person("guest")
    arrange(lambda: Membership.objects.filter(id=org.person("security").id).update(role=role_for(org, "Investigators", 60, "view_people", "view_audit", "view_content")))
    do(org, "set-retention-rule", count=400)
    do(org, "set-retention-rule", count=500)  # the first one ends
    do(org, "set-retention-rule", scope="person", person=worker.account.email)
    held = acts.place(org, worker, guest, disclosure="yes", categories=["user.contact.email"], first_day="2026-01-01")
    acts.release(org, acts.place(org, guest))
    waits = agrees(org, asks(org, delay=9, delay_ground="evidence"))
    row = record(org, worker, secret_until="2029-12-31", secret_basis="Sealed")
    do(org, "extend-prohibition", disclosure=row.reference)
    told = record(org, worker)
    do(org, "answer-disclosure", disclosure=told.reference)
    pass_time(now)
    acts.follow()
    wanted = stored(org)
    assert {key[0] for key in wanted} == {*KINDS, "hold"}
    assert replayed(org, now=now) == [], "what is so is not changed"
    text = file.path().read_text()
    assert not [word for word in WORDS if word in text], "no line has a word that somebody typed"

    older()
    later = now + timedelta(hours=1)
    changed = replayed(org, now=later)
    found = stored(org)
    assert found.keys() == wanted.keys(), ([key for key in wanted if key not in found], [key for key in found if key not in wanted])
    differs = {key: {name: (value, found[key][name]) for name, value in values.items() if found[key][name] != value} for key, values in wanted.items()}
    over = differs.pop(("access.state", waits.id))
    assert over == {"ended_at": (None, later), "ended_how": ("", life.RESTORED)}, "nobody reads on by it, and the person is told on the day that was set"
    assert not any(differs.values()), {key: values for key, values in differs.items() if values}
    with tenancy.installation("a test looks"):
        assert LegalHold.objects.get(id=held.id).ground == LOST == ContentAccess.objects.get(id=waits.id).words and Matter.objects.get(id=held.matter_id).name == LOST
        assert set(Disclosure.objects.filter(organization=org.organization).values_list("name", flat=True)) == {LOST}
        assert [(one.disclosure, one.name) for one in ToldDisclosure.objects.filter(account=worker.account)] == [(told.entry, LOST)] and not Round.objects.exists()
        assert HoldNotice.objects.filter(hold=held).count() == 2, "who was told of the hold is not told anew"
    again = {tuple(one.again.split()[:2]) for one in changed if one.again}
    assert {number for kind, number in again if kind == "matter.state"} == {str(one) for one in _matters(org)} and {number for kind, number in again if kind == "access.state"} == {str(waits.id)}
    assert {number for kind, number in again if kind == "disclosure.state"} >= {str(row.id)} and all(one.again.endswith(f"{now:%Y-%m-%d}") for one in changed if one.again)
    assert replayed(org, now=later + timedelta(hours=1)) == [], "once more is once"
    pass_time(now + timedelta(days=300))
    with tenancy.installation("a test looks"):
        assert Disclosure.objects.filter(entry=row.entry, told_at=None).count() == 2, "the longer prohibition holds"
        assert {one.number for one in Disclosure.objects.filter(entry=told.entry)} == {1, 2, 3}, "nobody is told twice"


def _matters(org: Org) -> set[UUID]:
    with tenancy.installation("a test looks"):
        return set(Matter.objects.filter(organization=org.organization).values_list("id", flat=True))


def test_lines_that_find_nothing_split_no_batch(world: World) -> None:
    """A ledger full of deletions of people who are not in this database is carried out in pieces as large as any; what finds something has its place in the order."""
    person, now = world.north.person("worker").account_id, datetime.now(UTC)

    def line(number: int, kind: str, subject: UUID) -> file.Line:
        return file.Line(number, now, kind, None, subject, {}, "1.1.1.1", "")
    gone, other = uuid4(), uuid4()
    lines = [line(1, "account.state", other), line(2, "account.purge", gone), line(3, "token.state", other), line(4, "account.purge", person), line(5, "account.state", person),
             line(6, "log.erased", other), line(7, "log.erased", gone), line(8, "account.state", other)]
    with tenancy.installation("a test looks"):
        found = [(destroys, [one.seq for one in batch]) for destroys, batch in replay._batches(iter(lines))]
    assert found == [(False, [1, 2, 3]), (True, [4]), (False, [5]), (True, [6]), (False, [7, 8])], "also what earlier lines of the batch may have written about is looked at in its turn"


def test_a_replay_names_what_has_to_be_entered_again() -> None:
    """Also one that was interrupted: what it found first is named with the rest."""
    report = Report(again=["matter.state 1 2026-11-27"])
    report.changed["x", "matter.state"] = 1
    after = Report()
    after.resume(report.so_far(), first=9)
    assert after.again == report.again and after.changed == report.changed
