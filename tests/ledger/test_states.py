"""What the ledger says of somebody is what a restored database becomes: read, undone, and brought back by the lines alone."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts import door, tenancy
from accounts.models import Account, ApiToken, Consent, Deletion, Management, Membership, Protection, Suppression
from accounts.purposes import ACT
from audit import holds
from audit.models import Hold
from dsar.ledger import reading, restoring
from dsar.ledger.file import Draft, Line
from dsar.ledger.reading import Happened
from dsar.ledger.states import TABLE
from dsar.restriction.model import Restriction
from portal.powers import POWERS
from tests.cast import Org, World
from tests.communications.test_communications import choose
from tests.deletion.acts import act
from tests.ledger.test_drill import USE
from tests.situations import WHY, arrange, token_for

STATES = (reading.deletions, reading.accounts, reading.memberships, reading.tokens, reading.managements, reading.restrictions, reading.consents, reading.holds, reading.keeping)


def read(org: Org) -> dict[tuple[Any, ...], Draft]:
    """Everything that lines say of the people of an organization."""
    happened = Happened(event=uuid.UUID(int=0), action="x.y", org=org.organization.id, at=datetime.now(UTC) - timedelta(hours=1), people=tuple(m.account_id for m in org.people.values()), members=())
    with tenancy.installation("a test reads"):
        drafts = [draft for one in STATES for draft in one(happened)]
    return {(d.kind, d.org, d.subject, *(d.facts.get(name) for name in ("membership", "restriction", "token", "hold"))): d for d in drafts}


def restored(drafts: Iterable[Draft]) -> restoring.Changed:
    now = datetime.now(UTC)
    lines = [Line(number, now, d.kind, d.org, d.subject, dict(d.facts), "1.1.1.1", "") for number, d in enumerate(drafts, start=1)]
    found: restoring.Changed = []
    arrange(lambda: found.extend(one for kind, restore in restoring.KINDS_OF_LINES.items() for one in restore([line for line in lines if line.kind == kind], now)))
    return found


def older(org: Org) -> None:
    """As in a backup that was made before all of it."""
    ids = [m.id for m in org.people.values()]
    Deletion.objects.filter(account__memberships__in=ids).delete()
    Account.objects.filter(memberships__in=ids).update(status="active", reason_code="", auth_epoch=1, credential_epoch=1, gpc_at=None, reported_at=None)
    Membership.objects.filter(id__in=ids).update(status="active", reason_code="", access_epoch=1, protected=False, use_restricted=False, restricted_mode="", status_until=None)
    Protection.objects.filter(membership_id__in=ids).delete()
    ApiToken.objects.filter(membership_id__in=ids).update(state="active", ended_at=None, ended_reason="")
    Restriction.objects.filter(organization=org.organization).delete()
    Consent.objects.filter(organization=org.organization).delete()
    Suppression.objects.filter(organization=org.organization).delete()


def test_read_undone_and_brought_back(world: World) -> None:
    north, now = world.north, datetime.now(UTC)
    arrange(lambda: token_for(north.person("people-manager")))
    act(north, "suspend", north.person("member"))
    act(north, "restrict", north.person("guest"), mode="read_only")
    act(north, "remove", north.person("help-desk"))
    act(north, "revoke-tokens", north.person("people-manager"))
    act(north, "lockdown", north.person("legal"))
    act(north, "schedule-deletion", north.person("administrator"))
    choose(north.person("owner"))
    with tenancy.scope(org=north.organization.id, purpose=ACT):
        door.perform(power=USE["restrict-use"], actor=north.actor("owner"), ids=[north.person("worker").id], data={"trigger": "accuracy", **WHY}, now=now)
    arrange(lambda: (Membership.objects.filter(id=north.person("auditor").id).update(protected=True),
                     Protection.objects.create(organization=north.organization, membership=north.person("auditor"), administrator=north.person("owner"))))
    arrange(lambda: holds.place(org=north.organization.id, kind="subject", subject=north.person("security").account_id, matter="M", ground="G", by=None, now=now))
    arrange(lambda: Account.objects.filter(id=north.person("security").account_id).update(reported_at=now))
    wanted = read(north)
    assert {key[0] for key in wanted} >= {"deletion.state", "account.state", "membership.state", "token.state", "management.state", "restriction.state", "consent.state", "hold.state", "keeping.state"}
    assert restored(wanted.values()) == [], "what is so is not changed"
    arrange(lambda: older(north))
    assert read(north) != wanted
    changed = restored(wanted.values())
    found = read(north)
    for key, draft in wanted.items():
        there = dict(found[key].facts) if key in found else {}
        differs = {name: (value, there.get(name)) for name, value in draft.facts.items() if there.get(name) != value}
        if draft.kind == "consent.state":  # said anew, with a time of its own
            differs = {name: pair for name, pair in differs.items() if str(pair[0]).split()[0] != str(pair[1]).split()[0]}
        assert not differs, (key[0], differs)
    assert len(changed) >= 10 and restored(wanted.values()) == [], "once more is once"
    assert Suppression.objects.filter(organization=north.organization).exists(), "what is off is off for the address too"


def test_nobody_is_given_more(world: World) -> None:
    """A higher role, a membership that was removed, control that was lost: none of it comes by a line. Whose address or password changed has to show who they are."""
    north = world.north
    auditor, member, guest, worker = (north.person(name) for name in ("auditor", "member", "guest", "worker"))
    lines = read(north)
    mine = {d.subject: d for d in lines.values() if d.kind == "membership.state"}
    act(north, "remove", guest)
    facts = {**mine[auditor.account_id].facts, "role": str(north.roles["owner"].id)}
    happened = {"event": str(uuid.uuid4()), "at": datetime.now(UTC).isoformat()}
    arrange(lambda: Account.objects.filter(id__in=[member.account_id, worker.account_id]).update(credentials_changed_at=datetime.now(UTC) - timedelta(days=9)))
    restored([Draft("membership.state", north.organization.id, auditor.account_id, facts), mine[guest.account_id], Draft("credentials.changed", None, member.account_id, happened),
              Draft("address.changed", None, worker.account_id, happened), Draft("management.state", None, auditor.account_id, {})])
    with tenancy.installation("a test looks"):
        assert Membership.objects.get(id=auditor.id).role_id == north.roles["auditor"].id and Membership.objects.get(id=guest.id).status == "removed"
        assert Account.objects.get(id=member.account_id).reset_required_at and Account.objects.get(id=worker.account_id).reason_code == "restored_address"
        assert not Management.objects.filter(account_id=auditor.account_id).exists() and Management.objects.filter(account_id=member.account_id).exists()
    released = Draft("hold.state", north.organization.id, member.account_id, {"event": "", "hold": str(uuid.uuid4()), "kind": "subject", "first_day": None, "last_day": None,
                                                                             "since": datetime.now(UTC).isoformat(), "by": None, "released_at": None, "released_by": ""})
    restored([released])
    with tenancy.installation("a test looks"):
        assert holds.about([member.account_id]) == [(member.account_id, north.organization.id)], "it holds again, without its words"
    restored([Draft(released.kind, released.org, released.subject, {**released.facts, "released_at": datetime.now(UTC).isoformat(), "released_by": f"{uuid.uuid4()} {uuid.uuid4()}"})])
    with tenancy.installation("a test looks"):
        assert not holds.about([member.account_id]) and Hold.objects.filter(org=north.organization.id).exists()


def test_events_of_the_table_exist() -> None:
    """Each event that the ledger reads is written somewhere; those of parts that join later are named here."""
    from pathlib import Path

    from django.conf import settings

    code = "\n".join(path.read_text() for package in ("accounts", "dsar", "audit", "portal") for path in Path(settings.BASE_DIR, package).rglob("*.py") if "ledger" not in path.parts)
    later = {event for event in TABLE if event.startswith(("data.legal_hold.", "data.view_", "data.organization_export.", "retention.rule_", "disclosure.", "account.unused_"))}
    missing = {event for event in TABLE if f'"{event}"' not in code} - later - {power.event for power in POWERS}
    assert not missing, sorted(missing)
