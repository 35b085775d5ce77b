"""What no browser sends by itself: half a form, zero characters, and addresses to go on to that are none."""
from __future__ import annotations

from accounts.models import Group
from accounts.tenancy import installation
from tests.browse import client_for
from tests.cast import World


def test_a_form_of_which_only_a_part_can_be_read_comes_back_with_its_errors(world: World) -> None:
    """The rules and effects of a power see a whole form or none: half a form is no fault of ours."""
    client, base = client_for(world.north.person("owner")), f"/o/{world.north.slug}/do/"
    for slug, data in (("create-role", {"name": "Helpers"}), ("create-role", {"name": "Helpers", "rank": "²", "permissions": "view_people"}), ("create-role", {"rank": "20", "permissions": "view_people"}),
                       ("create-service-account", {"name": ""}), ("put-in-notice", {"powers": "suspend", "purpose": "To work", "basis": "whim"})):
        for more in ({}, {"preview": "1"}):
            answer = client.post(f"{base}{slug}/", {**data, **more})
            assert answer.status_code == 422 and 'class="errors"' in answer.content.decode(), (slug, data)


def test_a_zero_character_is_an_answer_and_no_fault(world: World) -> None:
    """What is searched with one finds nothing; in the word that makes a second sending harmless it counts for nothing."""
    client, base = client_for(world.north.person("owner")), f"/o/{world.north.slug}/"
    assert [client.get(f"{base}{path}").status_code for path in ("people/?role=%00", "people/?q=a%00b", "do/pause-security-events/?program=%00")] == [200, 200, 200]
    for _time in range(2):
        assert client.post(f"{base}do/create-group/", {"name": "Some", "key": "a\0b"}).status_code == 302
    assert client.post("/me/copies/", {"key": "\0"}).status_code == 302
    with installation("a test looks"):
        assert Group.objects.filter(organization=world.north.organization, name="Some").count() == 1


def test_one_goes_on_to_a_page_or_home(world: World) -> None:
    client = client_for(world.north.person("owner"))
    for wanted in ("people", "x:y", "//elsewhere.example", "https://elsewhere.example/", "/\\elsewhere.example", "javascript:alert(1)"):
        assert client.get("/me/new-notices/", {"next": wanted})["Location"] == "/", wanted
    assert client.get("/me/new-notices/", {"next": "/me/who/"})["Location"] == "/me/who/"
