"""The pages of domains in a real browser: accessible, in both themes, at 320 px, and added without scripts."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.conftest import Visit
from tests.browser.test_pages import problems
from tests.cast import World
from tests.situations import arrange, domain_for

pytestmark = pytest.mark.browser
LONG = "xn--donaudampfschifffahrtselektrizittenhauptbetriebswerk-kcd.example-mail.com"


def test_pages(world: World, visit: Visit) -> None:
    org, now, made = world.north, datetime.now(UTC), {}
    for key, name, more in (("failing", "fine-mail.com", {"state": "failing", "failing_since": now - timedelta(days=31), "warned": 30, "last_problem": "no_record"}),
                            ("waiting", LONG, {"state": "pending_proof", "verified_at": None, "proof_until": now + timedelta(days=6), "last_problem": "wrong_record"}),
                            ("contested", "both-mail.com", {"state": "contested", "contested_at": now, "proof_until": now + timedelta(days=3), "last_proof_at": None}), ("fine", "ours-mail.com", {}),
                            ("over", "over-mail.com", {"state": "lapsed", "ended_at": now})):
        arrange(lambda key=key, name=name, more=more: made.update({key: domain_for(org, name, **more).id}))
    visit.sign_in(world, "owner")
    for path in ("domains/", *(f"domains/{i}/" for i in made.values()), "do/add-domain/", f"do/renew-domain-token/?domain={made['fine']}", f"do/remove-domain/?domain={made['fine']}"):
        assert problems(visit, f"/o/{org.slug}/{path}") == [], path
        name = next((key for key, i in made.items() if str(i) in path and path.startswith("domains")), path.split("?")[0].strip("/").replace("/", "_"))
        visit.shot(f"domains-{name}")


def test_a_domain_is_added_without_scripts(world: World, visit_without_scripts: Visit) -> None:
    visit, org = visit_without_scripts.sign_in(world, "owner"), world.north
    page = visit.go(f"/o/{org.slug}/domains/")
    page.click("text=Add a domain")
    page.fill("#id_domain", f"Bücher-{org.slug}.de")
    page.click("form.card button.primary")
    page.click("tbody a")
    assert "steward-domain-verification=" in page.inner_text("main")
    page.click("main >> text=Check now")
    assert "Check" in page.inner_text("main")
