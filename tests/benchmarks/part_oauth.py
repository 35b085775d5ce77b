"""What one look at a token costs among a million of them, how long a removed app takes to be cleared, and how soon a program hears that somebody is suspended."""
from __future__ import annotations

import itertools
import json
import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from django.test import Client, override_settings
from django.utils import timezone

from accounts import access, door, tenancy, tokens
from accounts.actor import Proof
from accounts.models import ApiToken, AppGrant, Installation
from portal.api import auth
from portal.powers import BY_SLUG
from tests.benchmarks import oauth_logout, oauth_rows, profile, seed
from tests.benchmarks.measure import Figure, Pace, once, slices
from tests.benchmarks.oauth_rows import Program
from tests.benchmarks.report import Goal, Part, Table
from tests.benchmarks.services import bare, run_python

_EMPTY = "an empty call of our API with a token"
_PLAIN, _CLEARED = "plain UPDATE, DELETE and INSERT", "by the act and its job"
_CLEAR = """UPDATE accounts_appgrant SET ended_at = now(), ended_why = 'uninstalled' WHERE installation_id = %(installation)s AND ended_at IS NULL;
UPDATE accounts_programsession SET ended_at = now(), ended_why = 'ended' WHERE client_id = %(client)s AND ended_at IS NULL;
DELETE FROM oauth2_provider_refreshtoken WHERE application_id = %(client)s;
DELETE FROM oauth2_provider_accesstoken WHERE application_id = %(client)s;
INSERT INTO accounts_logoutcall (id, organization_id, account_id, session_id, url, audience, subject, state, attempts, made_at, next_at, last_error)
  SELECT gen_random_uuid(), organization_id, account_id, id, 'https://bench.example/out', %(audience)s, left(md5(id::text) || md5(account_id::text), 43), 'due', 0, now(), now(), ''
  FROM accounts_programsession WHERE client_id = %(client)s"""


def run(orgs: list[seed.Org], scale: seed.Scale, folder: Path) -> Part:
    """In the big organization."""
    os.environ["STEWARD_OUTBOUND_ALLOW"] = "127.0.0.0/8"  # for the worker, whose program listens here
    org = orgs[0]
    many, grants = (1_000_000, 100_000) if scale.name == "full" else (100_000, 10_000)
    oauth_rows.forget(org)
    looks = _looks(org, many, scale, folder)
    oauth_rows.forget(org)
    cleared = _cleared(org, grants, folder)
    oauth_rows.forget(org)
    waits = oauth_logout.measure(org)
    few, all_ = cleared[grants // 10], cleared[grants]
    named = ("introspection, a service", "introspection, an app")
    ratio = all_["whole"] / all_["plain"]
    return Part(
        name="oauth", tables=[Table(f"Introspection among {many:,} access tokens, relative to an empty call of our API", _EMPTY, list(looks.values())),
                              Table(f"Removing an app with {grants:,} consents, relative to plain SQL", _PLAIN, _figures(cleared, grants))],
        goals=[*(Goal(f"{name} against an empty call", looks[name].ratio, 1.5) for name in named), Goal("removing an app against plain SQL", ratio, 10.0),
               Goal(f"removing: time for each of {grants:,} against each of {grants // 10:,}", all_["whole"] / few["whole"] / 10, 1.3),
               Goal(f"removing: memory at {grants:,} against {grants // 10:,}", all_["peak"] / few["peak"], 1.2),
               Goal("seconds from a suspension to the program that hears of it, p95", waits.percentile(95) / 1000, 5.0)],
        facts={f"{grants:,} consents": f"{all_['act']:.2f} s for the act, {all_['seconds']:.1f} s for the job, peak memory of the worker {all_['peak'] / 1024:.0f} MB; plain SQL {all_['plain']:.1f} s",
               f"{grants // 10:,} consents": f"{few['act']:.2f} s for the act, {few['seconds']:.1f} s for the job, peak memory of the worker {few['peak'] / 1024:.0f} MB; plain SQL {few['plain']:.1f} s",
               f"{oauth_logout.SUSPENSIONS} suspensions, seconds until the program hears": f"p50 {waits.percentile(50) / 1000:.2f}, p95 {waits.percentile(95) / 1000:.2f}, slowest {max(waits.calls) / 1000:.2f}"})


def _looks(org: seed.Org, many: int, scale: seed.Scale, folder: Path) -> dict[str, Figure]:
    """Each look is at another token, as programs have them."""
    programs = {"introspection, a service": oauth_rows.service(org), "introspection, an app": oauth_rows.app(org)}
    for program in programs.values():
        oauth_rows.fill(org, program, many // 2)
    auth.LIMITS.update(dict.fromkeys(auth.LIMITS, 10**9))
    with override_settings(ROOT_URLCONF="tests.benchmarks.empty_api"):
        variants = {_EMPTY: _call(org), **{name: _look(program, many // 2) for name, program in programs.items()}}
        figures = slices(variants, baseline=_EMPTY, pace=Pace(scale.rounds, scale.seconds))
        for name, variant in variants.items():
            found = profile.write(variant, folder / f"oauth_{name.rpartition(' ')[2]}_profile.txt", title=name, scope=lambda: tenancy.installation("the benchmarks look"))
            print(f"        {name}: {figures[name].ratio:.2f}, {len(found)} statements", flush=True)
    return figures


def _call(org: seed.Org) -> Callable[[], None]:
    prefix, secret, digest = tokens.mint()

    def write() -> None:
        found = access.standing(account_id=seed.account_of(org.first), organization_id=org.id)
        assert found is not None
        now = timezone.now()
        ApiToken.objects.create(id=uuid.uuid4(), organization_id=org.id, account_id=found.account_id, membership_id=found.membership_id, label="Bench", prefix=prefix, secret_hash=digest, scopes=["view_people"],
                                auth_epoch=found.auth_epoch, access_epoch=found.access_epoch, created_at=now, expires_at=now + timedelta(days=1))

    oauth_rows.act(org, write)
    client = Client(SERVER_NAME="localhost")

    def call() -> None:
        answer = client.get(f"/api/v1/orgs/{org.slug}/empty/", HTTP_AUTHORIZATION=f"Bearer {secret}")
        if answer.status_code != 200:
            raise SystemExit(f"bench: the empty call answered {answer.status_code}")

    return call


def _look(program: Program, many: int) -> Callable[[], None]:
    client, turn = Client(SERVER_NAME="localhost"), itertools.count()

    def look() -> None:
        token = program.token(next(turn) * 7919 % many)
        answer = client.post("/oauth/introspect/", urlencode({"token": token}), content_type="application/x-www-form-urlencoded", HTTP_AUTHORIZATION=program.basic)
        if not answer.json().get("active"):
            raise SystemExit(f"bench: a token is not active: {answer.content[:200]!r}")

    return look


def _cleared(org: seed.Org, grants: int, folder: Path) -> dict[int, dict[str, float]]:
    """A tenth first, to see whether time or memory grow with what there is; by plain SQL, which is taken back, and then by the product."""
    found: dict[int, dict[str, float]] = {}
    for many in (grants // 10, grants):
        program = oauth_rows.app(org)
        oauth_rows.fill(org, program, many, active=False)
        plain = _by_sql(program)
        act = once(lambda program=program: _removed(org, program))  # type: ignore[misc]
        worker = json.loads(run_python("-m", "tests.benchmarks.oauth_worker").splitlines()[-1])
        _over(program, many)
        print(f"        {many:,} consents: plain SQL {plain:.1f} s, the act {act:.2f} s, the job {worker['seconds']:.1f} s, {worker['peak'] / 1024:.0f} MB", flush=True)
        found[many] = {**worker, "plain": plain, "act": act, "whole": act + worker["seconds"]}
    return found


def _by_sql(program: Program) -> float:
    """The same rows, without triggers, in one transaction that is taken back."""
    given = {"installation": program.client.installation_id, "client": program.client.id, "audience": program.client.client_id}
    with bare() as plain:
        plain.execute("BEGIN")
        seconds = once(lambda: [plain.execute(one, given) for one in _CLEAR.split(";\n")])
        plain.execute("ROLLBACK")
        oauth_rows.vacuum(plain)
    return seconds


def _removed(org: seed.Org, program: Program) -> None:
    with tenancy.scope(org=org.id):
        now = timezone.now()
        actor = access.actor_for(account_id=seed.account_of(org.first), organization_id=org.id, proof=Proof(method="totp", at=now))
        slug = Installation.objects.values_list("app__slug", flat=True).get(id=program.client.installation_id)
        door.perform(power=BY_SLUG["uninstall-app"], actor=actor, ids=[], data={"app": slug}, now=now)


def _over(program: Program, many: int) -> None:
    with tenancy.installation("the benchmarks look"):
        grants = AppGrant.objects.filter(installation_id=program.client.installation_id)
        if grants.exclude(ended_at=None).count() != many or grants.filter(ended_at=None).exists():
            raise SystemExit("bench: not everything of the app was cleared")


def _figures(cleared: dict[int, dict[str, float]], grants: int) -> list[Figure]:
    plain, whole = cleared[grants]["plain"], cleared[grants]["whole"]
    return [Figure(_PLAIN, [1.0], [plain * 1000]), Figure(_CLEARED, [whole / plain], [whole * 1000])]
