"""Signing in, proving again, resetting: through real pages, each attempt an entry, nothing told to strangers."""
from __future__ import annotations

import re
import socket
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.core.cache import cache
from django.test import Client, override_settings
from django.utils import timezone

from accounts import door, due, outbox, tenancy
from accounts.models import Account, Mail, Membership, Session
from accounts.powers import BY_SLUG
from audit import sequencer, subscribers
from audit.models import Entry
from tests.browse import client_for
from tests.cast import PASSWORD, World
from tests.situations import WHY, arrange

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(offset: int = 0) -> str:
    counters = list(yield_hotp_counters_from_time())
    return format_hotp_value(hotp_value(SECRET, counters[len(counters) // 2] + offset))


def sign_in(address: str, password: str = PASSWORD) -> tuple[Client, object]:
    client = Client()
    return client, client.post("/sign-in/", {"login": address, "password": password})


def with_totp(membership: Membership) -> None:
    arrange(lambda: Authenticator.objects.create(user_id=membership.account_id, type="totp", data={"secret": outbox.seal_text(SECRET)}))
    arrange(lambda: Account.objects.filter(id=membership.account_id).update(has_second_factor=True))


def actions(world: World) -> list[tuple[str, str]]:
    import json

    with tenancy.installation("look"):
        rows = Entry.objects.filter(org=world.north.organization.id).order_by("occurred_at", "id").values_list("record", flat=True)
        return [(r["action"], r["decision"]["outcome"]) for r in map(json.loads, rows)][1:]


def links(world: World) -> list[str]:
    """Send what is due, and find the links in the demo's mailbox."""
    with tenancy.installation("the worker's round"):
        while sequencer.run_once():
            pass
        subscribers.drain()
        while outbox.deliver(now=timezone.now()):
            pass
    from portal import mailbox

    return [m for letter in mailbox.letters(limit=1000) if world.north.slug in letter.to for m in re.findall(r"http://localhost:8000(\S+)", letter.body)]


def test_a_member_signs_in_and_out(world: World) -> None:
    client, answer = sign_in(f"WORKER@{world.north.slug}.EXAMPLE".replace("WORKER", "Worker"))
    assert answer.status_code == 302
    row = Session.objects.get(account_id=world.north.person("worker").account_id)
    assert (row.ended_at, row.session_key) == (None, client.cookies["steward"].value)
    assert client.get("/me/").status_code == 200
    client.post("/sign-in/out/")
    assert client.get("/me/").status_code == 302
    assert actions(world) == [("account.signed_in", "success"), ("account.signed_out", "success")]


def test_a_hash_of_an_older_version_is_made_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update of the library asks for more work for each password. Whoever signs in gets the new hash, and it is no change of the password: nobody is told, and they stay signed in elsewhere."""
    person, address = world.north.person("worker"), f"worker@{world.north.slug}.example"
    arrange(lambda: Account.objects.filter(id=person.account_id).update(password=make_password(PASSWORD, hasher="pbkdf2_sha256")))
    elsewhere, _answer = sign_in(address)
    before = Account.objects.get(id=person.account_id)
    assert before.password.startswith("argon2$") and elsewhere.get("/me/").status_code == 200
    monkeypatch.setattr(Argon2PasswordHasher, "time_cost", 2)
    client, _answer = sign_in(address)
    after = Account.objects.get(id=person.account_id)
    assert after.password != before.password and after.credentials_changed_at == before.credentials_changed_at
    assert client.get("/me/").status_code == 200 and elsewhere.get("/me/").status_code == 200
    assert actions(world) == [("account.signed_in", "success")] * 2
    links(world)
    with tenancy.installation("look"):
        assert not Mail.objects.filter(account_id=person.account_id).exists()


def test_a_wrong_password_is_an_entry_and_tells_nothing(world: World) -> None:
    _client, known = sign_in(f"worker@{world.north.slug}.example", "wrong")
    _client, unknown = sign_in(f"nobody@{world.north.slug}.example", "wrong")
    strip = re.compile(rb'value="[^"]*"')
    assert known.status_code == unknown.status_code == 200
    assert strip.sub(b"", known.content) == strip.sub(b"", unknown.content)
    assert actions(world) == [("account.signed_in", "failure")]


def test_too_many_attempts_are_refused(world: World) -> None:
    answers = [sign_in(f"worker@{world.north.slug}.example", "wrong")[1].content for _attempt in range(8)]
    assert [b"Too many" in content for content in answers][:5] == [False] * 5
    assert b"Too many" in answers[-1]
    client, _answer = sign_in(f"worker@{world.north.slug}.example")
    assert client.get("/me/").status_code == 302  # the right password too, for a while


def test_a_second_factor_is_asked_for(world: World) -> None:
    owner = world.north.person("owner")
    with_totp(owner)
    client, answer = sign_in(f"owner@{world.north.slug}.example")
    assert answer.headers["Location"].startswith("/sign-in/second-step/")
    assert client.get(f"/o/{world.north.slug}/people/").status_code == 302
    client.post("/sign-in/second-step/", {"code": "000000"})
    assert client.get("/me/").status_code == 302
    used = code()
    client.post("/sign-in/second-step/", {"code": used})
    assert client.get(f"/o/{world.north.slug}/people/").status_code == 200
    assert [a for a, _o in actions(world)] == ["account.first_step_passed", "account.signed_in", "account.signed_in"]
    for forgotten in (False, True):  # a code works once, also after the library has forgotten it and while it would still be accepted
        if forgotten:
            cache.delete(f"allauth.mfa.totp.used?user={owner.account_id}&code={used}")
        again = Client()
        again.post("/sign-in/", {"login": f"owner@{world.north.slug}.example", "password": PASSWORD})
        again.post("/sign-in/second-step/", {"code": used})
        assert again.get("/me/").status_code == 302


def test_a_role_of_rank_50_needs_a_second_factor(world: World) -> None:
    arrange(lambda: Account.objects.filter(id=world.north.person("administrator").account_id).update(has_second_factor=False))
    client = client_for(world.north.person("administrator"))
    answer = client.get(f"/o/{world.north.slug}/people/")
    assert answer.status_code == 403
    assert b"Set up a second factor first" in answer.content
    with tenancy.scope(org=world.north.organization.id):
        assert world.north.actor("administrator").permissions == frozenset()


def test_enrolment_and_recovery_codes(world: World) -> None:
    client = client_for(world.north.person("worker"))
    page = client.get("/me/second-factor/app/").content.decode()
    secret = re.search(r'id="authenticator_secret" value="(\w+)"', page).group(1)
    counters = list(yield_hotp_counters_from_time())
    answer = client.post("/me/second-factor/app/", {"code": format_hotp_value(hotp_value(secret, counters[1]))})
    assert answer.status_code == 302
    account = Account.objects.get(id=world.north.person("worker").account_id)
    assert account.has_second_factor
    assert secret not in str(list(Authenticator.objects.filter(user=account).values_list("data", flat=True)))
    codes = client.get("/me/second-factor/codes/")
    assert codes.status_code == 200
    assert ("second_factor.app_added", "success") in actions(world)


def test_reset_by_a_single_use_link(world: World) -> None:
    address = f"worker@{world.north.slug}.example"
    old = client_for(world.north.person("worker"))
    known, unknown = Client().post("/sign-in/forgotten/", {"email": address}), Client().post("/sign-in/forgotten/", {"email": "nobody@nowhere.example"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    link = next(path for path in links(world) if "/sign-in/reset/" in path)
    client = Client()
    client.get(link, follow=True)  # opening changes nothing
    assert old.get("/me/").status_code == 200
    form = client.get(link)
    answer = client.post(form.headers["Location"], {"password1": "a new long password", "password2": "a new long password"})
    assert answer.status_code == 302
    assert old.get("/me/").status_code == 302  # every session ended
    assert sign_in(address)[1].status_code == 200
    assert sign_in(address, "a new long password")[1].status_code == 302
    again = Client()
    page = again.get(link, follow=True)
    assert b"password1" not in page.content
    assert not Mail.objects.filter(account__email=address, body__contains="/sign-in/reset/").exists()  # kept without the link


@pytest.mark.parametrize("then", ["second demand", "lockdown", "60 minutes"])
def test_links_die(world: World, then: str) -> None:
    person = world.north.person("worker")
    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=BY_SLUG["require-password-reset"], actor=world.north.actor("owner"), ids=[person.id], data=WHY, now=datetime.now(UTC))
    link = next(path for path in links(world) if "/sign-in/reset/" in path)
    assert b"password1" in Client().get(link, follow=True).content
    later = datetime.now(UTC) + timedelta(minutes=11)
    if then == "second demand":
        with tenancy.scope(org=world.north.organization.id):
            door.perform(power=BY_SLUG["require-password-reset"], actor=world.north.actor("owner", now=later), ids=[person.id], data=WHY, now=later)
    elif then == "lockdown":
        with tenancy.scope(org=world.north.organization.id):
            door.perform(power=BY_SLUG["lockdown"], actor=world.north.actor("security"), ids=[person.id], data=WHY, now=datetime.now(UTC))
    else:
        with override_settings(PASSWORD_RESET_TIMEOUT=-1):
            assert b"password1" not in Client().get(link, follow=True).content
        return
    assert b"password1" not in Client().get(link, follow=True).content


@pytest.mark.parametrize("slug", ["deactivate", "lockdown", "require-password-reset", "revoke-sessions", "suspend", "remove"])
def test_a_session_is_compared_on_every_request(world: World, slug: str) -> None:
    org, person = world.north, world.north.person("worker")
    client = client_for(person)
    assert client.get(f"/o/{org.slug}/").status_code == 200
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[person.id], data=WHY if slug != "revoke-sessions" else {}, now=datetime.now(UTC))
    assert client.get(f"/o/{org.slug}/").status_code == {"suspend": 403, "remove": 404}.get(slug, 302)


def test_a_restored_session_does_not_come_back(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    client = client_for(person)
    with tenancy.scope(org=org.organization.id):
        for slug, data in (("suspend", WHY), ("restore", {**WHY, "how": "reinstate"})):
            door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[person.id], data=data, now=datetime.now(UTC))
    answer = client.get(f"/o/{org.slug}/")
    assert answer.status_code == 403
    assert b"Sign in again" in answer.content
    assert client_for(person).get(f"/o/{org.slug}/").status_code == 200


def test_step_up_keeps_what_was_typed(world: World) -> None:
    org, owner = world.north, world.north.person("owner")
    with_totp(owner)
    client = client_for(owner, tier=0)
    path = f"/o/{org.slug}/people/{org.person('worker').id}/remove/"
    sent = {**WHY, "private_note": "Kept through the detour", "confirm": f"worker@{org.slug}.example"}
    detour = client.post(path, sent)
    assert detour.headers["Location"].startswith("/sign-in/again/code/")
    assert client.post(detour.headers["Location"], {"code": "000000"}).status_code == 200
    back = client.post(detour.headers["Location"], {"code": code()})
    assert back.headers["Location"].startswith(path)
    page = client.get(back.headers["Location"])
    assert b"Kept through the detour" in page.content
    with tenancy.installation("look"):
        assert Membership.objects.get(id=org.person("worker").id).status == "active"
    assert client.post(path, sent).status_code == 302
    with tenancy.installation("look"):
        assert Membership.objects.get(id=org.person("worker").id).status == "removed"


def test_nobody_passes_step_up_by_default(world: World) -> None:
    """A person with neither password nor second factor is sent to get one."""
    from django.contrib.auth.hashers import make_password

    arrange(lambda: Account.objects.filter(id=world.north.person("worker").account_id).update(password=make_password(None)))
    client = client_for(world.north.person("worker"), tier=0)
    answer = client.post(f"/o/{world.north.slug}/people/{world.north.person('worker').id}/create-token/", {"label": "x", "scopes": [], "days": 30})
    assert answer.status_code in {302, 422}
    assert not world.north.person("worker").api_tokens.exists()
    answer = client.get("/me/second-factor/app/")
    assert answer.status_code in {200, 302}


def test_the_second_factor_reset_waits_and_can_be_stopped(world: World) -> None:
    org, person = world.north, world.north.person("worker")
    with_totp(person)
    now = datetime.now(UTC)

    def reset(at: datetime) -> None:
        with tenancy.scope(org=org.organization.id):
            door.perform(power=BY_SLUG["reset-second-factor"], actor=org.actor("security", now=at), ids=[person.id], data=WHY, now=at)

    reset(now)
    due.remove_second_factors(account_id=person.account_id, now=now + timedelta(minutes=59))
    assert Authenticator.objects.filter(user_id=person.account_id).exists()
    link = next(path for path in links(world) if "/stop/" in path)
    with tenancy.scope(org=org.organization.id):  # whoever has the power to reset could also end mailed links: not this one
        door.perform(power=BY_SLUG["require-password-reset"], actor=org.actor("security", now=now), ids=[person.id], data=WHY, now=now)
    assert Client().get(link).status_code == 200
    assert Client().post(link).status_code == 200
    assert Client().post(link).status_code == 404
    due.run(now=now + timedelta(hours=2))
    assert Authenticator.objects.filter(user_id=person.account_id).exists()
    reset(now + timedelta(hours=3))
    due.run(now=now + timedelta(hours=5))
    assert Authenticator.objects.filter(user_id=person.account_id).exists(), "nobody looked for an hour: the person may not have been told, and has an hour from now"
    assert [Client().get(path).status_code for path in links(world) if "/stop/" in path].count(200) == 1, "of the two mailed links the new one still stops it"
    arrange(lambda: Mail.objects.filter(account_id=person.account_id, template="reset-second-factor").update(state="due"))
    due.run(now=now + timedelta(hours=6))
    assert Authenticator.objects.filter(user_id=person.account_id).exists(), "the mail still waits to be sent"
    arrange(lambda: Mail.objects.filter(account_id=person.account_id, template="reset-second-factor").update(state="sent"))
    due.run(now=now + timedelta(hours=7))
    assert not Authenticator.objects.filter(user_id=person.account_id).exists()
    assert not Account.objects.get(id=person.account_id).has_second_factor


def test_invitation_from_mail_to_member(world: World) -> None:
    org, address = world.north, f"new.person@{world.north.slug}.example"
    with tenancy.scope(org=org.organization.id):
        door.perform(power=BY_SLUG["invite"], actor=org.actor("people-manager"), data={"rows": [{"email": address, "name": "New Person", "role": "member"}]}, now=datetime.now(UTC))
    link = next(path for path in links(world) if "/invitation/" in path)
    client = Client()
    assert client.get(link).status_code == 200
    reset = client.post(link).headers["Location"].replace("http://localhost:8000", "")
    form = client.get(reset)
    client.post(form.headers["Location"], {"password1": "a new long password", "password2": "a new long password"})
    assert EmailAddress.objects.filter(email=address, verified=True).count() == 1
    client, _answer = sign_in(address, "a new long password")
    assert client.get(f"/o/{org.slug}/").status_code == 404  # invited, not a member
    assert client.post(link, {"answer": "accept"}).status_code == 302
    assert client.get(f"/o/{org.slug}/").status_code == 200
    assert Client().get(link).status_code == 404  # it was answered


def test_mail_survives_a_server_that_is_away(world: World) -> None:
    """A real SMTP sink, first away, then there: sent once, never zero times."""
    got: list[str] = []

    class Sink:
        async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:
            got.append(envelope.content.decode())  # type: ignore[attr-defined]
            return "250 OK"

    with tenancy.scope(org=world.north.organization.id):
        door.perform(power=BY_SLUG["suspend"], actor=world.north.actor("owner"), ids=[world.north.person("worker").id], data={**WHY, "message": "Back soon"}, now=datetime.now(UTC))
    with tenancy.installation("the worker's round"):
        while sequencer.run_once():
            pass
        subscribers.drain()
        subscribers.drain()
        mine = Mail.objects.filter(account_id=world.north.person("worker").account_id)
        assert mine.count() == 1
        Mail.objects.exclude(id__in=mine).update(state="sent")
        with override_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1):
            assert outbox.deliver(now=timezone.now()) == 0
        assert mine.get().last_error == "ConnectionRefusedError"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        controller = Controller(Sink(), hostname="127.0.0.1", port=port)
        controller.start()
        try:
            with override_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=port):
                later = timezone.now() + timedelta(hours=1)
                assert (outbox.deliver(now=later), outbox.deliver(now=later)) == (1, 0)
        finally:
            controller.stop()
    assert len(got) == 1
    assert "Back soon" in got[0]
    assert "suspended" in got[0]
    assert settings.EMAIL_TIMEOUT


@pytest.mark.parametrize("change", [{"auth_epoch": 2}, {"status": "deactivated"}, {"status": "locked"}])
def test_the_check_is_the_control(world: World, change: dict[str, object]) -> None:
    """Even if nobody had ended the session: a raised epoch or another status is enough."""
    client = client_for(world.north.person("worker"))
    arrange(lambda: Account.objects.filter(id=world.north.person("worker").account_id).update(**change))
    assert Session.objects.filter(account_id=world.north.person("worker").account_id, ended_at=None).exists()
    assert client.get("/me/").status_code == 302


@pytest.mark.parametrize("status", ["locked", "deactivated"])
def test_a_closed_account_gets_no_reset_link(world: World, status: str) -> None:
    arrange(lambda: Account.objects.filter(id=world.north.person("worker").account_id).update(status=status))
    answer = Client().post("/sign-in/forgotten/", {"email": f"worker@{world.north.slug}.example"})
    assert answer.status_code == 302  # the same answer as always
    assert not Mail.objects.filter(account_id=world.north.person("worker").account_id).exists()
