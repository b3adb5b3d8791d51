"""A new version every two seconds while requests come, and the memory of versions that are given up.

    python -m benchmarks.service.reload --package models/clothing/1 --photos ../shared/data/photos

Publishes copies of one package in a folder of its own. Says how many requests failed, the latencies
without and with reloads, which versions answered, and what the process holds in RAM with the model
loaded and unloaded, several times. Prints a table and a line of JSON.
"""

import argparse
import asyncio
import dataclasses
import json
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.service.load import Result, closed_loop
from benchmarks.service.servers import SERVERS, Package, Server, running
from scripts.children import Children

RELOAD_EVERY_S: Final = 2.0
ADMIN_KEY: Final = "benchmark-admin-key"
NUM_UNLOADS: Final = 5
# A model goes in the background, when its last request has left.
SETTLE_S: Final = 2.0
SETTINGS: Final = {"GRAFT_ADMIN_KEYS": ADMIN_KEY, "GRAFT_POLL_INTERVAL_S": "0.5"}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a request failed."""
    args = _parser().parse_args(argv)
    images = [path.read_bytes() for path in sorted(args.photos.glob("*.JPEG"))]
    ours = SERVERS[0]
    with Children() as children, tempfile.TemporaryDirectory() as folder:
        models = Models(Path(folder) / "models", args.package)
        server = dataclasses.replace(ours, env=lambda package: {**ours.env(package), **SETTINGS})
        package, log = Package(folder=models.publish()), Path(folder) / "service.log"
        with running(server, package, images[0], children, log) as (port, pid):
            measured = asyncio.run(_measure(server, port, images, models, args))
            measured["memory_mb"] = _memory(models, port, pid)
    _print(measured)
    return 0 if all(measured[name]["failed"] == 0 for name in ("steady", "reload")) else 1


class Models:
    """A repository that is given the same package again and again, as new versions."""

    def __init__(self, root: Path, package: Path) -> None:
        self.name = package.parent.name
        self.num_versions = 0
        self._folder = root / self.name
        self._package = package

    def publish(self) -> Path:
        """Publish the next version, whole; return its folder."""
        number = self.num_versions + 1
        hidden, folder = self._folder / f".publishing-{number}", self._folder / str(number)
        shutil.copytree(self._package, hidden)
        manifest = json.loads((hidden / "manifest.json").read_text(encoding="utf-8"))
        manifest["version"] = number
        (hidden / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        hidden.rename(folder)
        self.num_versions = number
        return folder


async def _measure(
    server: Server, port: int, images: Sequence[bytes], models: Models, args: argparse.Namespace
) -> dict[str, Any]:
    requests = [server.request(image) for image in images]
    load = {"connections": args.connections, "seconds": args.seconds}
    await closed_loop(port, requests, connections=args.connections, seconds=2.0)
    steady = await closed_loop(port, requests, **load)
    publishing = asyncio.create_task(_publish_again_and_again(models))
    reload = await closed_loop(port, requests, **load)
    publishing.cancel()
    return {
        "steady": _summary(steady),
        "reload": _summary(reload),
        "versions": models.num_versions,
    }


async def _publish_again_and_again(models: Models) -> None:
    while True:
        await asyncio.sleep(RELOAD_EVERY_S)
        await asyncio.to_thread(models.publish)


def _summary(result: Result) -> dict[str, float]:
    return {
        "images_per_s": round(result.per_s, 1),
        "failed": sum(count for status, count in result.statuses.items() if status != 200),
        "p50_ms": round(result.percentile_ms(50), 1),
        "p99_ms": round(result.percentile_ms(99), 1),
    }


def _memory(models: Models, port: int, pid: int) -> list[dict[str, float]]:
    """Unload every version and load the newest again, several times."""
    found = []
    for _ in range(NUM_UNLOADS):
        loaded = _resident_mb(pid)
        for number in range(1, models.num_versions + 1):
            _admin(port, f"/models/{models.name}/versions/{number}/unload")
        time.sleep(SETTLE_S)
        found.append({"loaded": loaded, "unloaded": _resident_mb(pid)})
        _admin(port, f"/models/{models.name}/versions/{models.num_versions}/load")
    return found


def _admin(port: int, path: str) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", method="POST", headers={"X-API-Key": ADMIN_KEY}
    )
    with urllib.request.urlopen(request, timeout=120) as response:
        response.read()


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * 4096 / 2**20, 1)


def _print(measured: dict[str, Any]) -> None:
    print("| | images/s | failed | p50 ms | p99 ms |\n|---|---|---|---|---|")
    for name in ("steady", "reload"):
        cells = (str(measured[name][key]) for key in ("images_per_s", "failed", "p50_ms", "p99_ms"))
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(f"\nversions published: {measured['versions']}; RAM in MB: {measured['memory_mb']}")
    print(json.dumps(measured))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
