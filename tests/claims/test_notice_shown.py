"""The notice behind a claim: people are shown one published version, control remembers it, and their pages say it, whether or not they belong to the organization."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client

from accounts import notice, outbox, tenancy
from accounts.claims import leaving, running
from accounts.models import Account, Management, Membership, NoticeVersion
from accounts.powers import BY_SLUG
from accounts.reasons import Refused
from portal import who
from tests.browse import client_for
from tests.cast import World
from tests.claims.acts import DAY, announce, do, domain, person, row
from tests.claims.test_life import mails
from tests.situations import arrange


def published(world: World, **more: object) -> NoticeVersion:
    """One more version of the organization's notice, in effect at once."""
    made: list[NoticeVersion] = []

    def make() -> None:
        last, now = NoticeVersion.objects.filter(organization=world.north.organization).order_by("-number")[0], datetime.now(UTC)
        values = {"powers": last.powers, "words": last.words, "text": last.text, "published_at": now, "effective_at": now, "meanwhile": last.powers, "digest": "x" * 64, **more}
        made.append(NoticeVersion.objects.create(organization=world.north.organization, number=last.number + 1, state="published", created_at=now, **values))

    arrange(make)
    return made[0]


def test_control_remembers_the_version_that_people_were_shown(world: World) -> None:
    org, on, start = world.north, domain(world.north), datetime.now(UTC)
    someone = person(on, "outsider")
    words = {"deactivate": {"purpose": "When somebody has left us for good.", "basis": "contract"}}
    shown = published(world, powers=["deactivate", "suspend"], words=words)
    claim = announce(org, on)
    later = published(world, powers=["reset-second-factor"], words={})
    reader = Client()
    page = unescape(reader.get(f"/claim/{leaving.notice_token(row(someone))}/").content.decode())
    assert f"version {shown.number} of the notice" in page and "When somebody has left us for good." in page and str(BY_SLUG["lockdown"].title) in page
    assert str(BY_SLUG["reset-second-factor"].title) not in page, "what the version does not name is not claimed"
    running.run(now=start + 15 * DAY)
    with tenancy.installation("a test looks"):
        management = Management.objects.get(account=someone)
    assert management.notice_version == claim.notice_version == str(shown.id) != str(later.id)
    assert f"version {shown.number} of the notice" in outbox.render(mails(someone)[0])[1]
    held, = who.holds(someone.id)
    assert (held.organization, held.membership, held.notice, held.over_membership, bool(held.over_account)) == (org.organization, None, shown, (), True)
    assert any(act.line.action == "management.started" for act in who.acts(someone.id)[0]), "what was done to them stands in their ledger, though they are no member"


def test_the_pages_say_it(world: World) -> None:
    org, on = world.north, domain(world.north)
    guest = org.person("guest")
    arrange(lambda: Account.objects.filter(id=guest.account_id).update(email=f"guest@{on.name}", email_key=f"guest@{on.name}"))
    shown = published(world)
    announce(org, on)
    running.run(now=datetime.now(UTC) + 14 * DAY)
    owner, mine = client_for(org.person("owner")), client_for(guest)
    assert f"They were shown version {shown.number} of your notice" in owner.get(f"/o/{org.slug}/people/{guest.id}/").content.decode()
    assert f"you were shown version {shown.number} of its notice" in mine.get("/me/who/").content.decode()
    arrange(lambda: Membership.objects.filter(id=guest.id).update(status="removed"))
    page = unescape(mine.get("/me/who/").content.decode())
    assert f"you were shown version {shown.number} of its notice" in page and "You do not belong to it" in page
    answered = {one["organization"]: one["notice_version"] for one in mine.get("/api/v1/me/powers/").json()["organizations"]}
    assert answered[org.slug] == shown.number
    notice_page = f"/me/claims/{row(Account.objects.get(id=guest.account_id)).id}/notice/"
    assert mine.get(f"{notice_page}?version={shown.number}").status_code == 200
    assert client_for(world.contoso.person("owner")).get(notice_page).status_code == 404


def test_without_a_notice_nobody_is_claimed(world: World) -> None:
    on = domain(world.north)
    person(on, "someone")
    arrange(lambda: NoticeVersion.objects.filter(organization=world.north.organization).update(effective_at=datetime.now(UTC) + timedelta(days=3)))
    with pytest.raises(Refused) as refused:
        do(world.north, "announce-claim", domain=on.name, choice="all", days=14)
    assert refused.value.codes == ["no_notice"]


def test_whoever_is_claimed_hears_of_a_new_version(world: World) -> None:
    org, on = world.north, domain(world.north)
    someone, member = person(on, "someone"), org.person("member")
    announce(org, on)
    do(org, "write-notice", text="We have moved.")
    do(org, "publish-notice", significant=True)
    told = mails(someone, "notice-changed")
    assert len(told) == 1 and "/me/claims/" in outbox.render(told[0])[1] and told[0].asks == "important"
    assert len(mails(Account.objects.get(id=member.account_id), "notice-changed")) == 1
    with tenancy.scope(org=org.organization.id):
        assert notice.announced(org.organization.id, datetime.now(UTC)) is not None
