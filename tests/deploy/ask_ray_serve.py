"""Two replicas of the service under Ray Serve, asked over HTTP; one is killed meanwhile.

Run by `test_ray_serve.py` in an environment that has Ray and what the service needs:
`python ask_ray_serve.py PORT IMAGE`, with `GRAFT_…` variables for the replicas.
"""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import ray
from ray import serve

from deploy.ray_serve import graft

START_S = 180.0


def main(port: int, image: bytes) -> None:
    """Start, ask, kill one, ask again."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    start_proxy(port)
    serve.run(graft, route_prefix="/")
    url = f"http://127.0.0.1:{port}"
    wait_until_ready(url)
    expected = [ask(url, image) for _ in range(20)]
    assert all(answer == expected[0] for answer in expected), "replicas disagree"
    assert expected[0]["predictions"][0]["label"] == "red"
    assert status_of(url, b"no image") == 415
    kill_one_replica()
    statuses = [status_of(url, image) for _ in range(40)]
    # Ray notices within its health checks; a request that was on its way to the dead one may fail.
    assert statuses.count(200) >= 36, statuses
    assert ask(url, image) == expected[0]
    print("ray serve passed")
    serve.shutdown()
    ray.shutdown()


def start_proxy(port: int) -> None:
    """Start Ray's HTTP proxy, for which Ray waits 60 s: on a busy machine that may be too short."""
    give_up = time.monotonic() + START_S
    while True:
        try:
            return serve.start(http_options={"host": "127.0.0.1", "port": port})
        except (TimeoutError, ray.exceptions.RayError):
            if time.monotonic() > give_up:
                raise


def wait_until_ready(url: str) -> None:
    """Return when both replicas have loaded the model."""
    give_up = time.monotonic() + START_S
    ready = 0
    while ready < 20:  # in a row, so that both have been asked
        assert time.monotonic() < give_up, "the replicas do not become ready"
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=10):
                ready += 1
        except OSError:
            ready = 0
            time.sleep(0.5)


def ask(url: str, image: bytes) -> dict[str, Any]:
    """Return the answer for an image."""
    with urllib.request.urlopen(prediction_request(url, image), timeout=30) as response:
        return json.load(response)


def status_of(url: str, image: bytes) -> int:
    """Return the status of the answer for an image; 0 where there is none."""
    try:
        with urllib.request.urlopen(prediction_request(url, image), timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as err:
        return err.code
    except OSError:
        return 0


def prediction_request(url: str, image: bytes) -> urllib.request.Request:
    """Return a request for one image."""
    headers = {"Content-Type": "application/octet-stream"}
    return urllib.request.Request(f"{url}/predict", data=image, headers=headers)


def kill_one_replica() -> None:
    """End one replica's process at once."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            session = os.getsid(int(folder.name))
        except OSError:
            continue
        if command.startswith(b"ray::ServeReplica") and session == os.getsid(0):
            os.kill(int(folder.name), signal.SIGKILL)
            return
    raise AssertionError("there is no replica's process")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes())
