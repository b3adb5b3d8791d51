"""The whole way in one command: images, training, a published model, a service, answers over HTTP.

    make demo        (or: python -m scripts.demo)

Needs no network. Publishes the next version of models/digits and stops what it started. Exit code 0;
1 if a step fails; 130 after Ctrl-C or SIGTERM.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from scripts.children import Children, Stopped
from scripts.digits import ensure_digits

ROOT: Final = Path(__file__).resolve().parent.parent
NAME: Final = "digits"
_READY_TIMEOUT_S: Final = 120.0
_SHOWN: Final = 5


class DemoError(Exception):
    """A step failed; the message is for the person in front of the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One test image: what it shows and what the service said."""

    file: Path
    truth: str
    label: str
    probability: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit code."""
    args = _parser().parse_args(argv)
    try:
        with Children() as children:
            run(children, data_dir=args.data_dir.resolve(), models_dir=args.models_dir.resolve())
    except Stopped:
        print("\nstopped; nothing is left running", file=sys.stderr)
        return 130
    except (DemoError, OSError, httpx2.HTTPError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    return 0


def run(children: Children, *, data_dir: Path, models_dir: Path) -> None:
    """Write the images, train, serve, ask."""
    _say("1. 1,797 handwritten digits as an image folder")
    data = ensure_digits(data_dir / NAME)
    print(data)
    _say("2. Training: a pretrained backbone and a new head")
    package = train(children, data, models_dir)
    _say("3. The service")
    log = data_dir / "service.log"
    url = serve(children, models_dir, log)
    print(f"{url} is ready; its log is {log}")
    _say("4. Test images, which training has not seen, over HTTP")
    files = sorted((data / "test").glob("*/*.png"))
    with httpx2.Client(base_url=url, timeout=30, trust_env=False) as client:
        answers = ask(client, files, version=int(package.name))
    print(report(answers))
    _say("Go on")
    print(next_steps(files[0]))


def train(children: Children, data: Path, models_dir: Path) -> Path:
    """Publish a model of the images in `data`; return the package's folder.

    Raises:
        DemoError: training failed; it has said why.
    """
    command = [sys.executable, "-m", "training.finetune", str(data)]
    options = ["--name", NAME, "--models-dir", str(models_dir), "--method", "probe", "--offline"]
    process = children.start([*command, *options], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    line = ""
    for line in process.stdout:
        print(line, end="", flush=True)
    if code := process.wait():
        raise DemoError(f"training ended with exit code {code}")
    return Path(line.strip())


def serve(children: Children, models_dir: Path, log: Path) -> str:
    """Start the service on a free port and return its address once the digits are served.

    Raises:
        DemoError: it ended, or was not ready in time.
    """
    port = free_port()
    own = {"GRAFT_HOST": "127.0.0.1", "GRAFT_PORT": str(port), "GRAFT_MODELS_DIR": str(models_dir)}
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("GRAFT_")}
    with log.open("w", encoding="utf-8") as sink:
        service = children.start(
            [sys.executable, "-m", "service"],
            env=inherited | own,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if _serves_digits(url):
            return url
        try:  # the pause between two looks, which the service's end cuts short
            service.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        raise DemoError(f"the service ended with exit code {service.returncode}; see {log}")
    raise DemoError(f"the service was not ready within {_READY_TIMEOUT_S:.0f} s; see {log}")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _serves_digits(url: str) -> bool:
    try:
        response = httpx2.get(f"{url}/health/ready", timeout=5, trust_env=False)
    except httpx2.TransportError:
        return False
    return response.status_code == httpx2.codes.OK and NAME in response.json()["models"]


def ask(client: httpx2.Client, files: Sequence[Path], *, version: int) -> list[Answer]:
    """Send each image as it is, one a request.

    Raises:
        DemoError: the service refused one.
    """
    answers = []
    for file in files:
        response = client.post(
            f"/models/{NAME}/versions/{version}/predict",
            content=file.read_bytes(),
            headers={"Content-Type": "image/png"},
        )
        if response.status_code != httpx2.codes.OK:
            raise DemoError(f"the service answered {response.status_code}: {response.text}")
        answers.append(_read_answer(file, response.json()))
    return answers


def _read_answer(file: Path, body: dict[str, Any]) -> Answer:
    (prediction,) = body["predictions"]
    return Answer(
        file=file,
        truth=file.parent.name,
        label=prediction["label"],
        probability=prediction["probability"],
    )


def report(answers: Sequence[Answer]) -> str:
    """Return a few answers, evenly spread, and the share that is right."""
    shown = answers[:: max(1, len(answers) // _SHOWN)][:_SHOWN]
    right = sum(answer.label == answer.truth for answer in answers)
    lines = [f"  {a.truth}/{a.file.name}  ->  {a.label}  ({a.probability:.3f})" for a in shown]
    share = right / len(answers)
    return "\n".join([*lines, f"{right} of {len(answers)} are right: accuracy {share:.1%}"])


def next_steps(image: Path) -> str:
    """Return the commands to go on with."""
    url = "http://127.0.0.1:8000"
    file = image.relative_to(ROOT) if image.is_relative_to(ROOT) else image
    return f"""\
make serve      # and, in another terminal:
curl --data-binary @{file} -H 'Content-Type: image/png' '{url}/predict?model={NAME}&top_k=3'
curl -F images=@{file} {url}/models/{NAME}/predict
curl {url}/models"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description="Run the demo.")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "demo-data")
    parser.add_argument("--models-dir", type=Path, default=ROOT / "models")
    return parser


def _say(heading: str) -> None:
    print(f"\n== {heading}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
