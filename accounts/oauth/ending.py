"""Ending what programs hold of people: sessions at programs, tokens, codes and devices. That they stop working does not depend on it; that nothing is left lying about does."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection

from accounts.models import Account, LogoutCall, Membership
from accounts.oauth.subjects import subject
from accounts.tenancy import installation

if TYPE_CHECKING:
    from accounts.work import Work

_USABLE = frozenset({"active", "restricted"})
AT_ONCE = 2000
"""So many sessions end with one statement: however many there are, no more than that are in memory."""
_END = """
WITH ended AS (
  UPDATE accounts_programsession s SET ended_at = %(now)s, ended_why = %(why)s FROM accounts_oauthapplication c
  WHERE c.id = s.client_id AND s.id IN (SELECT s.id FROM accounts_programsession s WHERE s.ended_at IS NULL AND {sessions} LIMIT %(most)s FOR UPDATE)
  RETURNING s.id, s.organization_id, s.account_id, s.client_id, c.client_id AS audience, c.logout_url),
families AS (SELECT r.id, r.access_token_id FROM oauth2_provider_refreshtoken r WHERE r.user_id IN (SELECT account_id FROM ended) AND r.token_family IN (SELECT id FROM ended)),
access AS (DELETE FROM oauth2_provider_accesstoken WHERE id IN (SELECT access_token_id FROM families UNION SELECT t.id FROM oauth2_provider_accesstoken t WHERE {tokens})),
refresh AS (DELETE FROM oauth2_provider_refreshtoken WHERE id IN (SELECT id FROM families UNION SELECT t.id FROM oauth2_provider_refreshtoken t WHERE {tokens})),
identity AS (DELETE FROM oauth2_provider_idtoken t WHERE {tokens}),
codes AS (DELETE FROM oauth2_provider_grant t WHERE {tokens}),
devices AS (DELETE FROM oauth2_provider_devicegrant t WHERE {devices})
SELECT id, organization_id, account_id, client_id, audience, logout_url FROM ended
"""


def end(*, accounts: Iterable[UUID] | None = None, clients: Iterable[UUID] | None = None, organization: UUID | None = None, browsers: Iterable[UUID] | None = None,
        sessions: Iterable[UUID] | None = None, now: datetime, why: str = "ended", tell: bool = True) -> int:
    """End every session at programs, token, code and device of these accounts, at these clients, or of these accounts at these clients; set-based, and in one transaction. Needs an open act.

    `organization` narrows it to that organization's programs; `browsers` are sessions of ours out of which it began; `sessions` are sessions at programs themselves.
    The programs are told, unless it is they who ended it: the calls are owed in the same transaction. Returns how many sessions at programs ended.
    """
    given: dict[str, Any] = {"now": now, "why": why, "most": AT_ONCE}
    own, tokens, devices = [], [], []
    for name, values, ours, theirs, codes in (
            ("accounts", accounts, "s.account_id", "t.user_id", "t.user_id = ANY(%(accounts)s)"),
            ("clients", clients, "s.client_id", "t.application_id", "t.client_id IN (SELECT client_id FROM accounts_oauthapplication WHERE id = ANY(%(clients)s))"),
            ("browsers", browsers, "s.session_id", "", ""), ("sessions", sessions, "s.id", "", "")):
        if values is None:
            continue
        given[name] = list(values)
        if not given[name]:
            return 0
        own.append(f"{ours} = ANY(%({name})s)")
        tokens.append(f"{theirs} = ANY(%({name})s)" if theirs else "false")
        devices.append(codes or "false")
    if not own:
        raise ValueError("say whose")
    if organization is not None:
        given["organization"] = organization
        own.append("s.organization_id = %(organization)s")
        tokens.append("t.application_id IN (SELECT id FROM accounts_oauthapplication WHERE organization_id = %(organization)s)")
        devices.append("t.client_id IN (SELECT client_id FROM accounts_oauthapplication WHERE organization_id = %(organization)s)")
    statement, ended = _END.format(sessions=" AND ".join(own), tokens=" AND ".join(tokens), devices=" AND ".join(devices)), 0
    with installation("what programs hold of a person is in every organization"):
        while rows := _some(statement, given, now=now, tell=tell):
            ended += rows
            if rows < AT_ONCE:
                break
    return ended


def _some(statement: str, given: dict[str, Any], *, now: datetime, tell: bool) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        rows = cursor.fetchall()
    LogoutCall.objects.bulk_create([
        LogoutCall(id=uuid.uuid4(), organization_id=org, account_id=account, session_id=row, url=url, audience=audience, made_at=now, next_at=now,
                   subject=subject(account_id=account, application_id=client))
        for row, org, account, client, audience, url in rows if url and tell])
    return len(rows)


def follow(work: Work) -> None:
    """After an act: whoever's epoch grew, whose access ended or who must choose a new password is out of every program that this concerns. Powers need not think of it."""
    everywhere: list[UUID] = list(work.sessions_of)
    here: dict[UUID, list[UUID]] = {}
    for row, before in work.tracked.values():
        if isinstance(row, Account) and _out(row, before, "auth_epoch", row.status == "active"):
            everywhere.append(row.id)
        if isinstance(row, Membership) and _out(row, before, "access_epoch", row.status in _USABLE):
            here.setdefault(row.organization_id, []).append(row.account_id)
    if work.one_session:
        end(browsers=work.one_session, now=work.now, why="signed_out")
    if everywhere:
        end(accounts=everywhere, now=work.now)
    for organization, accounts in here.items():
        end(accounts=accounts, organization=organization, now=work.now)
    for service, accounts in work.less_of.items():
        _out_of(service, accounts, now=work.now)


def _out_of(service: UUID, accounts: Iterable[UUID], *, now: datetime) -> None:
    """These people may do less at the service than before, and sign in to it anew; whoever has no access to it any more is out."""
    from accounts.services import ways  # both packages ask each other

    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT p.account_id, p.client_id, p.account_id = ANY(%s) FROM accounts_programsession p JOIN accounts_oauthapplication c ON c.id = p.client_id"
                       " WHERE c.service_id = %s AND p.ended_at IS NULL", [list(accounts), service])
        rows = cursor.fetchall()
        cursor.execute(f"SELECT m.account_id FROM accounts_membership m JOIN accounts_service s ON s.organization_id = m.organization_id {ways.OWN}"
                       f" WHERE s.id = %s AND m.account_id = ANY(%s) AND {ways.LEVEL} <> ''", [service, [row[0] for row in rows]])
        kept = {row[0] for row in cursor.fetchall()}
    out = [row[0] for row in rows if row[2] or row[0] not in kept]
    if out:
        end(accounts=out, clients={row[1] for row in rows}, now=now)


def _out(row: Account | Membership, before: dict[str, Any], epoch: str, usable: bool) -> bool:
    changed = getattr(row, epoch) != before[epoch] or row.status != before["status"]
    return (changed and not usable) or getattr(row, epoch) != before[epoch] or (row.reset_required_at is not None and row.reset_required_at != before["reset_required_at"])
