"""The service on a GPU, over HTTP: `python -m benchmarks.gpu.serve PACKAGE PHOTOS`.

Starts `python -m service` on CUDA with one process and with several, and asks it with 1 to 256
connections, the load generator on the same cores. Prints a Markdown table; exit code 1 where an
answer is not a 200.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.service.load import closed_loop
from benchmarks.service.servers import SERVERS, Package, running
from scripts.children import Children

CONNECTIONS: Final = (1, 4, 16, 64, 256)
PROCESSES: Final = (1, 4)
PRECISIONS: Final = {"fp32": "model.onnx", "fp16": "model.fp16.onnx"}
_WARM_UP_S: Final = 1.0


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--provider", default="cuda", help="[cuda]")
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement [4]")
    args = parser.parse_args()
    package = Package(folder=args.package.absolute())
    images = [file.read_bytes() for file in sorted(args.photos.iterdir()) if file.is_file()]
    print("| processes | precision | connections | images/s | p50, ms | p99, ms | not 200 |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    failed = 0
    with Children() as children, tempfile.TemporaryDirectory() as logs:
        for processes in PROCESSES:
            for precision, file in PRECISIONS.items():
                if (package.folder / file).is_file():
                    failed += measure(
                        package,
                        images,
                        children,
                        Path(logs) / "log",
                        processes=processes,
                        precision=precision,
                        provider=args.provider,
                        seconds=args.seconds,
                    )
    return 1 if failed else 0


def measure(
    package: Package,
    images: Sequence[bytes],
    children: Children,
    log: Path,
    *,
    processes: int,
    precision: str,
    provider: str,
    seconds: float,
) -> int:
    """Print the lines of one way to run the service; return how many requests were not answered 200."""
    ours = SERVERS[0]
    server = replace(
        ours,
        command=lambda python, _, port: [
            *(str(python), "-m", "service", "--workers", str(processes))
        ],
        path=f"/predict?precision={precision}",
        env=lambda package: {**ours.env(package), "GRAFT_PROVIDER": provider},
    )
    requests = [server.request(image) for image in images]
    failed = 0
    with running(server, package, images[0], children, log) as (port, _):
        for connections in CONNECTIONS:

            async def ask(connections: int = connections, port: int = port) -> None:
                nonlocal failed
                await closed_loop(port, requests, connections=connections, seconds=_WARM_UP_S)
                found = await closed_loop(port, requests, connections=connections, seconds=seconds)
                bad = sum(count for status, count in found.statuses.items() if status != 200)
                failed += bad
                print(
                    f"| {processes} | {precision} | {connections} | {found.per_s:.0f} | "
                    f"{found.percentile_ms(50):.1f} | {found.percentile_ms(99):.1f} | {bad} |",
                    flush=True,
                )

            uvloop.run(ask())
    return failed


if __name__ == "__main__":
    sys.exit(main())
