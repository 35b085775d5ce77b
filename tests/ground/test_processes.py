"""Processes of ours end politely: what runs is finished, nothing new is begun; and they say whether they can serve."""
from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import django_rq
import pytest
from django.core.cache import cache

from portal.jobs import wake
from tests.cast import World
from tests.ground.processes import TOKEN, Command, Web, held, running, wait_for_waiters


def test_a_request_in_flight_is_answered(tmp_path: Path) -> None:
    with running(web := Web(tmp_path / "web.log")):
        web.wait()
        found: list[tuple[int, str]] = []
        asking = threading.Thread(target=lambda: found.append(web.get("/sign-in/", Cookie="steward=of-a-stranger")))
        with held("django_session"):
            asking.start()
            wait_for_waiters("django_session")
            web.process.send_signal(signal.SIGTERM)
            time.sleep(1.5)
            assert web.process.poll() is None, "it ended with a request in flight"
        asking.join(10)
        assert found and found[0][0] == 200 and "Sign in" in found[0][1]
        assert web.process.wait(10) == 0


def test_draining_says_no_to_the_proxy_and_still_serves(tmp_path: Path) -> None:
    with running(web := Web(tmp_path / "web.log", STEWARD_DRAIN_SECONDS="3", WEB_WORKERS="1")):
        web.wait()
        web.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert web.wait(status=503) == "not ready: this process is ending\n"
        assert web.get("/healthz") == (200, "ok\n")
        assert web.get("/sign-in/")[0] == 200
        assert web.process.wait(15) == 0
        assert time.monotonic() - began >= 2


def test_measurements_are_those_of_every_process(tmp_path: Path, world: World) -> None:
    with running(web := Web(tmp_path / "web.log")):
        web.wait()
        name = 'steward_requests_total{route="account_login",status="2xx"}'
        for _ in range(40):
            assert web.get("/sign-in/?email=nobody@example.org")[0] == 200
        assert web.get(f"/o/{world.north.slug}/people/")[0] in {200, 404}
        assert [web.measured()[name] for _ in range(8)] == [41] * 8, "40 and the page to which a stranger is sent"
        assert web.measured()['steward_request_seconds_count{route="account_login"}'] == 41
        assert world.north.slug not in web.get("/metrics", Authorization=f"Bearer {TOKEN}")[1]
        strangers = [web.get("/metrics"), web.get("/metrics", Authorization="Bearer wrong"), web.get("/metrics", Authorization=f"Basic {TOKEN}"), web.get("/nothing-here")]
        assert {code for code, _text in strangers} == {404} and "steward_" not in "".join(text for _code, text in strangers)
        web.end(within=20)
        lines = [json.loads(line) for line in web.said().splitlines()]
        requests = [line for line in lines if line["message"] == "request"]
        assert len([line for line in requests if line["route"] == "account_login" and line["status"] == 200 and line["duration_ms"] > 0 and line["request_id"] and line["method"] == "GET"]) == 41
        assert "nobody@" not in web.said() and "127.0.0.1" not in web.said() and world.north.slug not in web.said()


def test_without_services_it_runs_and_says_why_it_cannot_serve(tmp_path: Path) -> None:
    with running(web := Web(tmp_path / "web.log", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing", REDIS_URL="redis://127.0.0.1:1/0", STEWARD_URL="https://portal.example.org")):
        assert web.wait("/healthz") == "ok\n"
        assert web.get("/readyz") == (503, "not ready: PostgreSQL does not answer, or is not set up\n")
        measured = web.measured()
        assert (measured["steward_database_up"], measured["steward_valkey_up"]) == (0, 0)
        web.end(within=10)


def test_a_job_that_runs_is_not_cut(tmp_path: Path) -> None:
    queue = django_rq.get_queue("default")
    queue.empty()
    with running(worker := Command("worker", tmp_path / "worker.log", STEWARD_DATA=str(tmp_path))):
        with held("accounts_mail"):
            cache.clear()  # the mark of an earlier wake-up, whose queue is emptied above
            wake("follow")
            wait_for_waiters("accounts_mail")
            for _ in range(2):
                worker.process.send_signal(signal.SIGTERM)
                time.sleep(1.2)
            wake("periodic")
            assert worker.process.poll() is None, "it ended in the middle of a job"
        assert worker.process.wait(20) == 0, worker.said()
    assert queue.failed_job_registry.get_job_count() == 0 and queue.started_job_registry.get_job_count() == 0
    assert "portal.jobs.periodic" in [job.func_name for job in queue.jobs], "the job that came afterwards waits for another worker"
    queue.empty()


@pytest.mark.parametrize("command", ["sequencer", "scheduler", "worker"])
def test_who_waits_ends_at_once(tmp_path: Path, command: str) -> None:
    with running(program := Command(command, tmp_path / f"{command}.log")):
        time.sleep(1)  # it has begun to wait
        assert program.end(within=10) < 5
        assert program.process.returncode == 0
        assert "Traceback" not in program.said()


@pytest.mark.parametrize("command", ["sequencer", "scheduler", "worker"])
def test_without_services_they_wait_and_still_end(tmp_path: Path, command: str) -> None:
    with running(program := Command(command, tmp_path / f"{command}.log", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing", REDIS_URL="redis://127.0.0.1:1/0")):
        program.until("does not answer", "could not number")
        assert program.end(within=10) < 5
        assert program.process.returncode == 0
