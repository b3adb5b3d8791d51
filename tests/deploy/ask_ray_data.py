"""The Ray Data job on a local Ray with two workers, of which one is killed meanwhile.

Run by `test_ray_data.py` in an environment that has Ray: `python ask_ray_data.py MODEL PHOTOS OUT`.
"""

import os
import signal
import sys
import threading
from pathlib import Path

import ray

from deploy.ray_bulk import answer_files


def main(model: Path, photos: str, out: str) -> None:
    """Run the job and kill one of its workers as soon as both are there."""
    # One core is for reading the files.
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    killed: list[int] = []
    ended = threading.Event()
    killer = threading.Thread(target=kill_one_worker, args=(killed, ended))
    killer.start()
    try:
        answer_files(model, [photos], out, workers=2)
    finally:
        ended.set()
        killer.join()
    assert killed, "the job ended before a worker could be killed"
    print("ray data passed")
    ray.shutdown()


def kill_one_worker(killed: list[int], ended: threading.Event) -> None:
    """End one worker's process at once when there are two."""
    while not ended.wait(0.02):
        workers = worker_processes()
        if len(workers) >= 2:
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])
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
        if command.startswith(b"ray::") and b"ImageAnswers" in command and session == os.getsid(0):
            found.append(int(folder.name))
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
