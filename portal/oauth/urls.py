"""The addresses of the provider."""
from django.urls import path

from portal.oauth import authorize, device, discovery, logout, token

urlpatterns = [
    path(".well-known/openid-configuration", discovery.configuration, name="openid-configuration"),
    path(".well-known/oauth-authorization-server", discovery.configuration, name="oauth-configuration"),
    path("oauth/authorize/", authorize.authorize, name="oauth-authorize"),
    path("oauth/token/", token.token, name="oauth-token"),
    path("oauth/introspect/", token.introspect, name="oauth-introspect"),
    path("oauth/revoke/", token.revoke, name="oauth-revoke"),
    path("oauth/userinfo/", token.userinfo, name="oauth-userinfo"),
    path("oauth/keys/", discovery.jwks, name="oauth-keys"),
    path("oauth/device/begin/", device.begin, name="oauth-device-begin"),
    path("oauth/device/", device.page, name="oauth-device"),
    path("oauth/logout/", logout.logout, name="oauth-logout"),
]
