"""The mails about succession: each step has its own words, and none speaks of another one."""
from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string

from accounts.succession import news

CONTEXT: dict[str, Any] = {
    "organization": "Northwind", "way": "successors", "cause": "silent", "how": "signed_in", "days": 90, "name": "Ida Example", "named": 2, "silent": 60, "until": "2026-12-10 09:00", "offer_until": "2026-12-17 09:00",
    "words": "", "case": "", "when": "2026-11-26 09:00", "reference": "12", "page": "https://steward.example/o/n/", "mine": "https://steward.example/o/n/succession/", "link": "https://steward.example/keep-ownership/x/"}


def written(template: str, event: str, **more: Any) -> tuple[str, str]:
    context = {**CONTEXT, "event": event.partition(".")[2], **more}
    return render_to_string(f"mail/{template}/subject.txt", context).strip(), render_to_string(f"mail/{template}/body.txt", context).strip()


@pytest.mark.parametrize(("template", "events"), [("succession-owners", news.TO_OWNERS), ("succession-person", news.TO_PERSON | {"succession.named"})])
def test_each_step_has_words_of_its_own(template: str, events: frozenset[str]) -> None:
    found = {event: written(template, event) for event in sorted(events)}
    assert len({subject for subject, _body in found.values()}) == len({body for _subject, body in found.values()}) == len(events)
    for event, (subject, body) in found.items():
        assert "Northwind" in subject and "Northwind" in body and "{" not in body and len(body.splitlines()[0]) > 50, event


def test_what_owners_read_says_how_long_and_how_to_stop_it() -> None:
    for cause, said in (("silent", "has been active for 60 days"), ("unusable", "can sign in with a second factor any more")):
        _subject, body = written("succession-owners", "succession.waiting", cause=cause)
        assert said in body and "2026-12-10 09:00 UTC" in body and "keep-ownership" in body
    _subject, body = written("succession-owners", "succession.stopped", link="")
    assert "To stop it" not in body
    _subject, body = written("succession-owners", "succession.reminded", way="operator", words="The register names her", case="letter 41")
    assert "The register names her" in body and "letter 41" in body
    assert "owner_back" not in written("succession-owners", "succession.stopped", how="owner_back")[1]


def test_the_operator_reads_no_name() -> None:
    for event in ("succession.nobody", "succession.waiting"):
        subject, body = written("succession-operator", event, id="3f0e7f3a")
        assert "3f0e7f3a" in body and "Northwind" not in subject + body and "Ida" not in body
