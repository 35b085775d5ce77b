"""What others changed on a profile is told once a day, where the person is: nothing twice, nothing lost, whatever dies in between."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest import mock

import orjson

from accounts import due, outbox, tenancy
from accounts.models import Account, Mail, Organization, ProfileChange
from accounts.profile import telling
from audit.models import Cursor
from tests.cast import Org, World
from tests.fields.test_questions import act, follow
from tests.situations import arrange


def letters(org: Org, name: str) -> list[list[tuple[str, str, str]]]:
    """What each mail to the person said: field, before, after."""
    with tenancy.installation("look"):
        rows = list(Mail.objects.filter(organization_id=org.organization.id, account_id=org.person(name).account_id, template="profile-digest").order_by("created_at"))
    return [[(one["field"], one["before"], one["after"]) for one in orjson.loads(outbox._open(bytes(row.context or b"")))["changes"]] for row in rows]


def test_one_mail_a_day_where_the_person_is(world: World) -> None:
    org = world.north
    arrange(lambda: (Organization.objects.filter(id=org.organization.id).update(time_zone="Asia/Tokyo"),
                     Account.objects.filter(id=org.person("guest").account_id).update(time_zone="America/New_York")))
    morning = datetime(2026, 3, 9, 22, 0, tzinfo=UTC)  # 7 in Tokyo on the 10th
    day = morning - timedelta(hours=20)
    for n, title in enumerate(("One", "Two")):
        act(org, "update-profile", "worker", {"title": title}, now=day + timedelta(hours=n))
    act(org, "update-profile", "worker", {"department": "North", "name": "Wo Canary"}, now=day + timedelta(hours=2), by="people-manager")
    act(org, "update-profile", "guest", {"title": "Visitor"}, now=day)
    act(org, "edit-own-profile", "worker", {}, now=day)
    act(org, "update-profile", "administrator", {"title": "My own"}, now=day)
    assert act(org, "update-profile", "worker", {"title": "Refused"}, by="help-desk", now=day) == ["no_permission"]
    follow()
    with tenancy.installation("look"):
        assert not Mail.objects.filter(organization_id=org.organization.id, template="update-profile").exists(), "no mail for each change"
    there = datetime(2026, 3, 9, 11, 0, tzinfo=UTC)  # 7 in New York, where the clocks had changed the day before
    telling.run(now=there - timedelta(seconds=1))
    assert letters(org, "guest") == []
    telling.run(now=there)
    assert letters(org, "guest") == [[("Title in this organization", "—", "Visitor")]]
    telling.run(now=morning - timedelta(seconds=1))
    assert letters(org, "worker") == []
    telling.run(now=morning)
    expected = [("Department", "—", "North"), ("Name", "Worker Person", "Wo Canary"), ("Title in this organization", "One", "Two"), ("Title in this organization", "—", "One")]
    assert [sorted(one) for one in letters(org, "worker")] == [expected]
    assert letters(org, "administrator") == [] and len(letters(org, "guest")) == 1, "nobody is told what they did themselves"
    act(org, "update-profile", "worker", {"title": "Late"}, now=day + timedelta(hours=3))
    follow()
    telling.run(now=morning + timedelta(hours=1))
    assert len(letters(org, "worker")) == 1, "one a day, also for what comes late"
    telling.run(now=morning + timedelta(days=1))
    assert letters(org, "worker")[1:] == [[("Title in this organization", "Two", "Late")]]
    with tenancy.installation("look"):
        mail = Mail.objects.filter(organization_id=org.organization.id, account_id=org.person("worker").account_id, template="profile-digest").earliest("created_at")
        subject, body, _html = outbox.render(mail)
        assert org.organization.name in subject and "One → Two" in body and "/me/values/" in body and "Asia/Tokyo" in body
    telling.run(now=morning + timedelta(days=95))
    with tenancy.installation("look"):
        assert not ProfileChange.objects.filter(organization=org.organization, account_id=org.person("worker").account_id).exists(), "old news go"


def test_nothing_is_told_twice_and_nothing_is_lost(world: World) -> None:
    org, now = world.north, datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    act(org, "update-profile", "worker", {"title": "One"}, now=now)
    follow()
    with tenancy.installation("read again, as after a crash before the cursor moved"):
        Cursor.objects.filter(name="profiles").update(pos=0)
    follow()
    with tenancy.installation("look"):
        assert ProfileChange.objects.filter(organization=org.organization).count() == 1
    late = now + timedelta(days=3)
    with mock.patch("accounts.profile.telling.outbox.owe", side_effect=OSError):
        telling.run(now=late)
    assert letters(org, "worker") == []
    due.run(now=late)
    due.run(now=late)
    assert len(letters(org, "worker")) == 1, "the clock does it"
    telling.run(now=late + timedelta(days=1))
    assert letters(org, "worker") == [[("Title in this organization", "—", "One")]], "three days late and once"
