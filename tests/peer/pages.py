"""The pages of Notes: a few, without scripts, readable at any width."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

CSS = """
:root { color-scheme: light dark; --paper: light-dark(#fbfaf5, #1c1b17); --card: light-dark(#fff, #26241f); --ink: light-dark(#2a2618, #f0ecdf); --soft: light-dark(#625b45, #bdb59c);
  --line: light-dark(#e2dcc8, #46412f); --edge: light-dark(#857b58, #948a68); --green: light-dark(#1c6144, #7fd0a9); --fill: light-dark(#1c6144, #1f6b4b); --bad: light-dark(#a3261b, #ff9d91) }
*, *::before, *::after { box-sizing: border-box }
body, h1, h2, p, ul, ol { margin: 0; padding: 0 }
body { font: 400 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: var(--ink); background: var(--paper); min-block-size: 100dvh }
header, main, footer { max-inline-size: 44rem; margin-inline: auto; padding: 1rem 1.25rem }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.25rem; border-block-end: 1px solid var(--line) }
header form { margin-inline-start: auto; display: flex; flex-wrap: wrap; align-items: center; gap: .75rem }
main { display: grid; gap: 1.25rem; padding-block: 2rem }
main > * { min-inline-size: 0 }
footer { color: var(--soft); font-size: .875rem; border-block-start: 1px solid var(--line) }
.brand { font-weight: 700; font-size: 1.125rem; text-decoration: none; color: var(--ink) }
a { color: var(--green); text-underline-offset: .2em }
[aria-current] { color: var(--ink); text-decoration: none; font-weight: 600 }
h1 { font-size: 1.625rem; line-height: 1.25; letter-spacing: -.01em }
h2 { font-size: 1.0625rem }
ul, ol { list-style: none; display: grid; gap: .75rem }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.125rem; display: grid; gap: .5rem }
.card > * { min-inline-size: 0 }
.text { white-space: pre-wrap; overflow-wrap: anywhere }
.soft { color: var(--soft); font-size: .875rem }
.row { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1rem }
label { font-weight: 600 }
textarea { inline-size: 100%; min-block-size: 6rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--edge); border-radius: 8px; padding: .5rem .625rem; resize: vertical }
[aria-invalid=true] { border-color: var(--bad) }
.bad { color: var(--bad); font-weight: 600 }
.button { font: inherit; font-weight: 600; min-block-size: 2.5rem; padding: .4375rem 1rem; border: 1px solid var(--fill); border-radius: 8px; background: var(--fill); color: #fff; text-decoration: none; cursor: pointer;
  justify-self: start; display: inline-block }
.plain { background: transparent; color: var(--ink); border-color: var(--edge); font-weight: 500 }
:focus-visible { outline: 3px solid var(--green); outline-offset: 2px }
.skip { position: absolute; inset-inline-start: 1rem; inset-block-start: -5rem; background: var(--fill); color: #fff; padding: .5rem 1rem; border-radius: 8px }
.skip:focus { inset-block-start: .5rem }
code { font: .9em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere }
"""
ICON = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1c6144"/>'
        '<path d="M9 10h14M9 16h14M9 22h8" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round"/></svg>')
LONGEST = 4000


def page(title: str, main: str, *, organization: str, here: str = "", who: Mapping[str, Any] | None = None, csrf: str = "") -> bytes:
    """A whole page. `who` is signed in."""
    links = "".join(f'<a href="{path}"{" aria-current=page" if path == here else ""}>{words}</a>' for path, words in (("/", "Your notes"), ("/heard", "What Notes heard")))
    leave = f'<form method="post" action="/sign-out">{_token(csrf)}<span class="soft">{escape(who["name"])}</span><button class="button plain">Sign out</button></form>' if who is not None else ""
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)} · Notes</title>'
            f'<link rel="stylesheet" href="/notes.css"><link rel="icon" href="/icon.svg"></head><body><a class="skip" href="#main">Go to the content</a>'
            f'<header><a class="brand" href="/">Notes</a><nav aria-label="Pages" class="row">{links}</nav>{leave}</header><main id="main">{main}</main>'
            f"<footer><p>A service of {escape(organization)}. It runs by itself, beside Steward, and knows people only by an identifier that no other service gets.</p></footer></body></html>").encode()


def _token(csrf: str) -> str:
    return f'<input type="hidden" name="csrf" value="{escape(csrf)}">'


def welcome(organization: str) -> str:
    return (f"<h1>Keep a note</h1><p>Notes keeps what you write for you alone. You sign in with your account at {escape(organization)}.</p>"
            f'<p><a class="button" href="/sign-in">Sign in with {escape(organization)}</a></p>')


def notes(rows: Iterable[Mapping[str, Any]], *, csrf: str, writes: bool, text: str = "", problem: str = "") -> str:
    """The notes of whoever is signed in, newest first, and the form for another."""
    wrong = ' aria-invalid="true" aria-describedby="problem"' if problem else ""
    said = f'<p class="bad" id="problem" role="alert">{problem}</p>' if problem else ""
    form = (f'<form class="card" method="post" action="/notes">{_token(csrf)}<label for="text">Write a note</label>{said}'
            f'<textarea id="text" name="text" rows="4"{wrong}>\n{escape(text)}</textarea><button class="button">Keep it</button></form>') if writes else \
        '<p class="card">You can read your notes and not change them: your organization gives you read access to Notes.</p>'
    found = "".join(
        f'<li class="card"><p class="text">{escape(row["text"])}</p><div class="row"><span class="soft">Written {moment(row["at"])}</span>'
        + (f'<form method="post" action="/notes/{row["id"]}/delete">{_token(csrf)}<button class="button plain" aria-label="Delete the note written {when(row["at"])}">Delete</button></form>' if writes else "")
        + "</div></li>" for row in rows)
    return f"<h1>Your notes</h1>{form}" + (f"<ul>{found}</ul>" if found else '<p class="soft">You have no notes yet.</p>')


RESTRICTED = ("<h1>Your notes are kept and not used</h1><p>You or your organization asked Notes to use nothing about you for now. Your notes are all there. "
              "Until that ends they can be neither read nor changed here.</p>")


def heard(rows: Iterable[Mapping[str, Any]]) -> str:
    """What Steward told Notes, and what Notes did, newest first."""
    found = "".join(f'<li class="card"><div class="row"><h2>{escape(row["how"])}</h2><span class="soft">{moment(row["at"])}</span></div><p>{_what(row["what"])}</p><p class="soft">{escape(row["did"])}.</p></li>' for row in rows)
    return ("<h1>What Notes heard</h1><p>Steward tells Notes what concerns people who use it, and Notes does what follows. Here is what came in the last 30 days, and what Notes did. It does not say about whom.</p>"
            + (f"<ol>{found}</ol>" if found else '<p class="soft">Nothing yet. Suspend somebody at Steward, or ask there for a copy of your data, and look again.</p>'))


def _what(text: str) -> str:
    return escape(text) if " " in text or text.istitle() else f"<code>{escape(text)}</code>"


def message(title: str, words: str, *, link: str = '<a class="button" href="/">Go to Notes</a>') -> str:
    return f"<h1>{escape(title)}</h1><p>{escape(words)}</p><p>{link}</p>"


def when(at: float) -> str:
    """A moment, in words."""
    found = datetime.fromtimestamp(at, UTC)
    return f"{found.day} {found:%B %Y, %H:%M:%S} UTC"


def moment(at: float) -> str:
    return f'<time datetime="{datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")}">{when(at)}</time>'
