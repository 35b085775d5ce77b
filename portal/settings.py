"""Settings. Everything that differs between installations comes from the environment; docs/operating.md lists it."""
from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.settings_signin import *  # noqa: F403  (one place for what django-allauth reads)

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("STEWARD_DATA") or BASE_DIR / "data").resolve()
EMBEDDED = not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))
DEMO = env.flag("STEWARD_DEMO", default=EMBEDDED)
DEBUG = False

SECRET_KEY = env.secret_key(data=DATA, embedded=EMBEDDED)
AUDIT_KEY = env.derived_key(SECRET_KEY, "audit")
OUTBOX_KEY = env.derived_key(SECRET_KEY, "outbox")

STEWARD_URL = os.environ.get("STEWARD_URL", "http://localhost:8000").rstrip("/")
_url = urlsplit(STEWARD_URL)
if _url.scheme not in {"http", "https"} or not _url.hostname:
    raise ImproperlyConfigured("STEWARD_URL must be the address people use, such as https://portal.example.org")
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
    "portal.middleware.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.Scope",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
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
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL,
                      "KEY_PREFIX": os.environ.get("STEWARD_REDIS_PREFIX", "steward"),
                      "OPTIONS": {"socket_timeout": 3, "socket_connect_timeout": 3}}}
RQ_QUEUES = {"default": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 600, "SERIALIZER": "json"}}
RQ = {"COMMIT_MODE": "on_db_commit"}

AUTH_USER_MODEL = "accounts.Account"
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
SECURE_SSL_REDIRECT = SECURE and not env.flag("STEWARD_BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("STEWARD_BEHIND_PROXY") else None
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
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM", "Steward <steward@localhost>")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [], "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "portal.api.problems.handler", "UNAUTHENTICATED_USER": None,
}
AUDIT_SUBSCRIBERS = ["accounts.mail.SUBSCRIBER"]

LOGGING = {
    "version": 1, "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("STEWARD_LOG_LEVEL", "INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "django.security": {"level": "ERROR"}, "allauth": {"level": "WARNING"}},
}
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]  # we use guardian's direct foreign-key models, not its backend
