"""A client that somebody else wrote goes the whole way against us: Authlib, with joserfc for the statements."""
from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from django.conf import settings
from django.test import Client
from joserfc import jwt
from joserfc.jwk import KeySet
from requests.adapters import BaseAdapter

from tests.browse import client_for
from tests.cast import World
from tests.oauth.programs import BACK, SCOPES, service_for


class Wire(BaseAdapter):
    """What the client sends goes to our application, byte for byte."""

    def send(self, request: Any, *_args: Any, **_more: Any) -> requests.Response:
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items() if name.lower() not in {"content-type", "content-length"}}
        where = urlsplit(request.url)
        got = Client().generic(request.method, f"{where.path}?{where.query}", request.body or b"", request.headers.get("Content-Type", ""), **headers)
        response = requests.Response()
        response.status_code, response._content, response.url, response.request = got.status_code, got.content, request.url, request
        response.headers.update(dict(got.headers))
        return response

    def close(self) -> None:
        pass


def test_authlib_goes_the_whole_way(world: World) -> None:
    worker = world.north.person("worker")
    notes, browser = service_for(world.north, worker), client_for(worker)
    stock = OAuth2Session(notes.client.client_id, notes.secret, scope=SCOPES, redirect_uri=BACK, code_challenge_method="S256", token_endpoint_auth_method="client_secret_basic")
    stock.mount("http://", Wire())
    known = requests.Session()
    known.mount("http://", Wire())
    found = known.get(f"{settings.STEWARD_URL}/.well-known/openid-configuration").json()
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    uri, state = stock.create_authorization_url(found["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    where = urlsplit(uri)
    answer = browser.get(f"{where.path}?{where.query}").headers["Location"]
    token = stock.fetch_token(found["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier)
    keys = KeySet.import_key_set(known.get(found["jwks_uri"]).json())
    read = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    claims = CodeIDToken(read.claims, read.header, {"iss": {"value": found["issuer"]}, "aud": {"value": notes.client.client_id}}, {"nonce": nonce, "access_token": token["access_token"],
                                                                                                                                         "client_id": notes.client.client_id})
    claims.validate()
    assert stock.get(found["userinfo_endpoint"]).json()["sub"] == claims["sub"]
    old = dict(token)
    fresh = stock.refresh_token(found["token_endpoint"])
    assert fresh["access_token"] != old["access_token"]
    assert stock.introspect_token(found["introspection_endpoint"], token=fresh["access_token"]).json()["active"] is True
    assert stock.introspect_token(found["introspection_endpoint"], token=old["access_token"]).json() == {"active": False}
    assert stock.revoke_token(found["revocation_endpoint"], token=fresh["refresh_token"]).status_code == 200
    with pytest.raises(OAuthError, match="invalid_grant"):
        stock.refresh_token(found["token_endpoint"], refresh_token=fresh["refresh_token"])
    where = urlsplit(found["end_session_endpoint"])
    assert browser.get(f"{where.path}?id_token_hint={old['id_token']}&post_logout_redirect_uri={BACK}").status_code in {200, 302}
