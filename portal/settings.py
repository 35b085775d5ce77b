"""Settings. Everything that differs between installations comes from the environment; docs/operating.md lists it."""
from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from portal import env
from portal.settings_signin import *  # noqa: F403  (one place for what django-allauth reads)

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("STEWARD_DATA") or BASE_DIR / "data").resolve()
EMBEDDED = not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))
DEMO = env.flag("STEWARD_DEMO", default=EMBEDDED)
DEBUG = False

SECRET_KEY = env.secret_key(data=DATA, embedded=EMBEDDED)
AUDIT_KEY = env.derived_key(SECRET_KEY, "audit")
RECEIPT_KEY = env.derived_key(SECRET_KEY, "audit receipts")
OUTBOX_KEY = env.derived_key(SECRET_KEY, "outbox")
COMMUNICATIONS_KEY = env.derived_key(SECRET_KEY, "communications")

STEWARD_URL = env.address("STEWARD_URL", default="http://localhost:8000")
_url = urlsplit(STEWARD_URL)
SECURE = _url.scheme == "https"
ALLOWED_HOSTS = [_url.hostname, "localhost", "127.0.0.1", "[::1]"] if not SECURE else [_url.hostname]
CSRF_TRUSTED_ORIGINS = [STEWARD_URL]

INSTALLED_APPS = [
    "audit", "accounts", "dsar", "portal",
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
    "django.contrib.staticfiles", "django.contrib.postgres",
    "guardian", "django_rq", "rest_framework", "allauth", "allauth.account", "allauth.mfa",
    "oauth2_provider", "django_htmx", "csp",
]
MIDDLEWARE = [
    "portal.probes.Probes",
    "portal.middleware.RequestContext",
    "portal.observed.Observed",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.quarantine.Quarantine",
    "portal.middleware.Scope",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.middleware.BodyLimit",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "portal.middleware.Access",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.middleware.Answers",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [BASE_DIR / "templates"],
    "APP_DIRS": True,
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
            "portal.shell.shell",
        ],
        "builtins": ["portal.templatetags.steward"],
    },
}]

DATABASES = env.databases(data=DATA, secret=SECRET_KEY)
REDIS_URL = env.redis_url(os.environ.get("REDIS_URL") or env.running_services(DATA).get("redis") or "unix:///nonexistent")
CACHES = {"default": {"BACKEND": "portal.caching.Cache", "LOCATION": REDIS_URL,
                      "KEY_PREFIX": os.environ.get("STEWARD_REDIS_PREFIX", "steward"),
                      "OPTIONS": {"socket_timeout": 3, "socket_connect_timeout": 3}}}
RQ_QUEUES = {"default": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 600, "SERIALIZER": "json"}}
RQ = {"COMMIT_MODE": "on_db_commit"}

AUTH_USER_MODEL = "accounts.Account"
OAUTH2_PROVIDER = {  # RFC 9700: what is unsafe stays off from the first day that apps can be connected
    **{f"COMPLIANT_BCP_RFC9700_{rule}": True for rule in (
        "IMPLICIT_GRANT", "PASSWORD_GRANT", "PKCE_METHOD", "ACCESS_TOKEN_TRANSPORT", "AUTHZ_RESPONSE_ISS", "TOKEN_STORAGE", "REFRESH_TOKEN", "REDIRECT_URI_SCHEME")},
    "REFRESH_TOKEN_REUSE_PROTECTION": True, "ALLOWED_REDIRECT_URI_SCHEMES": ["https"], "PKCE_REQUIRED": True, "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
    "OIDC_ENABLED": True, "OIDC_ISS_ENDPOINT": STEWARD_URL, "OAUTH2_VALIDATOR_CLASS": "accounts.oauth.validator.Validator", "SCOPES": {"openid": ""},
    "ACCESS_TOKEN_GENERATOR": "accounts.oauth.sessions.access_token", "REFRESH_TOKEN_GENERATOR": "accounts.oauth.sessions.refresh_token",
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60, "ACCESS_TOKEN_EXPIRE_SECONDS": 600, "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 24 * 3600,
}
OAUTH2_PROVIDER_APPLICATION_MODEL = "accounts.OAuthApplication"
ANONYMOUS_USER_NAME = None
AUTHENTICATION_BACKENDS = ["portal.signin.adapters.AddressBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ("email", "name")}},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 60 * 60

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "__Host-steward" if SECURE else "steward"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_NAME = "__Host-steward-csrf" if SECURE else "steward-csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "portal.views.errors.csrf_failure"
SECURE_SSL_REDIRECT = SECURE
BEHIND_PROXY = env.flag("STEWARD_BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {
    "default-src": [NONE], "style-src": [SELF], "script-src": [SELF], "img-src": [SELF], "font-src": [SELF],
    "connect-src": [SELF], "form-action": [SELF], "manifest-src": [SELF], "frame-ancestors": [NONE], "base-uri": [NONE],
}}
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(os.environ.get("STEWARD_STATIC") or DATA / "static")
_FINDERS = EMBEDDED or env.flag("STEWARD_EMBEDDED_STATIC")  # serve static files where they lie, without collecting them
WHITENOISE_USE_FINDERS = _FINDERS
if _FINDERS:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if _FINDERS
                    else "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

MAILBOX = DATA / "mailbox"
EMAIL_BACKEND = "portal.mailbox.Backend" if DEMO else "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST_GIVEN = bool(os.environ.get("EMAIL_HOST", "").strip())
EMAIL_HOST = env.mail_host("EMAIL_HOST")
EMAIL_PORT = env.number("EMAIL_PORT", default=25, least=1, most=65535)
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.sender("EMAIL_FROM", default="Steward <steward@localhost>")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [], "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
SIGNER_DIR = os.environ.get("STEWARD_SIGNER_DIR") or str(DATA / "signer")
WITNESSES = env.witnesses("STEWARD_WITNESSES")
TIMESTAMP_URL = env.web_address("STEWARD_TIMESTAMP_URL")
SEAT_COUNTRY = os.environ.get("STEWARD_COUNTRY", "").strip().upper()
BACKUP_DAYS = env.number("STEWARD_BACKUP_DAYS", default=30, least=0, most=3650)  # how long backups are kept: so long somebody who was deleted may still be in one
KEYS_BACKUP_DAYS = env.number("STEWARD_KEYS_BACKUP_DAYS", default=7, least=0, most=90)  # backups of the keys end sooner: an erasure is final when the last copy of the key is gone
BACKUPS = os.environ.get("STEWARD_BACKUPS", "").strip()  # the folder of `manage.py backup`; '' where backups are made otherwise
BACKUP_KEY = env.backup_key("STEWARD_BACKUP_KEY", otherwise=env.derived_key(SECRET_KEY, "backups"))
PG_BIN = env.programs("STEWARD_PG_BIN")
BACKUP_HORIZON = "dsar.backups.register.horizon" if BACKUPS else "dsar.horizon.by_age"
"""Until when a backup may exist that was made before a moment: by the register of backups where there is one, else by how long they are kept."""
LEDGER = Path(os.environ.get("STEWARD_LEDGER") or DATA / "ledger")
"""The folder of the file that outlives the database: what was erased, restricted, suspended or revoked stays so when a backup is restored."""
LEDGER_LINE = "dsar.ledger.line"
LEGAL_NUMBERS = os.environ.get("STEWARD_LEGAL_NUMBERS", "").strip() or str(BASE_DIR / "dsar" / "clock" / "regimes.toml")
ADEQUACY = os.environ.get("STEWARD_ADEQUACY", "").strip()  # a file of the shape of dsar/registers/adequacy.toml that takes its place
RETENTION_FLOORS = os.environ.get("STEWARD_RETENTION_FLOORS", "").strip() or str(BASE_DIR / "dsar" / "retention" / "floors.toml")
OUTBOUND_ALLOW = env.networks("STEWARD_OUTBOUND_ALLOW")  # networks that are not public and may be asked nevertheless
DEMO_NOTES = env.servers("STEWARD_DEMO_NOTES", port=0) if DEMO else []  # where the demo's service listens on this machine: this one address and port may be asked too; `make run` sets it
STREAM_FILES = env.folder("STEWARD_STREAM_FILES")  # where log streams of the kind "file" write; empty: nowhere
DNS_RESOLVERS = env.servers("STEWARD_DNS_RESOLVERS", port=53)  # who is asked for the proof of a domain; [] asks the machine's own
AUDIT_SUBSCRIBERS = ["accounts.mail.SUBSCRIBER", "accounts.notices.SUBSCRIBER", "accounts.audit_alarms.SUBSCRIBER", "accounts.domains.news.SUBSCRIBER", "accounts.brake_news.SUBSCRIBER",
                     "accounts.succession.news.SUBSCRIBER", "accounts.deletion_news.SUBSCRIBER", "accounts.organizations.news.SUBSCRIBER",
                     "accounts.emails.news.SUBSCRIBER", "accounts.schedules.news.SUBSCRIBER", "accounts.inactivity.news.SUBSCRIBER", "accounts.dormant.news.SUBSCRIBER",
                         "accounts.claims.news.SUBSCRIBER",
                     "accounts.transfers.news.SUBSCRIBER",
                     "accounts.communications.sending.SUBSCRIBER", "accounts.services.telling.SUBSCRIBER",
                     "accounts.catalogue.news.SUBSCRIBER",
                     "accounts.profile.telling.SUBSCRIBER", "dsar.news.SUBSCRIBER", "dsar.content.news.SUBSCRIBER", "dsar.wholesale.news.SUBSCRIBER",
                     "dsar.cases.news.SUBSCRIBER", "dsar.cases.reported_news.SUBSCRIBER", "dsar.cases.following.SUBSCRIBER", "dsar.restriction.news.SUBSCRIBER", "dsar.disputed.SUBSCRIBER",
                     "dsar.ledger.states.SUBSCRIBER", "dsar.resting.SUBSCRIBER", "dsar.registers.rounds.SUBSCRIBER", "dsar.retention.news.SUBSCRIBER",
                     "accounts.webhooks.news.SUBSCRIBER", "accounts.webhooks.news.TELLING", "accounts.signals.news.SUBSCRIBER",
                     "dsar.holds.news.SUBSCRIBER", "dsar.restriction.triggers.SUBSCRIBER", "dsar.relays.following.SUBSCRIBER", "dsar.relays.uninstalled.SUBSCRIBER",
                         "dsar.relays.news.SUBSCRIBER", "portal.counting.SUBSCRIBER"]

OWN_DELETION_DAYS = env.number("STEWARD_OWN_DELETION_DAYS", default=14, least=1, most=90)  # how long people can take back the deletion of an account that nobody manages
INACTIVE_ACCOUNT_DAYS = env.number("STEWARD_INACTIVE_ACCOUNT_DAYS", default=1095, least=0,
    most=3650)  # accounts that nobody manages and nobody has used for so long are closed, after three warnings; 0: none
if INACTIVE_ACCOUNT_DAYS:
    INACTIVE_ACCOUNT_DAYS = max(INACTIVE_ACCOUNT_DAYS, 180)
ACCOUNT_KEEPERS = ("dsar.cases.open.accounts",)
"""Who keeps an account from being closed because nobody uses it: functions from accounts to those of them that stay. Holds and disputes are asked for anyway."""
PEOPLE_MAY_CREATE_ORGANIZATIONS = env.flag("STEWARD_PEOPLE_MAY_CREATE_ORGANIZATIONS")
DELETED_KNOWN_DAYS = env.number("STEWARD_DELETED_KNOWN_DAYS", default=730, least=0, most=3650)  # so long nobody who was deleted is invited again without a ground
POWER_LISTS = ("accounts.powers.POWERS", "dsar.powers.POWERS")
"""Where the powers of the whole product are written out: the notice has to name those of every package."""

EVENT_SENTENCES = "portal.sentences.EVENTS"
"""Every action of the log with its sentence: what webhooks can ask for."""
PURGE_PARTS = ("dsar.relays.following.erasures", "accounts.communications.choices.outlive", "accounts.signals.farewell.last_events",
               "accounts.purge_parts.credentials", "accounts.purge_parts.memberships", "accounts.purge_parts.letters", "accounts.purge_parts.requests", "accounts.purge_parts.rest",
               "dsar.erasing.copies", "dsar.erasing.by_map")
"""What a deletion removes before the log and the account itself, in order. Whoever holds more of a person adds a function here."""

PURGE_UNCONFIRMED = "dsar.relays.shown.not_confirmed_of"
"""Who else was asked to delete and has not confirmed it, by name: the last mail about an account says it."""
HOLDERS = ("audit.holds.about",)
"""What can hold an account, so that nothing of it is deleted: functions from accounts to (account, organization whose hold it is). People of legal holds are there too (decision 58)."""
KEPT, KEPT_SPACES = "dsar.holds.gate.kept_in", "dsar.holds.gate.held_spaces"
"""The gate of legal holds, for packages that know nothing of them: which rows of a table are kept, and which groups and services."""

DATA_CATEGORIES = "dsar.datamap.kinds.CATEGORIES"
"""Kinds of personal data, by key, for packages that know nothing of the data map."""

RELAY_BUFFER_DAYS = env.number("STEWARD_RELAY_BUFFER_DAYS", default=10, least=0, most=25)  # so many days before the person has to be answered, services and apps have to have answered us
RELAY_GRACE_DAYS = env.number("STEWARD_RELAY_GRACE_DAYS", default=3, least=1, most=30)  # so many days after that an administrator was warned, the access of whoever did not answer rests

CONTENT_READERS = ("dsar.content.records.READER",)
"""What two people can open of a managed account (dsar/content/readers.py). Whoever connects a service adds its reader here."""

APP_CATEGORIES, APP_COUNTRIES = "dsar.datamap.kinds.CATEGORIES", "dsar.registers.countries.names"
"""What the manifest of an app may name, for a package that knows nothing of the data map."""
APP_SCORES: tuple[str, ...] = ()
"""What else stands on the scorecard of an installed app: functions from an installation to lines (accounts/catalogue/listing.py). Whoever knows how its provider behaves adds one."""

AUDIT_YEARS = env.years("STEWARD_AUDIT_YEARS", default=(1, 10))  # the shortest and longest time for which an organization may choose to keep its log
AUDIT_ADDRESS_DAYS = env.number("STEWARD_AUDIT_ADDRESS_DAYS", default=90, least=1, most=3650)  # network addresses and programs go from the log after so many days
METRICS_TOKEN = env.token("STEWARD_METRICS_TOKEN")
COMPONENTS = env.flag("STEWARD_COMPONENTS")  # /__components/: every piece of the pages in every state, for whoever changes the look
LOG_FORMAT = env.choice("STEWARD_LOG_FORMAT", default="line" if DEMO else "json", among=("json", "line"))
LOG_LEVEL = env.choice("STEWARD_LOG_LEVEL", default="INFO", among=("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1, "disable_existing_loggers": False,
    "formatters": {"json": {"()": "portal.logs.Json"}, "line": {"()": "portal.logs.Line"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own console and mail handlers would write beside ours, with addresses in them.
        "django": {"handlers": [], "propagate": True, "level": "INFO"},
        "django.server": {"handlers": [], "propagate": True, "level": "WARNING"},
        "django.request": {"level": "ERROR"}, "django.security": {"level": "ERROR"}, "allauth": {"level": "WARNING"},
        "rq.worker": {"handlers": [], "propagate": True, "level": "WARNING"},
    },
}
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]  # we use guardian's direct foreign-key models, not its backend
