"""What the images consist of, run without Docker: the install script, the layout, the health check.

No image is built here; docs/docker.md says so.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from scripts.children import Children
from scripts.demo import free_port
from service.settings import ENV_PREFIX, Settings
from tests.builders import coloured, make_package

ROOT = Path(__file__).resolve().parent.parent
INSTALL = "scripts/docker/install.sh"


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word, rest) for word, rest in split]


def stage(name: str) -> list[tuple[str, str]]:
    """Return the instructions of one stage and of the stages that it is built on."""
    stages: dict[str, list[tuple[str, str]]] = {}
    current = ""
    for word, rest in instructions():
        if word == "FROM":
            base, _, current = rest.partition(" AS ")
            stages[current] = list(stages.get(base, []))
        stages[current].append((word, rest))
    return stages[name]


def environment_of(name: str) -> dict[str, str]:
    settings = [part for word, rest in stage(name) if word == "ENV" for part in shlex.split(rest)]
    return dict(setting.split("=", 1) for setting in settings)


def command_of(name: str, word: str) -> list[str]:
    """Return the arguments of the last CMD or HEALTHCHECK, which must be in exec form."""
    rest = [rest for found, rest in stage(name) if found == word][-1]
    command: list[str] = yaml.safe_load(rest[rest.index("[") :])
    return command


def copied_sources(name: str) -> list[tuple[str, str]]:
    """Return (source, target) of each file or folder that a stage takes from the repository."""
    pairs = []
    for word, rest in stage(name):
        if word == "COPY" and "--from" not in rest:
            *sources, target = rest.split()
            pairs += [(source, target) for source in sources]
    return pairs


def test_gpu_is_the_default_target() -> None:
    targets = [rest for word, rest in instructions() if word == "FROM"]
    assert targets[-1] == "runtime AS gpu"
    assert "runtime AS cpu" in targets


def test_every_run_line_is_the_install_script() -> None:
    runs = [yaml.safe_load(rest) for word, rest in instructions() if word == "RUN"]
    assert runs == [[INSTALL, "cpu", "/opt/venv"], [INSTALL, "gpu", "/opt/venv"]]


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_the_image_runs_without_root_and_chooses_no_access_for_its_user(target: str) -> None:
    (user,) = [rest for word, rest in stage(target) if word == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert {"GRAFT_API_KEYS", "GRAFT_ALLOW_ANONYMOUS"}.isdisjoint(environment_of(target))


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_the_models_are_a_volume_that_the_service_reads(target: str) -> None:
    (volume,) = [rest for word, rest in stage(target) if word == "VOLUME"]
    assert environment_of(target)["GRAFT_MODELS_DIR"] == volume


@pytest.mark.parametrize("target", ["cpu", "build"])
def test_what_is_copied_exists_and_reaches_the_build(target: str) -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for source, _ in copied_sources(target):
        assert (ROOT / source).exists()
        assert any(source == path or fnmatch(source, f"{path}/*") for path in kept), source


def test_training_is_not_in_the_image() -> None:
    assert {source for source, _ in copied_sources("gpu")} == {
        "scripts/docker/healthcheck.py",
        "inference",
        "service",
    }


def test_the_gpu_image_asks_for_cuda_and_cudnn() -> None:
    command = [sys.executable, "scripts/requirements.py", "gpu"]
    wanted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "onnxruntime-gpu[cuda,cudnn]" in wanted
    assert "torch" not in wanted


def test_an_unknown_kind_of_image_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / INSTALL, "tpu", tmp_path / "venv"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'tpu'" in done.stderr
    assert not (tmp_path / "venv").exists()


class Container:
    """The cpu image's content laid out in folders: its environment, its files, its commands."""

    def __init__(self, folder: Path) -> None:
        self.app = folder / "app"
        self.venv = folder / "venv"
        self.models = folder / "models"
        self.port = free_port()

    def build(self) -> None:
        """Run the install script and copy what the Dockerfile copies."""
        # As in the image: the environment to be made comes first on PATH, the interpreter after it.
        places = [self.venv / "bin", Path(sys.executable).parent, os.environ["PATH"]]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHON"}
        environment["PATH"] = os.pathsep.join(map(str, places))
        subprocess.run([ROOT / INSTALL, "cpu", self.venv], env=environment, check=True)
        for source, target in copied_sources("cpu"):
            path = ROOT / source
            if path.is_dir():
                shutil.copytree(path, self.app / target)
            else:
                shutil.copy(path, self.app / target)
        make_package(self.models)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the image's variables; only the port, the models' place and PATH are the test's."""
        values = environment_of("cpu") | {
            "GRAFT_PORT": str(self.port),
            "GRAFT_MODELS_DIR": str(self.models),
            "PATH": f"{self.venv / 'bin'}:{os.environ['PATH']}",
        }
        return values | more

    def command(self, word: str) -> list[str]:
        """Return CMD or HEALTHCHECK for these folders."""
        program, *arguments = [
            part.replace("/app", str(self.app)) for part in command_of("cpu", word)
        ]
        return [str(self.venv / "bin" / program), *arguments]

    def is_healthy(self) -> bool:
        """Run the health check once."""
        done = subprocess.run(
            self.command("HEALTHCHECK"),
            env=self.environment(),
            capture_output=True,
            check=False,
            timeout=30,
        )
        return done.returncode == 0


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Container:
    folder = tmp_path_factory.mktemp("image")
    (folder / "app").mkdir()
    (folder / "models").mkdir()
    built = Container(folder)
    built.build()
    return built


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as started:
        yield started


def test_the_image_holds_the_cpu_runtime_and_nothing_of_training(container: Container) -> None:
    (site,) = (container.venv / "lib").glob("python3.*/site-packages")
    names = {path.name.partition("-")[0].lower() for path in site.glob("*.dist-info")}
    assert {"onnxruntime", "fastapi"} <= names
    assert names.isdisjoint(
        {"torch", "torchvision", "timm", "scikit_learn", "onnx", "onnxruntime_gpu", "pip", "pytest"}
    )


def test_the_image_serves_and_its_health_check_says_so(
    container: Container, children: Children
) -> None:
    assert not container.is_healthy()
    service = children.start(
        container.command("CMD"),
        env=container.environment(GRAFT_API_KEYS="a-long-secret"),
        cwd=container.app,
    )
    while not container.is_healthy():
        assert service.poll() is None
    response = httpx2.post(
        f"http://127.0.0.1:{container.port}/predict",
        content=coloured("green"),
        headers={"Content-Type": "image/png", "Authorization": "Bearer a-long-secret"},
        trust_env=False,
    )
    assert response.status_code == 200
    assert response.json()["predictions"][0]["label"] == "green"


def test_a_service_without_models_is_not_healthy(
    container: Container, children: Children, tmp_path: Path
) -> None:
    environment = container.environment(GRAFT_ALLOW_ANONYMOUS="1", GRAFT_MODELS_DIR=str(tmp_path))
    service = children.start(container.command("CMD"), env=environment, cwd=container.app)
    while not answers(f"http://127.0.0.1:{container.port}/health/live"):
        assert service.poll() is None
    assert not container.is_healthy()


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_the_image_refuses_to_start_until_access_is_chosen(container: Container) -> None:
    done = subprocess.run(
        container.command("CMD"),
        env=container.environment(),
        cwd=container.app,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "GRAFT_API_KEYS" in done.stderr
    assert "GRAFT_ALLOW_ANONYMOUS" in done.stderr


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize(("name", "target", "gpus"), [("graft", "gpu", 1), ("graft-cpu", "cpu", 0)])
def test_compose_builds_a_target_that_the_dockerfile_has(name: str, target: str, gpus: int) -> None:
    service = compose()["services"][name]
    assert service["build"]["target"] == target
    assert stage(target)
    reservations = service.get("deploy", {}).get("resources", {}).get("reservations", {})
    assert sum(device["count"] for device in reservations.get("devices", [])) == gpus


@pytest.mark.parametrize("name", ["graft", "graft-cpu"])
def test_compose_publishes_the_image_port_to_this_machine_only(name: str) -> None:
    port = environment_of("gpu")["GRAFT_PORT"]
    assert compose()["services"][name]["ports"] == [f"127.0.0.1:8000:{port}"]


@pytest.mark.parametrize("name", ["graft", "graft-cpu"])
def test_compose_sets_only_variables_that_the_service_knows(name: str) -> None:
    known = {ENV_PREFIX + field.upper() for field in Settings.model_fields}
    variables = set(compose()["services"][name]["environment"]) | {
        key for key in environment_of("gpu") if key.startswith(ENV_PREFIX)
    }
    assert variables <= known


def test_compose_waits_longer_than_the_service_takes_to_stop() -> None:
    settings = Settings()
    grace_s = int(compose()["services"]["graft"]["stop_grace_period"].removesuffix("s"))
    assert grace_s > settings.drain_delay_s + settings.shutdown_grace_s
