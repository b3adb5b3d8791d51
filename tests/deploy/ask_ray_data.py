"""The Ray Data job with two workers, of which one is lost meanwhile: its process, or its machine.

Run by `test_ray_data.py` in an environment that has Ray:
`python ask_ray_data.py MODEL PHOTOS OUT process|machine`.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import ray
from ray._private.node import Node
from ray.cluster_utils import Cluster

from deploy.ray_bulk import answer_files

Lose = Callable[[int], None]
_WORKER: Final = b"ImageAnswers"


def main(model: Path, photos: str, out: str, lost: str) -> None:
    """Run the job and lose one of its workers as soon as both are there."""
    with two_machines() if lost == "machine" else one_machine() as lose:
        took: list[int] = []
        ended = threading.Event()
        loser = threading.Thread(target=lose_one_worker, args=(lose, took, ended))
        loser.start()
        try:
            answer_files(model, [photos], out, workers=2)
        finally:
            ended.set()
            loser.join()
        assert took, "the job ended before a worker could be lost"
        print("ray data passed")


@contextmanager
def one_machine() -> Iterator[Lose]:
    """Start Ray here with as many cores as workers; yield what ends a worker's process."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield lambda worker: os.kill(worker, signal.SIGKILL)
    ray.shutdown()


@contextmanager
def two_machines() -> Iterator[Lose]:
    """Start a cluster of two nodes of a core each beside its head; yield what ends a worker's node."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = {raylet_of(node): node for node in (cluster.add_node(num_cpus=1) for _ in range(2))}
    ray.init(address=cluster.address, log_to_driver=False)
    yield lambda worker: cluster.remove_node(nodes[parent_of(worker)], allow_graceful=False)
    ray.shutdown()
    cluster.shutdown()


def lose_one_worker(lose: Lose, took: list[int], ended: threading.Event) -> None:
    """Call `lose` with one of two workers when there are two."""
    while not ended.wait(0.02):
        workers = worker_processes()
        if len(workers) >= 2:
            lose(workers[0])
            took.append(workers[0])
            return


def worker_processes() -> list[int]:
    """Return the processes of this job that answer images."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            session = os.getsid(int(folder.name))
        except OSError:
            continue
        if command.startswith(b"ray::") and _WORKER in command and session == os.getsid(0):
            found.append(int(folder.name))
    return found


def raylet_of(node: Node) -> int:
    """Return a node's main process, which starts its workers."""
    process: int = node.all_processes["raylet"][0].process.pid
    return process


def parent_of(process: int) -> int:
    """Return the process that started one."""
    status = Path(f"/proc/{process}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
