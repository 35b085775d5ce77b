"""Who handles a request: handed over, taken over, or asked for by the person; seen in the queue, recorded, and told to whom it concerns."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts import door, tenancy
from accounts.reasons import Refused
from audit.models import Entry
from dsar.cases.models import Case
from dsar.powers import dialogue
from tests.browse import client_for
from tests.cases.helpers import happen, received
from tests.cases.test_acts import letters, own
from tests.cast import Org, World


def hand(org: Org, who: str, case: Case, to: str) -> None:
    with tenancy.scope(org=org.organization.id):
        door.perform(power=dialogue.ASSIGN, actor=org.actor(who), data={"request": str(case.id), "administrator": to, "private_note": ""}, now=datetime.now(UTC))


def now(case: Case) -> Case:
    with tenancy.installation("look"):
        return Case.objects.get(id=case.id)


def test_a_request_is_handed_over_and_taken_over(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    officer, administrator = (org.person(name).account_id for name in ("privacy-officer", "administrator"))
    case, page = received(person, "object"), f"/o/{org.slug}/requests/"
    letters(officer, "case-waits")
    hand(org, "owner", case, str(officer))
    assert now(case).assigned == officer and any("You handle" in words for words in letters(officer, "case-waits")) and not any("You handle" in words for words in letters(administrator, "case-waits"))
    mine, others = client_for(org.person("privacy-officer")), client_for(org.person("owner"))
    assert case.reference in mine.get(page + "?whose=mine").content.decode() and case.reference not in others.get(page + "?whose=mine").content.decode()
    assert case.reference not in mine.get(page + "?whose=none").content.decode() and "handled by" in others.get(page + "?whose=x").content.decode()
    before = len(letters(administrator, "case-waits"))
    happen(case, "ask", who="administrator", actor=officer, words="Which?")
    happen(case, "answered", who="person", words="That.")
    assert len(letters(administrator, "case-waits")) == before, "news go to whoever handles it"
    happen(case, "warned", code="soon")
    assert len(letters(administrator, "case-waits")) == before + 1, "that it is due soon everybody hears"
    hand(org, "administrator", case, str(administrator))
    with pytest.raises(Refused) as twice:
        hand(org, "owner", case, str(administrator))
    assert twice.value.codes == ["nothing_to_change"] and now(case).assigned == administrator
    for wrong in (str(person.account_id), str(world.contoso.person("owner").account_id), "nobody@nowhere.example"):
        with pytest.raises(Refused) as refused:
            hand(org, "owner", case, wrong)
        assert refused.value.codes == ["not_a_handler"], wrong
    with pytest.raises(Refused):
        hand(world.contoso, "owner", case, str(world.contoso.person("owner").account_id))
    with tenancy.installation("look"):
        assert Entry.objects.filter(org=org.organization.id, record__contains="case.assigned").filter(record__contains=str(case.id)).count() == 2
    assert not any("Somebody in particular" in words for words in letters(person.account_id)), "whom it is nobody's wish against, it is not told"


def test_the_person_asks_for_somebody_and_hears_when_that_changes(world: World) -> None:
    """Whoever is kept out cannot be given it, and loses it if they had it."""
    org, person = world.north, world.north.person("worker")
    officer, administrator = (org.person(name).account_id for name in ("privacy-officer", "administrator"))
    case = received(person, "object")
    hand(org, "owner", case, str(administrator))
    client, page = client_for(person), f"/me/requests/{case.id}/"
    client.post(page, {"do": "bar", "administrator": str(administrator)})
    assert now(case).assigned is None
    with pytest.raises(Refused) as barred:
        hand(org, "owner", case, str(administrator))
    assert barred.value.codes == ["not_a_handler"]
    assert client.post(page, {"do": "handler", "administrator": str(officer)}).status_code == 302
    assert (now(case).assigned, now(case).assigned_by_person) == (officer, True) and "as the person asked" in client_for(org.person("owner")).get(f"/o/{org.slug}/requests/{case.id}/").content.decode()
    client.post(page, {"do": "handler", "administrator": ""})
    hand(org, "owner", case, str(org.person("owner").account_id))
    assert any("You had asked for somebody else" in words for words in letters(person.account_id)) and not now(case).assigned_by_person
    with pytest.raises(Refused) as foreign:
        own(world.north.person("guest"), dialogue.HANDLER, request=case.reference, administrator=str(officer))
    assert foreign.value.codes == ["unknown_request"]
