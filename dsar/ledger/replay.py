"""Replaying the ledger onto an older database: whoever was erased is erased again, and what was stopped is stopped again; then it opens (RIGHTS 6c).

Lines are taken in their order, those that only say what is so many at a time. The mark moves with each batch, so that whoever is interrupted goes on where they were; once more is once.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from uuid import UUID

from django.db import connection, transaction

from accounts import purging
from accounts.models import Account, Closing, Deletion, Mail, Management, Organization, Session
from accounts.models.deletion import DeletionState
from accounts.organizations import ending
from accounts.tenancy import installation
from audit import INSTALLATION, disclosure, key_store, recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.ledger import file, memory, quarantine, restoring, writing
from dsar.ledger.file import Draft, Line
from dsar.ledger.report import Report

BATCH = 2000
_ALONE = 7_305_201_420  # any number, the same for every replay
_OPERATOR = ActorRef(type="operator")
Said = Callable[[str], None]


class Refused(Exception):
    """It cannot be replayed now; the words say what to do."""


class _Back(Exception):
    """A dry run takes back what it did."""


def run(*, now: datetime, dry: bool = False, said: Said = lambda _text: None) -> Report:
    """Replay every line that this database does not know, and open it. `dry` changes nothing and says what would be changed."""
    verdict = quarantine.look()
    if verdict and verdict.code != "behind":
        raise Refused(verdict.words)
    with installation("the ledger is replayed onto every organization"), _alone():
        report = Report()
        if not verdict:
            return report
        if not dry:
            memory.close(now=now)
        mark = memory.remembered()
        void, kinds = _looked_through(mark.seq)
        if strange := kinds - restoring.KINDS_OF_LINES.keys() - DESTROYS.keys():
            raise Refused(f"this version does not know what to do with lines of the kind {', '.join(sorted(strange))}: start the version that wrote them, or a newer one")
        report.resume(memory.found(), first=mark.seq + 1)
        for destroys, batch in _batches(file.walk(after=mark.seq)):
            todo = [line for line in batch if line.seq not in void and line.seq not in mark.seen]
            report.kinds.update(line.kind for line in todo)
            report.told.update(str(line.facts.get("action")) for line in todo if line.kind == "told.only")
            report.lines, report.last = report.lines + len(batch), batch[-1].seq
            _batch(batch, todo, report, now, dry, destroys=destroys)
            said(f"line {batch[-1].seq}")
        with transaction.atomic():
            _finish(report, now, dry)
        if not dry:
            key_store.destroy_doomed()
            destroy_keys()
            quarantine.forget()
        return report


def _looked_through(after: int) -> tuple[set[int], set[str]]:
    """Behind this line: the numbers of lines that never came true, and the kinds that there are."""
    void, kinds = set[int](), set[str]()
    for line in file.walk(after=after):
        kinds.add(line.kind)
        if line.kind == memory.VOID:
            void.add(int(line.facts["of"]))
    return void, kinds


def told(report: Report) -> Iterator[Line]:
    """The lines of a replay about which a database can only be told, one by one."""
    void, _kinds = _looked_through(report.first - 1)
    yield from (line for line in file.walk(after=report.first - 1) if line.kind == "told.only" and line.seq <= report.last and line.seq not in void)


def destroy_keys() -> int:
    """Keys of everybody who was erased, ever: an older keys' database may have brought some back. Named one by one by the ledger, so that no other is touched. Returns how many had come back."""
    found, keys = 0, list[UUID]()
    for line in file.walk():
        if line.kind == "log.erased" and line.facts.get("key"):
            keys.append(UUID(line.facts["key"]))
        if len(keys) == BATCH:
            found += key_store.destroy_again(keys)
            keys = []
    return found + (key_store.destroy_again(keys) if keys else 0)


class _alone:
    """One replay at a time."""

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ALONE])
            if not cursor.fetchone()[0]:
                raise Refused("another replay is at work")

    def __exit__(self, *_error: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_ALONE])


def _batches(lines: Iterator[Line]) -> Iterator[tuple[bool, list[Line]]]:
    """Lines that may be carried out together, in order, and whether they destroy: those that say what is so, or those of one kind that find something to destroy.

    A line that finds nothing, because whoever it is about is not in this database, goes with the others: else a ledger with many deletions would be read in pieces of a few lines.
    """
    while window := list(islice(lines, BATCH)):
        finding, batch, before = _finding(window), list[Line](), ""
        for line in window:
            kind = line.kind if line.seq in finding else ""
            if batch and kind != before:
                yield bool(before), batch
                batch = []
            before = kind
            batch.append(line)
        yield bool(before), batch


def _finding(window: Sequence[Line]) -> set[int]:
    """Of these lines those that find something to destroy, or will when the ones before them are done: what those write may be about the same person."""
    found = {line.seq for kind in DESTROYS for line in _there(kind, [line for line in window if line.kind == kind])}
    about: set[UUID | None] = set()
    for line in window:
        if line.kind in DESTROYS and line.subject in about:
            found.add(line.seq)
        if line.subject is not None and (line.kind not in DESTROYS or line.seq in found):
            about.add(line.subject)
    return found


def _batch(batch: Sequence[Line], todo: Sequence[Line], report: Report, now: datetime, dry: bool, *, destroys: bool) -> None:
    if destroys:
        for line in _there(batch[0].kind, todo):
            if dry:
                report.count(line)
                continue
            with writing.again(line.seq):
                DESTROYS[line.kind](line, report, now)
        if not dry:
            with transaction.atomic():
                memory.move(batch[-1].seq, batch[-1].hash)
                memory.keep(report.so_far())
        return
    try:
        with transaction.atomic():
            _states(todo, report, now)
            memory.move(batch[-1].seq, batch[-1].hash)
            memory.keep(report.so_far())
            if dry:
                raise _Back
    except _Back:
        pass


def _states(todo: Sequence[Line], report: Report, now: datetime) -> None:
    """Everything of one batch, and an entry for each person in the log of whoever answers for them."""
    found: list[tuple[str, restoring.Change]] = []
    with recording.opened(org=INSTALLATION, now=now) as act:
        for kind, restore in restoring.KINDS_OF_LINES.items():
            lines = [line for line in todo if line.kind == kind]
            if lines:
                found += [(kind, change) for change in restore(lines, now)]
        managed = dict(Management.objects.filter(account_id__in={change.subject for _kind, change in found if change.org is None}).values_list("account_id", "organization_id"))
        entries = []
        for kind, (org, subject, again) in found:
            report.again += [again] if again else []
            log = org or (managed.get(subject) if subject else None) or INSTALLATION
            entries.append(EntryDraft(org=log, action="restore.state_again", category="privacy", outcome="success", actor=_OPERATOR, via="cli",
                                      facts={"kind": kind, **({"again": again} if again else {})}, targets=[TargetRef(type="person", id=subject, subject=subject)] if subject else []))
            report.changed[str(log), kind] += 1
        act.write([*entries, EntryDraft(org=INSTALLATION, action="restore.progressed", category="privacy", outcome="success", actor=_OPERATOR, via="cli",
                                        facts={"last": report.last, "lines": len(todo), "changed": len(entries)})])


# What destroys


def _there(kind: str, lines: Sequence[Line]) -> list[Line]:
    """Those of these lines that find something to destroy: all are asked for at once."""
    if not lines:
        return []
    if kind == "account.purge":
        known: set[object] = set(Account.objects.filter(id__in={line.subject for line in lines}).exclude(status="purged").values_list("id", flat=True))
        return [line for line in lines if line.subject in known]
    if kind == "organization.end":
        known = set(Organization.objects.filter(id__in={line.org for line in lines}).exclude(status="deleted").values_list("id", flat=True))
        return [line for line in lines if line.org in known]
    with connection.cursor() as cursor:
        cursor.execute("""SELECT DISTINCT w.org, w.subject FROM unnest(%s::uuid[], %s::uuid[]) AS w(org, subject)
          WHERE EXISTS (SELECT 1 FROM audit_subjectkey k WHERE k.org = w.org AND k.subject = w.subject) OR EXISTS (SELECT 1 FROM audit_disclosure d WHERE d.org = w.org AND d.subject = w.subject)""",
                       [[line.org for line in lines], [line.subject for line in lines]])
        known = set(cursor.fetchall())
    return [line for line in lines if (line.org, line.subject) in known]


def _purge(line: Line, report: Report, now: datetime) -> None:
    """Everything that the map says of today, with the days that were told."""
    assert line.subject
    row = Deletion.objects.filter(account_id=line.subject).first()
    if row is None or row.state != DeletionState.PURGING:  # else it goes on where it was interrupted
        report.count(line)
        _begin(line, report, now)
    purging.purge(account_id=line.subject, now=now, before=purging.Before(purged_at=line.at, backups_until=date.fromisoformat(str(line.facts["backups_until"]))))


def _begin(line: Line, report: Report, now: datetime) -> None:
    """From here on there is no way back, as there was none."""
    with transaction.atomic(), recording.opened(org=line.org if line.org and _organization(line.org) else INSTALLATION, now=now) as act:
        account = Account.objects.select_for_update().get(id=line.subject)
        row = Deletion.objects.select_for_update().filter(account=account).first()
        if row is None:
            restoring.schedule(account, line.org, line.facts, state=DeletionState.PURGING, began_at=now, warned=True)
        else:
            row.state, row.began_at, row.version = DeletionState.PURGING, now, row.version + 1
            row.save(update_fields=["state", "began_at", "version"])
        memory.keep(report.so_far())
        act.write([EntryDraft(org=act.org, action="restore.erased_again", category="privacy", outcome="success", actor=_OPERATOR, via="cli",
                              targets=[TargetRef(type="person", id=account.id, subject=account.id)], facts={"term": str(line.facts["term"])})])


def _organization(org: UUID) -> bool:
    return Organization.objects.filter(id=org).exists()


def _erase(line: Line, report: Report, now: datetime) -> None:
    assert line.org and line.subject
    with transaction.atomic():
        report.count(line)
        memory.keep(report.so_far())
        disclosure.erase_subject(org=line.org, subject=line.subject, ground=str(line.facts["ground"]), now=now, by=_OPERATOR, via="cli")


def _end(line: Line, report: Report, now: datetime) -> None:
    assert line.org
    row = Closing.objects.filter(organization_id=line.org).first()
    if row is None or row.began_at is None or row.over_at is not None:
        report.count(line)
        with transaction.atomic(), recording.opened(org=line.org, now=now) as act:
            if row is None:
                Closing.objects.create(organization_id=line.org, ground="", asked_at=line.at, ends_at=datetime.fromisoformat(str(line.facts["ends_at"])), told=0, began_at=now)
            else:
                Closing.objects.filter(id=row.id).update(began_at=now, told=0, over_at=None, version=row.version + 1)
            memory.keep(report.so_far())
            act.write([EntryDraft(org=line.org, action="restore.ended_again", category="privacy", outcome="success", actor=_OPERATOR, via="cli",
                                  facts={"ends_at": str(line.facts["ends_at"])}, targets=[TargetRef(type="organization", id=line.org)])])
    ending.end(line.org, now=now)


DESTROYS: dict[str, Callable[[Line, Report, datetime], None]] = {"account.purge": _purge, "log.erased": _erase, "organization.end": _end}
"""Kinds of lines that stand before something that was destroyed, and how it is destroyed again."""


def _finish(report: Report, now: datetime, dry: bool) -> None:
    """Nobody is signed in any more, the incident is in the logs, and the database is open."""
    report.mails = Mail.objects.filter(state="due").count()
    report.sessions = Session.objects.filter(ended_at=None).count()
    if dry:
        return
    logs = Counter[str]()
    for (log, _kind), number in report.changed.items():
        logs[log] += number
    with recording.opened(org=INSTALLATION, now=now) as act:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_session SET ended_at = %s, ended_reason = 'restored' WHERE ended_at IS NULL", [now])
            cursor.execute("UPDATE accounts_programsession SET ended_at = %s, ended_why = 'restored' WHERE ended_at IS NULL", [now])
            cursor.execute("DELETE FROM django_session")
        facts = {"lines": report.lines, "first": report.first, "last": report.last, "sessions": report.sessions, "mails_due": report.mails, "organizations": len(logs)}
        act.write([_incident(INSTALLATION, report, facts),
                   *(_incident(UUID(log), report, {}) for log in sorted(logs) if UUID(log) != INSTALLATION)])
    memory.open_again()
    writing.lines([Draft("ledger.replayed", None, None, {"first": report.first, "last": report.last})], now=now)


def _incident(log: UUID, report: Report, facts: dict[str, object]) -> EntryDraft:
    counts = {kind.replace(".", "_"): number for (one, kind), number in sorted(report.changed.items()) if one == str(log) or log == INSTALLATION}
    if log == INSTALLATION:
        counts = {kind.replace(".", "_"): report.total(kind) for _log, kind in sorted(report.changed)}
    return EntryDraft(org=log, action="restore.resurrection", category="privacy", outcome="success", actor=_OPERATOR, via="cli", severity="high", facts={**facts, **counts})
