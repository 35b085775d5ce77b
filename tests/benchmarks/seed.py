"""A large installation, made by plain SQL in minutes: organizations, people, and (in `seed_audit`) their log. Kept between runs."""
from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from tests.benchmarks import seed_audit
from tests.benchmarks.seed_audit import id_of
from tests.benchmarks.services import SEEDED

VERSION = 3
BIG, TINY = "big", "tiny"
FIRST = ["Maria", "Marta", "Mateo", "Marek", "Mila", "Malik", "Manon", "Marco", "Maya", "Max", "Mats", "Mara", "Anna", "Boris", "Clara", "Daan", "Elif", "Frida", "Goran", "Hana", "Ivan", "Jin", "Karl", "Lena"]
LAST = ["Almeida", "Becker", "Castillo", "Dubois", "Eriksson", "Ferrari", "Garcia", "Haddad", "Ivanova", "Jansen", "Kowalski", "Lopes", "Moreau", "Nakamura", "Okonkwo", "Petrov", "Quispe", "Rossi", "Schmidt",
        "Tamm", "Ueda", "Varga", "Wang", "Yilmaz", "Zhang", "Abel", "Brandt", "Conti", "Diaz", "Egger", "Falk", "Gruber", "Hansen"]
_DEPARTMENTS = "ARRAY['Finance', 'Sales', 'Support']"


@dataclass(frozen=True)
class Scale:
    """How much there is. The big organization is what the goals speak of, the tiny one what it is compared with."""

    name: str
    people: int
    organizations: int
    big: int
    entries: int
    big_entries: int
    bulk: tuple[int, int]
    rounds: int
    seconds: float
    backlog: int
    tiny: int = 50
    tiny_entries: int = 1000


SCALES = {
    "small": Scale("small", people=20_000, organizations=200, big=10_000, entries=100_000, big_entries=30_000, bulk=(1_000, 10_000), rounds=8, seconds=0.15, backlog=20_000),
    "full": Scale("full", people=1_000_000, organizations=200, big=100_000, entries=5_000_000, big_entries=1_500_000, bulk=(10_000, 100_000), rounds=20, seconds=0.3, backlog=100_000),
}


@dataclass(frozen=True)
class Org:
    """One seeded organization: people `first` … `first + size - 1` of the installation are its members."""

    id: UUID
    slug: str
    first: int
    size: int
    entries: int


def make(*, folder: Path, scale: Scale, superuser: str) -> list[Org]:
    """The seeded organizations, made if the folder does not have them yet."""
    mark = folder / SEEDED
    wanted = {**asdict(scale), "version": VERSION, "rounds": 0, "seconds": 0, "bulk": []}
    if mark.exists() and (found := json.loads(mark.read_text()))["scale"] == wanted:
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("ANALYZE")  # a migration may have added columns of which the planner knows nothing
        return [Org(**{**org, "id": UUID(org["id"])}) for org in found["organizations"]]
    if mark.exists():
        raise SystemExit(f"bench: {folder} holds other data. Remove it, or choose another folder with BENCH_DATA=…")
    start = time.monotonic()
    print(f"bench: making {scale.people:,} people in {scale.organizations} organizations and {scale.entries:,} entries (once, kept in {folder})", flush=True)
    orgs = _organizations(scale)
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
        forget_waiting(connection)
        with without_indexes(connection, "accounts_account", "accounts_membership", "accounts_serviceaccess", "accounts_searchtoken", "account_emailaddress", "accounts_management", "accounts_groupmembership"):
            _people(connection, orgs)
        print(f"bench: people after {time.monotonic() - start:.0f} s", flush=True)
        with without_indexes(connection, "audit_leaf", "audit_target", "audit_entry", "audit_counter"):
            seed_audit.fill(connection, orgs, scale)
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    _verify(orgs[1:3])
    mark.write_text(json.dumps({"scale": wanted, "organizations": [{**asdict(org), "id": str(org.id)} for org in orgs]}))
    print(f"bench: seeded in {time.monotonic() - start:.0f} s", flush=True)
    return orgs


def _verify(orgs: list[Org]) -> None:
    """The log we made passes the product's own verification, or it is not worth measuring."""
    from audit.verify import verify

    for org in orgs:
        if found := verify(org=org.id).findings:
            raise SystemExit(f"bench: the seeded log of {org.slug} does not verify: {found[0].what}")


def _organizations(scale: Scale) -> list[Org]:
    """Organizations with roles and services as the product makes them; sizes and numbers of entries are ours."""
    from accounts import tenancy
    from tests.cast import make_org

    rest = scale.organizations - 2
    sizes = [(BIG, scale.big, scale.big_entries), (TINY, scale.tiny, scale.tiny_entries)]
    sizes += [(f"org-{n:03}", (scale.people - scale.big - scale.tiny) // rest, (scale.entries - scale.big_entries - scale.tiny_entries) // rest) for n in range(rest)]
    orgs, first = [], 0
    with tenancy.installation("the benchmarks make organizations"):
        for slug, size, entries in sizes:
            orgs.append(Org(id=make_org(slug, []).organization.id, slug=slug, first=first, size=size, entries=entries))
            first += size
    return orgs


def account_of(number: int) -> UUID:
    """The account of the numbered person."""
    return UUID(id_of("account", number))


def membership_of(number: int) -> UUID:
    """The membership of the numbered person."""
    return UUID(id_of("membership", number))


def _people(connection: psycopg.Connection, orgs: list[Org]) -> None:
    """One temporary row for each person, from which all tables are filled. The first four of each organization run it."""
    from allauth.account.models import EmailAddress

    from accounts.models import Account, Group, GroupMembership, Management, Membership, ServiceAccess
    from accounts.powers.grants import AccountAuthGroup

    connection.execute("CREATE TEMPORARY TABLE seed_org (id uuid, slug text, first int, size int)")
    connection.cursor().executemany("INSERT INTO seed_org VALUES (%s, %s, %s, %s)", [(o.id, o.slug, o.first, o.size) for o in orgs])
    connection.execute("""
      CREATE TEMPORARY TABLE p AS
      SELECT g, o.id AS org, k, md5('account:' || g)::uuid AS account, md5('membership:' || g)::uuid AS membership, h, names.first || ' ' || names.last AS name,
        lower(names.first || '.' || names.last) || '.' || g || '@' || o.slug || '.example' AS email,
        CASE WHEN k = 0 THEN 'owner' WHEN k < 4 THEN 'administrator' WHEN k %% 1000 = 7 THEN 'auditor' ELSE 'member' END AS role,
        CASE WHEN k < 4 THEN 'active' WHEN h %% 100 < 4 THEN 'suspended' WHEN h %% 100 = 5 THEN 'invited' ELSE 'active' END AS status,
        CASE WHEN k >= 4 AND h %% 200 = 6 THEN 'deactivated' ELSE 'active' END AS account_status,
        CASE WHEN k < 4 OR h %% 100 < 93 THEN now() - (h %% 1296000) * interval '1 second' END AS active
      FROM seed_org o CROSS JOIN LATERAL generate_series(0, o.size - 1) AS k CROSS JOIN LATERAL (SELECT o.first + k AS g) n
      CROSS JOIN LATERAL (SELECT hashint4(g) & 2147483647 AS h) hashed
      CROSS JOIN LATERAL (SELECT (%(first)s::text[])[1 + h %% %(firsts)s] AS first, (%(last)s::text[])[1 + (h / 64) %% %(lasts)s] AS last) names""",
                       {"first": FIRST, "last": LAST, "firsts": len(FIRST), "lasts": len(LAST)})
    connection.execute("ANALYZE p")
    role = " JOIN accounts_role r ON r.organization_id = p.org AND r.slug = p.role"
    _fill(connection, Account, "p", id="account", email="email", email_key="email", name="name", status="account_status", has_second_factor="k < 4 OR h %% 10 < 6 OR role <> 'member'",
          password="'!'", created_at="now() - interval '400 days'", email_verified_at="now()", last_active_at="active")
    _fill(connection, EmailAddress, "p", user_id="account", email="email", verified="true", **{"primary": "true"})
    _fill(connection, Membership, f"p{role}", id="membership", organization_id="org", account_id="account", role_id="r.id", status="status", title="(ARRAY['', 'Analyst', 'Engineer', 'Manager'])[1 + h %% 4]",
          department=f"({_DEPARTMENTS})[1 + h %% 3]", created_at="now() - interval '400 days'", joined_at="now() - interval '390 days'", last_active_at="active",
          list_name="lower(p.name)", list_email="email", effective_status="CASE WHEN account_status <> 'active' THEN account_status ELSE status END")
    _fill(connection, AccountAuthGroup, f"p{role}", account_id="account", group_id="r.auth_group_id")
    _fill(connection, Management, "p WHERE h %% 100 < 85", id="gen_random_uuid()", organization_id="org", account_id="account", basis="'created_by_org'", since="now() - interval '300 days'")
    _fill(connection, ServiceAccess, "p JOIN accounts_service s ON s.organization_id = p.org", id="gen_random_uuid()", organization_id="org", membership_id="membership", service_id="s.id",
          state="'full'", granted_at="now()")
    _fill(connection, Group, f"seed_org CROSS JOIN unnest({_DEPARTMENTS}) AS d", id="md5(seed_org.slug || d)::uuid", organization_id="seed_org.id", name="d", created_at="now()")
    _fill(connection, GroupMembership, "p JOIN seed_org o ON o.id = p.org", id="gen_random_uuid()", organization_id="org", membership_id="membership",
          group_id=f"md5(o.slug || ({_DEPARTMENTS})[1 + h %% 3])::uuid")
    connection.execute("INSERT INTO accounts_searchtoken (organization_id, token, membership_id) SELECT organization_id, t, id FROM accounts_membership,"
                       " accounts_tokens(list_name || ' ' || list_email) AS t ORDER BY 1, 2, 3")
    connection.execute("DROP TABLE p")


def _fill(connection: psycopg.Connection, model: Any, source: str, **given: str) -> None:
    """INSERT … SELECT; a column that is not given gets the model's default, so a column that is added later does not break this."""
    columns, expressions = [], []
    for f in model._meta.concrete_fields:
        if f.attname not in given and f.primary_key:
            continue
        columns.append(sql.Identifier(f.column))
        expressions.append(sql.SQL(given[f.attname].replace("%%", "%")) if f.attname in given else sql.Literal(None if f.null else f.get_default()))
    connection.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM " + source.replace("%%", "%")).format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(columns), sql.SQL(", ").join(expressions)))


@contextmanager
def without_indexes(connection: psycopg.Connection, *tables: str) -> Iterator[None]:
    """Drop the indexes that no constraint needs, and build them again afterwards, which is much faster than keeping them."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = format('public.%%I', indexname)::regclass)", [list(tables)]).fetchall()
    for name, _text in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _name, text in found:
        connection.execute(text)


def forget_waiting(connection: psycopg.Connection) -> None:
    """Remove entries that were written and not numbered yet, as if they had never been. For a superuser with triggers at rest."""
    connection.execute("DELETE FROM audit_disclosure d USING audit_pending p WHERE d.entry = p.entry")
    connection.execute("DELETE FROM audit_entry e USING audit_pending p WHERE e.id = p.entry")
    connection.execute("DELETE FROM audit_pending")
