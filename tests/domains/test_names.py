"""What may be a domain of an organization."""
from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts.domains import names
from tests.browse import client_for
from tests.cast import World
from tests.situations import arrange, domain_for


@pytest.mark.parametrize(("typed", "kept"), [
    ("example.com", "example.com"), (" Example.COM. ", "example.com"), ("Bücher.de", "xn--bcher-kva.de"), ("xn--bcher-kva.de", "xn--bcher-kva.de"), ("BÜCHER.de", "xn--bcher-kva.de"),
    ("mail.example.co.uk", "mail.example.co.uk"), ("ｅｘａｍｐｌｅ.com", "example.com"), ("例え.jp", "xn--r8jz45g.jp"), ("faß.de", "xn--fa-hia.de")])
def test_a_domain_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert names.clean(typed) == kept
    assert names.clean(names.shown(kept)) == kept


@pytest.mark.parametrize(("typed", "code"), [
    ("", "invalid_domain"), ("com", "invalid_domain"), ("a@example.com", "invalid_domain"), ("https://example.com/", "invalid_domain"), ("example .com", "invalid_domain"), ("exa\u200bmple.com", "invalid_domain"),
    ("-a.com", "invalid_domain"), ("a..com", "invalid_domain"), ("192.168.0.1", "invalid_domain"), ("x" * 64 + ".com", "invalid_domain"), (".".join(["x" * 60] * 5) + ".com", "invalid_domain"), ("a" * 10_000, "invalid_domain"),
    ("co.uk", "public_suffix"), ("github.io", "public_suffix"), ("xn--p1ai", "invalid_domain"), ("gmail.com", "free_mail"), ("Web.DE", "free_mail"), ("team.gmail.com", "free_mail"),
    ("corp.local", "reserved_domain"), ("north.example", "reserved_domain"), ("exаmple.com", "mixed_script"), ("gооgle.com", "mixed_script"), ("under_score.com", "invalid_domain"),
    ("exam\u00adple.com", "invalid_domain"), ("example\u202e.com", "invalid_domain"), ("xn--exmple-4nf.com", "mixed_script"), ("p\u0430ypal.com", "mixed_script"), ("\u0261oogle\u03bf.com", "mixed_script"),
    ("xn--a.com", "invalid_domain"), ("xn--\u0430.com", "invalid_domain"), ("example.com\x00", "invalid_domain")])
def test_what_cannot_be_one_is_refused_in_words(typed: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        names.clean(typed)
    assert refused.value.code == code
    assert refused.value.messages[0].endswith(".")


def test_the_most_specific_domain_comes_first() -> None:
    assert names.above("a@x.y.example.com") == ["x.y.example.com", "y.example.com", "example.com"]


def test_a_whole_name_in_look_alikes_is_shown_with_its_letters(world: World) -> None:
    """One that mixes nothing may be somebody's: whoever sees it sees what it is written with, too."""
    name = names.clean("\u0441\u043e\u0440\u0435.com")
    assert name == "xn--e1argc.com"
    arrange(lambda: domain_for(world.north, name))
    page = client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/domains/").content.decode()
    assert name in page and names.shown(name) in page
