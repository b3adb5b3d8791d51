"""Build the images and run them; for the machine that `scripts/docker/engine.sh` sets up.

    python3 checks.py cpu gpu train      # cpu first: it serves what train has made
    python3 checks.py cpu-openvino       # the target cpu with the build argument OPENVINO=1

A line for each thing checked, with its figures; the first one that fails ends it with exit code 1.
Standard library only.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

CHECKOUT: Final = Path("/srv/checkout")
# published/colours/1 and 2, green.png; photos/ for training; bf16/MODEL/1 for OpenVINO
INPUT: Final = Path("/srv/input")
STATE: Final = Path("/srv/state")
KEY: Final = "a-long-secret"
_KEPT: Final = "trial-kept"
WITH_OPENVINO: Final = "cpu-openvino"
# What docs/docker.md advises, and a small machine: 300 MB and half a core.
HARDENED: Final = [
    *["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"],
    *["--security-opt", "no-new-privileges:true", "--memory", "300m", "--cpus", "0.5"],
]
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """A check found something else than it should."""


def expect(condition: object, message: str) -> None:
    """Raise `Failed` unless the condition holds."""
    if not condition:
        raise Failed(message)


def docker(*arguments: str, timeout_s: float = 60, **environment: str) -> str:
    """Run docker; return what it prints.

    Raises:
        Failed: its exit code is not 0.
    """
    done = attempt(*arguments, timeout_s=timeout_s, **environment)
    expect(done.returncode == 0, f"docker {arguments[0]}: {done.stderr[-2000:]}")
    return done.stdout.strip()


def attempt(
    *arguments: str, timeout_s: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run docker, whatever its exit code will be."""
    return subprocess.run(
        ["docker", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        env={**os.environ, **environment},
    )


def say(what: str, figure: object = "") -> None:
    """Print one line of the report."""
    print(f"image: {what}{': ' if figure != '' else ''}{figure}", flush=True)


def copy_checkout(to: Path) -> None:
    """Copy what git would check out for somebody whose umask is 077."""
    shutil.rmtree(to, ignore_errors=True)
    before = os.umask(0o077)
    skipped = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", "work", "models")
    shutil.copytree(CHECKOUT, to, ignore=skipped, copy_function=shutil.copyfile, symlinks=True)
    for folder in (to, *(path for path in to.rglob("*") if path.is_dir())):
        folder.chmod(0o700)
    os.umask(before)


def build(target: str, checkout: Path, log: Path) -> None:
    """Build one target, and say how long it took and how large it is."""
    began = time.monotonic()
    indices = [name for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL") if name in os.environ]
    command = ["docker", "build", "--network", "host", "--secret", "id=ca.pem,src=/srv/ca.pem"]
    command += [part for name in indices for part in ("--build-arg", name)]
    if target == WITH_OPENVINO:
        command += ["--build-arg", "OPENVINO=1", "--target", "cpu"]
    else:
        command += ["--target", target]
    command += ["--tag", f"graft:{target}", str(checkout)]
    with log.open("w") as output:
        done = subprocess.run(command, stdout=output, stderr=output, check=False, timeout=1800)
    expect(done.returncode == 0, f"{target} is not built:\n{log.read_text()[-3000:]}")
    size_mb = int(docker("image", "inspect", "-f", "{{.Size}}", f"graft:{target}")) / 1e6
    say(f"{target} built in {time.monotonic() - began:.0f} s", f"{size_mb:.0f} MB")


class Container:
    """A container of one image on the machine's own network; removed at the end of the `with` block."""

    def __init__(
        self, target: str, *arguments: str, options: Sequence[str] = (), **variables: str
    ) -> None:
        self.port = random.randint(20000, 29999)
        self._settings = {"GRAFT_PORT": str(self.port), **variables}
        self._command = [*options, f"graft:{target}", *arguments]
        self._name = ""

    def __enter__(self) -> "Container":
        variables = [part for k, v in self._settings.items() for part in ("--env", f"{k}={v}")]
        self._name = docker("run", "--detach", "--network", "host", *variables, *self._command)
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self._name)

    def state(self, what: str) -> str:
        """Return one field of the container's state."""
        return docker("inspect", "-f", f"{{{{.State.{what}}}}}", self._name)

    def wait_until_healthy(self, timeout_s: float = 120) -> float:
        """Return the seconds until Docker calls it healthy."""
        began = time.monotonic()
        while self.state("Health.Status") != "healthy":
            running = self.state("Running") == "true" and time.monotonic() - began < timeout_s
            expect(running, f"not healthy:\n{self.log()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def wait_for_end(self) -> int:
        """Return the exit code."""
        return int(docker("wait", self._name, timeout_s=120))

    def stop(self) -> float:
        """Stop it as an orchestrator does; return the seconds that it took."""
        began = time.monotonic()
        docker("stop", "--time", "30", self._name)
        expect(self.state("ExitCode") == "0", f"SIGTERM ended it with {self.state('ExitCode')}")
        return time.monotonic() - began

    def log(self) -> str:
        """Return what it has printed."""
        done = attempt("logs", "--tail", "20", self._name)
        return done.stdout + done.stderr

    def processes(self) -> list[str]:
        """Return what runs in it."""
        return docker("top", self._name).splitlines()[1:]

    def memory(self) -> str:
        """Return what it takes, as Docker shows it."""
        usage = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", self._name)
        return usage.partition(" ")[0]


def predict(
    port: int, image: Path = INPUT / "green.png", *, key: str = ""
) -> tuple[int, dict[str, Any]]:
    """Send an image; return the status and the answer. Status 0: nobody listens."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict",
        data=image.read_bytes(),
        headers={"Content-Type": "image/png"} | ({"Authorization": f"Bearer {key}"} if key else {}),
    )
    try:
        with _OPENER.open(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as err:
        return err.code, json.load(err)
    except OSError:
        return 0, {}


def expect_green(port: int, *, key: str = "") -> int:
    """Return the version that answered."""
    status, answer = predict(port, key=key)
    expect(status == 200, f"/predict answered {status} {answer}")
    expect(answer["predictions"][0]["label"] == "green", f"not green: {answer}")
    return int(answer["model"]["version"])


def publish(version: int, models: Path) -> None:
    """Put a version into the mounted folder as training does: whole, by a rename."""
    part = models / "colours" / ".part"
    shutil.copytree(INPUT / "published/colours" / str(version), part)
    part.rename(models / "colours" / str(version))


def fresh_models() -> Path:
    """Return a new folder of models with version 1 in it."""
    models = STATE / "models"
    shutil.rmtree(models, ignore_errors=True)
    (models / "colours").mkdir(parents=True)
    publish(1, models)
    return models


def check_hardened(target: str) -> None:
    """It serves as docs/docker.md runs it, takes a new version, and stops."""
    models = fresh_models()
    attempt("volume", "rm", _KEPT)
    options = [*HARDENED, "--volume", f"{models}:/models:ro", "--volume", f"{_KEPT}:/kept"]
    settings = {"GRAFT_API_KEYS": KEY, "GRAFT_KEEP": "sample:1"}
    with Container(target, options=options, **settings) as container:
        say(f"{target} hardened, healthy after", f"{container.wait_until_healthy():.1f} s")
        expect(expect_green(container.port, key=KEY) == 1, "version 1 does not answer")
        say(f"{target} memory after a request", container.memory())
        status, _ = predict(container.port)
        expect(status == 401, f"without a key: {status}")
        publish(2, models)
        began = time.monotonic()
        while expect_green(container.port, key=KEY) != 2:
            expect(time.monotonic() - began < 60, f"version 2 never answered:\n{container.log()}")
            time.sleep(0.05)
        say(f"{target} new version answers after", f"{time.monotonic() - began:.1f} s")
        say(f"{target} SIGTERM, exit code 0 after", f"{container.stop():.1f} s")
    look = "import pathlib; print(*pathlib.Path('/kept').glob('*/*.png'))"
    outlived = [
        "--volume",
        f"{_KEPT}:/kept",
        "--entrypoint",
        "python",
        f"graft:{target}",
        "-c",
        look,
    ]
    expect(docker("run", "--rm", *outlived).strip() != "", "the image that was sent was not kept")


def check_arguments(target: str) -> None:
    """Arguments reach the service: two workers."""
    options = ["--volume", f"{fresh_models()}:/models:ro"]
    arguments = ("--workers", "2")
    with Container(target, *arguments, options=options, GRAFT_ALLOW_ANONYMOUS="1") as container:
        took_s = container.wait_until_healthy()
        processes = container.processes()
        expect(len(processes) >= 3, f"no two workers: {processes}")
        expect_green(container.port)
        say(f"{target} --workers 2, healthy after", f"{took_s:.1f} s")
        container.stop()


def check_contract(target: str) -> None:
    """Under a platform's contract it listens where the platform says, and the health check asks there."""
    models = ["--volume", f"{fresh_models()}:/models:ro"]
    given = {"GRAFT_CONTRACT": "vertex", "GRAFT_ALLOW_ANONYMOUS": "1"}
    port = str(random.randint(30000, 32000))
    with Container(target, options=models, AIP_HTTP_PORT=port, **given) as container:
        say(
            f"{target} under vertex's contract, healthy after",
            f"{container.wait_until_healthy():.1f} s",
        )


def check_refusals(target: str) -> None:
    """Without a choice of access it does not start; nor without the GPU that it is to have."""
    cases: Mapping[str, dict[str, str]] = {
        "GRAFT_ALLOW_ANONYMOUS": {},
        "GPU": {"GRAFT_ALLOW_ANONYMOUS": "1", "GRAFT_REQUIRE_GPU": "1"},
    }
    for word, variables in cases.items():
        with Container(target, **variables) as container:
            code, log = container.wait_for_end(), container.log()
            expect(code == 2 and word in log, f"exit code {code}, expected 2 and {word}:\n{log}")
            say(f"{target} exit code 2", log.strip().splitlines()[-1])


def check_bf16(target: str) -> None:
    """It answers by OpenVINO in bf16, with the memory that docs/docker.md names for it."""
    options = [*HARDENED, "--memory", "400m", "--volume", f"{INPUT}/bf16:/models:ro"]
    variables = {"GRAFT_ALLOW_ANONYMOUS": "1", "GRAFT_PROVIDER": "openvino"}
    with Container(target, options=options, **variables) as container:
        say(f"{target} with bf16, healthy after", f"{container.wait_until_healthy():.1f} s")
        status, answer = predict(container.port)
        expect(status == 200, f"/predict answered {status} {answer}")
        with _OPENER.open(f"http://127.0.0.1:{container.port}/models", timeout=30) as response:
            loaded = json.load(response)["models"][0]["versions"][0]["loaded"][0]
        ran = (loaded["runtime"], loaded["precision"])
        expect(ran == ("openvino", "bf16"), f"answered by {ran}")
        say(f"{target} answers by {' '.join(ran)}; memory after a request", container.memory())
        say(f"{target} SIGTERM, exit code 0 after", f"{container.stop():.1f} s")


def check_train(target: str) -> None:
    """From a folder of photos to an answer by two commands, without root and without a network."""
    models, serving = "trial-models", "cpu"
    attempt("volume", "rm", models)
    try:
        began = time.monotonic()
        photos = ["--volume", f"{INPUT}/photos:/data:ro", "--volume", f"{models}:/models"]
        run = ["run", "--rm", "--network", "none", *photos, f"graft:{target}"]
        trained = docker(*run, "/data", "--name", "photos", timeout_s=900)
        say(f"{target} trained in {time.monotonic() - began:.0f} s", trained.splitlines()[-1])
        options = [*HARDENED, "--volume", f"{models}:/models:ro"]
        with Container(serving, options=options, GRAFT_ALLOW_ANONYMOUS="1") as container:
            container.wait_until_healthy()
            right, asked = 0, 0
            for photo in sorted((INPUT / "photos").glob("*/*"))[::5]:
                status, answer = predict(container.port, photo)
                expect(status == 200, f"{photo.name}: {status} {answer}")
                right += answer["predictions"][0]["label"] == photo.parent.name
                asked += 1
        say(f"{target} then {serving}, photos named right", f"{right} of {asked}")
        expect(right > asked / 2, "the model that was trained is not the one that answers")
    finally:
        attempt("volume", "rm", models)


def compose(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `docker compose` in a checkout."""
    place = ["--project-directory", str(checkout), "--file", str(checkout / "compose.yaml")]
    return attempt("compose", *place, *arguments, timeout_s=180, **variables)


def check_compose(checkout: Path) -> None:
    """`docker compose up`: refused until access is chosen; then every setting of .env is the service's."""
    shutil.copytree(fresh_models(), checkout / "models", dirs_exist_ok=True)
    (checkout / "models").chmod(0o755)
    port = random.randint(20000, 29999)
    try:
        refused = compose(checkout, "up", "--no-build")
        output = refused.stdout + refused.stderr
        expect(refused.returncode != 0, f"up without keys ended with 0:\n{output}")
        expect(output.count("error: host '0.0.0.0'") == 1, f"not refused once:\n{output}")
        say("compose up without keys ends", f"exit code {refused.returncode}")
        (checkout / ".env").write_text(
            f"GRAFT_API_KEYS={KEY}\nGRAFT_PORT={port}\nGRAFT_MAX_IMAGE_BYTES=10\n"
        )
        began = time.monotonic()
        up = compose(checkout, "up", "--no-build", "--detach", "--wait")
        expect(up.returncode == 0, f"up: {up.stderr[-2000:]}")
        say("compose up, healthy after", f"{time.monotonic() - began:.1f} s")
        status, answer = predict(port, key=KEY)
        expect(status == 413, f"GRAFT_MAX_IMAGE_BYTES of .env has no effect: {status} {answer}")
    finally:
        compose(checkout, "down", "--volumes")


def main(targets: Sequence[str]) -> int:
    """Run the checks of these targets; return the exit code."""
    checkout = STATE / "checkout"
    checks: list[Callable[[str], None]] = [
        check_hardened,
        check_arguments,
        check_contract,
        check_refusals,
    ]
    try:
        copy_checkout(checkout)
        for target in targets:
            build(target, checkout, STATE / f"build-{target}.log")
            own = {"cpu": checks, "gpu": checks, WITH_OPENVINO: [*checks, check_bf16]}
            for check in own.get(target, [check_train]):
                check(target)
        if "cpu" in targets:
            check_compose(checkout)
    except (Failed, subprocess.TimeoutExpired) as err:
        say("FAILED", err)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
