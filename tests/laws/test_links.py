"""Law: what a link in a mail may do, only that mail may do: no copy of its words, in the portal or in a copy of somebody's data, keeps the link."""
from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Mail
from accounts.outbox import _keep_words


def carrying(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """The addresses that somebody may open because they hold a word of it: those with a free text in them. Identifiers and slugs give nothing away."""
    for one in patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from carrying(one.url_patterns, route)
        elif ("<str:" in route or "(?P<key>" in route) and not route.startswith("mailbox/"):  # the mails of the demonstration, which leave no machine
            yield route


def filled(route: str) -> str:
    for part in ("<str:token>", "<str:word>", r"(?P<key>[-:\w]+)", r"(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)"):
        route = route.replace(part, "A7-x:y_z")
    return "https://portal.example/" + route.replace("^", "").replace("$", "")


def test_no_copy_of_a_mail_keeps_its_link() -> None:
    routes = sorted(carrying(get_resolver().url_patterns))
    assert len(routes) > 10, routes
    for route in routes:
        assert "<" not in filled(route), f"the test does not know how to fill {route}"
        mail = Mail()
        _keep_words(mail, "About your account", f"Open this: {filled(route)}\nKind regards")
        assert "A7-x" not in mail.body and "Kind regards" in mail.body, f"accounts/outbox._LINK leaves out {route}"
