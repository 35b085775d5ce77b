"""How gunicorn serves Steward: threads, because requests wait for PostgreSQL, and two processes, to use two cores."""
import os

worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
timeout = 60
graceful_timeout = 15
keepalive = 5
max_requests = 10000
max_requests_jitter = 1000
limit_request_line = 8190
accesslog = None
preload_app = False
control_socket_disable = True
