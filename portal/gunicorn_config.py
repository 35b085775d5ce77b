"""How gunicorn serves Steward: threads, because requests wait for PostgreSQL, and two processes, to use two cores."""
import logging.config
import os
import shutil
import sys

from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.services.folders import held

try:
    workers = env.number("WEB_WORKERS", default=2, least=1, most=64)
    threads = env.number("WEB_THREADS", default=8, least=1, most=256)
    _drain = env.number("STEWARD_DRAIN_SECONDS", default=0, least=0, most=300)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)  # also reads every other setting, before a process is started
except ImproperlyConfigured as error:
    print(f"steward: {error}", file=sys.stderr)
    sys.exit(2)

worker_class = "portal.serving.Worker"
logger_class = "portal.serving.Log"
timeout = 60
graceful_timeout = _drain + 15
keepalive = 5
max_requests = 10000
max_requests_jitter = 1000
limit_request_line = 8190
accesslog = None
preload_app = False
control_socket_disable = True

_measurements = ""


def on_starting(_server: object) -> None:
    """Whoever only reads this file makes no folder."""
    global _measurements
    _measurements = str(held("steward-metrics-"))


def post_fork(_server: object, _worker: object) -> None:
    """Before the application is loaded: its measurements go to the folder that all processes of this gunicorn share."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _measurements


def on_exit(_server: object) -> None:
    """The counters end with the processes that counted."""
    shutil.rmtree(_measurements, ignore_errors=True)
