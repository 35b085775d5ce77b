"""Runs inside the installation under test: seeds it, starts a job, and says afterwards what does not fit. Answers in JSON."""
from __future__ import annotations

import json
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


def seed(people: int) -> dict[str, Any]:
    """An organization with four administrators who hold tokens, and so many members."""
    from accounts import tenancy
    from tests.cast import add_person, make_org
    from tests.situations import arrange, token_for

    with tenancy.installation("seeding"):
        org = make_org("chaos", [("owner", "owner", True), *((f"admin{n}", "administrator", True) for n in range(4))])
    made: list[Any] = []
    arrange(lambda: made.extend(add_person(org, f"member{n}", "member", True, datetime.now(UTC)) for n in range(people)))
    secrets: list[str] = []
    arrange(lambda: secrets.extend(token_for(org.person(f"admin{n}"))[1] for n in range(4)))
    return {"org": str(org.organization.id), "slug": org.slug, "ids": [str(m.id) for m in made], "tokens": secrets, "owner": str(org.person("owner").id)}


def job(org: str, owner: str, ids: list[str]) -> dict[str, Any]:
    """Ends the sessions of these people as one job, and leaves it to the worker."""
    from uuid import UUID

    from accounts import access, bulk, tenancy
    from accounts.actor import Proof
    from accounts.models import Membership
    from accounts.powers import BY_SLUG
    from portal.jobs import wake

    now = datetime.now(UTC)
    with tenancy.scope(org=UUID(org)):
        actor = access.actor_for(account_id=Membership.objects.get(id=owner).account_id, organization_id=UUID(org), proof=Proof(method="totp", at=now))
        plan = bulk.freeze(power=BY_SLUG["revoke-sessions"], actor=actor, data={}, now=now, ids=[UUID(i) for i in ids])
        while plan.state == "preparing":
            bulk.judge_batch(plan_id=plan.id, now=now)
            plan.refresh_from_db()
        bulk.confirm(actor=actor, plan_id=plan.id, digest=plan.digest, count=plan.summary["doable"], now=now)
    wake("many")
    return {"plan": str(plan.id)}


def quiet(org: str, plan: str) -> dict[str, Any]:
    """Whether everything has come to rest: nothing to number, nothing to read, nothing to send, the job over."""
    from accounts import tenancy
    from accounts.models import Mail, Plan
    from audit.models import Cursor, Pending, State

    with tenancy.installation("looking"):
        return {"pending": Pending.objects.count(), "unread": sum(State.objects.get(id=1).pos - c.pos for c in Cursor.objects.all()), "due": Mail.objects.filter(state="due").count(),
                "job": Plan.objects.get(id=plan).state}


def audit(org: str, plan: str) -> dict[str, Any]:
    """Every target changed with exactly one entry for each change, no gap in the numbers, the tree verifies, every mail owed once."""
    from uuid import UUID

    from accounts import tenancy
    from accounts.models import Mail, Membership, PlanRow
    from audit import verify
    from audit.models import Leaf, Target

    with tenancy.installation("looking"):
        leaves = dict(Leaf.objects.filter(org=org, outcome="success", action__in=("profile.updated", "person.sessions.revoked")).values_list("seq", "action"))
        by_person: Counter[tuple[str, str]] = Counter()
        for seq, target in Target.objects.filter(org=org, type="membership", seq__in=leaves).values_list("seq", "target"):
            by_person[(str(target), leaves[seq])] += 1
        found = []
        for member in Membership.objects.filter(organization_id=org, account__email__startswith="member").select_related("account"):
            changed = member.version - 1 + member.account.version - 1
            told = by_person[(str(member.id), "profile.updated")] + by_person[(str(member.id), "person.sessions.revoked")]
            if changed != told:
                found.append(f"{member.id}: {changed} changes, {told} entries")
            if member.account.auth_epoch - 1 != by_person[(str(member.id), "person.sessions.revoked")]:
                found.append(f"{member.id}: epoch {member.account.auth_epoch}")
        rows = Counter(PlanRow.objects.filter(plan_id=plan).values_list("state", flat=True))
        result = verify.verify(org=UUID(org))
        titles = {str(pk): title for pk, title in Membership.objects.filter(organization_id=org).values_list("id", "title")}
        mails = list(Mail.objects.filter(organization_id=org).values_list("id", "entry", "state"))
    return {"wrong": found, "rows": dict(rows), "findings": [f.what for f in result.findings], "entries": result.entries, "acts": len(leaves), "titles": titles,
            "mails": [f"<{i}@steward>" for i, _e, _s in mails], "unsent": sum(1 for *_x, state in mails if state != "sent"), "owed_twice": len(mails) - len({e for _i, e, _s in mails}),
            "changes": {person: n for (person, action), n in by_person.items() if action == "profile.updated"}}


if __name__ == "__main__":
    import django

    django.setup()
    what, arguments = sys.argv[1], json.loads(sys.stdin.read() or "{}")
    print(json.dumps({"seed": seed, "job": job, "quiet": quiet, "audit": audit}[what](**arguments)))
