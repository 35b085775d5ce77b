"""An import of people: a file becomes a plan of many rows, which is judged, confirmed and carried out like any other (accounts/bulk.py)."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import bulk
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Plan, PlanRow
from accounts.models.plan import PlanState
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from audit import recording
from portal import people_csv

POWER = BY_SLUG["import-people"]


def upload(*, actor: Actor, table: people_csv.Table, now: datetime) -> Plan:
    """Keep the file as a plan. Where every column is known it is judged; else it waits until somebody says what they are."""
    if not actor.may(POWER.permission):
        raise Refused({"": ["no_permission"]})
    mapping, unknown = table.guess()
    rows = None if unknown or "email" not in mapping.values() else table.rows(mapping)
    plan = bulk.new(power=POWER, actor=actor, data={} if rows is not None else {"header": table.header}, now=now)
    plan.state, plan.total = PlanState.PREPARING if rows is not None else PlanState.UPLOADED, len(table.lines)
    with transaction.atomic(), recording.opened(org=plan.organization_id, now=now) as act:
        plan.save(force_insert=True)
        if rows is not None:
            _add(plan, _checked(rows))
        else:
            _add(plan, [{"data": {"line": line, "cells": cells}} for line, cells in table.lines])
        act.write([bulk.draft(plan, actor, "plan.made")])
    return bulk.prepared(plan, now=now) if rows is not None else plan


def assign(*, actor: Actor, plan: Plan, mapping: Mapping[int, str], now: datetime) -> Plan:
    """What the columns of an uploaded file are: from here on it is judged like any other. BadFile says what does not fit."""
    with transaction.atomic():
        row = bulk.mine(actor=actor, plan_id=plan.id, states=(PlanState.UPLOADED,), now=now)
        kept = PlanRow.objects.filter(plan=row).order_by("number").values_list("data", flat=True)
        rows = people_csv.Table(header=row.data["header"], lines=[(d["line"], d["cells"]) for d in kept]).rows(mapping)
        with recording.opened(org=row.organization_id, now=now) as act:
            row.state, row.data = PlanState.PREPARING, {}
            row.save(update_fields=["state", "data"])
            PlanRow.objects.filter(plan=row).delete()
            _add(row, _checked(rows))
            act.write([bulk.draft(row, actor, "plan.columns_chosen")])
    return bulk.prepared(row, now=now)


def _checked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The second line with an address is left out, wherever in the file the first one stands."""
    seen: set[str] = set()
    found = []
    for row in rows:
        key = address_key(str(row.get("email", "")))
        found.append({"data": row, **({"state": "skipped", "codes": ["duplicate_row"], "verdict": "error"} if key in seen else {})})
        seen.add(key)
    return found


def _add(plan: Plan, rows: list[dict[str, Any]]) -> None:
    PlanRow.objects.bulk_create((PlanRow(organization_id=plan.organization_id, plan=plan, number=n, **row) for n, row in enumerate(rows, start=1)), batch_size=2000)
    twice = sum(1 for row in rows if row.get("verdict") == "error")
    if twice:
        plan.summary, plan.progress = {"effects": {}, "verdicts": {"error": twice}}, twice
        Plan.objects.filter(id=plan.id).update(summary=plan.summary, progress=twice)
