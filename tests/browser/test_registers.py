"""The registers filled, and what people read of them: accessible, in both themes, at 320 px."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dsar.registers.models import BusinessTransfer
from tests.browser.conftest import Visit
from tests.browser.test_deletion import shot
from tests.browser.test_pages import problems
from tests.cast import World
from tests.registers.acts import do, record, tell
from tests.situations import arrange

pytestmark = pytest.mark.browser


def test_the_registers(world: World, visit: Visit) -> None:
    """Every page with something on it; a file is added on the page of an entry."""
    org, now = world.north, datetime.now(UTC)
    row = record(org, org.person("owner"), org.person("worker"), who="legal", their_reference="12 Js 34/26", from_day="2026-01-01", to_day="2026-02-28")
    do(org, "answer-disclosure", who="legal", second="second-owner", disclosure=row.reference, outcome="partly", refusal="too_broad", given=["user.account"], records=7)
    secret = record(org, org.person("worker"), name="A court with a long name: Bundesgerichtshof", kind="court", secret_until=now.date() + timedelta(days=60), secret_basis="Order 17")
    do(org, "add-recipient", country="US", mechanism="derogation", derogation="contract")
    do(org, "set-controller", officer="Dr Data", officer_contact="dpo@north.example", measures="Doors with locks.\n\nTwo keys for what matters.", country="DE")
    do(org, "publish-transparency-report")
    arrange(lambda: BusinessTransfer.objects.create(organization=org.organization, name="North Holding", address="1 Sample Street", country="DE", contact="privacy@holding.example",
                                                    goes_on=now.date() + timedelta(days=60), changes="Nothing but the name.\n\nYour data stays here.", announced_at=now))
    tell()
    visit.sign_in(world, "owner")
    base = f"/o/{org.slug}/registers/"
    for name, path in {"index": base, "entry": f"{base}disclosures/{secret.entry}/", "recipients": f"{base}recipients/", "report": f"{base}report/", "transfer": f"{base}transfer/", "processing": f"/o/{org.slug}/processing/",
                       "decide": f"/o/{org.slug}/do/answer-disclosure/?disclosure={secret.reference}", "mine": "/me/disclosures/", "places": "/me/recipients/", "public": f"/transparency/{org.slug}/"}.items():
        assert problems(visit, path) == []
        shot(visit, f"registers-{name}")
    visit.go(f"{base}disclosures/{secret.entry}/")
    visit.page.set_input_files("input[name=file]", {"name": "order.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 the order"})
    visit.page.click("form[enctype] button")
    assert "pdf" in visit.page.inner_text("section[aria-labelledby=h-files]") and visit.complaints == []
