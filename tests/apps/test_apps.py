"""Apps: what is let in, by whom and how far; what ends with them; and what people can do about them (POWERS P5, policy A5, B8)."""
from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from oauth2_provider.models import AccessToken

from accounts import door, tenancy
from accounts.catalogue import consent, delivering, ending, manifests, publishing, running, use
from accounts.models import App, AppDelivery, AppGrant, AppRequest, AppReview, Installation, Mail, Membership, OAuthApplication, ProgramSession
from accounts.oauth import ending as oauth_ending
from accounts.oauth.scopes import NEVER
from accounts.reasons import Refused, StepUpNeeded
from accounts.work import plain
from audit.streams import secrets
from dsar.cases.models import Case
from portal.management.commands import publish_app
from portal.powers import BY_SLUG
from tests.apps.acts import MANIFEST, app_for, installation_for
from tests.audit.logs import tampering
from tests.browse import client_for
from tests.cast import Org, World
from tests.registers.acts import do, entries, mails
from tests.registers.acts import tell as read_the_log
from tests.situations import arrange, role_for

NOW = datetime.now
DAY = timedelta(days=1)


def refused(org: Org, slug: str, who: str = "owner", now: datetime | None = None, **data: Any) -> list[str]:
    with pytest.raises(Refused) as found:
        do(org, slug, who=who, now=now, **{"app": "whiteboard", **data})
    return found.value.codes


def made(org: Org, *people: Membership, policy: str = "open", app: dict[str, Any] | None = None, **more: Any) -> Installation:
    found: list[Installation] = []
    arrange(lambda: found.append(installation_for(org, app_for(org.organization, **(app or {})), *people, **more)))
    do_policy(org, policy)
    return found[0]


def do_policy(org: Org, policy: str) -> None:
    with tenancy.scope(org=org.organization.id):
        from accounts import policy as policies

        if policies.of(org.organization.id).app_policy != policy:
            do(org, "set-app-policy", policy=policy)


def again(row: Installation) -> Installation:
    with tenancy.installation("a test looks"):
        return Installation.objects.get(id=row.id)


def look(person: Membership, row: Installation, now: datetime | None = None) -> tuple[str, set[str]]:
    """What the provider is told about this person and this app."""
    with tenancy.installation("the provider asks"):
        return (consent.refusal(account_id=person.account_id, installation_id=row.id, now=now or NOW(UTC)), set(consent.granted(account_id=person.account_id, installation_id=row.id)))


def token_for(person: Membership, row: Installation) -> None:
    """An access token of the person at the app. Needs an open act."""
    text = uuid.uuid4().hex
    AccessToken.objects.create(user_id=person.account_id, application=OAuthApplication.objects.get(installation=row), token=text, expires=NOW(UTC) + DAY, scope="openid")


def session_for(person: Membership, row: Installation) -> None:
    """A sign-in of the person at the app. Needs an open act."""
    ProgramSession.objects.create(id=uuid.uuid4(), organization_id=row.organization_id, account_id=person.account_id, client=OAuthApplication.objects.get(installation=row), auth_epoch=1, access_epoch=1,
                                  auth_time=NOW(UTC), acr="password", scopes=["openid"], code_hash=uuid.uuid4().hex, started_at=NOW(UTC))


@contextmanager
def provider(*answers: int, meanwhile: Callable[[], None] = lambda: None) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A provider's program on loopback that answers so, one after the other, and then well."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(({k.lower(): v for k, v in self.headers.items()}, self.rfile.read(int(self.headers["content-length"]))))
            meanwhile()
            self.send_response(answers[len(got) - 1] if len(got) <= len(answers) else 204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/events", got
    finally:
        server.shutdown()
        server.server_close()


WRONG = {
    "scopes": [["everything"], ["manage_roles"], ["change_email"], ["export_audit"], "openid", []], "name": ["<b>Board</b>", "", "Board\u202e", 7], "countries": [["XX"], ["de"]], "categories": [["user.secret"]],
    "redirect_uris": [["https://*.example.com/"], ["https://a.example/#x"], ["https://me@a.example/"], ["app://back"], ["javascript:alert(1)"], ["http://a.example/"], ["https://a.example/../x"], []],
    "privacy_url": ["javascript:alert(1)", "ftp://a.example/", "https://a:b@a.example/", ""], "events_url": ["not an address"], "slug": ["White Board", "../x", ""], "provider_email": ["nobody", "a@b"],
    "colour": ["blue"],
}


def test_a_manifest_is_read_strictly_and_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    """Each field for itself; the operator's command says it in one line and does nothing; the same file twice changes nothing."""
    assert manifests.read(MANIFEST) == ({**MANIFEST, "scopes": sorted(MANIFEST["scopes"])}, {})
    for field, values in WRONG.items():
        for value in values:
            wrong = manifests.read({**MANIFEST, field: value})[1]
            assert set(wrong) == {field} and len(wrong[field].splitlines()) == 1, (field, value, wrong)
    assert all("is given to no app" in manifests.read({**MANIFEST, "scopes": [name]})[1]["scopes"] for name in NEVER)
    assert manifests.read([])[1] == {"": "Write one JSON object."}
    path, slug = tmp_path / "app.json", f"board-{uuid.uuid4().hex[:8]}"
    for text in ("{", "[]", json.dumps({**MANIFEST, "slug": slug, "scopes": ["manage_roles"]})):
        path.write_text(text)
        with pytest.raises(CommandError) as error:
            call_command(publish_app.Command(), str(path))
        assert len(str(error.value).splitlines()) == 1 and error.value.returncode == 2
    with pytest.raises(CommandError):
        call_command(publish_app.Command(), str(tmp_path / "none.json"))
    assert not App.objects.filter(slug=slug).exists()
    said = {**MANIFEST, "slug": slug}
    assert [publishing.publish(said, now=NOW(UTC))[1] for _ in range(2)] == ["added", "same"]
    assert publishing.publish({**said, "about": "More."}, now=NOW(UTC))[1] == "changed"


def test_asking_and_deciding(world: World) -> None:
    """What most ask for stands first; whoever asked hears the decision with its reason; after a denial it is asked again only after 30 days; what is blocked is out."""
    org = world.north
    arrange(lambda: (app_for(org.organization), app_for(org.organization, slug="easel", name="Easel")))
    for who in ("worker", "guest"):
        do(org, "request-app", who=who, app="easel", message="To paint.")
    do(org, "request-app", who="worker")
    assert refused(org, "request-app", "worker") == ["app_asked"] and refused(org, "request-app", "worker", app="nothing") == ["unknown_app"]
    page = client_for(org.person("app-manager")).get(f"/o/{org.slug}/apps/queue/").content.decode()
    assert page.index("Easel") < page.index("Whiteboard</a>") and "2 people ask for it" in page and "To paint." in page
    assert refused(org, "install-app") == ["app_not_approved"]
    read_the_log()
    assert [len(mails(org.person(who), "app-news")) for who in ("owner", "administrator", "app-manager", "worker")] == [2, 2, 2, 0], "one for the first request of each app"
    do(org, "review-app", app="easel")
    do(org, "deny-app", app="easel", message="We have crayons.")
    read_the_log()
    for who in ("worker", "guest"):
        told, = mails(org.person(who), "app-decided")
        assert "Easel" in told.body and "We have crayons." in told.body and "30 days" in told.body
    assert refused(org, "request-app", "worker", app="easel") == ["app_asked_again"] and refused(org, "install-app", app="easel") == ["app_denied"]
    do(org, "request-app", who="worker", app="easel", now=NOW(UTC) + 31 * DAY)
    do(org, "withdraw-app-request", who="worker", app="easel")
    with tenancy.scope(org=org.organization.id):
        assert AppReview.objects.get(app__slug="easel").state == "withdrawn"
    do(org, "block-app", app="easel", message="It leaks.")
    do_policy(org, "open")
    assert refused(org, "request-app", "guest", app="easel") == ["app_blocked"] == refused(org, "install-app", app="easel")
    do_policy(org, "closed")
    assert refused(org, "request-app", "guest") == ["apps_not_asked"] and refused(org, "install-app") == ["apps_closed"]
    do_policy(org, "approved")
    assert refused(org, "request-app", "guest") == ["apps_not_asked"]
    do(org, "approve-app")
    do(org, "install-app")
    assert refused(org, "request-app", "guest") == ["app_installed"]
    with tenancy.installation("a test looks"):
        assert {row.outcome for row in AppRequest.objects.filter(organization=org.organization)} == {"denied", "withdrawn", "approved"}


def test_installing_says_what_it_means_and_goes_no_further_than_whoever_does_it(world: World, settings: Any) -> None:
    """Scopes in words, data, countries, provider; the name of whoever installs goes to the provider, by mail and by program, signed, with the secret, tried again; nobody lets in what they may not do themselves."""
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    org = world.north
    with provider(500) as (url, got):
        arrange(lambda: app_for(org.organization, scopes=["openid", "view_people", "view_audit"], events_url=url))
        do_policy(org, "open")
        assert refused(org, "install-app", "app-manager") == ["app_above"], "they cannot see the audit log"
        assert "nothing of the app" not in str(entries(org, "app.installed"))
        client = client_for(org.person("administrator"), tier=1)
        page = client.get(f"/o/{org.slug}/do/install-app/?app=whiteboard").content.decode()
        for words in ("It may: See the audit log.", "privacy@whiteboard.example", "E-mail addresses", "Germany", "https://whiteboard.example/privacy", "Your name and your e-mail address go to the provider", "second factor"):
            assert words in page, words
        with tenancy.scope(org=org.organization.id), pytest.raises(StepUpNeeded):  # what it asks for is sensitive
            door.perform(power=BY_SLUG["install-app"], actor=org.actor("administrator", tier=1), data={"app": "whiteboard"}, now=NOW(UTC))
        receipt = do(org, "install-app", who="administrator")
        assert receipt.secret.startswith("sts_") and receipt.secret not in json.dumps(entries(org, "app."))
        with tenancy.installation("a test looks"):
            row, told = Installation.objects.get(organization=org.organization), AppDelivery.objects.get(organization=org.organization)
        assert receipt.secret not in told.sealed
        now = NOW(UTC)
        assert delivering.run(now=now) == 1 and delivering.run(now=now) == 0, "it waits before it tries again"
        assert delivering.run(now=now + timedelta(hours=1)) == 1 and len(got) == 2
        headers, body = got[1]
        said = json.loads(body)["data"]
        assert said["client_secret"] == receipt.secret and said["installed_by"] == {"name": "Administrator Person", "email": f"administrator@{org.slug}.example"} and got[0][1] == body
        from standardwebhooks import Webhook

        stamp = headers["webhook-timestamp"]
        signed = secrets.unseal(bytes(row.events_secret), stream=row.id)
        assert signed is not None and signed.text == said["signing_secret"] and stamp.isdigit()
        assert Webhook(said["signing_secret"]).sign(headers["webhook-id"], datetime.fromtimestamp(int(stamp), tz=UTC), body.decode()) in headers["webhook-signature"].split()
        read_the_log()
        with tenancy.installation("a test looks"):
            assert AppDelivery.objects.get(id=told.id).state == "sent" and AppDelivery.objects.get(id=told.id).sealed == ""
        mail, = mails(org.person("administrator"), "app-provider")
        assert mail.address == "privacy@whiteboard.example" and f"administrator@{org.slug}.example" in mail.body and "See the audit log" in mail.body
        page = client.get(f"/o/{org.slug}/apps/{row.app_id}/").content.decode()
        assert "arrived" in page and "stc_" in page and receipt.secret not in page
        do(org, "uninstall-app")
        delivering.run(now=NOW(UTC))
        gone = json.loads(got[-1][1])
        assert gone["type"] == "app.uninstalled" and gone["data"]["erase"] is True and "installed_by" not in gone["data"]


def test_nothing_is_held_while_a_provider_takes_its_time(world: World, settings: Any) -> None:
    """No row is locked during the call, and what is called off in the middle of it stays called off."""
    settings.OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]
    org, locked = world.north, []

    def meanwhile() -> None:
        with tampering() as other:
            locked.append(other.execute("SELECT count(*) FROM accounts_appdelivery WHERE id NOT IN (SELECT id FROM accounts_appdelivery FOR UPDATE SKIP LOCKED)").fetchone()[0])
            if not locked[-1]:
                other.execute("UPDATE accounts_appdelivery SET state = 'dropped' WHERE organization_id = %s", [org.organization.id])

    with provider(meanwhile=meanwhile) as (url, _got):
        arrange(lambda: app_for(org.organization, events_url=url))
        do_policy(org, "open")
        do(org, "install-app")
        assert delivering.run(now=NOW(UTC)) == 1
    with tenancy.installation("a test looks"):
        assert locked == [0] and AppDelivery.objects.get(organization=org.organization).state == "dropped"


def test_new_scopes_wait_and_old_ones_go_on(world: World) -> None:
    """A changed record gives nothing by itself; what is approved reaches nobody who has not agreed; what is no longer asked for is gone at once."""
    org, worker = world.north, world.north.person("worker")
    row = made(org, worker)
    do(org, "change-app", scopes=["openid", "profile", "view_people", "view_audit"], about="More.")
    row = again(row)
    assert row.pending_scopes == ["view_audit"] and "view_audit" not in row.scopes and look(worker, row) == ("", {"openid", "profile", "view_people"})
    read_the_log()
    assert not mails(org.person("owner"), "app-news"), "whoever changed it knows"
    told, = mails(org.person("administrator"), "app-news")
    assert "See the audit log" in told.body and "asks for more" in told.body
    assert refused(org, "approve-app-scopes", "app-manager") == ["app_above"]
    do(org, "refuse-app-scopes", who="app-manager")
    assert again(row).pending_scopes == [] and refused(org, "approve-app-scopes") == ["nothing_pending"]
    do(org, "change-app", scopes=["openid", "view_people", "email"])
    assert look(worker, row)[1] == {"openid", "view_people"}, "it no longer asks for the profile"
    do(org, "approve-app-scopes", who="app-manager")
    assert set(again(row).scopes) == {"openid", "view_people", "email"} and look(worker, row)[1] == {"openid", "view_people"}
    with tenancy.installation("the provider's page"), transaction.atomic():
        with pytest.raises(ValueError, match="approved"):
            consent.grant(account_id=worker.account_id, installation_id=row.id, scopes=["view_audit"], now=NOW(UTC))
    arrange(lambda: consent.grant(account_id=worker.account_id, installation_id=row.id, scopes=["openid", "email"], now=NOW(UTC)))
    assert look(worker, row)[1] == {"openid", "email"}


def test_the_end_of_an_app_ends_everything_and_a_new_beginning_is_new(world: World) -> None:
    """Tokens, consents; people are told once, in batches; a suspended app brings no token back; after an installation anew nobody has agreed to anything; what is blocked ends too."""
    org, worker, guest = world.north, world.north.person("worker"), world.north.person("guest")
    row = made(org, worker, guest)
    arrange(lambda: token_for(worker, row))
    do(org, "suspend-app")
    assert look(worker, row)[0] == "app_suspended"
    with tenancy.installation("a test looks"):
        assert not AccessToken.objects.filter(user_id=worker.account_id).exists()
    do(org, "resume-app")
    assert look(worker, row)[0] == ""
    arrange(lambda: token_for(worker, row))
    do(org, "uninstall-app")
    assert look(worker, row) == ("app_ended", set())
    with tenancy.installation("a test looks"):
        assert not AccessToken.objects.filter(user_id=worker.account_id).exists() and {g.ended_why for g in AppGrant.objects.filter(installation=row)} == {"uninstalled"}
    entry, = entries(org, "app.uninstalled")
    assert entry["facts"]["grants"] == 2 and "tokens" in entry["facts"]
    read_the_log()
    for _ in range(2):
        running.tell(now=NOW(UTC))
    told, = mails(worker, "app-ended")
    assert "Whiteboard" in told.body and "privacy@whiteboard.example" in told.body and len(mails(guest, "app-ended")) == 1 and not running.waiting()
    with tenancy.installation("a test looks"):
        asked = Mail.objects.get(template="app-provider", organization_id=org.organization.id, address="privacy@whiteboard.example")
    assert asked.account_id is None, "it names nobody"
    do(org, "install-app")
    with tenancy.installation("a test looks"):
        fresh = Installation.objects.exclude(state="ended").get(organization=org.organization)
    assert look(worker, fresh) == ("no_consent", set()) and fresh.id != row.id
    arrange(lambda: consent.grant(account_id=worker.account_id, installation_id=fresh.id, scopes=["openid"], now=NOW(UTC)))
    do(org, "block-app")
    assert look(worker, fresh)[0] == "app_ended" and again(fresh).ended_why == "blocked"


def test_what_many_people_hold_of_a_removed_app_is_cleared_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The act ends the first part and says what is left; nothing of the rest works already; the job goes on, each part with its entry, and a kill between two loses and repeats nothing."""
    org = world.north
    people = [org.person(name) for name in ("worker", "guest", "owner", "administrator", "app-manager")]
    monkeypatch.setattr(ending, "PART", 2)
    monkeypatch.setattr(oauth_ending, "AT_ONCE", 1)
    row = made(org, *people)
    arrange(lambda: [(token_for(one, row), session_for(one, row)) for one in [*people, people[0]]])

    def held() -> tuple[int, int, int]:
        with tenancy.installation("a test looks"):
            client = OAuthApplication.objects.get(installation=row)
            return (AppGrant.objects.filter(installation=row, ended_at=None).count(), ProgramSession.objects.filter(client=client, ended_at=None).count(),
                    AccessToken.objects.filter(application=client).count())

    assert held() == (5, 6, 6)
    do(org, "uninstall-app")
    assert {look(one, row)[0] for one in people} == {"app_ended"}
    facts = entries(org, "app.uninstalled")[0]["facts"]
    assert (facts["grants"], facts["left"]) == (2, 3) and held()[0] == 3 and held()[1] == held()[2] == 6 - facts["tokens"] and running.unfinished()
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(running, "_draft", _killed)
        running.clear(now=NOW(UTC))
    assert held()[0] == 3, "a part that was cut off is whole again"
    assert running.clear(now=NOW(UTC), parts=1) and held()[0] == 1
    assert not running.clear(now=NOW(UTC)) and held() == (0, 0, 0) and not running.unfinished()
    found = [one["facts"] for one in entries(org, "app.cleared")]
    assert sorted((one["grants"], one.get("left", 0)) for one in found) == [(1, 0), (2, 1)] and facts["tokens"] + sum(one["tokens"] for one in found) == 6
    with tenancy.installation("a test looks"):
        assert {(grant.ended_at, grant.ended_why) for grant in AppGrant.objects.filter(installation=row)} == {(again(row).ended_at, "uninstalled")}
    read_the_log()
    running.tell(now=NOW(UTC))
    assert {len(mails(one, "app-ended")) for one in people} == {1}


def _killed(*_args: object) -> None:
    raise KeyboardInterrupt


def test_approvals_and_installations_end_on_their_day(world: World) -> None:
    """Before the job has run it is over already; the job writes it down once; an earlier end of the approval counts; a later approval moves it."""
    org, worker = world.north, world.north.person("worker")
    arrange(lambda: app_for(org.organization))
    now = NOW(UTC)
    do(org, "approve-app", until=now + 2 * DAY)
    do(org, "install-app", until=now + 5 * DAY)
    with tenancy.installation("a test looks"):
        row = Installation.objects.get(organization=org.organization)
    assert plain(row.expires_at) == plain(now + 2 * DAY)
    arrange(lambda: consent.grant(account_id=worker.account_id, installation_id=row.id, scopes=["openid"], now=now))
    do(org, "approve-app", until=now + 3 * DAY)
    assert look(worker, row, now + 2 * DAY)[0] == "" and look(worker, row, now + 3 * DAY)[0] == "app_expired"
    for _ in range(2):
        running.run(now=now + 3 * DAY)
    assert again(row).ended_why == "expired" and [len(entries(org, event)) for event in ("app.expired", "app.approval_ended")] == [1, 1]
    with tenancy.scope(org=org.organization.id):
        assert AppReview.objects.get(app_id=row.app_id).state == "needs_review"
    assert refused(org, "install-app") == ["app_not_approved"]


def test_the_person_sees_takes_back_and_objects(world: World) -> None:
    """On their page and by the API: which app, why, what it may do, since when; taking back ends it here alone and can always be done; an objection is a request with a date."""
    org, worker, guest = world.north, world.north.person("worker"), world.north.person("guest")
    row = made(org, worker, guest)
    arrange(lambda: [token_for(one, row) for one in (worker, guest)])
    with tenancy.installation("the provider"):
        for _ in range(3):
            use.note(installation_id=row.id, account_id=guest.account_id, what="userinfo", now=NOW(UTC))
    browser = client_for(guest)
    page = browser.get("/me/apps/").content.decode()
    assert "Whiteboard" in page and "You allowed it on" in page and "See your name and your language" in page and "Germany" in page
    listed = browser.get("/api/v1/me/apps/").json()["apps"]
    assert [one["installation"] for one in listed] == [str(row.id)] and listed[0]["last_used_at"]
    admin = client_for(org.person("owner"))
    page = admin.get(f"/o/{org.slug}/apps/{row.app_id}/").content.decode()
    assert "userinfo" in page and "<td>3</td>" in page and "Guest Person" in page and "Requests of people reach its provider by e-mail only." in page
    assert "Guest Person" not in client_for(world.contoso.person("owner")).get(f"/o/{world.contoso.slug}/apps/{row.app_id}/").content.decode()
    arrange(lambda: Membership.objects.filter(id=worker.id).update(use_restricted=True))
    page = admin.get(f"/o/{org.slug}/apps/{row.app_id}/").content.decode()
    assert "Worker Person" not in page and '<span class="badge">2</span>' in page, "counted, and not named: what is held about them may only be stored"
    arrange(lambda: Membership.objects.filter(id=worker.id).update(use_restricted=False))
    arrange(lambda: Membership.objects.filter(id=guest.id).update(status="suspended"))
    assert browser.post("/me/apps/", {"do": "withdraw", "grant": listed[0]["grant"]}).status_code == 302
    arrange(lambda: Membership.objects.filter(id=guest.id).update(status="active"))
    assert look(guest, row)[0] == "no_consent" and look(worker, row)[0] == ""
    with tenancy.installation("a test looks"):
        assert [one.user_id for one in AccessToken.objects.filter(application__installation=row)] == [worker.account_id]
    assert len(entries(org, "app.grant_withdrawn")) == 1, "the organization's log says so too"
    assert browser.post("/me/apps/", {"do": "withdraw", "grant": listed[0]["grant"]}).status_code == 422
    assert browser.post("/me/apps/", {"do": "object", "app": str(row.id), "message": "It is not needed."}).status_code == 302
    with tenancy.installation("a test looks"):
        case = Case.objects.get(account_id=guest.account_id)
        assert case.organization_id == org.organization.id and "Whiteboard" in case.words and "It is not needed." in case.words and case.statutory_due is not None
        assert [one.right for one in case.actions.all()] == ["object"]
    browser.post("/me/apps/", {"do": "object", "app": str(row.id), "message": "And another thing."})
    with tenancy.installation("a test looks"):
        assert Case.objects.filter(account_id=guest.account_id).count() == 1, "asked twice, it is asked once"
    assert browser.post("/me/apps/", {"do": "object", "app": str(uuid.uuid4())}).status_code == 422


def test_a_role_cannot_give_what_it_has_not_and_another_organization_sees_nothing(world: World) -> None:
    """A role of the organization's own that manages apps and cannot see people installs what needs only a sign-in; records of others are not there."""
    org = world.north
    arrange(lambda: (app_for(org.organization), app_for(org.organization, slug="plain", scopes=["openid"]), app_for(world.contoso.organization, slug="theirs")))
    arrange(lambda: Membership.objects.filter(id=org.person("guest").id).update(role=role_for(org, "Apps only", 50, "manage_apps")))
    arrange(lambda: type(org.person("guest").account).objects.filter(id=org.person("guest").account_id).update(has_second_factor=True))
    do_policy(org, "open")
    assert refused(org, "install-app", "guest") == ["app_above"] and refused(org, "install-app", app="theirs") == ["unknown_app"]
    do(org, "install-app", who="guest", app="plain")
    assert refused(org, "install-app", app="plain") == ["app_installed"]
    with tenancy.installation("a test looks"):
        theirs = App.objects.get(organization=world.contoso.organization, slug="theirs")
    assert client_for(org.person("owner")).get(f"/o/{org.slug}/apps/{theirs.id}/").status_code == 404


def test_an_end_costs_the_same_however_many_allowed_it_something(world: World) -> None:
    """Set-based: as many statements for thirty as for one."""
    org, counts = world.north, []
    for people in ((org.person("worker"),), tuple(org.people.values())):
        made(org, *people)
        with CaptureQueriesContext(connection) as asked:
            do(org, "uninstall-app")
        counts.append(len(asked))
    assert counts[1] <= counts[0], counts
