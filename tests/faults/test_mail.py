"""Mail servers that hang, drop, refuse or come back: nobody waits for them, nothing is lost, what failed says so."""
from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import outbox, tenancy
from accounts.models import Account, Mail
from tests.cast import World
from tests.faults.post import Post


@pytest.fixture
def post(settings: Any) -> Iterator[Post]:
    found = Post()
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1", found.port, 1
    with tenancy.installation("a test looks at the outbox"):
        Mail.objects.all().delete()
        yield found
        Mail.objects.all().delete()
    found.close()


def owe(world: World, *names: str, template: str = "suspend") -> list[Account]:
    accounts = [Account.objects.get(id=world.north.person(name).account_id) for name in names]
    for account in accounts:
        outbox.owe(template=template, account=account, context={"organization": "North", "actor": "Olivia"}, entry=None, organization_id=None, now=timezone.now())
    return accounts


def test_a_hanging_server_costs_one_wait_and_loses_nothing(world: World, post: Post) -> None:
    owe(world, "worker", "guest", "member", "auditor", "legal")
    post.mood = "hang"
    began = time.monotonic()
    assert outbox.deliver(now=timezone.now()) == 0
    assert time.monotonic() - began < 3, "each mail would wait as long again"
    assert post.connections == 1
    post.mood = "good"
    assert outbox.deliver(now=timezone.now()) == 4
    assert outbox.deliver(now=timezone.now() + timedelta(hours=1)) == 1
    assert (len(post.taken), set(post.taken.values())) == (5, {1})


@pytest.mark.parametrize(("mood", "error"), [("drop", "SMTPServerDisconnected"), ("drop-in-data", "SMTPServerDisconnected"), ("450", "SMTPRecipientsRefused"), ("550", "SMTPRecipientsRefused")])
def test_a_server_that_refuses_is_tried_again(world: World, post: Post, mood: str, error: str) -> None:
    owe(world, "worker", "guest")
    post.mood = mood
    assert outbox.deliver(now=timezone.now()) == 0
    tried = Mail.objects.exclude(attempts=0)
    assert {mail.last_error for mail in tried} == {error}
    assert Mail.objects.filter(state="due").count() == 2
    post.mood = "good"
    for hours in (1, 2):
        outbox.deliver(now=timezone.now() + timedelta(hours=hours))
    assert (Mail.objects.filter(state="sent").count(), len(post.taken)) == (2, 2)


def test_one_refused_address_does_not_hold_up_the_others(world: World, post: Post) -> None:
    accounts = owe(world, "worker", "guest", "member")
    post.refused = {accounts[0].email}
    assert outbox.deliver(now=timezone.now()) == 2
    assert Mail.objects.get(account=accounts[0]).state == "due"
    moment = timezone.now()
    for _attempt in range(outbox.ATTEMPTS):
        moment += timedelta(days=1)
        outbox.deliver(now=moment)
    assert Mail.objects.get(account=accounts[0]).state == "failed"


def test_a_mail_that_cannot_be_written_does_not_hold_up_the_others(world: World, post: Post) -> None:
    broken = owe(world, "worker", template="no-such-template")[0]
    owe(world, "guest")
    Mail.objects.filter(account=broken).update(next_attempt_at=timezone.now() - timedelta(hours=1))
    assert outbox.deliver(now=timezone.now()) == 1
    assert Mail.objects.get(account=broken).last_error == "TemplateDoesNotExist"


def test_nobody_listens(world: World, post: Post, settings: Any) -> None:
    settings.EMAIL_PORT = 1
    owe(world, "worker", "guest")
    assert outbox.deliver(now=datetime.now(UTC)) == 0
    assert Mail.objects.filter(state="due").count() == 2
    settings.EMAIL_PORT = post.port
    assert outbox.deliver(now=timezone.now() + timedelta(hours=1)) == 2
