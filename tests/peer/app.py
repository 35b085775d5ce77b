"""Notes as a WSGI application, and the server that runs it."""
from __future__ import annotations

import hmac
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tests.peer import asked, inbound, pages, store
from tests.peer.config import Config
from tests.peer.steward import Steward, Untrue
from tests.peer.store import HOURS, Store, digest

LARGEST = 256 * 1024
_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 303: "See Other", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
            409: "Conflict", 413: "Content Too Large", 422: "Unprocessable Content", 500: "Internal Server Error", 503: "Service Unavailable"}
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


class Halt(Exception):
    """The answer is known, and nothing else happens."""

    def __init__(self, status: int, title: str, words: str) -> None:
        self.status, self.title, self.words = status, title, words
        super().__init__(title)


class Request:
    """What came: method, path, headers, form and cookies; and what goes back with the answer."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.method, self.path = environ["REQUEST_METHOD"], environ.get("PATH_INFO") or "/"
        self.headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
        self.query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > LARGEST:
            raise Halt(413, "Too much at once", "That is more than Notes takes.")
        self.body: bytes = environ["wsgi.input"].read(int(length)) if int(length) else b""
        try:
            self.cookies = {name: one.value for name, one in SimpleCookie(self.headers.get("cookie", "")).items()}
        except CookieError:
            self.cookies = {}
        self.out: list[tuple[str, str]] = []

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}

    def keep(self, name: str, value: str, seconds: float) -> None:
        """A cookie that no script reads and no other site's form sends."""
        self.out.append(("Set-Cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={int(seconds)}"))


Answer = tuple[int, str, bytes]


class Notes:
    def __init__(self, config: Config) -> None:
        self.config, self.steward, self.store = config, Steward(config), Store(config.store)
        with self.store.open() as db:
            db.execute("INSERT OR IGNORE INTO kept VALUES ('authorization', ?)", (f"Bearer {secrets.token_urlsafe(32)}",))
            self.authorization = str(db.execute("SELECT value FROM kept WHERE name = 'authorization'").fetchone()[0])

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        out: list[tuple[str, str]] = []
        try:
            request = Request(environ)
            out = request.out
            if request.headers.get("host") != urlsplit(self.config.address).netloc:
                raise Halt(400, "Another address", f"Notes is at {self.config.address}")
            status, kind, body = self.answer(request)
        except Halt as halt:
            status, kind, body = halt.status, "text/html; charset=utf-8", pages.page(halt.title, pages.message(halt.title, halt.words), organization=self.config.organization)
        start(f"{status} {_REASONS[status]}", [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"), ("Content-Security-Policy", _POLICY),
                                               ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), *out])
        return [body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def answer(self, request: Request) -> Answer:
        found = {"/": self.home, "/heard": self.heard, "/sign-in": self.sign_in, "/back": self.back, "/notes.css": self.css, "/icon.svg": self.icon,
                 "/sign-out": self.sign_out, "/notes": self.write, "/logout": self.told, "/webhooks": self.told, "/events": self.told, "/requests": self.told}.get(request.path)
        posts = request.path in {"/sign-out", "/notes", "/logout", "/webhooks", "/events", "/requests"}
        if found is None and request.path.startswith("/notes/") and request.path.endswith("/delete"):
            found, posts = self.delete, True
        if found is None:
            raise Halt(404, "There is nothing here", "The address is wrong, or what was here is gone.")
        if (request.method == "POST") != posts or request.method not in {"GET", "HEAD", "POST"}:
            raise Halt(405, "That does not work here", "The address takes no such request.")
        return found(request)

    # What Steward says

    def told(self, request: Request) -> Answer:
        try:
            if request.path == "/requests":
                status, body, headers = asked.take(self.steward, self.store, request.headers, request.body)
                request.out.extend(headers.items())
                return status, "application/json", body
            if request.path == "/logout":
                status, said = inbound.logout(self.steward, self.store, request.body)
            elif request.path == "/webhooks":
                status, said = inbound.webhook(self.config.webhook_secret, self.store, request.headers, request.body)
            else:
                status, said = inbound.event(self.steward, self.store, self.authorization, request.headers, request.body)
        except (OSError, ValueError):
            status, said = 503, {"error": "keys_not_reached"}  # it is sent again
        return status, "application/json", json.dumps(said).encode() if said else b""

    # Pages

    def page(self, title: str, main: str, *, here: str = "", session: Any = None) -> Answer:
        return 200, "text/html; charset=utf-8", pages.page(title, main, organization=self.config.organization, here=here, who=session, csrf=session["csrf"] if session else "")

    def session(self, request: Request, *, writes: bool = False) -> Any:
        """Who is signed in, or None; for something that changes, with the word that only our own forms have."""
        with self.store.open() as db:
            found = db.execute("SELECT s.*, p.name, p.access, p.restricted FROM session s JOIN person p USING (sub) WHERE s.key = ? AND s.until > ?",
                               (digest(request.cookies.get("notes", "")), time.time())).fetchone()
        if writes and found is None:
            raise Halt(403, "You are not signed in any more", "Nothing was changed. Sign in and try again.")
        if writes and not hmac.compare_digest(found["csrf"].encode(), request.form.get("csrf", "").encode()):
            raise Halt(403, "That came from elsewhere", "Nothing was changed. Go to Notes and try again.")
        return found

    def writer(self, request: Request) -> Any:
        session = self.session(request, writes=True)
        if session["restricted"] or session["access"] != "full":
            raise Halt(403, "Your notes cannot be changed now", "Nothing was changed.")
        return session

    def home(self, request: Request) -> Answer:
        session = self.session(request)
        if session is None:
            return self.page("Sign in", pages.welcome(self.config.organization), here="/")
        return self.notes(session)

    def notes(self, session: Any, *, text: str = "", problem: str = "") -> Answer:
        if session["restricted"]:
            return self.page("Your notes are kept and not used", pages.RESTRICTED, here="/", session=session)
        with self.store.open() as db:
            rows = db.execute("SELECT id, text, at FROM note WHERE sub = ? ORDER BY id DESC", (session["sub"],)).fetchall()
        main = pages.notes(rows, csrf=session["csrf"], writes=session["access"] == "full", text=text, problem=problem)
        status, kind, body = self.page(("Error: " if problem else "") + "Your notes", main, here="/", session=session)
        return (422 if problem else status), kind, body

    def write(self, request: Request) -> Answer:
        session, text = self.writer(request), request.form.get("text", "").replace("\r\n", "\n").strip()
        if not text or len(text) > pages.LONGEST:
            return self.notes(session, text=text, problem="Write something first." if not text else f"A note has at most {pages.LONGEST} signs; this one has {len(text)}.")
        with self.store.open() as db:
            db.execute("INSERT INTO note (sub, text, at) VALUES (?, ?, ?)", (session["sub"], text, time.time()))
        return self.go(request, "/")

    def delete(self, request: Request) -> Answer:
        session, number = self.writer(request), request.path.split("/")[2]
        with self.store.open() as db:
            db.execute("DELETE FROM note WHERE id = ? AND sub = ?", (number, session["sub"]))
        return self.go(request, "/")

    def heard(self, request: Request) -> Answer:
        with self.store.open() as db:
            rows = db.execute("SELECT * FROM heard ORDER BY id DESC LIMIT 100").fetchall()
        return self.page("What Notes heard", pages.heard(rows), here="/heard", session=self.session(request))

    def css(self, _request: Request) -> Answer:
        return 200, "text/css; charset=utf-8", pages.CSS.encode()

    def icon(self, _request: Request) -> Answer:
        return 200, "image/svg+xml", pages.ICON.encode()

    def go(self, request: Request, where: str) -> Answer:
        request.out.append(("Location", where))
        return 303, "text/plain", b""

    # Signing in and out

    def sign_in(self, request: Request) -> Answer:
        try:
            where, state, verifier, nonce = self.steward.leave()
        except (OSError, ValueError, Untrue) as error:
            raise Halt(503, "Steward cannot be reached", "Nobody can sign in just now. Wait a moment and try again.") from error
        browser = secrets.token_urlsafe(24)
        with self.store.open() as db:
            db.execute("INSERT INTO leaving VALUES (?, ?, ?, ?, ?)", (state, digest(browser), verifier, nonce, time.time()))
        request.keep("notes-leaving", browser, 600)
        return self.go(request, where)

    def back(self, request: Request) -> Answer:
        """Somebody comes back. Only the browser that left may, once, within ten minutes, from this issuer (RFC 9207) and with a code."""
        with self.store.open() as db:
            left = db.execute("DELETE FROM leaving WHERE state = ? AND browser = ? AND at > ? RETURNING verifier, nonce",
                              (request.query.get("state", ""), digest(request.cookies.get("notes-leaving", "")), time.time() - 600)).fetchone()
        if left is None or request.query.get("iss") != self.config.issuer:
            raise Halt(403, "Signing in did not work", "It took too long, or it began in another browser. Go to Notes and sign in again.")
        if request.query.get("error") == "access_denied":
            raise Halt(403, "You were not let in", f"{self.config.organization} does not let you use Notes now. Your page at Steward says why.")
        try:
            who = self.steward.who(request.query.get("code", ""), left["verifier"], left["nonce"])
        except (OSError, ValueError, KeyError, Untrue) as error:
            raise Halt(403, "Signing in did not work", "Steward did not confirm who you are. Go to Notes and sign in again.") from error
        key, now = secrets.token_urlsafe(32), time.time()
        with self.store.open() as db:
            db.execute("DELETE FROM erased WHERE who = ?", (digest(who["sub"]),))
            db.execute("INSERT INTO person VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT (sub) DO UPDATE SET name = excluded.name, email = excluded.email, access = excluded.access",
                       (who["sub"], str(who.get("name") or "You"), str(who.get("email") or ""), str(who.get("access") or "read_only"), now))
            db.execute("DELETE FROM session WHERE key = ?", (digest(request.cookies.get("notes", "")),))
            db.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", (digest(key), who["sub"], str(who["sid"]), secrets.token_urlsafe(24), now + HOURS))
            store.hear(db, "Sign-in", "Somebody signed in with their account", "Welcomed")
        request.keep("notes", key, HOURS)
        request.keep("notes-leaving", "", 0)
        return self.go(request, "/")

    def sign_out(self, request: Request) -> Answer:
        session = self.session(request, writes=True)
        with self.store.open() as db:
            db.execute("DELETE FROM session WHERE key = ?", (session["key"],))
        request.keep("notes", "", 0)
        return self.page("You are signed out", pages.message(
            "You are signed out", f"You are signed out of Notes. At {self.config.organization} you are still signed in.", link='<a class="button" href="/sign-in">Sign in again</a>'))


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


class _Lines(WSGIRequestHandler):
    timeout = 30

    def log_request(self, code: object = "-", _size: object = "-") -> None:
        """Method, path and status; a query may hold a code, so it stays out."""
        print(self.requestline.partition(" ")[0], self.path.partition("?")[0], code, file=sys.stderr, flush=True)

    def log_message(self, form: str, *values: Any) -> None:
        print("a request that none is", file=sys.stderr, flush=True)

    def address_string(self) -> str:
        return str(self.client_address[0])


def serve(config: Config) -> None:
    """Run until the process ends."""
    notes = Notes(config)
    host, port = config.place
    server = make_server(host, port, notes, server_class=_Server, handler_class=_Lines)
    asked.Worker(notes.steward, notes.store, notes.authorization).start()
    server.serve_forever(poll_interval=5)
