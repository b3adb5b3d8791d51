"""A service that runs out of file descriptors or of room on the disk, and what a killed one leaves."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.builders import coloured, make_package
from tests.service.raw_http import connected
from tests.service.service_process import ROOT, Process, eventually, exists, running, start_and_fail

NUM_ATTACKERS = 60


def predict(service: Process) -> int:
    url = f"{service.url}/predict"
    return httpx2.post(url, content=coloured("red"), timeout=10).status_code


def serving_pids(service: Process, workers: int) -> list[int]:
    """Return the processes that serve, once all do."""
    eventually(lambda: service.log.count("model_serving") == workers, "one does not serve")
    lines = [line for line in service.log.splitlines() if "worker_started" in line]
    return [int(line.rpartition("=")[2]) for line in lines] or [service.process.pid]


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_that_ran_out_of_file_descriptors_go_on_when_these_are_free(
    models_dir: Path, workers: int
) -> None:
    make_package(models_dir)
    with running(models_dir, GRAFT_WORKERS=str(workers)) as service:
        pids = serving_pids(service, workers)
        at_rest = {pid: open_descriptors(pid) for pid in pids}
        for pid, number in at_rest.items():
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (number + 5, hard))
        with ExitStack() as attackers:
            for _ in range(NUM_ATTACKERS):
                attackers.enter_context(connected(service))
            eventually(
                lambda: all(open_descriptors(pid) >= at_rest[pid] + 4 for pid in pids),
                "they did not run out",
            )
        eventually(
            lambda: all(open_descriptors(pid) <= at_rest[pid] + 1 for pid in pids), "none are free"
        )
        assert [predict(service) for _ in range(20)] == [200] * 20
        assert service.stop() == 0
        assert "Traceback" not in service.log


def test_a_low_limit_of_file_descriptors_means_fewer_connections(models_dir: Path) -> None:
    make_package(models_dir)
    within = ("prlimit", "--nofile=128:128")
    with running(models_dir, within=within, GRAFT_WORKERS="2") as service:
        serving_pids(service, 2)
        assert service.log.count("fewer_connections allowed=32 wanted=512") == 2
        with ExitStack() as attackers:
            for _ in range(4 * NUM_ATTACKERS):
                attackers.enter_context(connected(service))
        assert [predict(service) for _ in range(20)] == [200] * 20
        assert "cannot_accept" not in service.log
        assert "Traceback" not in service.log


def test_a_soft_limit_is_raised() -> None:
    code = "from service.processes.descriptors import *; print(affordable_connections(512))"
    command = ["prlimit", "--nofile=128:4096", sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("512\n", "")


def use_all_metrics(service: Process) -> None:
    """Have every process count what it has not counted before."""
    for _ in range(6):
        assert predict(service) == 200
        for path in ("/nothing", "/docs", "/models", "/models/none", "/v2", "/health/ready", "/"):
            assert httpx2.get(f"{service.url}{path}", timeout=10).status_code in (200, 404)
    assert httpx2.get(f"{service.url}/metrics", timeout=10).status_code == 200


def test_workers_live_on_where_no_file_can_be_written(models_dir: Path) -> None:
    make_package(models_dir)
    with running(models_dir, within=("prlimit", "--fsize=1024"), GRAFT_WORKERS="2") as service:
        serving_pids(service, 2)
        use_all_metrics(service)
        assert "metrics_not_shared" in service.log
        assert service.stop() == 0
        assert "worker_died" not in service.log
        assert "Traceback" not in service.log


def test_without_any_room_for_what_workers_share_the_start_says_so(models_dir: Path) -> None:
    ended = start_and_fail(
        within=("prlimit", "--fsize=0"), GRAFT_WORKERS="2", GRAFT_MODELS_DIR=str(models_dir)
    )
    assert ended.returncode == 2
    assert "TMPDIR" in ended.stderr
    assert "Traceback" not in ended.stderr


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """Mount a disk that is memory; only root may, and not in every container.

    Raises:
        subprocess.CalledProcessError: it may not be.
    """
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_temporary_folder_that_fills_up_ends_no_worker(models_dir: Path, tmp_path: Path) -> None:
    make_package(models_dir)
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(tmp_path / "disk", 4))
        except (subprocess.CalledProcessError, FileNotFoundError):
            return  # the test before this one is what can be had without a disk of one's own
        settings = {"TMPDIR": str(disk), "GRAFT_WORKERS": "2"}
        service = stack.enter_context(running(models_dir, **settings))
        serving_pids(service, 2)
        fill(disk)
        use_all_metrics(service)
        assert service.stop() == 0
        assert "worker_died" not in service.log
        assert "Traceback" not in service.log


def fill(disk: Path) -> None:
    free = os.statvfs(disk)
    (disk / "full").write_bytes(bytes(free.f_bavail * free.f_bsize))


def test_what_a_killed_service_left_is_removed_by_the_next(
    models_dir: Path, tmp_path: Path
) -> None:
    make_package(models_dir)
    settings = {"TMPDIR": str(tmp_path), "GRAFT_WORKERS": "2"}

    def folders() -> set[str]:
        return {path.name for path in tmp_path.glob("graft-workers-*")}

    with running(models_dir, **settings) as service:
        pids = serving_pids(service, 2)
        for pid in (service.process.pid, *pids):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(exists(pid) for pid in pids), "a worker still holds its folder")
    (left,) = folders()
    with running(models_dir, **settings) as service:
        (own,) = folders()
        assert own != left
        assert service.stop() == 0
    assert folders() == set()


def test_workers_whose_supervisor_was_killed_leave_nothing(
    models_dir: Path, tmp_path: Path
) -> None:
    make_package(models_dir)
    with running(models_dir, TMPDIR=str(tmp_path), GRAFT_WORKERS="2") as service:
        serving_pids(service, 2)
        os.kill(service.process.pid, signal.SIGKILL)
        eventually(lambda: not list(tmp_path.glob("graft-workers-*")), "its folder is left")
