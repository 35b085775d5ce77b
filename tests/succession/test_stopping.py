"""The link in the mails, the last second factor of a last owner, and what a whole sign-in does."""
from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core import signing
from django.test import Client

from accounts import outbox, tenancy
from accounts.models import Account, Mail
from accounts.succession import stopping
from audit.models import Entry
from portal.demo import TOTP_SECRET
from tests.browse import client_for
from tests.cast import PASSWORD, Org, World
from tests.situations import arrange
from tests.succession.acts import DAY, HOUR, account, case, look, mails, name, role, small


def opened(now: datetime, **lost: object) -> Org:
    org = small()
    name(org, "first")
    account(org, "owner", **(lost or {"has_second_factor": False}))
    arrange(lambda: type(org.organization).objects.filter(id=org.organization.id).update(created_at=now - 30 * DAY))
    look(org, now)
    return org


def link(org: Org, who: str = "owner") -> str:
    mails(org)
    with tenancy.installation("a test reads mail"):
        mail = Mail.objects.filter(organization_id=org.organization.id, template="succession-owners", account_id=org.person(who).account_id).latest("created_at")
        found = re.search(r"/keep-ownership/\S+", outbox.render(mail)[1])
    assert found is not None
    return found[0]


def test_the_link_and_a_sign_in_without_a_second_factor_stop_it_once() -> None:
    now = datetime.now(UTC)
    org = opened(now)
    path = link(org)
    assert Client().get(path).status_code == 302, "without a sign-in it leads to one"
    client = client_for(org.person("owner"), tier=1)
    assert "Stop it" in client.get(path).content.decode()
    assert case(org).state == "waiting", "opening a link changes nothing"
    assert client.post(path).status_code == 200
    assert (case(org).state, case(org).ended_how) == ("stopped", "link")
    assert client.get(path).status_code == client.post(path).status_code == 404, "a used link does nothing"
    look(org, now + 6 * DAY)
    assert case(org).state == "stopped"
    look(org, now + 7 * DAY + HOUR)
    assert case(org).state == "waiting", "after a week without a second factor it begins anew"
    assert client.get(path).status_code == 404, "and an old link does not stop a new one"


def test_whose_link_it_is_not() -> None:
    now = datetime.now(UTC)
    org, other = opened(now), opened(now)
    path = link(org)
    for person in (org.person("first"), other.person("owner")):
        client = client_for(person, tier=1)
        assert client.get(path).status_code == client.post(path).status_code == 404
    owner = client_for(org.person("owner"), tier=1)
    forged = stopping.token(case_id=case(other).id, account_id=org.person("owner").account_id)
    for wrong in (path[:-2], f"/keep-ownership/{forged}", "/keep-ownership/x", f"/keep-ownership/{signing.dumps(['x', str(org.person('owner').account_id)], salt='other')}"):
        assert owner.get(wrong.rstrip("/") + "/").status_code == 404, wrong
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stopping, "VALID", timedelta(seconds=-1))
        assert owner.post(path).status_code == 404, "an old link"
    arrange(lambda: type(org.person("owner")).objects.filter(id=org.person("owner").id).update(role=org.roles["member"]))
    assert owner.post(path).status_code == 404, "who holds no ownership any more stops nothing"
    assert case(org).state == case(other).state == "waiting"


def test_another_owner_stops_it_by_their_own_link_only() -> None:
    """So that the record says who it was."""
    org, now = small(owners=2), datetime.now(UTC)
    account(org, "owner", status="locked")
    account(org, "owner1", has_second_factor=False)
    arrange(lambda: type(org.organization).objects.filter(id=org.organization.id).update(created_at=now - 30 * DAY))
    look(org, now)
    client, theirs = client_for(org.person("owner1"), tier=1), link(org, "owner")
    assert client.get(theirs).status_code == client.post(theirs).status_code == 404
    assert case(org).state == "waiting"
    assert client.post(link(org, "owner1")).status_code == 200
    assert case(org).state == "stopped"


def test_the_link_is_in_no_stored_words() -> None:
    org = opened(datetime.now(UTC))
    path = link(org)
    with tenancy.installation("a test sends mail"):
        while outbox.deliver(now=datetime.now(UTC) + timedelta(minutes=1)):
            pass
        stored = list(Mail.objects.filter(organization_id=org.organization.id).values_list("body", flat=True))
    assert stored and not any(path.split("/")[2] in body for body in stored) and any("[link removed]" in body for body in stored)


def test_every_mailbox_that_is_known_is_told() -> None:
    from allauth.account.models import EmailAddress

    org, now = small(), datetime.now(UTC)
    owner = Account.objects.get(id=org.person("owner").account_id)
    arrange(lambda: (EmailAddress.objects.create(user=owner, email=f"old@{org.slug}.example", verified=True), EmailAddress.objects.create(user=owner, email=f"never@{org.slug}.example", verified=False)))
    account(org, "owner", recovery_email=f"home@{org.slug}.example")
    look(org, now + 61 * DAY)
    assert {to for template, to, _subject in mails(org) if template == "succession-owners"} == {"owner", "old", "home"}


def authenticator(org: Org, who: str) -> None:
    arrange(lambda: Authenticator.objects.create(user_id=org.person(who).account_id, type=Authenticator.Type.TOTP, data={"secret": outbox.seal_text(TOTP_SECRET)}))


def test_a_real_sign_in_with_the_second_factor_ends_it(world: World) -> None:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    org, now = small(), datetime.now(UTC)
    name(org, "first")
    authenticator(org, "owner")
    arrange(lambda: (type(org.organization).objects.filter(id=org.organization.id).update(owner_silent_days=30), type(org.person("owner")).objects.filter(id=org.person("owner").id).update(joined_at=now - 90 * DAY, created_at=now - 90 * DAY)))
    look(org, now)
    assert case(org).cause == "silent"
    client = Client()
    client.post("/sign-in/", {"login": f"owner@{org.slug}.example", "password": PASSWORD})
    assert case(org).state == "waiting", "the password alone is not enough"
    code = format_hotp_value(hotp_value(TOTP_SECRET, next(iter(yield_hotp_counters_from_time()))))
    assert client.post("/sign-in/second-step/", {"code": code}).status_code == 302
    assert (case(org).state, case(org).ended_how) == ("stopped", "signed_in")


def test_the_last_owner_keeps_the_last_second_factor(world: World) -> None:
    org = small(owners=2)
    for who in ("owner", "owner1", "first"):
        authenticator(org, who)
    remove = "/me/second-factor/app/remove/"
    client = client_for(org.person("owner"))
    assert client.post(remove).status_code == 302
    assert not Authenticator.objects.filter(user_id=org.person("owner").account_id).exists(), "while another owner remains, it is theirs to remove"
    last = client_for(org.person("owner1"))
    answer = last.post(remove, follow=True)
    assert "You are the last owner" in answer.content.decode()
    assert Authenticator.objects.filter(user_id=org.person("owner1").account_id).exists()
    assert Account.objects.get(id=org.person("owner1").account_id).has_second_factor
    with tenancy.installation("a test looks"):
        assert Entry.objects.filter(record__contains="second_factor.app_removed").filter(record__contains=str(org.person("owner1").account_id)).filter(record__contains="last_owner").exists()
    assert client_for(org.person("first")).post(remove).status_code == 302
    assert not Authenticator.objects.filter(user_id=org.person("first").account_id).exists(), "who is no owner removes what is theirs"
    assert role(org, "owner1") == "owner" and uuid.UUID(str(org.organization.id))
