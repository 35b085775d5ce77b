"""Every table, in one list: whether the lock guards it, who may see which rows, and what the serving role may do.

Applied after each migration by the owner; `differences` compares the live database with it. A table that is not guarded
or has no scope stands here with its reason.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import OperationalError, connections, transaction
from psycopg.errors import DeadlockDetected

from accounts import purposes
from audit import ROOT, lock, retention_lock
from portal.env import APP_ROLE, SEQUENCER_ROLE, SIGNER_ROLE

ALL = "SELECT, INSERT, UPDATE, DELETE"
_ORG = "NULLIF(current_setting('steward.org', true), '')::uuid"
_ACCOUNT = "NULLIF(current_setting('steward.account', true), '')::uuid"
_REACH = "current_setting('steward.reach', true) = 'installation'"
_PURPOSE = "current_setting('steward.purpose', true)"
_READABLE = f"(NOT use_restricted OR {_PURPOSE} = ANY (ARRAY[{', '.join(repr(name) for name in purposes.ALWAYS)}]) OR {_PURPOSE} = ANY (use_freed))"
"""Of somebody whose data may only be stored, an organization reads a row only for a purpose that is named and allowed (RIGHTS 3e)."""

_ASIDE = f"{_PURPOSE} = ANY (ARRAY[{', '.join(repr(name) for name in purposes.OF_PARTS)}])"
"""Of a part that may only be stored an organization reads nothing where only somebody being there is meant (`purposes.MARKED`): people are shown, and this is not."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """`guarded` is True or the reason why not; `scope` the column that names the organization, or None with `unscoped`
    as the reason; `own` a column by which people see their own rows too; `app` the serving role's privileges."""

    guarded: bool | str = True
    scope: str | None = None
    unscoped: str = ""
    own: str = ""
    other: str = ""
    """The column of a second organization that sees and answers the row."""
    app: str = ALL
    insert_anywhere: bool = False
    free: tuple[str, ...] = ()
    """Columns that say only when something was last used; writing them is not an act."""
    sequencer: str = ""
    signer: str = ""
    signed: str = "true"
    """Which rows the signer may write."""
    public: str = ""
    """Which rows everybody may see, in whatever scope."""
    gate: str = ""
    """Which of its own rows an organization may see now."""


_PERSON = "belongs to a person, who may be in several organizations or none; reached through a membership or by the person"
_LIBRARY = "holds definitions that are the same for every organization"
_HANGS = "is worth nothing without a live row of accounts_programsession, which is guarded; one of them every few minutes is no act"
_NOT_PERSONAL = "job and session bookkeeping: changes what nobody may do"

TABLES: dict[str, Table] = {
    # the log
    "audit_opening": Table(guarded="the lock itself", unscoped="empty outside its own transaction", app="SELECT"),
    "audit_entry": Table(guarded="append-only by its own triggers", scope="org", app="SELECT, INSERT", insert_anywhere=True, sequencer="SELECT"),
    "audit_policy": Table(unscoped="how long each log is kept: asked for whenever something is written, in whatever scope"),
    "audit_disclosure": Table(guarded="append-only by its own triggers", scope="org", app="SELECT, INSERT", insert_anywhere=True),
    "audit_subjectkey": Table(guarded="append-only by its own triggers", unscoped="names of keys, which open nothing", app="SELECT, INSERT"),
    "audit_doomedkey": Table(guarded="written by audit_erase_subject() inside an act", unscoped="names of keys that are to be destroyed", app="SELECT, DELETE"),
    "audit_pending": Table(guarded="written by a trigger with the entry", scope="org", app="SELECT", sequencer="SELECT, UPDATE, DELETE"),
    "audit_leaf": Table(guarded="append-only by its own triggers", scope="org", app="SELECT", sequencer="SELECT, INSERT", signer="SELECT"),
    "audit_target": Table(guarded="append-only by its own triggers", scope="org", app="SELECT", sequencer="SELECT, INSERT"),
    "audit_tile": Table(guarded="kept by the sequencer", scope="org", app="SELECT", sequencer="SELECT, INSERT, UPDATE", signer="SELECT, INSERT, UPDATE",
                        signed=f"org = '{ROOT}'::uuid", public=f"org = '{ROOT}'::uuid"),
    "audit_day": Table(guarded="kept by the sequencer", scope="org", app="SELECT", sequencer="SELECT, INSERT, UPDATE"),
    "audit_tree": Table(guarded="kept by the sequencer", scope="org", app="SELECT", sequencer="SELECT, INSERT, UPDATE", signer="SELECT"),
    "audit_counter": Table(guarded="kept by the sequencer", scope="org", app="SELECT", sequencer="SELECT, INSERT, UPDATE", signer="SELECT"),
    "audit_state": Table(guarded="kept by the sequencer", unscoped="one row for the installation", app="SELECT", sequencer="SELECT, UPDATE"),
    "audit_logkey": Table(guarded="public keys, kept by the signer", unscoped="the same keys for every log", app="SELECT", signer="SELECT, INSERT, UPDATE"),
    "audit_epoch": Table(guarded="append-only by its own triggers", scope="org", app="SELECT", signer="SELECT, INSERT"),
    "audit_rootcheckpoint": Table(guarded="append-only by its own triggers", unscoped="heads of the root log: hashes that anybody may have", app="SELECT", sequencer="SELECT", signer="SELECT, INSERT"),
    "audit_signingrequest": Table(guarded="questions to the signer and its answers", scope="org", app="SELECT, INSERT", signer="SELECT, UPDATE"),
    "audit_signerstate": Table(guarded="whether the signer is at work", unscoped="one row for the installation", app="SELECT", signer="SELECT, UPDATE"),
    "audit_export": Table(scope="org", app="SELECT, INSERT, UPDATE", free=("next", "matched", "chunks", "counts", "waiting", "attempts", "custody")),
    "audit_exportpolicy": Table(scope="id", app="SELECT, INSERT, UPDATE"),
    "audit_stream": Table(scope="org", free=("seq", "upto", "failures", "failing_since", "next_try", "last_success", "last_error", "last_status", "last_error_at", "served_at", "test_asked_at")),
    "audit_streamattempt": Table(guarded="how deliveries of entries went; the entries are recorded themselves", scope="org", app="SELECT, INSERT, DELETE"),
    "audit_cursor": Table(guarded="how far subscribers have read", unscoped="one row for each subscriber", app="SELECT, INSERT, UPDATE"),
    "audit_policychange": Table(scope="org", app="SELECT, INSERT"),
    "audit_hold": Table(scope="org", app="SELECT, INSERT, UPDATE"),
    "audit_pruned": Table(guarded="written by audit_prune() only, inside an act", scope="org", app="SELECT"),
    "audit_withheld": Table(scope="org", app="SELECT, INSERT"),
    "audit_erasurewaiting": Table(scope="org", app="SELECT, INSERT, DELETE"),
    "audit_swept": Table(guarded="written by audit_erase_addresses() only", scope="org", app="SELECT"),
    "audit_bounds": Table(guarded="written by the owner from the settings", unscoped="one row for the installation", app="SELECT"),
    # people and organizations
    "accounts_organization": Table(scope="id"),
    "accounts_organizationpolicy": Table(scope="organization_id"),
    "accounts_fieldpolicy": Table(scope="organization_id"),
    "accounts_editlimits": Table(scope="organization_id"),
    "accounts_profilesuggestion": Table(scope="organization_id", own="account_id"),
    "accounts_valuedispute": Table(scope="organization_id", own="account_id"),
    "accounts_setaside": Table(scope="organization_id", own="account_id", gate=_ASIDE),
    "accounts_profilechange": Table(guarded="follows from entries that are recorded themselves", scope="organization_id", own="account_id"),
    "accounts_oldslug": Table(scope="organization_id"),
    "accounts_noticeversion": Table(scope="organization_id"),
    "accounts_role": Table(scope="organization_id"),
    "accounts_organizationuserpermission": Table(scope="content_object_id"),
    "accounts_organizationgrouppermission": Table(scope="content_object_id"),
    "accounts_account": Table(unscoped=_PERSON, free=("last_active_at",)),
    "accounts_account_groups": Table(unscoped=_PERSON),
    "accounts_account_user_permissions": Table(unscoped=_PERSON),
    "accounts_session": Table(unscoped=_PERSON, free=("last_seen_at",)),
    "accounts_membership": Table(scope="organization_id", own="account_id", free=("last_active_at",), gate=_READABLE),
    "accounts_membershipsnapshot": Table(scope="organization_id"),
    "accounts_management": Table(scope="organization_id", own="account_id"),
    "accounts_deletion": Table(scope="organization_id", own="account_id"),
    "accounts_dormancy": Table(scope="organization_id", own="account_id"),
    "accounts_tombstone": Table(scope="organization_id", app="SELECT, INSERT"),
    "accounts_rightsask": Table(guarded="an address that anybody typed, until it is looked up; nothing follows but a mail", unscoped="belongs to nobody", app="SELECT, INSERT, DELETE"),
    "accounts_rightsvisit": Table(guarded="a link to one page and the visit it began; what is done there is recorded itself", unscoped=_PERSON),
    "accounts_rightsrequest": Table(scope="organization_id", own="account_id"),
    "accounts_dispute": Table(unscoped="a note of the operator about an account; no page of an organization reads it"),
    "accounts_closing": Table(scope="organization_id"),
    "accounts_domain": Table(scope="organization_id", free=("checked_at", "next_check_at", "last_problem")),
    "accounts_claim": Table(scope="organization_id", free=("reached", "told")),
    "accounts_claimedaccount": Table(scope="organization_id", own="account_id"),
    "accounts_transfer": Table(scope="organization_id", other="to_organization_id", own="account_id"),
    "accounts_addresschange": Table(scope="organization_id", own="account_id"),
    "accounts_releasedaddress": Table(unscoped="hashes of addresses that are closed to strangers for a while, whoever they belonged to"),
    "accounts_group": Table(scope="organization_id"),
    "accounts_groupmembership": Table(scope="organization_id", gate=f"(NOT use_restricted OR {_ASIDE} OR membership_id IN (SELECT m.id FROM accounts_membership m WHERE m.account_id = {_ACCOUNT}))"),
    "accounts_protection": Table(scope="organization_id"),
    "accounts_brake": Table(scope="organization_id"),
    "accounts_successor": Table(scope="organization_id"),
    "accounts_successioncase": Table(scope="organization_id"),
    "accounts_recoverycode": Table(scope="organization_id"),
    "accounts_searchtoken": Table(guarded="derived from memberships by a trigger", scope="organization_id", app="SELECT"),
    "accounts_peoplecount": Table(guarded="derived from memberships by triggers", scope="organization_id", app="SELECT"),
    "accounts_service": Table(scope="organization_id"),
    "accounts_serviceaccess": Table(scope="organization_id", free=("last_used_at",)),
    "accounts_groupservice": Table(scope="organization_id"),
    "accounts_accessround": Table(scope="organization_id", app="SELECT, INSERT, UPDATE", free=("entry", "told")),
    "accounts_apitoken": Table(scope="organization_id", own="account_id", free=("last_used_at",)),
    "accounts_plan": Table(scope="organization_id", free=("progress", "summary", "attempts")),
    "accounts_planrow": Table(guarded="what becomes of each target of a plan; the plan and the acts are recorded themselves", scope="organization_id"),
    "accounts_savedview": Table(guarded="how a list is shown; describes nobody and allows nothing", scope="organization_id"),
    "accounts_idempotencykey": Table(guarded="remembers answers of acts that are recorded themselves", unscoped="keyed by the actor"),
    "accounts_mail": Table(guarded="follows from entries that are recorded themselves", unscoped="belongs to its recipient; pages ask by recipient"),
    "accounts_consent": Table(scope="organization_id", own="account_id", app="SELECT, INSERT, DELETE"),
    "accounts_suppression": Table(unscoped="keyed hashes of addresses that are not written to; whoever has the address asks, in whatever scope",
                                  app="SELECT, INSERT, DELETE"),
    "accounts_announcement": Table(scope="organization_id", free=("entry", "reached", "told", "left_out")),
    "accounts_oauthapplication": Table(scope="organization_id"),
    "accounts_app": Table(unscoped="records of the operator belong to every organization; pages and powers ask by organization"),
    "accounts_installation": Table(scope="organization_id", free=("ended_entry", "last_used_at")),
    "accounts_programsession": Table(scope="organization_id", own="account_id", free=("last_used_at",)),
    "accounts_logoutcall": Table(guarded="what follows from sessions that ended in acts that are recorded themselves", scope="organization_id"),
    "accounts_signingkey": Table(unscoped="one key of the installation, sealed, and public halves that anybody may have", app="SELECT, INSERT, UPDATE"),
    "accounts_appgrant": Table(scope="organization_id", own="account_id", free=("told_at", "last_used_at")),
    "accounts_appreview": Table(scope="organization_id"),
    "accounts_apprequest": Table(scope="organization_id", own="account_id"),
    "accounts_webhook": Table(scope="organization_id", free=("failures", "failing_since", "next_try", "last_success", "last_error", "last_status", "last_error_at", "last_took", "served_at")),
    "accounts_webhookdelivery": Table(guarded="how messages about entries went; the entries are recorded themselves", scope="organization_id"),
    "accounts_webhookattempt": Table(guarded="how messages about entries went; the entries are recorded themselves", scope="organization_id", app="SELECT, INSERT, DELETE"),
    "accounts_signalstream": Table(scope="organization_id", free=("failures", "failing_since", "next_try", "last_success", "last_error", "last_status", "served_at", "verified_at")),
    "accounts_signalexclusion": Table(scope="organization_id", app="SELECT, INSERT, DELETE"),
    "accounts_signalevent": Table(guarded="follows from entries that are recorded themselves", scope="organization_id"),
    "accounts_appdelivery": Table(guarded="follows from acts that are recorded themselves", scope="organization_id"),
    "accounts_appuse": Table(guarded="how often something was called; changes what nobody may do", scope="organization_id"),
    # rights
    "dsar_organizationexport": Table(scope="organization_id", free=("attempts",)),
    "dsar_exportconsent": Table(scope="organization_id", own="account_id"),
    "dsar_copy": Table(scope="organization_id", own="account_id", free=("attempts",)),
    "dsar_contentaccess": Table(scope="organization_id"),
    "dsar_certificate": Table(scope="organization_id", app="SELECT, INSERT"),
    "dsar_case": Table(scope="organization_id", own="account_id"),
    "dsar_action": Table(scope="organization_id", own="account_id"),
    "dsar_task": Table(scope="organization_id", own="account_id"),
    "dsar_happening": Table(scope="organization_id", own="account_id"),
    "dsar_evidence": Table(scope="organization_id", own="account_id", app="SELECT, INSERT, DELETE"),
    "dsar_accountreport": Table(unscoped="about accounts that are in no organization: only the person and the operator read it"),
    "dsar_childreport": Table(guarded="what anybody wrote, until it is looked up; the case that it becomes is recorded itself", unscoped="belongs to nobody", app="SELECT, INSERT, DELETE"),
    "dsar_agent": Table(scope="organization_id", own="account_id"),
    "dsar_calendarlink": Table(scope="organization_id", own="account_id"),
    "dsar_inquiry": Table(guarded="what somebody wrote without a session, until a mailbox proves it; the request that it becomes is recorded itself", unscoped="belongs to nobody until then"),
    "dsar_restriction": Table(scope="organization_id", own="account_id"),
    "dsar_ledgermark": Table(guarded="the memory of a file outside the database", unscoped="one row for the installation: a number and a hash", signer="SELECT"),
    "dsar_ledgerseen": Table(guarded="the memory of a file outside the database", unscoped="numbers and hashes of its lines", app="SELECT, INSERT, DELETE"),
    "dsar_backup": Table(guarded="mirrors the register that lies beside the archives", unscoped="names of archives and days; belongs to the installation"),
    "dsar_responder": Table(scope="organization_id", free=("polled_at", "gone_at", "gone_reached", "gone_done_at")),
    "dsar_relay": Table(scope="organization_id", own="account_id", free=("attempts", "first_try", "next_try", "problem", "seen_at")),
    "dsar_relaynonce": Table(guarded="numbers of messages, kept for minutes so that none counts twice; what they say is recorded itself", scope="organization_id", app="SELECT, INSERT, DELETE"),
    # registers
    "dsar_disclosure": Table(scope="organization_id", app="SELECT, INSERT"),
    "dsar_disclosurefile": Table(scope="organization_id", app="SELECT, INSERT"),
    "dsar_tolddisclosure": Table(guarded="follows from lines of the register that are recorded themselves", scope="organization_id", own="account_id"),
    "dsar_recipient": Table(scope="organization_id", app="SELECT, INSERT, UPDATE"),
    "dsar_controller": Table(scope="organization_id"),
    "dsar_recordversion": Table(scope="organization_id", app="SELECT, INSERT"),
    "dsar_privacynotice": Table(unscoped="everybody may read it", app="SELECT, INSERT"),
    "dsar_noticeseen": Table(guarded="that a page was shown changes nothing; that somebody confirmed it is recorded itself", scope="organization_id", own="account_id"),
    "dsar_businesstransfer": Table(scope="organization_id", app="SELECT, INSERT, UPDATE"),
    "dsar_round": Table(scope="organization_id", free=("entry", "seq", "reached", "told")),
    "dsar_retentionrule": Table(scope="organization_id", app="SELECT, INSERT, UPDATE"),
    "dsar_retentionrun": Table(scope="organization_id", app="SELECT, INSERT, UPDATE", free=("steps", "removed")),
    "dsar_matter": Table(scope="organization_id", app="SELECT, INSERT, UPDATE"),
    "dsar_legalhold": Table(scope="organization_id", app="SELECT, INSERT, UPDATE"),
    "dsar_holdnotice": Table(scope="organization_id", own="account_id", app="SELECT, INSERT, UPDATE, DELETE"),
    # libraries
    "account_emailaddress": Table(unscoped=_PERSON),
    "account_emailconfirmation": Table(unscoped=_PERSON),
    "mfa_authenticator": Table(unscoped=_PERSON),
    "guardian_groupobjectpermission": Table(unscoped="not used: permissions are on accounts_organizationgrouppermission"),
    "guardian_userobjectpermission": Table(unscoped="not used: permissions are on accounts_organizationuserpermission"),
    "oauth2_provider_accesstoken": Table(guarded=_HANGS, unscoped=_PERSON),
    "oauth2_provider_refreshtoken": Table(guarded=_HANGS, unscoped=_PERSON),
    "oauth2_provider_grant": Table(guarded=_HANGS, unscoped=_PERSON),
    "oauth2_provider_idtoken": Table(guarded=_HANGS, unscoped=_PERSON),
    "oauth2_provider_devicegrant": Table(guarded=_HANGS, unscoped=_PERSON),
    "auth_group": Table(unscoped="one for each role; its name holds only ids"),
    "auth_group_permissions": Table(unscoped=_LIBRARY),
    "auth_permission": Table(guarded="written by migrations only", unscoped=_LIBRARY, app="SELECT"),
    "django_content_type": Table(guarded="written by migrations only", unscoped=_LIBRARY, app="SELECT"),
    "django_migrations": Table(guarded="written by migrations only", unscoped=_LIBRARY, app="SELECT"),
    "django_session": Table(guarded=_NOT_PERSONAL, unscoped="found by a secret key only"),
}


def policies(name: str, table: Table) -> dict[str, str]:
    """The row-level-security policies of a table: name to SQL after CREATE POLICY name ON table."""
    if table.scope is None:
        return {}
    ours = f'("{table.scope}" = {_ORG} AND {table.gate})' if table.gate else f'"{table.scope}" = {_ORG}'
    seen = f'({ours} OR {_REACH}' + (f' OR "{table.own}" = {_ACCOUNT})' if table.own else ")")
    if name == "accounts_organization":
        seen = f"(id = {_ORG} OR {_REACH} OR EXISTS (SELECT 1 FROM accounts_membership m WHERE m.organization_id = accounts_organization.id AND m.account_id = {_ACCOUNT}))"
    if table.other:
        seen = f'({seen} OR "{table.other}" = {_ORG})'
    if table.public:
        seen = f"({seen} OR {table.public})"
    found = {"steward_scope": f"FOR ALL TO {APP_ROLE} USING {seen} WITH CHECK {seen}"}
    if table.insert_anywhere:
        found = {"steward_scope": f"FOR SELECT TO {APP_ROLE} USING {seen}", "steward_insert": f"FOR INSERT TO {APP_ROLE} WITH CHECK (true)"}
    if table.sequencer:
        found["steward_sequencer"] = f"FOR ALL TO {SEQUENCER_ROLE} USING (true) WITH CHECK (true)"
    if table.signer:
        found["steward_signer"] = f"FOR ALL TO {SIGNER_ROLE} USING (true) WITH CHECK ({table.signed})"
    return found


def apply(*, using: str) -> None:
    """Bring the database to what the list says. Idempotent; needs the owner's login."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}, {SEQUENCER_ROLE}, {SIGNER_ROLE}")
        cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE}, {SEQUENCER_ROLE}, {SIGNER_ROLE}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION audit_open(uuid) TO {APP_ROLE}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION accounts_fold_counts(int) TO {APP_ROLE}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION audit_erase_subject(uuid, uuid) TO {APP_ROLE}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION audit_make_partitions(text, date, date) TO {APP_ROLE}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(retention_lock.CALLABLE)} TO {APP_ROLE}")
        cursor.execute("UPDATE audit_bounds SET floor_years = %s, ceiling_years = %s, address_days = %s", [*settings.AUDIT_YEARS, settings.AUDIT_ADDRESS_DAYS])
        for name in _existing(cursor):
            if name in TABLES:
                _patiently(cursor, name, using)


def _patiently(cursor: Any, name: str, using: str) -> None:
    """One table. Who serves meanwhile may hold what we need and need what we hold: then we let go and try again."""
    for left in reversed(range(5)):
        try:
            with transaction.atomic(using=using):  # a version that is running sees the table as it was or as it is, never without grants
                _apply_to(cursor, name, TABLES[name])
            return
        except OperationalError as error:
            if not left or not isinstance(error.__cause__, DeadlockDetected):
                raise


def _apply_to(cursor: Any, name: str, table: Table) -> None:
    cursor.execute(f'REVOKE ALL ON "{name}" FROM PUBLIC, {APP_ROLE}, {SEQUENCER_ROLE}, {SIGNER_ROLE}')
    cursor.execute(f'GRANT {table.app} ON "{name}" TO {APP_ROLE}')
    if table.sequencer:
        cursor.execute(f'GRANT {table.sequencer} ON "{name}" TO {SEQUENCER_ROLE}')
    if table.signer:
        cursor.execute(f'GRANT {table.signer} ON "{name}" TO {SIGNER_ROLE}')
    if table.guarded is True:
        cursor.execute(lock.guard(name, _columns(cursor, name), table.free))
    for policy in _policies_of(cursor, name):
        cursor.execute(f'DROP POLICY "{policy}" ON "{name}"')
    wanted = policies(name, table)
    cursor.execute(f'ALTER TABLE "{name}" {"ENABLE" if wanted else "DISABLE"} ROW LEVEL SECURITY')
    for policy, text in wanted.items():
        cursor.execute(f'CREATE POLICY "{policy}" ON "{name}" {text}')


def differences(*, using: str) -> list[str]:
    """What differs between the list and the live database, in words; [] is what should be."""
    with connections[using].cursor() as cursor:
        existing = _existing(cursor)
        found = [f"{name} is in the database and not in the list" for name in existing if name not in TABLES]
        found += [f"{name} is in the list and not in the database" for name in TABLES if name not in existing]
        for name in existing:
            if name in TABLES:
                found += _differences_of(cursor, name, TABLES[name])
        found += _partitions(cursor)
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)", [[APP_ROLE, SEQUENCER_ROLE, SIGNER_ROLE]])
        found += [f"the role {row[0]} has a privilege it must not have" for row in cursor.fetchall()]
        return found


def _differences_of(cursor: Any, name: str, table: Table) -> Iterator[str]:
    cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'audit_guard%%'", [f'"{name}"'])
    triggers = cursor.fetchall()
    if (len(triggers) == 2 and all(enabled == "O" for _tg, enabled in triggers)) != (table.guarded is True):
        yield f"{name}: the lock is {'missing' if table.guarded is True else 'there without need'}"
    cursor.execute("SELECT array_agg(tgname::text) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'O'", [f'"{name}"'])
    if not lock.KEPT.get(name, set()) <= set(cursor.fetchone()[0] or []):
        yield f"{name}: the log can be changed, a trigger is missing or off"
    wanted = policies(name, table)
    cursor.execute("SELECT policyname, permissive, cmd, array_to_string(roles, ','), qual, with_check FROM pg_policies WHERE schemaname = 'public' AND tablename = %s", [name])
    live = {row[0]: _plain(f"{'' if row[1] == 'PERMISSIVE' else row[1]}FOR {row[2]} TO {row[3]}" + (f" USING {row[4]}" if row[4] else "") + (f" WITH CHECK {row[5]}" if row[5] else ""))
            for row in cursor.fetchall()}
    if live != {policy: _plain(text) for policy, text in wanted.items()}:
        yield f"{name}: its policies differ"
    cursor.execute("SELECT relrowsecurity, pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass", [f'"{name}"'])
    secured, owner = cursor.fetchone()
    if secured != bool(wanted):
        yield f"{name}: row-level security is {'off' if wanted else 'on'}"
    if owner in {APP_ROLE, SEQUENCER_ROLE, SIGNER_ROLE}:
        yield f"{name}: belongs to {owner}"
    for role, granted in ((APP_ROLE, table.app), (SEQUENCER_ROLE, table.sequencer), (SIGNER_ROLE, table.signer)):
        cursor.execute("SELECT p FROM unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','TRIGGER']) p WHERE has_table_privilege(%(role)s, %(table)s::regclass, p)"
                       " UNION SELECT p FROM unnest(ARRAY['SELECT','INSERT','UPDATE']) p WHERE has_any_column_privilege(%(role)s, %(table)s::regclass, p)",
                       {"role": role, "table": f'"{name}"'})
        held = {row[0] for row in cursor.fetchall()}
        if held != {word.strip() for word in granted.split(",") if word.strip()}:
            yield f"{name}: {role} holds {sorted(held)}"


def _plain(policy: str) -> str:
    """A policy without what PostgreSQL writes differently when it gives it back: brackets, spaces, quotes, casts of texts."""
    return re.sub(r'[\s()"]', "", policy).replace("::text", "")


def _existing(cursor: Any) -> list[str]:
    cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1")
    return [row[0] for row in cursor.fetchall()]


def _partitions(cursor: Any) -> Iterator[str]:
    """Months are reached through their table only: a login that could name one would pass by its policies and triggers."""
    cursor.execute("SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relispartition AND c.relkind IN ('r', 'p')"
                   " AND (EXISTS (SELECT 1 FROM unnest(%s::text[]) r, unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','TRIGGER']) p WHERE has_table_privilege(r, c.oid, p))"
                   " OR NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'audit_never' AND t.tgenabled = 'O'))", [[APP_ROLE, SEQUENCER_ROLE, SIGNER_ROLE]])
    for row in cursor.fetchall():
        yield f"{row[0]}: this month of the log can be reached or changed beside its table"


def _columns(cursor: Any, name: str) -> list[str]:
    cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s ORDER BY 1", [name])
    return [row[0] for row in cursor.fetchall()]


def _policies_of(cursor: Any, name: str) -> list[str]:
    cursor.execute("SELECT policyname FROM pg_policies WHERE schemaname = 'public' AND tablename = %s", [name])
    return [row[0] for row in cursor.fetchall()]
