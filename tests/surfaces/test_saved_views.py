"""Saved views: a name for a list's state, one's own or shared, at most one default, and nobody else's business."""
from __future__ import annotations

import uuid

import pytest

from accounts import tenancy, views_saved
from accounts.models import Membership, SavedView
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange


def send(world: World, who: str, **data: str) -> tuple:
    client = client_for(world.north.person(who))
    return client, client.post(f"/o/{world.north.slug}/views/", {"page": "people", **data})


def views(world: World) -> dict[str, SavedView]:
    with tenancy.scope(org=world.north.organization.id):
        return {row.name: row for row in SavedView.objects.all()}


def test_saved_opened_changed_and_discarded(world: World) -> None:
    client, answer = send(world, "owner", do="save", name="  Locked  out ", query="status=locked&cursor=xyz&nonsense=1&sort=name")
    row = views(world)["Locked out"]
    assert row.query == "status=locked"
    assert answer.headers["Location"].endswith(f"?status=locked&view={row.id}")
    page = client.get(answer.headers["Location"])
    assert (page.context["opened"].id, page.context["changed"]) == (row.id, False)
    page = client.get(f"/o/{world.north.slug}/people/?status=suspended&view={row.id}")
    assert page.context["changed"] is True
    assert "Save the change" in page.content.decode()
    client.post(f"/o/{world.north.slug}/views/", {"page": "people", "do": "update", "view": str(row.id), "query": "status=suspended"})
    assert views(world)["Locked out"].query == "status=suspended"


def test_the_default_opens_the_list_once(world: World) -> None:
    client, _answer = send(world, "owner", do="save", name="Mine", query="status=active&q=w", default="on")
    first = client.get(f"/o/{world.north.slug}/people/")
    assert first.status_code == 302
    assert client.get(first.headers["Location"]).status_code == 200
    assert client.get(f"/o/{world.north.slug}/people/?all=1").status_code == 200
    send(world, "owner", do="save", name="Other", query="status=locked", default="on")
    assert {name: row.is_default for name, row in views(world).items()} == {"Mine": False, "Other": True}
    assert client_for(world.north.person("administrator")).get(f"/o/{world.north.slug}/people/").status_code == 200
    client.post(f"/o/{world.north.slug}/views/", {"page": "people", "do": "no-default", "view": str(views(world)["Other"].id)})
    assert client.get(f"/o/{world.north.slug}/people/").status_code == 200


def test_shared_and_private(world: World) -> None:
    send(world, "administrator", do="save", name="For all", query="mfa=no", shared="on")
    send(world, "administrator", do="save", name="Private", query="mfa=yes")
    found = views(world)
    page = client_for(world.north.person("auditor")).get(f"/o/{world.north.slug}/people/").content.decode()
    assert "For all" in page
    assert "Private" not in page
    assert send(world, "help-desk", do="save", name="Mine", query="mfa=no", shared="on")[1].status_code == 422  # may not share
    for do in ("delete", "rename", "update", "default", "unshare"):
        assert send(world, "auditor", do=do, view=str(found["For all"].id), name="x", query="q=x")[1].status_code == 404
        assert send(world, "owner", do=do, view=str(found["Private"].id), name="x", query="q=x")[1].status_code == 404
    assert send(world, "owner", do="unshare", view=str(found["For all"].id))[1].status_code == 302  # an owner may
    assert views(world)["For all"].shared is False
    arrange(lambda: (SavedView.objects.filter(name="For all").update(shared=True), Membership.objects.filter(id=world.north.person("administrator").id).update(status="removed")))
    assert "For all" not in client_for(world.north.person("auditor")).get(f"/o/{world.north.slug}/people/").content.decode()


@pytest.mark.parametrize(("name", "words"), [("", "1 to 60"), ("x" * 61, "1 to 60"), ("bell\x07", "1 to 60"), ("MINE", "already")])
def test_names(world: World, name: str, words: str) -> None:
    send(world, "owner", do="save", name="Mine", query="q=a")
    answer = send(world, "owner", do="save", name=name, query="q=b")[1]
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert len(views(world)) == 1


def test_odd_requests(world: World) -> None:
    for data in ({"do": "delete", "view": "nonsense"}, {"do": "delete", "view": str(uuid.uuid4())}, {"do": "no-such-thing"}, {"do": "save", "page": "nothing", "name": "x"}):
        assert send(world, "owner", **data)[1].status_code == 404
    foreign = SavedView(id=uuid.uuid4(), organization_id=world.contoso.organization.id, owner_id=world.contoso.person("owner").id, page="people", name="Foreign", shared=True, created_at=world.north.organization.created_at)
    arrange(lambda: foreign.save(force_insert=True))
    assert send(world, "owner", do="unshare", view=str(foreign.id))[1].status_code == 404
    assert "Foreign" not in client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/people/").content.decode()
    assert send(world, "member", do="save", name="x", query="q=1")[1].status_code == 404
    long = send(world, "owner", do="save", name="Long", query="q=" + "x" * 5000)[1]
    assert long.status_code == 302
    assert len(views(world)["Long"].query) <= views_saved.LONGEST


def test_no_more_than_fifty(world: World) -> None:
    owner = world.north.person("owner")
    arrange(lambda: SavedView.objects.bulk_create(SavedView(organization=world.north.organization, owner=owner, page="people", name=f"v{n}", created_at=owner.created_at) for n in range(50)))
    assert send(world, "owner", do="save", name="One more", query="q=1")[1].status_code == 422


def test_the_audit_log_has_them_too(world: World) -> None:
    client, answer = send(world, "owner", page="audit", do="save", name="Refused", query="outcome=denied&before=7", default="on")
    assert "outcome=denied&view=" in answer.headers["Location"]
    assert client.get(f"/o/{world.north.slug}/audit/").status_code == 302
    assert "Refused" in client.get(answer.headers["Location"]).content.decode()
    assert client.get(f"/o/{world.north.slug}/views/?page=audit").status_code == 200
