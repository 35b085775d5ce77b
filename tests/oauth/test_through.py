"""What an app does in somebody's name: the log says that the person did it, through this app, by this consent; so do the page, the export of the record, and the ledger of whoever it was done to."""
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from accounts import tenancy
from accounts.models import AppGrant, Plan
from accounts.schedules import falling
from audit import queries
from portal import who
from tests.audit.logs import number_all
from tests.browse import client_for
from tests.cast import World
from tests.oauth.programs import app_for, back
from tests.situations import WHY
from tests.webhooks.acts import records


def test_entries_name_the_app(world: World) -> None:
    org = world.north
    charts, administrator = app_for(org, "openid", "view_people", "update_profiles", "manage_access"), org.person("administrator")
    uri, verifier = charts.ask(scope="openid view_people update_profiles manage_access")
    token = charts.exchange(back(client_for(administrator).post(uri, {"answer": "allow"}))["code"], verifier).json()["access_token"]
    base, program = f"/api/v1/orgs/{org.slug}/", Client()

    def call(path: str, body: dict[str, Any], **headers: str) -> Any:
        return program.post(base + path, json.dumps(body), content_type="application/json", headers={"Authorization": f"Bearer {token}", **headers})

    def act(person: str, slug: str, **data: Any) -> int:
        return int(call(f"people/{org.person(person).id}/actions/{slug}/", data).status_code)

    assert act("worker", "suspend", **WHY) == 200 and act("owner", "suspend", **WHY) == 403 and act("administrator", "update-profile", title="Pilot") == 200
    later = datetime.now(UTC) + timedelta(days=2)
    assert act("guest", "suspend", **WHY, not_before=later.isoformat()) in {200, 202}
    with tenancy.installation("look"):
        assert Plan.objects.get(subject=org.person("guest").id).requested_through == charts.client.id
        grant = AppGrant.objects.get(installation=charts.client.installation_id)
    falling.run(now=later + timedelta(hours=1))
    number_all()
    mine = [one for action in ("membership.suspended", "profile.updated", "plan.scheduled") for one in records(org, action)]
    assert len(mine) == 5 and {one["decision"]["outcome"] for one in mine} == {"success", "denied"}, "what was refused names it as well"
    for one in mine:
        assert (one["actor"]["type"], one["actor"]["id"], one["context"]["client"]) == ("user", str(administrator.account_id), "Charts"), one
        assert one["delegation"]["chain"] == [f"client:{charts.client.id}"] and one["delegation"]["grant_id"] == str(grant.id)
    first = next(one for one in mine if one["action"] == "membership.suspended" and "token_id" in one["actor"] and one["decision"]["outcome"] == "success")
    with tenancy.scope(org=org.organization.id):
        same = queries.page(org=org.organization.id, filters=queries.Filters(token=first["actor"]["token_id"]))
    assert {one.record["context"]["client"] for one in same.entries} == {"Charts"}
    page = client_for(org.person("owner")).get(f"/o/{org.slug}/audit/{first['event_id']}/").content.decode()
    assert f"{administrator.account.name} through Charts" in page and "the app Charts" in page and f"?token={first['actor']['token_id']}" in page and str(grant.id) in page
    assert any("through Charts" in one.line.text + one.line.actor for one in who.acts(org.person("worker").account_id)[0])
    own = who.acts(administrator.account_id)[0]
    assert [one.line.action for one in own if "through Charts" in one.line.actor] == ["profile.updated"], "what an app did to oneself in one's own name, oneself did not do"
