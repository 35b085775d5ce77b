"""The page on which people read their mails again: one's own only, page by page, marked as read, counted by a bell."""
from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import notices, tenancy
from accounts.models import Mail
from portal.views.notices import linked
from tests.browse import client_for
from tests.cast import World


def told(world: World, who: str = "worker", n: int = 1) -> list[Mail]:
    """Sent mails of the person, oldest first, all of them a minute apart."""
    person, begin = world.north.person(who), timezone.now() - timedelta(hours=9)
    return Mail.objects.bulk_create([Mail(
        entry=uuid.uuid4(), organization_id=world.north.organization.id, account_id=person.account_id, template="suspend", address=person.account.email, subject=f"Notice {i:03}",
        body=f"Words {i:03}", state="sent", created_at=begin + timedelta(minutes=i // 2)) for i in range(n)])


def test_reading_and_marking(world: World) -> None:
    first, second, third = told(world, n=3)
    client = client_for(world.north.person("worker"))
    page = client.get("/me/notices/").content.decode()
    assert page.index("Notice 002") < min(page.index("Notice 001"), page.index("Notice 000"))  # these two are of the same instant
    assert world.north.organization.name in page
    assert "Notices, 3 unread" in page
    assert client.post("/me/notices/", {"notice": str(second.id)}).headers["Location"] == "/me/notices/"
    read = {m.id: m.read_at for m in Mail.objects.filter(id__in=[first.id, second.id, third.id])}
    assert read[second.id] and not read[first.id] and not read[third.id]
    client.post("/me/notices/", {"notice": str(second.id)})
    assert Mail.objects.get(id=second.id).read_at == read[second.id]  # when it was read first
    later = told(world)[0]
    Mail.objects.filter(id=later.id).update(created_at=timezone.now())
    client.post("/me/notices/", {"all": str(third.id)})  # what came after the page was shown stays unread
    assert set(Mail.objects.filter(account_id=world.north.person("worker").account_id, read_at=None).values_list("id", flat=True)) == {later.id}
    assert "Notices, 1 unread" in client.get("/me/").content.decode()


def test_only_ones_own(world: World) -> None:
    theirs = told(world, "guest")[0]
    client = client_for(world.north.person("worker"))
    assert "Notice 000" not in client.get("/me/notices/").content.decode()
    for chosen in (str(theirs.id), str(uuid.uuid4()), "nonsense", ""):
        for name in ("notice", "all"):
            assert client.post("/me/notices/", {name: chosen}).status_code == 404
    assert client.post("/me/notices/").status_code == 404
    assert Mail.objects.get(id=theirs.id).read_at is None
    Mail.objects.filter(id=theirs.id).update(entry=None)  # follows from no recorded act, as a reset that somebody asked for
    own = client_for(world.north.person("guest"))
    assert "Notice 000" not in own.get("/me/notices/").content.decode()
    assert own.post("/me/notices/", {"notice": str(theirs.id)}).status_code == 404


def test_pages_of_25(world: World) -> None:
    told(world, n=60)  # two at each instant
    person = world.north.person("worker")
    with tenancy.installation("a test reads notices"):
        seen, cursor, forward = [], "", []
        for _page in range(3):
            page = notices.listed(person.account_id, cursor=cursor)
            seen += [m.id for m in page.rows]
            forward.append([m.id for m in page.rows])
            cursor = page.next
        assert not cursor
        assert [len(rows) for rows in forward] == [25, 25, 10]
        assert seen == list(Mail.objects.filter(account_id=person.account_id).order_by("-created_at", "-id").values_list("id", flat=True))
        back = notices.listed(person.account_id, cursor=page.previous)
        assert [m.id for m in back.rows] == forward[1]
        first = notices.listed(person.account_id, cursor=back.previous)
        assert [m.id for m in first.rows] == forward[0]
        assert not first.previous
        other = world.north.person("guest").account_id
        assert notices.listed(other, cursor=page.previous).rows == []
        assert [m.id for m in notices.listed(person.account_id, cursor="forged:x").rows] == forward[0]
    client = client_for(person)
    html = client.get("/me/notices/").content.decode()
    assert 'rel="next"' in html
    assert 'rel="prev"' not in html


def test_the_bell_counts_by_its_index_to_99(world: World) -> None:
    person = world.north.person("worker")
    assert notices.unread(person.account_id) == ""
    told(world, n=99)
    assert notices.unread(person.account_id) == "99"
    told(world, n=1)
    assert notices.unread(person.account_id) == "99+"
    with CaptureQueriesContext(connection) as queries:
        notices.unread(person.account_id)
    assert len(queries) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'mail_unread'")
        assert "read_at IS NULL" in cursor.fetchone()[0]


def test_words_of_others_become_no_links_and_no_markup() -> None:
    shown = linked("<b>Look</b> http://localhost:8000/o/north/jobs/1-2/. And https://bad.example/x http://localhost:8000.bad.example/")
    assert '<a href="/o/north/jobs/1-2/">http://localhost:8000/o/north/jobs/1-2/</a>.' in shown
    assert "<b>" not in shown
    assert shown.count("<a ") == 1
