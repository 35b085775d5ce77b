"""Claims on their pages and in the API: what the organization sees, what the person sees, and that links only let read."""
from __future__ import annotations

from datetime import UTC, datetime
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts import tenancy
from accounts.claims import candidates, leaving, running
from accounts.models import Account, Claim
from accounts.powers import BY_SLUG
from accounts.reasons import REASONS
from audit.models import Entry
from portal import claim_files
from tests.browse import client_for
from tests.cast import World
from tests.claims.acts import DAY, announce, answer, domain, manager, person, row
from tests.situations import arrange, token_for


def moved(world: World, on: object) -> Account:
    """The guest, who is a member that nobody manages, with an address in the domain."""
    guest = world.north.person("guest")
    arrange(lambda: Account.objects.filter(id=guest.account_id).update(email=f"guest@{on.name}", email_key=f"guest@{on.name}"))  # type: ignore[attr-defined]
    return Account.objects.get(id=guest.account_id)


def test_from_the_domain_to_the_claim(world: World) -> None:
    org, on = world.north, domain(world.north)
    stranger = person(on, "stranger")
    client = client_for(org.person("owner"))
    page = unescape(client.get(f"/o/{org.slug}/domains/{on.id}/claim/").content.decode())
    assert "1 account can be claimed" in page and stranger.email not in page and stranger.name not in page and str(BY_SLUG["deactivate"].title) in page
    form = client.get(f"/o/{org.slug}/do/announce-claim/?domain={on.id}")
    assert form.status_code == 200 and b"At most 1 person is told" in form.content
    wrong = client.post(f"/o/{org.slug}/do/announce-claim/", {"domain": str(on.id), "choice": "listed", "addresses": "nobody@elsewhere.com", "days": 14})
    assert wrong.status_code == 422 and b"Line 1: The address is not in this domain." in wrong.content
    claim = announce(org, on)
    listed, shown = (unescape(client.get(f"/o/{org.slug}/domains/claims/{tail}").content.decode()) for tail in ("", f"{claim.id}/"))
    assert on.name in listed and stranger.email in shown and stranger.name not in shown
    answer(stranger, "object-to-claim", message="It is <mine>.")
    shown = client.get(f"/o/{org.slug}/domains/claims/{claim.id}/?state=objected").content.decode()
    assert "It is &lt;mine&gt;." in shown and f"answer-objection/?account={row(stranger).id}" in shown
    assert client.get(f"/o/{org.slug}/domains/claims/{claim.id}/?state=nonsense").status_code == 404
    assert client.get(f"/o/{org.slug}/domains/claims/{claim.id}/?cursor=nonsense").status_code == 404
    assert client.get(f"/o/{org.slug}/do/answer-objection/?account={row(stranger).id}").status_code == 200
    for who in ("auditor", "member"):
        assert client_for(org.person(who)).get(f"/o/{org.slug}/domains/claims/{claim.id}/").status_code == 404
    foreign = client_for(world.contoso.person("owner"))
    for path in (f"domains/claims/{claim.id}/", f"domains/{on.id}/claim/"):
        assert foreign.get(f"/o/{world.contoso.slug}/{path}").status_code == 404
        assert foreign.get(f"/api/v1/orgs/{world.contoso.slug}/claims/{claim.id}/").status_code == 404


def test_the_person_reads_and_answers(world: World) -> None:
    org, on = world.north, domain(world.north)
    someone = moved(world, on)
    announce(org, on)
    mine, client = row(someone), client_for(org.person("guest"))
    page = unescape(client.get(f"/me/claims/{mine.id}/").content.decode())
    assert org.organization.name in page and on.name in page and str(BY_SLUG["reset-second-factor"].title) in page and "Leave with an address of your own" in page
    assert str(mine.id) in client.get("/me/claims/").content.decode()
    other = client_for(org.person("worker"))
    assert other.get(f"/me/claims/{mine.id}/").status_code == 404 and other.post(f"/me/claims/{mine.id}/", {"answer": "accept"}).status_code == 404
    assert client.post(f"/me/claims/{mine.id}/", {"answer": "object", "message": ""}).status_code == 422
    assert client.post(f"/me/claims/{mine.id}/", {"answer": "object", "message": "Mine."}).status_code == 302 and row(someone).state == "objected"
    again = client.post(f"/me/claims/{mine.id}/", {"answer": "object", "message": "Mine."})
    assert again.status_code == 422 and row(someone).state == "objected"
    assert client.post(f"/me/claims/{mine.id}/", {"answer": "accept"}).status_code == 302 and row(someone).state == "accepted"
    asked = client.post(f"/me/claims/{mine.id}/", {"answer": "leave", "address": "own@home-mail.com"})
    assert asked.status_code == 302


def test_a_link_lets_read_and_nothing_else(world: World) -> None:
    org, on = world.north, domain(world.north)
    someone = person(on, "someone")
    announce(org, on)
    mine, nobody = row(someone), Client()
    notice = nobody.get(f"/claim/{leaving.notice_token(mine)}/")
    assert notice.status_code == 200 and b"Sign in to answer" in notice.content and b"<form method=\"post\"" not in notice.content
    assert nobody.post(f"/claim/{leaving.notice_token(mine)}/", {"answer": "accept"}).status_code == 200 and row(someone).state == "announced"
    assert nobody.get("/claim/forged/").status_code == 404 and nobody.get(f"/me/claims/{mine.id}/").status_code == 302
    answer(someone, "leave-claim", address=f"own@{org.slug}-home.com")
    link = f"/leave-claim/{leaving.token(row(someone))}/"
    assert nobody.get(link).status_code == 200 and row(someone).state == "announced", "opening it changes nothing"
    assert nobody.post(link).status_code == 200 and row(someone).state == "left"
    assert nobody.get(link).status_code == 404 and nobody.post(link).status_code == 404
    assert nobody.get(f"/leave-claim/{leaving.notice_token(mine)}/").status_code == 404, "one link is not the other"


@pytest.mark.parametrize("how", ["members", "others"])
def test_the_api_and_the_choice(world: World, how: str) -> None:
    org, on, made = world.north, domain(world.north), []
    member, stranger = moved(world, on), person(on, "stranger")
    arrange(lambda: made.append(token_for(org.person("owner"))[1]))
    client, headers, base = Client(), {"HTTP_AUTHORIZATION": f"Bearer {made[0]}"}, f"/api/v1/orgs/{org.slug}"
    done = client.post(f"{base}/actions/announce-claim/", {"domain": on.name, "choice": how}, content_type="application/json", **headers)
    assert done.status_code == 200, done.content
    start = datetime.now(UTC)
    running.run(now=start)
    (found,) = client.get(f"{base}/claims/", **headers).json()["claims"]
    assert (found["state"], found["told"], found["counts"]["announced"]) == ("announced", 1, 1)
    (one,) = client.get(f"{base}/claims/{found['id']}/accounts/", **headers).json()["accounts"]
    assert one["address"] == (member if how == "members" else stranger).email and "name" not in one
    running.run(now=start + 14 * DAY)
    assert (manager(member) is not None, manager(stranger) is not None) == (how == "members", how == "others")
    with tenancy.scope(org=org.organization.id):
        assert client.get(f"{base}/claims/{Claim.objects.get(domain=on).id}/", **headers).json()["state"] == "finished"


def _file(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="text/csv")


def test_three_ways_to_choose_are_counted_before(world: World) -> None:
    org, on = world.north, domain(world.north)
    moved(world, on)
    stranger, idle = person(on, "stranger", last_active_at=datetime.now(UTC)), person(on, "idle", last_active_at=datetime.now(UTC) - 40 * DAY)
    client = client_for(org.person("owner"))
    path = f"/o/{org.slug}/domains/{on.id}/claim/"
    found = candidates.count(domain=on, now=datetime.now(UTC), inactive_days=30)
    assert found.by_choice == {"all": 3, "members": 1, "others": 2, "inactive": 2, "listed": 0}, "the guest was never active"
    page = unescape(client.get(f"{path}?inactive_days=30").content.decode())
    assert "choice=inactive&inactive_days=30" in page and stranger.email not in page
    form = unescape(client.get(f"/o/{org.slug}/do/announce-claim/?domain={on.id}&choice=members").content.decode())
    assert "At most 1 person is told" in form
    good = client.post(path, {"file": _file("a.csv", f"name,Email\r\nA,{stranger.email.upper()}\r\nB,{idle.email}\r\n".encode())})
    page = unescape(good.content.decode())
    assert good.status_code == 200 and "all of them are right" in page and "At most 2 people are told" in page and stranger.name not in page
    with tenancy.scope(org=org.organization.id):
        assert not Claim.objects.filter(domain=on).exists(), "checking a file tells nobody"
    body = page.partition('name="addresses"')[2].partition(">\n")[2].partition("</textarea>")[0]
    sent = client.post(f"/o/{org.slug}/do/announce-claim/", {"domain": str(on.id), "choice": "listed", "addresses": body, "days": "14"})
    assert sent.status_code == 302
    running.run(now=datetime.now(UTC))
    assert row(stranger).state == row(idle).state == "announced"


def test_hostile_files_are_refused_line_by_line_or_whole(world: World) -> None:
    org, on, theirs = world.north, domain(world.north), domain(world.contoso)
    right, plus, stranger = person(on, "right"), person(on, "a+b"), person(theirs, "stranger")
    person(on, "unproven", email_verified_at=None)
    client, path = client_for(org.person("owner")), f"/o/{org.slug}/domains/{on.id}/claim/"
    lines = [right.email, f" {right.email.upper()} ", stranger.email, f"nobody@{on.name}", '"=cmd|/c calc"', "'=1+1", plus.email, f"a@{on.name}", "", f"r\u0456ght@{on.name}", f"x@b\u00fccher-{on.name}", f"unproven@{on.name}",
             "not an address", f"x@sub.{on.name}", f"<b>@{on.name}"]
    with tenancy.scope(org=org.organization.id):
        found = claim_files.judge(domain=on, data="\r\n".join(["email,n", *(f"{line},1" for line in lines)]).encode("utf-8-sig"), now=datetime.now(UTC))
    assert [line.code for line in found.lines] == ["", "duplicate_row", "not_in_domain", "unknown_address", "formula", "formula", "", "unknown_address", "no_address", "unknown_address", "not_in_domain", "claim_unverified",
                                                   "not_in_domain", "not_in_domain", "unknown_address"]
    assert [line.number for line in found.lines] == list(range(2, len(lines) + 2)) and all(REASONS[line.code] for line in found.wrong)
    answer_ = client.post(path, {"file": _file("a.csv", "\n".join(["email", right.email, f"<b>@{on.name}"]).encode())})
    page = answer_.content.decode()
    with tenancy.installation("a test looks"):
        assert Entry.objects.filter(org=org.organization.id, record__contains='"denied"').filter(record__contains="unknown_address").count() == 1, "a file that is refused is recorded"
    assert answer_.status_code == 422 and "unknown_address" in page and "&lt;b&gt;" in page and "announce-claim/\"" not in page
    whole = {"utf-16": f"email\n{right.email}\n".encode("utf-16"), "latin": f"email\nr\xf6ght@{on.name}\n".encode("latin-1"), "nul": f"email\n{right.email}\x00\n".encode(), "huge": b"email\n" + b"x" * 10_000_000,
             "no column": f"{right.email}\n{right.email}\n".encode(), "rows": b"email\n" + b"a@b.com\n" * 10_001, "quotes": b'email\n"a@b.com\n', "empty": b"email\n", "nothing": b"", "wide": b"email\n" + b"x" * 3000 + b"\n",
             "control": f"email\n{right.email}\x07\n".encode()}
    for name, data in whole.items():
        answer_ = client.post(path, {"file": _file("a.csv", data)})
        assert answer_.status_code == 422 and "There is a problem" in answer_.content.decode(), name
    with tenancy.scope(org=org.organization.id):
        assert not Claim.objects.filter(domain=on).exists()
    assert client_for(org.person("auditor")).post(path, {"file": _file("a.csv", b"email\na@b.com\n")}).status_code == 404
    assert client_for(world.contoso.person("owner")).post(f"/o/{world.contoso.slug}/domains/{on.id}/claim/", {"file": _file("a.csv", b"email\na@b.com\n")}).status_code == 404
