"""The servers: how each is started, and how an image is sent to it."""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.service.aims import ECHO as ECHO_NAME
from benchmarks.service.aims import OURS, OURS_BF16, OURS_INT8
from scripts.children import Children, stop
from scripts.requirements import PYPROJECT, read_requirements, with_cpu_onnxruntime
from scripts.tool_environments import tool_python

ROOT: Final = Path(__file__).parents[2]
_PEERS: Final = Path(__file__).parent / "peers"
_COMMON: Final = ("onnxruntime==1.32.0", "pillow==13.0.0", "numpy==2.4.6")
_RAY_SERVE: Final = "ray[serve]==2.60.0"
_RAY: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",  # on a busy machine its 5 s are too few
}
_START_S: Final = 300.0
_STOP_S: Final = 15.0
_BOUNDARY: Final = b"graft-benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The model that all serve."""

    folder: Path

    @property
    def model(self) -> Path:
        """The ONNX file."""
        return self.folder / "model.onnx"

    @property
    def manifest(self) -> Path:
        """Its labels and preprocessing."""
        return self.folder / "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server.

    Attributes:
        command: from the package and a port.
        path: where images go.
        body: from an image to a body and its content type.
        requirements: of its environment; without any it runs in this one.
        environment: the name of its environment, where that is not the server's.
        root: where its modules are.
        needs: a file of the package without which it cannot run.
    """

    name: str
    command: Callable[[Path, Package, int], Sequence[str]]
    path: str
    body: Callable[[bytes], tuple[bytes, str]]
    requirements: tuple[str, ...] = ()
    environment: str = ""
    root: Path = _PEERS
    needs: str = "model.onnx"
    env: Callable[[Package], Mapping[str, str]] = field(default=lambda package: {})

    def request(self, image: bytes, *, deadline_s: float | None = None) -> bytes:
        """Return a whole HTTP request."""
        body, content_type = self.body(image)
        lines = [
            f"POST {self.path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
        ]
        if deadline_s is not None:
            lines.append(f"X-Request-Timeout-Ms: {round(deadline_s * 1e3)}")
        return "\r\n".join([*lines, "", ""]).encode() + body


def _raw(image: bytes) -> tuple[bytes, str]:
    return image, "image/jpeg"


def _base64_json(image: bytes) -> tuple[bytes, str]:
    return b'{"image": "' + base64.b64encode(image) + b'"}', "application/json"


def _form(image: bytes) -> tuple[bytes, str]:
    head = b'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg'
    parts = [b"--" + _BOUNDARY, head, b"", image, b"--" + _BOUNDARY + b"--", b""]
    return b"\r\n".join(parts), f"multipart/form-data; boundary={_BOUNDARY.decode()}"


def _script(name: str) -> Callable[[Path, Package, int], Sequence[str]]:
    def command(python: Path, package: Package, port: int) -> Sequence[str]:
        files = [str(package.model), str(package.manifest)]
        return [str(python), str(_PEERS / name), *files, str(port)]

    return command


def _our_environment(package: Package) -> Mapping[str, str]:
    return {
        "GRAFT_MODELS_DIR": str(package.folder.parents[1]),
        "GRAFT_DEFAULT_MODEL": package.folder.parent.name,
        "GRAFT_PROVIDER": "cpu",
    }


def _ours(name: str, *flags: str, precision: str = "fp32", needs: str = "model.onnx") -> Server:
    return Server(
        name=name,
        command=lambda python, package, port: [str(python), "-m", "service", *flags],
        path=f"/predict?precision={precision}",
        body=_raw,
        root=ROOT,
        needs=needs,
        env=_our_environment,
    )


_A_PROCESS_A_CORE: Final = ("--workers", str(len(os.sched_getaffinity(0))))

SERVERS: Final = (
    _ours(OURS),
    _ours(f"{OURS}, a process a core", *_A_PROCESS_A_CORE),
    # It has no model file of its own.
    _ours(OURS_BF16, precision="bf16", needs="golden/expected.bf16.json"),
    _ours(OURS_INT8, precision="int8", needs="model.int8.onnx"),
    Server(
        name="FastAPI",
        command=_script("fastapi_server.py"),
        path="/predict",
        body=_raw,
        requirements=("fastapi==0.165.0", "uvicorn[standard]==0.54.0", *_COMMON),
    ),
    Server(
        name="LitServe",
        command=_script("litserve_server.py"),
        path="/predict",
        body=_base64_json,
        requirements=("litserve==0.2.19", *_COMMON),
    ),
    Server(
        name="BentoML",
        command=lambda python, package, port: [
            *(str(python), "-m", "bentoml", "serve", "bentoml_server:Classifier"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        path="/predict",
        body=_form,
        requirements=("bentoml==1.4.39", *_COMMON),
        env=lambda package: {
            "MODEL": str(package.model),
            "MANIFEST": str(package.manifest),
            "BENTOML_DO_NOT_TRACK": "True",
        },
    ),
    Server(
        name="mosec",
        command=_script("mosec_server.py"),
        path="/inference",
        body=_raw,
        requirements=("mosec==0.9.8", *_COMMON),
    ),
    Server(
        name="Ray Serve",
        command=_script("ray_server.py"),
        path="/predict",
        body=_raw,
        requirements=(_RAY_SERVE, *_COMMON),
        env=lambda package: _RAY,
    ),
    Server(
        name="graft on Ray Serve",
        command=lambda python, package, port: [
            *(str(python), str(_PEERS / "graft_on_ray_server.py"), str(port))
        ],
        path="/predict",
        body=_raw,
        requirements=(_RAY_SERVE, *with_cpu_onnxruntime(read_requirements(PYPROJECT))),
        environment="ray-serve",  # the one that tests/deploy has
        root=ROOT,
        env=lambda package: {**_our_environment(package), **_RAY},
    ),
)

ECHO: Final = Server(
    name=ECHO_NAME,
    command=lambda python, package, port: [str(python), str(_PEERS / "echo_server.py"), str(port)],
    path="/",
    body=_raw,
)


@contextmanager
def running(
    server: Server, package: Package, image: bytes, children: Children, log: Path
) -> Iterator[tuple[int, int]]:
    """Start a server, wait until it answers `image` with 200, then yield its port and its session.

    Raises:
        RuntimeError: it does not come up.
    """
    name = server.environment or server.name.replace(" ", "").lower()
    python = tool_python(name, server.requirements) if server.requirements else sys.executable
    port = _free_port()
    env = {**os.environ, "GRAFT_PORT": str(port), "PYTHONPATH": str(server.root)}
    env |= server.env(package)
    with log.open("w") as output:
        child = children.start(
            server.command(Path(python), package, port),
            env=env,
            stdout=output,
            stderr=output,
            cwd=server.root,
        )
        try:
            _wait_for_answer(server, port, image, child, log)
            yield port, child.pid  # the child leads its own session
        finally:
            stop(child, grace_s=_STOP_S)


def _wait_for_answer(
    server: Server, port: int, image: bytes, child: "subprocess.Popen[str]", log: Path
) -> None:
    give_up = time.monotonic() + _START_S
    request = server.request(image)
    while time.monotonic() < give_up and child.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(request)
                if connection.recv(65536).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"{server.name} does not answer; its output is in {log}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
