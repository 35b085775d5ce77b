"""What people asked through the rights door before it became a request like any other: each row becomes a case, with the day on which it came in."""
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import migrations

RIGHTS = {"copy": "access", "deletion": "erasure", "objection": "object"}
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_OPEN = """WITH act AS (SELECT gen_random_uuid() AS id), opened AS (INSERT INTO audit_opening (id, xid, written) SELECT id, pg_current_xact_id()::text, true FROM act)
 SELECT set_config('steward.act', id::text, true) FROM act"""
"""The entry of each of these requests was written when it was made; that it is kept in another table now is told by the case itself."""


def move(apps, schema_editor):
    alias = schema_editor.connection.alias
    old = apps.get_model("accounts", "RightsRequest").objects.using(alias).filter(kind__in=RIGHTS)
    if not old.exists():
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_OPEN)
    for row in old.select_related("organization").order_by("asked_at"):
        _case(apps, alias, row)
    old.delete()
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT set_config('steward.act', '', true)")


def _case(apps, alias, row):
    from dsar.cases.dates import reckoned
    from dsar.clock.regimes import applicable

    Case, Action, Happening = (apps.get_model("dsar", name) for name in ("Case", "Action", "Happening"))
    right, answered = RIGHTS[row.kind], row.state == "answered"
    managed = apps.get_model("accounts", "Management").objects.using(alias).filter(organization=row.organization, account_id=row.account_id).exists()
    taken = Action.objects.using(alias).filter(organization=row.organization, account_id=row.account_id, right=right, outcome="", verified=True).exists()
    known = right == "object"
    state = ("refused" if row.outcome == "refused" else "fulfilled") if answered else "withdrawn" if row.state == "ended" else "identity_pending" if not known else "merged" if taken else "triage"
    outcome = {"fulfilled": "granted", "refused": "refused", "withdrawn": "withdrawn", "merged": "merged"}.get(state, "")
    decider = apps.get_model("accounts", "Membership").objects.using(alias).filter(id=row.answered_by).values_list("account_id", flat=True).first() if row.answered_by else None
    last = {"fulfilled": "fulfilled", "refused": "refused", "withdrawn": "withdrawn", "merged": "merged", "triage": "admitted", "identity_pending": "ask_identity"}[state]
    end = row.answered_at or row.asked_at + timedelta(microseconds=1)
    case = Case(organization=row.organization, account_id=row.account_id, reference=_reference(Case, alias), channel="mailbox", state=state, words=row.words, level=1, country=settings.SEAT_COUNTRY,
                time_zone=row.organization.time_zone, received_at=row.asked_at, regimes=list(applicable(seat=settings.SEAT_COUNTRY, employee=managed)), decided_by=decider,
                closed_at=None if state in {"triage", "identity_pending"} else end)
    action = Action(case=case, organization=row.organization, account_id=row.account_id, right=right, verified=known and not taken or answered, outcome=outcome, decided_at=end if outcome else None)
    common = {"case": case, "organization": row.organization, "account_id": row.account_id}
    happened = [Happening(**common, at=row.asked_at, event="received", by="person", actor=row.account_id, facts={"channel": "mailbox", "regimes": case.regimes, "was": str(row.id)}),
                Happening(**common, at=end, event=last, by="administrator" if answered else "schedule", actor=decider, words=row.answer)]
    for name, day in reckoned(case, [action], happened).items():
        setattr(case, name, day)
    case.save(using=alias, force_insert=True)
    action.save(using=alias, force_insert=True)
    Happening.objects.using(alias).bulk_create(happened)


def _reference(Case, alias):
    while True:
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        found = f"R-{letters[:4]}-{letters[4:]}"
        if not Case.objects.using(alias).filter(reference=found).exists():
            return found


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0029_use_restricted'),
        ('dsar', '0003_restrictions'),
    ]

    operations = [
        migrations.RunPython(move, migrations.RunPython.noop),  # safe: a few rows, moved once; a running version finds the requests in the other list, where it can answer them too
    ]
