"""Access to services and what apps may do, in an older database: what was taken since is taken again, from the lines that the log's subscriber writes; and nobody gets anything."""
from __future__ import annotations

from typing import Any

from accounts import tenancy
from accounts.models import AppGrant, GroupService, Installation, Service, ServiceAccess, Webhook
from audit import subscribers
from audit.subscribers import Subscriber
from dsar.ledger import states
from dsar.ledger.file import Draft
from tests.apps.acts import app_for, installation_for
from tests.audit.logs import nothing_waits, number_all
from tests.cast import Org, World
from tests.ledger.test_states import restored
from tests.powers.test_groups import group
from tests.powers.test_roles import act
from tests.registers.acts import do
from tests.services.test_access import made
from tests.situations import WHY, arrange, webhook_for


def lines_of_the_log() -> list[Draft]:
    """What the log since the last look comes to."""
    found: list[Draft] = []
    number_all()
    with tenancy.installation("subscribers read every log"):
        subscribers.drain([Subscriber(name="ledger", handle=lambda batch: found.extend(states.drafts(batch)), actions=frozenset(states.TABLE))])
    return found


def seen(org: Org) -> dict[str, Any]:
    with tenancy.installation("a test looks"):
        return {"services": sorted(Service.objects.filter(organization=org.organization, name__in=["Wiki", "Gone"]).values_list("name", "state")),
                "access": sorted(ServiceAccess.objects.filter(service__name__in=["Wiki", "Gone"], organization=org.organization).values_list("service__name", "membership__account__email", "state")),
                "groups": list(GroupService.objects.filter(organization=org.organization).values_list("service__name", "state")),
                "apps": sorted(Installation.objects.filter(organization=org.organization).values_list("app__slug", "state", "scopes")),
                "allowed": sorted(AppGrant.objects.filter(organization=org.organization, ended_at=None).values_list("installation__app__slug", "account__email")),
                "webhooks": sorted(Webhook.objects.filter(organization=org.organization).values_list("name", "state"))}


def test_what_was_taken_since_the_backup_is_taken_again(world: World) -> None:
    org, (worker, guest, legal) = world.north, (world.north.person(name) for name in ("worker", "guest", "legal"))
    wiki, gone, crew = made(org), made(org, "Gone"), group(org, "Crew", "legal")
    kept: list[Any] = []
    for service in (wiki, gone):
        act(org, "grant-service-access", "app-manager", [worker.id, guest.id], service=service.slug)
    act(org, "set-group-service", "app-manager", [crew.id], service=wiki.slug, level="full")
    arrange(lambda: (kept.append(webhook_for(org, "Payroll")), kept.append(webhook_for(org, "Resting")), installation_for(org, app_for(org.organization), worker, guest),
                     installation_for(org, app_for(org.organization, slug="easel", name="Easel"), worker, guest)))
    rows = [row for model in (Service, ServiceAccess, GroupService) for row in _all(model, org, [wiki, gone])]
    before = seen(org)
    nothing_waits()

    act(org, "take-service-access", "app-manager", [worker.id], service=wiki.slug, **WHY)
    act(org, "restrict-service-access", "app-manager", [guest.id], service=wiki.slug, **WHY)
    act(org, "set-group-service", "app-manager", [crew.id], service=wiki.slug, level="none")
    act(org, "suspend-service", "app-manager", [wiki.id])
    act(org, "remove-service", "app-manager", [gone.id], name="Gone")
    do(org, "withdraw-app-grant", who="guest", grant=str(_grant(guest.account_id, "easel")))
    do(org, "suspend-app", app="easel")
    do(org, "uninstall-app", app="whiteboard")
    do(org, "remove-webhook", webhook="Payroll")
    do(org, "pause-webhook", webhook="Resting")
    after, lines = seen(org), lines_of_the_log()
    assert {line.kind for line in lines} >= {"service.access", "service.group", "service.state", "installation.state", "app.consent", "webhook.state"}
    assert restored(lines) == [], "what is so is not changed"

    def older() -> None:
        for row in rows:
            row.save(force_insert=not type(row).objects.filter(id=row.id).exists())
        for hook in kept:
            hook.save(force_insert=not Webhook.objects.filter(id=hook.id).exists())
        Installation.objects.filter(organization=org.organization).update(state="active", ended_at=None, ended_why="")
        AppGrant.objects.filter(organization=org.organization).update(ended_at=None, ended_why="")

    arrange(older)
    assert seen(org) == before != after
    assert restored(lines) != [] and seen(org) == after and restored(lines) == [], "once more is once"

    arrange(lambda: ServiceAccess.objects.filter(service=wiki).delete())
    wider = [Draft(line.kind, line.org, line.subject, {**line.facts, **({"level": "full"} if "level" in line.facts else {}), **({"state": "active"} if "state" in line.facts else {})}) for line in lines]
    less = {**after, "access": []}
    assert seen(org) == less and restored(line for line in wider if line.kind != "webhook.state" and line.facts.get("there", True)) == [] and seen(org) == less, "no line gives anything"
    assert legal.account_id not in {line.subject for line in lines}


def _all(model: Any, org: Org, services: list[Service]) -> list[Any]:
    with tenancy.installation("a test looks"):
        return list(model.objects.filter(organization=org.organization, **({"id__in": [one.id for one in services]} if model is Service else {"service__in": services})))


def _grant(account_id: Any, slug: str) -> Any:
    with tenancy.installation("a test looks"):
        return AppGrant.objects.get(account_id=account_id, installation__app__slug=slug, ended_at=None).id
