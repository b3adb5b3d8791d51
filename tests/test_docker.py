"""What the images consist of, run without Docker: their scripts, the layout, the health check.

No image is built here; `python -m tests.image` does that, with a real Docker Engine.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from scripts.children import Children
from scripts.demo import free_port
from scripts.docker.resolve import render, resolve, wanted
from service.settings import ENV_PREFIX, Settings
from tests.builders import coloured, make_package

ROOT = Path(__file__).resolve().parent.parent
INSTALL = "scripts/docker/install.sh"
FINISH = "scripts/docker/finish.sh"
TARGETS = ["cpu", "gpu", "train", "train-cpu"]
SERVING = ["cpu", "gpu"]


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word, rest) for word, rest in split]


def stage(name: str) -> list[tuple[str, str]]:
    """Return the instructions of one stage and of the stages that it is built on."""
    current = ""  # what stands before the first stage
    stages: dict[str, list[tuple[str, str]]] = {current: []}
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
    """Return the arguments of the last ENTRYPOINT or HEALTHCHECK, which must be in exec form."""
    rest = [rest for found, rest in stage(name) if found == word][-1]
    command: list[str] = yaml.safe_load(rest[rest.index("[") :])
    return command


def runs_of(name: str) -> list[list[str]]:
    """Return the commands that build a stage, which must be in exec form, without their mounts."""
    lines = [rest for found, rest in stage(name) if found == "RUN"]
    return [yaml.safe_load(line[line.index("[") :]) for line in lines]


def copied_sources(name: str) -> list[tuple[str, str]]:
    """Return (source, target) of each file or folder that a stage takes from the repository."""
    pairs = []
    for word, rest in stage(name):
        if word == "COPY":
            *sources, target = rest.split()
            pairs += [(source, target) for source in sources]
    return pairs


def mounted_sources(name: str) -> list[str]:
    """Return the files of the repository that a stage's RUN lines are given."""
    lines = [rest for word, rest in stage(name) if word == "RUN"]
    return re.findall(r"--mount=type=bind,source=([^,]+)", " ".join(lines))


def test_the_serving_image_for_gpus_is_the_default_target() -> None:
    targets = [rest for word, rest in instructions() if word == "FROM"]
    assert targets[-1] == "serving AS gpu"


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_is_made_by_the_scripts_that_are_tested_here(target: str) -> None:
    purpose = "serve" if target in SERVING else "train"
    listed = ["python", "-m", "scripts.docker.resolve", target, "/libraries.txt"]
    assert runs_of(f"resolve-{target}") == [listed]
    install, finish = runs_of(target)
    assert install[2:] == [purpose, "/build/libraries.txt", "/opt/venv"]
    assert finish[2:4] == [purpose, "/app"]
    assert mounted_sources(target) == [INSTALL, FINISH]


@pytest.mark.parametrize("target", TARGETS)
def test_the_image_runs_without_root_and_chooses_no_access_for_its_user(target: str) -> None:
    (user,) = [rest for word, rest in stage(target) if word == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert {"GRAFT_API_KEYS", "GRAFT_ALLOW_ANONYMOUS"}.isdisjoint(environment_of(target))


def test_the_image_is_labelled_with_the_version_of_the_project() -> None:
    labels = " ".join(rest for word, rest in stage("base") if word == "LABEL")
    (version,) = re.findall(r'org\.opencontainers\.image\.version="([^"]+)"', labels)
    assert version == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("target", SERVING)
def test_the_models_are_a_volume_that_the_service_reads(target: str) -> None:
    (volume,) = [rest for word, rest in stage(target) if word == "VOLUME"]
    assert environment_of(target)["GRAFT_MODELS_DIR"] == volume


@pytest.mark.parametrize("target", [*TARGETS, "resolve"])
def test_what_is_copied_exists_and_reaches_the_build(target: str) -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for source in [*(source for source, _ in copied_sources(target)), *mounted_sources(target)]:
        assert (ROOT / source).exists()
        assert any(source == path or fnmatch(source, f"{path}/*") for path in kept), source


@pytest.mark.parametrize("target", SERVING)
def test_training_is_not_in_a_serving_image(target: str) -> None:
    assert {source for source, _ in copied_sources(target)} == {
        "inference",
        "service",
    }


def test_the_images_for_gpus_bring_cuda_and_cudnn() -> None:
    for kind in ("gpu", "train"):
        assert any("onnxruntime-gpu[cuda,cudnn]" in text for text in wanted(kind))
    assert not any(text.startswith("onnxruntime-gpu") for text in wanted("train-cpu"))
    assert not any(text.startswith("torch") for kind in SERVING for text in wanted(kind))


def test_an_image_of_unknown_purpose_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / INSTALL, "bake", "none", tmp_path / "venv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "'bake'" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_the_cpu_image_has_wheels_for_64_bit_arm(tmp_path: Path) -> None:
    platforms = [f"manylinux{version}_aarch64" for version in ("2014", "_2_17", "_2_28", "_2_34")]
    place = [part for platform in platforms for part in ("--platform", platform)]
    report = resolve(
        wanted("cpu"), *place, "--python-version", "3.13", "--target", str(tmp_path / "target")
    )
    files = [Path(item["download_info"]["url"]).name for item in report["install"]]
    assert any(name.startswith("onnxruntime-") and "aarch64" in name for name in files)
    assert [name for name in files if "x86_64" in name] == []


def copy_for_the_owner_alone(source: str, target: str) -> None:
    """Copy a file as a checkout under umask 077 has it."""
    shutil.copyfile(source, target)
    Path(target).chmod(0o600)


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
        libraries = self.app.parent / "libraries.txt"
        libraries.write_text(render(resolve(wanted("cpu"))), encoding="utf-8")
        subprocess.run([ROOT / INSTALL, "serve", libraries, self.venv], env=environment, check=True)
        for source, target in copied_sources("cpu"):
            path = ROOT / source
            if path.is_dir():
                shutil.copytree(path, self.app / target, copy_function=copy_for_the_owner_alone)
            else:
                shutil.copy(path, self.app / target)
        subprocess.run([ROOT / FINISH, "serve", self.app], env=environment, check=True)
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
        """Return ENTRYPOINT or HEALTHCHECK for these folders."""
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


def test_only_what_the_service_loads_is_in_the_image(container: Container) -> None:
    (site,) = (container.venv / "lib").glob("python3.*/site-packages")
    assert (container.venv / "libraries.txt").read_text().startswith("annotated-doc==")
    assert not list(site.rglob("tests"))
    assert not (site / "onnxruntime/transformers").exists()
    # Read-only later on: what is not compiled now is compiled at every start.
    assert (site / "fastapi/__pycache__").exists()
    assert not (site / "PIL/__pycache__").joinpath("PdfImagePlugin.pyc").exists()


def test_whoever_runs_the_image_can_read_its_code(container: Container) -> None:
    modes = {path.stat().st_mode & 0o777 for path in container.app.rglob("*")}
    assert modes == {0o644, 0o755}


def test_the_image_serves_and_its_health_check_says_so(
    container: Container, children: Children
) -> None:
    assert not container.is_healthy()
    service = children.start(
        container.command("ENTRYPOINT"),
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
    service = children.start(container.command("ENTRYPOINT"), env=environment, cwd=container.app)
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
        container.command("ENTRYPOINT"),
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


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))["services"]
    return content


@pytest.mark.parametrize(("file", "target"), [("compose.yaml", "cpu"), ("compose.gpu.yaml", "gpu")])
def test_compose_builds_a_target_that_the_dockerfile_has(file: str, target: str) -> None:
    assert {service["build"]["target"] for service in compose(file).values()} == {target}
    assert stage(target)


def test_compose_gives_a_gpu_to_whoever_checks_for_one() -> None:
    for service in compose("compose.gpu.yaml").values():
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert (device["driver"], device["count"]) == ("nvidia", 1)
    assert compose("compose.gpu.yaml").keys() == compose().keys()


def test_compose_publishes_the_image_port_to_this_machine_only() -> None:
    port = environment_of("gpu")["GRAFT_PORT"]
    assert compose()["graft"]["ports"] == [f"127.0.0.1:${{GRAFT_PORT:-8000}}:{port}"]


def test_compose_hands_over_every_setting_but_what_the_image_is_made_for() -> None:
    graft = compose()["graft"]
    assert graft["env_file"] == [{"path": ".env", "required": False}]
    fixed = {name: value for name, value in graft["environment"].items() if value is not None}
    assert fixed == {k: v for k, v in environment_of("cpu").items() if k.startswith(ENV_PREFIX)}


def test_compose_sets_only_variables_that_the_service_knows() -> None:
    known = {ENV_PREFIX + field.upper() for field in Settings.model_fields}
    assert set(compose()["graft"]["environment"]) <= known


def test_compose_checks_the_settings_before_it_restarts_for_ever() -> None:
    services = compose()
    assert services["graft"]["restart"] == "unless-stopped"
    condition = services["graft"]["depends_on"]["settings"]["condition"]
    assert condition == "service_completed_successfully"
    assert services["settings"]["command"] == ["--check"]
    assert "restart" not in services["settings"]


def test_compose_waits_longer_than_the_service_takes_to_stop() -> None:
    settings = Settings()
    grace_s = int(compose()["graft"]["stop_grace_period"].removesuffix("s"))
    assert grace_s > settings.drain_delay_s + settings.shutdown_grace_s
