"""Several processes behind one address: one service to the caller, whoever answers and whoever dies."""

import json
import os
import re
import signal
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.builders import coloured, make_package
from tests.service.service_process import Process, eventually, exists, running, start_and_fail

ADMIN = {"authorization": "Bearer admin-key-123"}
NUM_WORKERS = 2


def worker_pids(service: Process) -> list[int]:
    return [int(pid) for pid in re.findall(r"worker_started pid=(\d+)", service.log)]


def predict(service: Process) -> httpx2.Response:
    return httpx2.post(f"{service.url}/predict", content=coloured("red"), timeout=30)


def counted(service: Process, name: str) -> float:
    lines = httpx2.get(f"{service.url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_all_answer_as_one_and_sigterm_ends_all_with_0(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_WORKERS=str(NUM_WORKERS)) as service:
        for _ in range(20):
            assert predict(service).json()["predictions"][0]["label"] == "red"
        pids = worker_pids(service)
        assert len(pids) == NUM_WORKERS
        assert counted(service, "graft_images_total") == 20
        # Each worker publishes its own a few times a second.
        eventually(lambda: not counted(service, "graft_images_in_service"), "images are in service")
        assert service.stop() == 0
        assert not any(exists(pid) for pid in pids)
        assert "Traceback" not in service.log


def test_clients_that_stay_are_shared_evenly(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_WORKERS=str(NUM_WORKERS)) as service, ExitStack() as stack:
        eventually(
            lambda: service.log.count("model_serving") == NUM_WORKERS, "a worker does not serve"
        )
        clients = [stack.enter_context(httpx2.Client(base_url=service.url)) for _ in range(8)]
        for client in clients:
            assert client.post("/predict", content=coloured("red")).status_code == 200
        # Statistics are those of the process that answers.
        counts = [
            client.get("/v2/models/colours/stats").json()["model_stats"][0]["inference_count"]
            for client in clients
        ]
        assert counts == [4] * 8


def test_a_worker_that_is_killed_is_replaced_and_what_was_counted_stays(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_WORKERS=str(NUM_WORKERS)) as service:
        for _ in range(10):
            predict(service)
        os.kill(worker_pids(service)[0], signal.SIGKILL)
        eventually(lambda: len(worker_pids(service)) == NUM_WORKERS + 1, "it is not replaced")
        assert predict(service).status_code == 200
        assert counted(service, "graft_images_total") == 11
        assert service.stop() == 0


def test_a_worker_that_hangs_keeps_no_other_from_being_replaced(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_WORKERS=str(NUM_WORKERS)) as service:

        def replaced(times: int) -> bool:
            return len(worker_pids(service)) == NUM_WORKERS + times

        eventually(lambda: replaced(0), "a worker is missing")
        hangs, dies = worker_pids(service)
        os.kill(hangs, signal.SIGSTOP)
        # By the second one the supervisor has asked the first worker, and has no answer.
        try:
            for times in (1, 2):
                os.kill(dies, signal.SIGKILL)
                eventually(partial(replaced, times), "not replaced")
                dies = worker_pids(service)[-1]
            assert "another starts in 0 s" in service.log
            assert "another starts in 1 s" in service.log
        finally:
            os.kill(hangs, signal.SIGKILL)
        eventually(lambda: replaced(3), "the one that hung is not replaced")
        assert service.stop() == 0


def test_a_call_that_changes_what_is_served_reaches_every_worker(models_dir: Path) -> None:
    make_package(models_dir)
    make_package(models_dir)
    settings = {"GRAFT_ADMIN_KEYS": "admin-key-123", "GRAFT_POLL_INTERVAL_S": "0.1"}
    with running(models_dir, GRAFT_WORKERS=str(NUM_WORKERS), **settings) as service:

        def answered_by() -> set[int]:
            return {predict(service).json()["model"]["version"] for _ in range(16)}

        alias = f"{service.url}/models/colours/aliases/stable"
        assert httpx2.put(alias, json={"version": 1}, headers=ADMIN).status_code == 200
        eventually(lambda: answered_by() == {1}, "the alias reached one worker only")

        unload = f"{service.url}/models/colours/versions/1/unload"
        assert httpx2.post(unload, headers=ADMIN).status_code == 200
        eventually(
            lambda: {predict(service).status_code for _ in range(16)} == {503},
            "the unload reached one worker only",
        )


def test_the_workers_end_when_their_supervisor_is_killed(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_WORKERS=str(NUM_WORKERS)) as service:
        eventually(lambda: len(worker_pids(service)) == NUM_WORKERS, lambda: service.log)
        pids = worker_pids(service)
        os.kill(service.process.pid, signal.SIGKILL)
        eventually(lambda: not any(exists(pid) for pid in pids), "a worker is left")


def begin_to_drain(service: Process) -> None:
    """Wait until all workers serve (one that is still starting ends at the signal), then send it."""
    eventually(lambda: service.log.count("model_serving") == NUM_WORKERS, "a worker does not serve")
    service.process.send_signal(signal.SIGTERM)
    eventually(lambda: service.log.count("draining") == NUM_WORKERS, "a worker does not drain")


LONG_DRAIN = {"GRAFT_WORKERS": str(NUM_WORKERS), "GRAFT_DRAIN_DELAY_S": "3600"}


def test_draining_workers_end_when_their_supervisor_is_killed(models_dir: Path) -> None:
    """However long the drain delay is: nobody is left to end them."""
    make_package(models_dir)
    with running(models_dir, **LONG_DRAIN) as service:
        begin_to_drain(service)
        pids = worker_pids(service)
        os.kill(service.process.pid, signal.SIGKILL)
        eventually(lambda: not any(exists(pid) for pid in pids), "a worker is left")


def test_a_second_signal_ends_all_at_once(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, **LONG_DRAIN) as service:
        begin_to_drain(service)
        assert json.loads(httpx2.get(f"{service.url}/health/live").text)["status"] == "live"
        assert service.stop() == 0


@pytest.mark.parametrize("workers", ["0", "many"])
def test_a_number_of_workers_that_cannot_be_is_refused(workers: str) -> None:
    ended = start_and_fail(GRAFT_WORKERS=workers)
    assert ended.returncode == 2
    assert "GRAFT_WORKERS" in ended.stderr
