"""A report about an account, and the mailbox of whoever acts for somebody: what only pages show."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

from accounts import tenancy
from accounts.models import Account
from dsar.cases import agents
from dsar.cases.account_report import AccountReport
from dsar.cases.models import Agent
from dsar.powers import identity
from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cases.test_acts import own
from tests.cases.test_agents import wrote_down
from tests.cast import World
from tests.situations import arrange, report_for


def test_a_report_and_the_mailbox_of_an_agent(world: World, visit: Visit) -> None:
    org, person = world.north, world.north.person("worker")
    case = wrote_down(world, person)
    own(person, identity.AGENT, request=case.reference, answer="confirm", letters="agent")
    with tenancy.installation("a test looks"):
        link = agents.link(Agent.objects.get(case=case)).partition("//")[2].partition("/")[2]
    assert problems(visit, f"/{link}") == []
    visit.page.get_by_role("button", name="This mailbox is mine").click()
    assert "The mailbox is confirmed" in visit.page.inner_text("main")
    reports = []
    arrange(lambda: reports.append(report_for(person)) or Account.objects.filter(id=person.account_id).update(reported_at=datetime.now(UTC)))
    visit.sign_in(world, "worker")
    assert problems(visit, "/me/report/") == []
    visit.page.get_by_label("Your answer").fill("I am 34.")
    visit.page.get_by_role("button", name="Send the answer").click()
    assert "Your answer is kept" in visit.page.content()
    arrange(lambda: AccountReport.objects.filter(id=reports[0].id).update(due_at=datetime.now(UTC) - timedelta(days=1)))
    arrange(lambda: Account.objects.filter(id=org.person("owner").account_id).update(is_operator=True))
    for name, path in {"mailbox": f"/{link}", "mine": "/me/report/", "privacy": "/me/privacy/"}.items():
        visit.go(path)
        visit.shot(f"reports-{name}")
    visit.sign_in(world, "owner")
    assert problems(visit, "/operator/") == [] and "Late" in visit.page.inner_text("main")
    visit.shot("reports-operator")
    arrange(lambda: AccountReport.objects.filter(id=reports[0].id).delete())
