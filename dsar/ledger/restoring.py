"""Bringing an older database to what the ledger says is so: for each kind of line the statements that do it, for many lines at once. Once more changes nothing.

Nobody is given more than they had: roles only become less, a membership that was removed stays removed, and whose address or password changed since has to prove who they are.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.utils.translation import gettext

from accounts import outbox
from accounts.communications import choices, links
from accounts.communications.kinds import KINDS
from accounts.models import Account, Deletion, Membership
from accounts.models.communication import How
from accounts.models.deletion import DeletionState
from accounts.profile import aside
from audit import retention
from audit.models import Hold
from dsar.ledger import duties, duties_again, programs
from dsar.ledger.duties_again import Change
from dsar.ledger.file import Line
from dsar.restriction.model import Restriction

Changed = list[Change]
"""What was not so yet."""
Restore = Callable[[Sequence[Line], datetime], Changed]


def _latest(lines: Sequence[Line], *names: str) -> list[Line]:
    """Of several lines about the same thing the last one."""
    return list({(line.org if not names else None, line.subject, *(line.facts.get(name) for name in names)): line for line in lines}.values())


def _run(sql: str, lines: Sequence[Line], now: datetime, *, key: str = "") -> Changed:
    """`sql` reads the lines as `given(facts, org, subject, at)` and returns organization and person of what it changed.

    It names its rows by `subjects`, or by `ids` too, the numbers that the fact `key` has: behind the row-level policies PostgreSQL expects hardly any
    rows, and would compare each line with each; so lines and rows are joined by hashing.
    """
    given = orjson.dumps([{"f": line.facts, "org": line.org, "subject": line.subject, "at": line.at} for line in lines]).decode()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(f"WITH given AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(%(given)s::text::jsonb) AS g(f jsonb, org uuid, subject uuid, at timestamptz)) {sql}",
                       {"given": given, "now": now, "subjects": list({line.subject for line in lines}), "ids": [line.facts[key] for line in lines] if key else []})
        found = [Change(row[0], row[1]) for row in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        return found


def accounts(lines: Sequence[Line], now: datetime) -> Changed:
    return _run("""UPDATE accounts_account a SET
      status = CASE WHEN g.f->>'status' = 'pending_deletion' AND NOT EXISTS (SELECT 1 FROM accounts_deletion d WHERE d.account_id = a.id) THEN a.status ELSE g.f->>'status' END,
      reason_code = g.f->>'reason_code', reason_text = CASE WHEN a.status = g.f->>'status' THEN a.reason_text ELSE '' END, status_until = (g.f->>'status_until')::timestamptz,
      access_ends_at = (g.f->>'access_ends_at')::timestamptz, reset_required_at = GREATEST(a.reset_required_at, (g.f->>'reset_required_at')::timestamptz),
      gpc_at = (g.f->>'gpc_at')::timestamptz, auth_epoch = GREATEST(a.auth_epoch, (g.f->>'auth_epoch')::int), credential_epoch = GREATEST(a.credential_epoch, (g.f->>'credential_epoch')::int),
      is_operator = a.is_operator AND (g.f->>'is_operator')::boolean, refuses_invitations = (g.f->>'refuses_invitations')::boolean,
      reported_at = (g.f->>'reported_at')::timestamptz, version = a.version + 1
     FROM given g WHERE a.id = ANY(%(subjects)s::uuid[]) AND a.id = g.subject AND a.status <> 'purged' AND a.reason_code <> 'restored_address'
      AND ((a.status, a.reason_code, a.status_until, a.access_ends_at, a.gpc_at, a.refuses_invitations, a.reported_at) IS DISTINCT FROM (g.f->>'status', g.f->>'reason_code',
        (g.f->>'status_until')::timestamptz, (g.f->>'access_ends_at')::timestamptz, (g.f->>'gpc_at')::timestamptz, (g.f->>'refuses_invitations')::boolean, (g.f->>'reported_at')::timestamptz)
       OR a.auth_epoch < (g.f->>'auth_epoch')::int OR a.credential_epoch < (g.f->>'credential_epoch')::int OR a.is_operator AND NOT (g.f->>'is_operator')::boolean
       OR COALESCE(a.reset_required_at, '-infinity') < (g.f->>'reset_required_at')::timestamptz)
     RETURNING NULL::uuid, a.id""", _latest(lines), now)


_MEMBER = """UPDATE accounts_membership m SET
  status = CASE WHEN m.status IN ('removed', 'invited') AND g.f->>'status' <> 'removed' THEN m.status ELSE g.f->>'status' END, reason_code = g.f->>'reason_code',
  reason_text = CASE WHEN m.status = g.f->>'status' THEN m.reason_text ELSE '' END, status_until = (g.f->>'status_until')::timestamptz, access_ends_at = (g.f->>'access_ends_at')::timestamptz,
  restricted_mode = g.f->>'restricted_mode', role_id = COALESCE(less.id, m.role_id), role_until = LEAST(m.role_until, (g.f->>'role_until')::timestamptz), protected = (g.f->>'protected')::boolean,
  use_restricted = (g.f->>'use_restricted')::boolean, use_freed = CASE WHEN g.f->>'use_freed' = '' THEN '{}' ELSE string_to_array(g.f->>'use_freed', ' ') END,
  access_epoch = GREATEST(m.access_epoch, (g.f->>'access_epoch')::int), contract_ends_on = (g.f->>'contract_ends_on')::date,
  reset_required_at = GREATEST(m.reset_required_at, (g.f->>'reset_required_at')::timestamptz), version = m.version + 1
 FROM given g JOIN accounts_membership was ON was.id = (g.f->>'membership')::uuid JOIN accounts_role had ON had.id = was.role_id
  LEFT JOIN accounts_role less ON less.id = (g.f->>'role')::uuid AND less.organization_id = was.organization_id AND less.rank < had.rank
 WHERE m.id = ANY(%(ids)s::uuid[]) AND was.id = ANY(%(ids)s::uuid[]) AND m.id = was.id
  AND m.account_id IN (SELECT a.id FROM accounts_account a WHERE a.id = ANY(%(subjects)s::uuid[]) AND a.status <> 'purged')
  AND (less.id IS NOT NULL OR m.access_epoch < (g.f->>'access_epoch')::int OR COALESCE(m.reset_required_at, '-infinity') < (g.f->>'reset_required_at')::timestamptz
   OR NOT (m.status IN ('removed', 'invited') AND g.f->>'status' <> 'removed') AND (m.status, m.reason_code, m.status_until, m.restricted_mode) IS DISTINCT FROM
    (g.f->>'status', g.f->>'reason_code', (g.f->>'status_until')::timestamptz, g.f->>'restricted_mode')
   OR (m.access_ends_at, m.protected, m.use_restricted, array_to_string(m.use_freed, ' '), m.contract_ends_on) IS DISTINCT FROM
    ((g.f->>'access_ends_at')::timestamptz, (g.f->>'protected')::boolean, (g.f->>'use_restricted')::boolean, g.f->>'use_freed', (g.f->>'contract_ends_on')::date)
   OR LEAST(m.role_until, (g.f->>'role_until')::timestamptz) IS DISTINCT FROM m.role_until)
 RETURNING m.organization_id, m.account_id"""


_GO_WITH_IT = (("accounts_groupmembership", "membership_id"), ("accounts_serviceaccess", "membership_id"), ("accounts_protection", "membership_id"), ("accounts_protection", "administrator_id"))


def memberships(lines: Sequence[Line], now: datetime) -> Changed:
    """Also what somebody had as a member goes where they are none any more, and who may act on a protected person is what it was."""
    last = _latest(lines, "membership")
    found = _run(_MEMBER, last, now, key="membership")
    gone = [line.facts["membership"] for line in last if line.facts["status"] == "removed"]
    with connection.cursor() as cursor:
        for table, column in _GO_WITH_IT:
            cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s::uuid[])", [gone])
        cursor.execute("UPDATE accounts_apitoken SET state = 'revoked', ended_at = %s, ended_reason = 'removed', version = version + 1"
                       " WHERE membership_id = ANY(%s::uuid[]) AND state <> 'revoked'", [now, gone])
        for line in last:
            for pair in (line.facts.get("services") or "").split():
                service, _equals, state = pair.partition("=")
                cursor.execute("UPDATE accounts_serviceaccess SET state = %s WHERE membership_id = %s AND service_id = %s AND state <> %s", [state, line.facts["membership"], service, state])
            if line.facts["protected"]:
                cursor.execute("""INSERT INTO accounts_protection (id, organization_id, membership_id, administrator_id) SELECT gen_random_uuid(), m.organization_id, m.id, a.id
                  FROM accounts_membership m JOIN accounts_membership a ON a.organization_id = m.organization_id AND a.id = ANY(%s::uuid[]) WHERE m.id = %s ON CONFLICT DO NOTHING""",
                               [(line.facts.get("administrators") or "").split(), line.facts["membership"]])
    return found


def tokens(lines: Sequence[Line], now: datetime) -> Changed:
    return _run("""UPDATE accounts_apitoken t SET state = g.f->>'state',
      ended_at = (g.f->>'ended_at')::timestamptz, ended_reason = g.f->>'ended_reason', version = t.version + 1
     FROM given g WHERE t.id = ANY(%(ids)s::uuid[]) AND t.id = (g.f->>'token')::uuid AND t.state <> 'revoked' AND t.state <> g.f->>'state'
     RETURNING t.organization_id, t.account_id""", _latest(lines, "token"), now, key="token")


def passwords(lines: Sequence[Line], now: datetime) -> Changed:
    """Whoever knew the old password does not come in: a new one has to be set by the mailbox."""
    return _run("""UPDATE accounts_account a SET reset_required_at = %(now)s, auth_epoch = a.auth_epoch + 1, credential_epoch = a.credential_epoch + 1, version = a.version + 1
     FROM given g WHERE a.id = ANY(%(subjects)s::uuid[]) AND a.id = g.subject AND a.status <> 'purged' AND a.reset_required_at IS NULL
      AND COALESCE(a.credentials_changed_at, '-infinity') < (g.f->>'at')::timestamptz - interval '1 second' RETURNING NULL::uuid, a.id""",
                _latest(lines), now)


def addresses(lines: Sequence[Line], now: datetime) -> Changed:
    """The account is locked: the address it has now was given up, and the one it had is in no file. Whoever manages it sets the address; else the operator decides (docs/operating.md)."""
    return _run("""UPDATE accounts_account a SET status = 'locked', reason_code = 'restored_address', reason_text = '', status_until = NULL, status_changed_at = %(now)s, auth_epoch = a.auth_epoch + 1,
      credential_epoch = a.credential_epoch + 1, version = a.version + 1
     FROM given g WHERE a.id = ANY(%(subjects)s::uuid[]) AND a.id = g.subject AND a.status NOT IN ('purged', 'pending_deletion') AND a.reason_code <> 'restored_address'
      AND COALESCE(a.credentials_changed_at, '-infinity') < (g.f->>'at')::timestamptz - interval '1 second' RETURNING NULL::uuid, a.id""", _latest(lines), now)


def managements(lines: Sequence[Line], now: datetime) -> Changed:
    return _run("DELETE FROM accounts_management m USING given g WHERE m.account_id = ANY(%(subjects)s::uuid[]) AND m.account_id = g.subject AND m.organization_id IS DISTINCT FROM g.org"
                " RETURNING m.organization_id, m.account_id", _latest_of_people(lines), now)


def _latest_of_people(lines: Sequence[Line]) -> list[Line]:
    return list({line.subject: line for line in lines}.values())


def restrictions(lines: Sequence[Line], now: datetime) -> Changed:
    found: Changed = []
    for line in _latest(lines, "restriction"):
        f = line.facts
        values: dict[str, Any] = {name: f[name] for name in ("state", "trigger", "by_person", "ground")} | {"what": f.get("what") or ""}
        values |= {name: _moment(f[name]) for name in ("began_at", "object_by", "confirmed_at", "lift_at", "lifted_at")}
        values |= {name: f[name].split() for name in ("freeing", "freed")}
        there = Restriction.objects.filter(id=f["restriction"]).first()
        if there is not None:
            if any(getattr(there, name) != value for name, value in values.items()):
                Restriction.objects.filter(id=there.id).update(**values, version=there.version + 1)
                found.append(Change(line.org, line.subject))
        elif Account.objects.filter(id=line.subject).exclude(status="purged").exists() and _is_member(line):
            if f["state"] != "lifted":  # one is in force at a time
                Restriction.objects.filter(organization_id=line.org, account_id=line.subject, what=values["what"]).exclude(state="lifted").update(state="lifted", lifted_at=now)
            Restriction.objects.create(id=UUID(f["restriction"]), organization_id=line.org, account_id=line.subject, **values)
            found.append(Change(line.org, line.subject))
        if values["what"]:
            _close(line)
    return found


def _close(line: Line) -> None:
    """Parts that may only be stored are out of use again, and those that may be used are back: PostgreSQL follows what the membership says."""
    member = Membership.objects.filter(organization_id=line.org, account_id=line.subject).exclude(account__status="purged").first()
    if member is not None:
        before = list(member.set_aside)
        aside.close(member, Restriction.objects.filter(organization_id=line.org, account_id=line.subject).exclude(what="").exclude(state="lifted").values_list("what", flat=True))
        if member.set_aside != before:
            Membership.objects.filter(id=member.id).update(set_aside=member.set_aside, version=member.version + 1)


def _is_member(line: Line) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM accounts_membership WHERE organization_id = %s AND account_id = %s)", [line.org, line.subject])
        return bool(cursor.fetchone()[0])


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def consents(lines: Sequence[Line], now: datetime) -> Changed:
    """What somebody switched off is off, for the account and for the address; and what they switched on, on."""
    last, found = _latest(lines), Changed()
    people = {account.id: account for account in Account.objects.filter(id__in={line.subject for line in last}).exclude(status="purged")}
    said = choices.latest(account_ids=people)
    for line in last:
        account = people.get(line.subject) if line.subject else None
        if account is None or line.org is None:
            continue
        for kind in KINDS.keys() & line.facts.keys():
            wish, how, at = line.facts[kind].split(" ")
            known = said.get((account.id, line.org, kind))
            if known is not None and (known.wanted == (wish == "on") or known.at >= datetime.fromisoformat(at)):
                continue
            change = choices.change(account=account, macs={line.org: links.mac(line.org, account.email_key)}, pairs=[(line.org, kind)], wanted=wish == "on", how=How(how), now=now)
            if change:
                choices.save(change)
                found.append(Change(line.org, account.id))
    return found


def deletions(lines: Sequence[Line], now: datetime) -> Changed:
    """Scheduled deletions with the days that were told, and none that was taken back."""
    found, last = Changed(), {line.subject: line for line in lines}
    rows = {row.account_id: row for row in Deletion.objects.filter(account_id__in=last)}
    people = {account.id: account for account in Account.objects.filter(id__in=last).exclude(status="purged")}
    for account_id, account in people.items():
        line, row = last[account_id], rows.get(account_id)
        if row is not None and not line.facts["there"] and row.state != DeletionState.PURGING:
            row.delete()
            found.append(Change(row.organization_id, account_id))
        elif row is None and line.facts["there"]:
            schedule(account, line.org, line.facts)
            found.append(Change(line.org, account_id))
    return found


def schedule(account: Account, org: UUID | None, facts: dict[str, Any], *, state: str = DeletionState.WAITING, **more: Any) -> Deletion:
    """The row of a deletion that this database does not have, as the ledger has it. The person was warned, or will be by the clock."""
    return Deletion.objects.create(
        organization_id=org if org and _exists(org) else None, account=account, state=state, by_person=facts["by_person"], asked_by=UUID(facts["asked_by"]) if facts["asked_by"] else None,
        reason_code=facts["reason_code"], scheduled_at=_moment(facts["scheduled_at"]), term=_moment(facts["term"]), purge_at=_moment(facts.get("purge_at") or facts["term"]),
        expedited_by=[UUID(one) for one in facts["expedited_by"].split()], address_released=bool(facts.get("address_released")), last_address=outbox.seal_text(account.email),
        was_status=facts.get("was_status") or "active", was_reason_code=facts.get("was_reason_code") or "", was_until=_moment(facts.get("was_until")), **more)


def _exists(org: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM accounts_organization WHERE id = %s)", [org])
        return bool(cursor.fetchone()[0])


def holds(lines: Sequence[Line], now: datetime) -> Changed:
    """Placed again where it was placed, without its words, which were in the log; released where it was released. One that a legal hold placed belongs to that again, and has its reach."""
    found: Changed = []
    for line in _latest(lines, "hold"):
        f = line.facts
        row = Hold.objects.filter(id=f["hold"]).first()
        if row is None and line.org:
            within = UUID(f["within"]) if f.get("within") else None
            Hold.objects.create(id=UUID(f["hold"]), org=line.org, kind=f["kind"], subject=line.subject, first_day=f["first_day"], last_day=f["last_day"], since=_moment(f["since"]),
                                matter="" if within else gettext("placed after the backup was made"), ground="" if within else gettext("The words were in the log that was lost."),
                                by=UUID(f["by"]) if f["by"] else None, within=within, released_at=_moment(f["released_at"]), released_by=f["released_by"].split())
            found.append(Change(line.org, line.subject, "" if within else f"{line.kind} {f['hold']} {f['since'][:10]}"))
        elif row is not None and row.released_at is None and f["released_at"]:
            Hold.objects.filter(id=row.id).update(released_at=_moment(f["released_at"]), released_by=f["released_by"].split())
            found.append(Change(line.org, line.subject))
    return found


def keeping(lines: Sequence[Line], now: datetime) -> Changed:
    found: Changed = []
    for line in _latest(lines):
        people = [UUID(one) for one in (line.facts.get("agreed_by") or "").split()]
        if line.org and len(set(people)) > 1 and retention.years(retention.current(org=line.org).retention) != line.facts["years"]:
            retention.agree(org=line.org, years=line.facts["years"], agreed_by=people, now=now)
            found.append(Change(line.org, None))
    return found


def nothing(lines: Sequence[Line], now: datetime) -> Changed:
    """Only told: the counts of the replay say how many there are."""
    return []


def relays(lines: Sequence[Line], now: datetime) -> Changed:
    """Programs that were asked to delete are asked again, under the same number, where this database does not know of it. What it knows of goes on as it was."""
    return _run("""INSERT INTO dsar_relay AS r (id, version, organization_id, responder_id, account_id, case_id, cause, type, way, state, code, asked_at, respond_by,
      attempts, next_try, problem, how, receipt)
     SELECT (g.f->>'relay')::uuid, 1, s.organization_id, s.id, a.id, (SELECT c.id FROM dsar_case c WHERE c.id = (g.f->>'cause')::uuid), (g.f->>'cause')::uuid, 'erasure',
      CASE WHEN s.way = 'push' AND (s.url = '' OR s.public_key = '') THEN 'mail' ELSE s.way END,
      CASE WHEN s.way = 'pull' OR s.email <> '' OR s.way = 'push' AND s.url <> '' AND s.public_key <> '' THEN 'waiting' ELSE 'by_hand' END, '',
      (g.f->>'asked_at')::timestamptz, (g.f->>'respond_by')::date, 0, CASE WHEN s.way = 'pull' THEN NULL ELSE %(now)s::timestamptz END, '', '', ''
     FROM given g JOIN dsar_responder s ON s.id = (g.f->>'responder')::uuid AND s.organization_id = g.org AND s.way <> 'none' JOIN accounts_account a ON a.id = g.subject
     ON CONFLICT (id) DO NOTHING RETURNING r.organization_id, r.account_id""", _latest(lines, "relay"), now)


KINDS_OF_LINES: dict[str, Restore] = {
    "deletion.state": deletions, "account.state": accounts, "membership.state": memberships, "token.state": tokens, "credentials.changed": passwords, "address.changed": addresses,
    "management.state": managements, "restriction.state": restrictions, "consent.state": consents, **{kind: partial(duties_again.restore, kind) for kind in duties.RECORDS},
    "hold.state": holds, "keeping.state": keeping, "told.only": nothing, "relay.erasure": relays,
    **{kind: partial(again, _run) for kind, again in programs.AGAIN.items()},
    "ledger.void": nothing, "retention.ran": nothing, "ledger.replayed": nothing,
}
"""What a line of each kind brings about, in the order in which lines read together are carried out. Retention runs again by its own clock, and so do addresses and months of the log."""
