"""Who may use which service, and what apps may do: what the ledger says of it, and how an older database gets there. Only ever less: nothing here gives anybody access.

A service that somebody suspended after the backup is suspended again; one that was suspended in the backup stays so until somebody restores it.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from accounts.models import Installation, OAuthApplication, Service, Webhook
from accounts.oauth import ending
from accounts.services import ways
from accounts.webhooks import ending as webhooks
from dsar.ledger.duties_again import Change
from dsar.ledger.file import Draft, Line
from dsar.ledger.reading import Happened, draft, rows

Run = Callable[..., list[Change]]

# What is so


def access(happened: Happened) -> Iterable[Draft]:
    """What the person's own row says about the services that the entry names; '' where there is none."""
    for row in rows("""SELECT m.organization_id, m.account_id, m.id AS membership, s.id AS service, COALESCE(sa.state, '') AS level
      FROM accounts_membership m JOIN accounts_service s ON s.organization_id = m.organization_id LEFT JOIN accounts_serviceaccess sa ON sa.membership_id = m.id AND sa.service_id = s.id
      WHERE s.id = ANY(%(services)s) AND m.organization_id = %(org)s AND (m.id = ANY(%(members)s) OR (%(members)s = '{}' AND m.account_id = ANY(%(people)s)))""",
                    services=happened.named("service"), members=list(happened.members), people=list(happened.people), org=happened.org):
        yield draft("service.access", happened, org=UUID(row.pop("organization_id")), subject=UUID(row.pop("account_id")), **row)


def groups(happened: Happened) -> Iterable[Draft]:
    """What groups have in the services that the entry names."""
    for row in rows("""SELECT s.organization_id, s.id AS service, g.id AS group_id, COALESCE(gs.state, '') AS level
      FROM accounts_service s JOIN accounts_group g ON g.organization_id = s.organization_id
      LEFT JOIN accounts_groupservice gs ON gs.group_id = g.id AND gs.service_id = s.id WHERE s.id = ANY(%(services)s) AND g.id = ANY(%(groups)s) AND s.organization_id = %(org)s""",
                    services=happened.named("service"), groups=happened.named("group"), org=happened.org):
        yield draft("service.group", happened, org=UUID(row.pop("organization_id")), subject=None, group=row.pop("group_id"), **row)


def services(happened: Happened) -> Iterable[Draft]:
    found = {row["id"]: row for row in rows("SELECT id, state, everyone FROM accounts_service WHERE id = ANY(%(ids)s)", ids=happened.named("service"))}
    for service in happened.named("service"):
        row = found.get(str(service))
        yield draft("service.state", happened, org=happened.org, subject=None, service=service, there=row is not None, state=row["state"] if row else "", everyone=row["everyone"] if row else "")


def installations(happened: Happened) -> Iterable[Draft]:
    """The installations of the apps that the entry names, in its organization."""
    for row in rows("SELECT id AS installation, state, scopes, expires_at, ended_at, ended_why FROM accounts_installation WHERE organization_id = %(org)s"
                    " AND (id = ANY(%(ids)s) OR app_id = ANY(%(apps)s))", org=happened.org, ids=happened.named("installation"), apps=happened.named("app")):
        yield draft("installation.state", happened, org=happened.org, subject=None, **row)


def consents(happened: Happened) -> Iterable[Draft]:
    """What the person allows each app now; '' where it is nothing any more."""
    for row in rows("""SELECT DISTINCT ON (account_id, installation_id) organization_id, account_id, installation_id AS installation, CASE WHEN ended_at IS NULL THEN scopes ELSE '{}' END AS scopes
      FROM accounts_appgrant WHERE account_id = ANY(%(people)s) ORDER BY account_id, installation_id, ended_at DESC NULLS FIRST""", people=list(happened.people)):
        yield draft("app.consent", happened, org=UUID(row.pop("organization_id")), subject=UUID(row.pop("account_id")), **row)


def hooks(happened: Happened) -> Iterable[Draft]:
    found = dict(Webhook.objects.filter(id__in=happened.named("webhook")).values_list("id", "state"))
    for webhook in happened.named("webhook"):
        yield draft("webhook.state", happened, org=happened.org, subject=None, webhook=webhook, there=webhook in found, state=found.get(webhook, ""))


# How an older database gets there

_LESS = "array_position(ARRAY['off', 'read_only', 'full'], {new}::text) < array_position(ARRAY['off', 'read_only', 'full'], {old}::text)"
_OF_PERSON = "a.membership_id = ANY(%(ids)s::uuid[]) AND a.membership_id = (g.f->>'membership')::uuid AND a.service_id = (g.f->>'service')::uuid"
_OF_GROUP = "a.group_id = ANY(%(ids)s::uuid[]) AND a.group_id = (g.f->>'group')::uuid AND a.service_id = (g.f->>'service')::uuid"


def last(lines: Sequence[Line], *names: str) -> list[Line]:
    return list({(line.subject, *(line.facts.get(name) for name in names)): line for line in lines}.values())


def access_again(run: Run, lines: Sequence[Line], now: datetime) -> list[Change]:
    """A row that was taken goes; what was narrowed is narrow; whoever was left out of what a group has is left out."""
    of = last(lines, "membership", "service")
    less = _LESS.format(new="(g.f->>'level')", old="a.state")
    return [*run(f"DELETE FROM accounts_serviceaccess a USING given g WHERE {_OF_PERSON} AND g.f->>'level' = '' AND a.state <> 'off' RETURNING g.org, g.subject", of, now, key="membership"),
            *run(f"UPDATE accounts_serviceaccess a SET state = g.f->>'level', resumes = '' FROM given g WHERE {_OF_PERSON} AND g.f->>'level' <> '' AND {less} RETURNING g.org, g.subject",
                 of, now, key="membership"),
            *run(f"""INSERT INTO accounts_serviceaccess AS made (id, organization_id, membership_id, service_id, state, resumes, granted_at)
              SELECT gen_random_uuid(), m.organization_id, m.id, s.id, g.f->>'level', '', %(now)s FROM given g JOIN accounts_membership m ON m.id = (g.f->>'membership')::uuid
              JOIN accounts_service s ON s.id = (g.f->>'service')::uuid AND s.organization_id = m.organization_id {ways.OWN}
              WHERE m.id = ANY(%(ids)s::uuid[]) AND m.status <> 'removed' AND sa.id IS NULL AND (g.f->>'level' = 'off' OR g.f->>'level' = 'read_only' AND {ways.LEVEL} = 'full')
              ON CONFLICT DO NOTHING RETURNING made.organization_id, (SELECT account_id FROM accounts_membership WHERE id = made.membership_id)""", of, now, key="membership")]


def groups_again(run: Run, lines: Sequence[Line], now: datetime) -> list[Change]:
    of = last(lines, "group", "service")
    less = _LESS.format(new="(g.f->>'level')", old="a.state")
    return [*run(f"DELETE FROM accounts_groupservice a USING given g WHERE {_OF_GROUP} AND g.f->>'level' = '' RETURNING g.org, NULL::uuid", of, now, key="group"),
            *run(f"UPDATE accounts_groupservice a SET state = g.f->>'level' FROM given g WHERE {_OF_GROUP} AND g.f->>'level' <> '' AND {less} RETURNING g.org, NULL::uuid", of, now, key="group")]


def services_again(run: Run, lines: Sequence[Line], now: datetime) -> list[Change]:
    """Suspended and removed ones are so again, and nobody stays signed in there."""
    of = last(lines, "service")
    less = _LESS.format(new="(g.f->>'everyone')", old="a.everyone")
    shared = f"a.everyone <> '' AND (g.f->>'everyone' = '' OR {less})"
    found = run(f"""UPDATE accounts_service a SET state = CASE WHEN g.f->>'state' = 'suspended' THEN 'suspended' ELSE a.state END,
      everyone = CASE WHEN {shared} THEN g.f->>'everyone' ELSE a.everyone END,
      version = a.version + 1 FROM given g WHERE a.id = ANY(%(ids)s::uuid[]) AND a.id = (g.f->>'service')::uuid AND (g.f->>'there')::boolean
       AND (a.state = 'active' AND g.f->>'state' = 'suspended' OR {shared}) RETURNING a.organization_id, NULL::uuid""", of, now, key="service")
    gone = list(Service.objects.filter(id__in=[line.facts["service"] for line in of if not line.facts["there"]]))
    away = [UUID(line.facts["service"]) for line in of if line.facts["state"] == "suspended" or not line.facts["there"]]
    ending.end(clients=list(OAuthApplication.objects.filter(service_id__in=away).values_list("id", flat=True)), now=now, tell=False)
    webhooks.end(services=[row.id for row in gone], now=now)
    for row in gone:
        found.append(Change(row.organization_id, None))
        row.delete()
    return found


def installations_again(run: Run, lines: Sequence[Line], now: datetime) -> list[Change]:
    """Ended and suspended ones are so again, with all that ended with them; and none does what it was no longer approved for."""
    of = last(lines, "installation")
    fewer = "ARRAY(SELECT unnest(a.scopes::text[]) INTERSECT SELECT unnest(string_to_array(g.f->>'scopes', ' ')) ORDER BY 1)"
    lower = "array_position(ARRAY['ended', 'suspended', 'active'], g.f->>'state') < array_position(ARRAY['ended', 'suspended', 'active'], a.state::text)"
    sooner = "LEAST(a.expires_at, (g.f->>'expires_at')::timestamptz)"
    found = run(f"""UPDATE accounts_installation a SET scopes = {fewer}, expires_at = {sooner}, version = a.version + 1, state = CASE WHEN {lower} THEN g.f->>'state' ELSE a.state END,
      ended_at = COALESCE(a.ended_at, (g.f->>'ended_at')::timestamptz), ended_why = CASE WHEN a.state = 'ended' THEN a.ended_why ELSE COALESCE(g.f->>'ended_why', '') END,
      pending_scopes = CASE WHEN g.f->>'state' = 'ended' THEN '{{}}' ELSE a.pending_scopes END
     FROM given g WHERE a.id = ANY(%(ids)s::uuid[]) AND a.id = (g.f->>'installation')::uuid
      AND ({lower} OR {sooner} IS DISTINCT FROM a.expires_at OR cardinality({fewer}) < cardinality(a.scopes)) RETURNING a.organization_id, NULL::uuid""", of, now, key="installation")
    ids = [line.facts["installation"] for line in of]
    away = list(Installation.objects.filter(id__in=ids).exclude(state="active").values_list("id", "state"))
    ended = [row for row, state in away if state == "ended"]
    ending.end(clients=list(OAuthApplication.objects.filter(installation_id__in=[row for row, _state in away]).values_list("id", flat=True)), now=now, tell=False)
    webhooks.end(installations=ended, now=now)
    found += run("UPDATE accounts_appgrant a SET ended_at = %(now)s, ended_why = COALESCE(g.f->>'ended_why', '') FROM given g WHERE a.installation_id = ANY(%(ids)s::uuid[])"
                 " AND a.installation_id = (g.f->>'installation')::uuid AND a.ended_at IS NULL AND g.f->>'state' = 'ended' RETURNING a.organization_id, a.account_id", of, now, key="installation")
    return found


def consents_again(run: Run, lines: Sequence[Line], now: datetime) -> list[Change]:
    """What was taken back is taken back."""
    of = last(lines, "installation")
    fewer = "ARRAY(SELECT unnest(a.scopes::text[]) INTERSECT SELECT unnest(string_to_array(g.f->>'scopes', ' ')) ORDER BY 1)"
    where = "a.account_id = ANY(%(subjects)s::uuid[]) AND a.account_id = g.subject AND a.installation_id = (g.f->>'installation')::uuid AND a.ended_at IS NULL"
    found = run(f"UPDATE accounts_appgrant a SET ended_at = %(now)s, ended_why = 'withdrawn' FROM given g WHERE {where} AND g.f->>'scopes' = '' RETURNING a.organization_id, a.account_id", of, now)
    found += run(f"UPDATE accounts_appgrant a SET scopes = {fewer} FROM given g WHERE {where} AND g.f->>'scopes' <> '' AND cardinality({fewer}) < cardinality(a.scopes)"
                 " RETURNING a.organization_id, a.account_id", of, now)
    for line in of:
        if line.facts["scopes"] == "" and line.subject:
            ending.end(accounts=[line.subject], clients=list(OAuthApplication.objects.filter(installation_id=line.facts["installation"]).values_list("id", flat=True)), now=now, tell=False)
    return found


def hooks_again(run: Run, lines: Sequence[Line], now: datetime) -> list[Change]:
    """Webhooks that were removed or paused tell nobody anything."""
    of = last(lines, "webhook")
    return [*run("DELETE FROM accounts_webhook a USING given g WHERE a.id = ANY(%(ids)s::uuid[]) AND a.id = (g.f->>'webhook')::uuid RETURNING a.organization_id, NULL::uuid",
                 [line for line in of if not line.facts["there"]], now, key="webhook"),
            *run("UPDATE accounts_webhook a SET state = 'paused', version = a.version + 1 FROM given g WHERE a.id = ANY(%(ids)s::uuid[]) AND a.id = (g.f->>'webhook')::uuid"
                 " AND g.f->>'state' = 'paused' AND a.state = 'active' RETURNING a.organization_id, NULL::uuid", of, now, key="webhook")]


AGAIN: dict[str, Callable[[Run, Sequence[Line], datetime], list[Change]]] = {
    "service.state": services_again, "service.group": groups_again, "service.access": access_again, "installation.state": installations_again, "app.consent": consents_again,
    "webhook.state": hooks_again}
