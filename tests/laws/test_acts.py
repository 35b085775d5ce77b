"""Law: one entry for each target of an act, one refusal for each refused act; stale, repeated and unproved acts do nothing."""
from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from accounts import access, approvals, door, tenancy
from accounts.actor import Proof
from accounts.models import Account, ApiToken, Membership, Organization, Session
from accounts.models.plan import PlanState
from accounts.powers import BY_SLUG, POWERS
from accounts.purposes import ACT
from accounts.reasons import KeyReused, NotFound, Refused, Stale, StepUpNeeded
from audit.models import Entry
from portal import sentences
from tests.cast import World
from tests.situations import DATA, WHY, arrange, ready, session_for, token_for

NOW = datetime.now


def entries(world: World) -> int:
    with tenancy.installation("count"):
        return Entry.objects.filter(org__in=[world.north.organization.id, world.contoso.organization.id]).count()


@pytest.mark.parametrize("slug", [p.slug for p in POWERS if p.over == "member" and p.tier < 3 and p.slug not in {"answer-invitation", "leave", "edit-own-details", "accept-suggestion", "decline-suggestion", "dispute-value", "withdraw-dispute", "create-token", "protect", "grant-ownership", "restrict-own-use", "end-own-restriction"}])
def test_one_entry_for_each_target(world: World, slug: str) -> None:
    person = ready(world.north, slug)
    before = entries(world)
    with tenancy.scope(org=world.north.organization.id, purpose=ACT):
        receipt = door.perform(power=BY_SLUG[slug], actor=world.north.actor("owner"), ids=[person.id], data=DATA[slug], now=NOW(UTC))
    logs = 2 if slug == "accept-transfer" else 1  # whoever offered the account has to know in its own log
    assert entries(world) == before + logs == before + len(receipt.entries)


def test_bulk_writes_one_entry_each_in_one_act(world: World) -> None:
    ids = [world.north.person(n).id for n in ("worker", "guest", "member", "auditor")]
    before = entries(world)
    with tenancy.scope(org=world.north.organization.id):
        receipt = door.perform(power=BY_SLUG["suspend"], actor=world.north.actor("owner"), ids=ids, data=WHY, now=NOW(UTC))
        assert len(receipt.entries) == 4 == entries(world) - before
        acts = {e.act for e in Entry.objects.filter(id__in=receipt.entries)}
        assert len(acts) == 1
        assert set(Membership.objects.filter(id__in=ids).values_list("status", flat=True)) == {"suspended"}


def test_a_refused_act_writes_one_refusal_and_changes_nothing(world: World) -> None:
    person = world.north.person("worker")
    before = entries(world)
    with tenancy.scope(org=world.north.organization.id):
        with pytest.raises(Refused):
            door.perform(power=BY_SLUG["suspend"], actor=world.north.actor("auditor"), ids=[person.id], data=WHY, now=NOW(UTC))
        assert Membership.objects.get(id=person.id).version == person.version
    assert entries(world) == before + 1


def test_one_blocked_target_stops_the_whole_act(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id):
        with pytest.raises(Refused):
            door.perform(power=BY_SLUG["suspend"], actor=world.north.actor("administrator"), ids=[world.north.person(n).id for n in ("worker", "owner")], data=WHY, now=NOW(UTC))
        assert Membership.objects.get(id=world.north.person("worker").id).status == "active"


def test_stale_digest_and_version_are_refused(world: World) -> None:
    person, power = world.north.person("worker"), BY_SLUG["suspend"]
    with tenancy.scope(org=world.north.organization.id):
        actor = world.north.actor("administrator")
        plan = door.plan(power=power, actor=actor, ids=[person.id], data=WHY, now=NOW(UTC))
        etag = plan.verdicts[0].target.etag
        door.perform(power=BY_SLUG["update-profile"], actor=actor, ids=[person.id], data={"title": "Other"}, now=NOW(UTC))
        for stale in ({"digest": plan.digest}, {"version": etag}):
            with pytest.raises(Stale):
                door.perform(power=power, actor=actor, ids=[person.id], data=WHY, now=NOW(UTC), **stale)
        assert Membership.objects.get(id=person.id).status == "active"


def test_a_repeated_key_answers_the_first_receipt(world: World) -> None:
    person, power = world.north.person("worker"), BY_SLUG["suspend"]
    with tenancy.scope(org=world.north.organization.id):
        actor = world.north.actor("administrator")
        first = door.perform(power=power, actor=actor, ids=[person.id], data=WHY, now=NOW(UTC), key="k1")
        again = door.perform(power=power, actor=actor, ids=[person.id], data=WHY, now=NOW(UTC), key="k1")
        assert (again.entries, again.repeated) == (first.entries, True)
        with pytest.raises(KeyReused):
            door.perform(power=power, actor=actor, ids=[person.id], data={**WHY, "message": "other"}, now=NOW(UTC), key="k1")
        other = world.north.actor("owner")
        with pytest.raises(Refused):  # another actor's key is another key: the act is tried, and the person is suspended already
            door.perform(power=power, actor=other, ids=[person.id], data=WHY, now=NOW(UTC), key="k1")


def test_two_administrators_at_once(world: World) -> None:
    """Real connections: one wins, the other is told; forty rounds."""
    person, org = world.north.person("worker"), world.north.organization.id
    for _round in range(40):
        outcomes: list[str] = []
        barrier = threading.Barrier(2)

        def race(name: str, round_: int = _round, outcomes: list[str] = outcomes, barrier: threading.Barrier = barrier) -> None:
            try:
                with tenancy.scope(org=org):
                    actor = world.north.actor(name)
                    version = door.plan(power=BY_SLUG["update-profile"], actor=actor, ids=[person.id], data={"title": name}, now=NOW(UTC)).verdicts[0].target.etag
                    barrier.wait(10)
                    door.perform(power=BY_SLUG["update-profile"], actor=actor, ids=[person.id], data={"title": f"{name} {round_}"}, now=NOW(UTC), version=version)
                outcomes.append("done")
            except Stale:
                outcomes.append("stale")
            finally:
                connections.close_all()

        threads = [threading.Thread(target=race, args=(name,)) for name in ("owner", "administrator")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["done", "stale"]


@pytest.mark.parametrize(("tier", "slug", "missing"), [(0, "suspend", 1), (1, "remove", 2), (0, "remove", 2), (1, "reset-second-factor", 2)])
def test_step_up_is_asked_for(world: World, tier: int, slug: str, missing: int) -> None:
    person = ready(world.north, slug)
    with tenancy.scope(org=world.north.organization.id), pytest.raises(StepUpNeeded) as needed:
        door.perform(power=BY_SLUG[slug], actor=world.north.actor("owner", tier=tier), ids=[person.id], data=DATA[slug], now=NOW(UTC))
    assert needed.value.tier == missing


def test_proofs_age_and_recovery_codes_do_not_count() -> None:
    now = NOW(UTC)
    ages = [(Proof(method="totp", at=now - timedelta(minutes=4)), 2), (Proof(method="totp", at=now - timedelta(minutes=6)), 1), (Proof(method="password", at=now - timedelta(minutes=1)), 1),
            (Proof(method="password", at=now - timedelta(minutes=16)), 0), (Proof(method="recovery_code", at=now), 0), (Proof(), 0), (Proof(method="passkey", at=now + timedelta(days=40)), 0)]
    assert [proof.tier(now) for proof, _tier in ages] == [tier for _proof, tier in ages]


def test_the_last_owner_stays(world: World) -> None:
    """Every way to end an ownership; the second owner may go, the last may not, also when two go at once."""
    org = world.contoso
    arrange(lambda: Account.objects.filter(id=org.person("owner").account_id).update(has_second_factor=True))
    with tenancy.scope(org=org.organization.id):
        schedule = replace(org.actor("owner"), kind="schedule", account_id=None, rank=101, membership_id=org.person("member").id)
        for power in POWERS:
            if power.ends_ownership and power.over == "member" and power.slug != "leave":
                with pytest.raises(Refused) as refusal:
                    door.perform(power=power, actor=schedule, ids=[org.person("owner").id], data={**DATA[power.slug], "role": "member"} if power.slug == "change-role" else DATA[power.slug], now=NOW(UTC))
                assert "last_owner" in refusal.value.codes, power.slug
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["leave"], actor=org.actor("owner"), ids=[org.person("owner").id], data={}, now=NOW(UTC))
        assert "last_owner" in refusal.value.codes
        assert Membership.objects.get(id=org.person("owner").id).status == "active"


def test_owner_on_owner_needs_a_second_owner(world: World) -> None:
    org, power = world.north, BY_SLUG["suspend"]
    target = org.person("second-owner")
    arrange(lambda: Membership.objects.filter(id=org.person("worker").id).update(role=org.roles["owner"]))
    arrange(lambda: Account.objects.filter(id=org.person("worker").account_id).update(has_second_factor=True))
    with tenancy.scope(org=org.organization.id):
        asker = org.actor("owner")
        receipt = door.perform(power=power, actor=asker, ids=[target.id], data=WHY, now=NOW(UTC))
        assert receipt.plan_id
        assert not receipt.entries
        assert Membership.objects.get(id=target.id).status == "active"
        with pytest.raises(Refused):  # one pending act per person
            door.perform(power=power, actor=asker, ids=[target.id], data=WHY, now=NOW(UTC))
        decide = {"plan_id": receipt.plan_id, "requester": asker, "power": power, "approve": True, "note": ""}
        for name, code in (("owner", "same_person"), ("administrator", "not_approver"), ("auditor", "not_approver")):
            with pytest.raises(Refused) as refusal:
                approvals.decide(actor=org.actor(name), now=NOW(UTC), **decide)
            assert refusal.value.codes == [code]
        with pytest.raises(StepUpNeeded):
            approvals.decide(actor=org.actor("worker", tier=1), now=NOW(UTC), **decide)
        with pytest.raises(Refused) as refusal:
            approvals.decide(actor=org.actor("worker"), now=NOW(UTC) + timedelta(hours=73), **decide)
        assert refusal.value.codes == ["expired"]
        done = approvals.decide(actor=org.actor("worker"), now=NOW(UTC), **decide)
        assert done.entries
        assert Membership.objects.get(id=target.id).status == "suspended"
        with pytest.raises(Refused):
            approvals.decide(actor=org.actor("worker"), now=NOW(UTC), **decide)


def test_an_approved_plan_is_void_when_the_world_moved(world: World) -> None:
    org, power = world.north, BY_SLUG["change-role"]
    target = org.person("administrator")
    with tenancy.scope(org=org.organization.id):
        asker = org.actor("owner")
        receipt = door.perform(power=power, actor=asker, ids=[target.id], data={"role": "owner"}, now=NOW(UTC))
        door.perform(power=BY_SLUG["update-profile"], actor=asker, ids=[target.id], data={"title": "Changed"}, now=NOW(UTC))
        with pytest.raises(Refused):
            approvals.decide(plan_id=receipt.plan_id, actor=org.actor("second-owner"), requester=asker, power=power, approve=True, note="", now=NOW(UTC))
        from accounts.models import Plan

        assert Plan.objects.get(id=receipt.plan_id).state == PlanState.VOID
        assert Membership.objects.get(id=target.id).role.slug == "administrator"


def test_account_powers_need_management(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id):
        for power in POWERS:
            if power.account_power:
                with pytest.raises(Refused) as refusal:
                    door.perform(power=power, actor=world.north.actor("owner"), ids=[world.north.person("guest").id], data=DATA[power.slug], now=NOW(UTC))
                assert "not_managed" in refusal.value.codes, power.slug


def test_a_directory_governs_what_it_brought(world: World) -> None:
    """Guard rail 15: lifecycle and name are changed there; organization fields and lockdown stay possible."""
    from accounts.models import Management

    org, person = world.north, world.north.person("worker")
    arrange(lambda: Management.objects.filter(account_id=person.account_id).update(basis="scim"))
    with tenancy.scope(org=org.organization.id):
        for slug, data in (("deactivate", WHY), ("update-profile", {"name": "Other"})):
            with pytest.raises(Refused) as refusal:
                door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[person.id], data=data, now=NOW(UTC))
            assert refusal.value.codes == ["managed_by_idp"]
        door.perform(power=BY_SLUG["update-profile"], actor=org.actor("owner"), ids=[person.id], data={"title": "Lead"}, now=NOW(UTC))
        door.perform(power=BY_SLUG["lockdown"], actor=org.actor("security"), ids=[person.id], data=WHY, now=NOW(UTC))
        assert Account.objects.get(id=person.account_id).status == "locked"


def test_two_owners_leaving_at_once(world: World) -> None:
    """Real connections: one may go, the other is the last and stays."""
    org = world.north.organization.id
    for name in ("owner", "second-owner"):
        arrange(lambda name=name: Account.objects.filter(id=world.north.person(name).account_id).update(has_second_factor=True))
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def go(name: str) -> None:
        try:
            with tenancy.scope(org=org):
                actor = world.north.actor(name)
                barrier.wait(10)
                door.perform(power=BY_SLUG["leave"], actor=actor, ids=[world.north.person(name).id], data={}, now=NOW(UTC))
            outcomes.append("left")
        except Refused as refusal:
            outcomes.extend(refusal.codes)
        finally:
            connections.close_all()

    from accounts.models import Management

    arrange(lambda: Management.objects.filter(organization_id=org).delete())
    threads = [threading.Thread(target=go, args=(name,)) for name in ("owner", "second-owner")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["last_owner", "left"]


def test_protected_people(world: World) -> None:
    org = world.north
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["protect"], actor=org.actor("owner"), ids=[org.person("worker").id], data={"administrators": f"administrator@{org.slug}.example"}, now=NOW(UTC))
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["suspend"], actor=org.actor("owner"), ids=[org.person("worker").id], data=WHY, now=NOW(UTC))
        assert refusal.value.codes == ["protected"]
        door.perform(power=BY_SLUG["suspend"], actor=org.actor("administrator"), ids=[org.person("worker").id], data=WHY, now=NOW(UTC))


def test_group_scoped_help_desk(world: World) -> None:
    from accounts.models import Group, GroupMembership

    org, made = world.north, []

    def scoped() -> None:
        made.append(Group.objects.create(organization=org.organization, name="Support", created_at=NOW(UTC)))
        GroupMembership.objects.create(organization=org.organization, group=made[0], membership=org.person("guest"))
        Membership.objects.filter(id=org.person("help-desk").id).update(role_scope=[made[0].id])

    arrange(scoped)
    with tenancy.scope(org=org.organization.id):
        actor = org.actor("help-desk")
        door.perform(power=BY_SLUG["revoke-sessions"], actor=actor, ids=[org.person("guest").id], data={}, now=NOW(UTC))
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["revoke-sessions"], actor=actor, ids=[org.person("worker").id], data={}, now=NOW(UTC))
        assert refusal.value.codes == ["out_of_scope"]


def test_a_group_with_a_role_counts_as_that_role(world: World) -> None:
    """On act and on what the person may do themselves (guard rail 3)."""
    from accounts.models import Group, GroupMembership

    org = world.north

    def grouped() -> None:
        group = Group.objects.create(organization=org.organization, name="Admins", role=org.roles["administrator"], created_at=NOW(UTC))
        GroupMembership.objects.create(organization=org.organization, group=group, membership=org.person("worker"))

    arrange(grouped)
    arrange(lambda: Account.objects.filter(id=org.person("worker").account_id).update(has_second_factor=True))
    with tenancy.scope(org=org.organization.id):
        assert org.actor("worker").rank == 80
        with pytest.raises(Refused) as refusal:
            door.perform(power=BY_SLUG["suspend"], actor=org.actor("administrator"), ids=[org.person("worker").id], data=WHY, now=NOW(UTC))
        assert refusal.value.codes == ["rank"]


def test_permissions_agree_with_guardian(world: World) -> None:
    from guardian.core import ObjectPermissionChecker

    org = world.north
    with tenancy.scope(org=org.organization.id):
        for name, person in org.people.items():
            checker = ObjectPermissionChecker(Account.objects.get(id=person.account_id))
            assert set(checker.get_perms(org.organization)) == set(access.standing(account_id=person.account_id, organization_id=org.organization.id).permissions), name


@pytest.mark.parametrize("slug", ["suspend", "remove", "deactivate", "lockdown", "require-password-reset", "revoke-sessions", "reset-second-factor", "revoke-tokens"])
def test_ways_of_ending_access(world: World, slug: str) -> None:
    """After each act nothing that ended works: sessions of the account, tokens here; what the act keeps still works."""
    org, made = world.north, {}
    person = ready(org, slug)
    arrange(lambda: made.update(token=token_for(person), session=session_for(person)))
    token, secret = made["token"]
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[person.id], data=DATA[slug], now=NOW(UTC))
    use = access.check_token(secret=secret, now=NOW(UTC), ip="127.0.0.1")
    keeps_tokens = slug in {"revoke-sessions", "require-password-reset"}
    usable = use.token is not None and not use.refusal
    assert usable == (slug == "revoke-sessions"), use.refusal
    with tenancy.installation("look"):
        state = ApiToken.objects.get(id=token.id).state
    assert state == ("active" if keeps_tokens or slug == "reset-second-factor" else "revoked" if slug in {"remove", "revoke-tokens"} else "disabled")
    account = Account.objects.get(id=person.account_id)
    session = Session.objects.get(id=made["session"].id)
    ends_sessions = slug in {"deactivate", "lockdown", "require-password-reset", "revoke-sessions", "reset-second-factor"}
    assert (session.ended_at is not None) == ends_sessions
    assert (session.auth_epoch == account.auth_epoch) != ends_sessions


def test_a_demoted_owner_lowers_the_token(world: World) -> None:
    org, made = world.north, []
    arrange(lambda: made.append(token_for(org.person("administrator"))))
    arrange(lambda: Membership.objects.filter(id=org.person("administrator").id).update(role=org.roles["auditor"]))
    actor = access.actor_of_token(access.check_token(secret=made[0][1], now=NOW(UTC), ip=""))
    assert (actor.rank, actor.permissions) == (20, {"view_people", "view_audit"})


def test_an_administrator_elsewhere_is_told(world: World) -> None:
    """Guard rail 8: a lockdown here is seen neutrally in the other organization, whose last owner the person is."""
    org, other, made = world.north, world.contoso, []

    def owner_elsewhere() -> None:
        made.append(Membership.objects.create(organization=other.organization, account_id=org.person("worker").account_id, role=other.roles["owner"], status="active", created_at=NOW(UTC)))

    arrange(owner_elsewhere)
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["lockdown"], actor=org.actor("security"), ids=[org.person("worker").id], data={**WHY, "private_note": "secret ground"}, now=NOW(UTC))
    with tenancy.scope(org=other.organization.id):
        record = Entry.objects.get(org=other.organization.id, record__contains="organization.owner_unavailable").record
        assert "secret" not in record
        assert str(org.organization.id) not in record
        assert Membership.objects.get(id=made[0].id).effective_status == "locked"


def test_unknown_people_are_not_found(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id), pytest.raises(NotFound):
        door.perform(power=BY_SLUG["suspend"], actor=world.north.actor("owner"), ids=[world.contoso.person("member").id], data=WHY, now=NOW(UTC))


def test_every_power_has_words_a_mail_and_a_sentence() -> None:
    from django.template.loader import get_template

    from accounts.mail import SELF_EVENTS

    for power in POWERS:
        assert all(str(words) for words in (power.title, power.button, power.does, power.does_not, power.sentence)), power.slug
        assert power.event in sentences.EVENTS
        if power.notice:
            get_template(f"mail/{power.slug}/subject.txt")
            get_template(f"mail/{power.slug}/body.txt")
    assert set(sentences.EVENTS) >= SELF_EVENTS
    assert len({p.slug for p in POWERS}) == len({p.code for p in POWERS}) == len(POWERS)


def test_personal_values_never_enter_the_record(world: World) -> None:
    with tenancy.scope(org=world.north.organization.id):
        receipt = door.perform(power=BY_SLUG["suspend"], actor=world.north.actor("owner"), ids=[world.north.person("worker").id],
                               data={**WHY, "message": "Canary message", "private_note": "Canary note"}, now=NOW(UTC))
        record = Entry.objects.get(id=receipt.entries[0]).record
    for text in ("Canary", "Worker", "Owner", "@", "127.0.0.1"):
        assert text not in record
    assert Organization.objects.count() == 0  # no scope is left behind
