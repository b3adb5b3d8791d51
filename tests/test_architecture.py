"""The rules that the layout rests on, checked by reading and by running the sources."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("graft", "inference", "service", "studio", "training")
CHECKED = (*PACKAGES, "scripts", "tests", "benchmarks")
SOURCES = sorted(path for top in CHECKED for path in (ROOT / top).rglob("*.py"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

# The two borders where any error at all must be turned into an answer.
CATCHES_EVERYTHING = {
    "service/collect/collector.py": "an image that cannot be kept is dropped; the thread goes on",
    "service/engine/batching.py": "a batch that fails answers its callers; the worker goes on",
    "service/telemetry/observability.py": "HTTP 500",
    "service/repository/registry.py": "a look at the repository that fails is followed by the next",
    "service/repository/model_cache.py": "a package that fails to load is shown as failed; the others go on",
}
# Command lines, which talk to the person in front of them.
PRINTS = {
    "graft/__main__.py",
    "inference/__main__.py",
    "inference/command_line.py",
    "inference/set_alias.py",
    "service/__main__.py",
    "service/client_command.py",
    "service/healthcheck.py",
    "service/keys.py",
    "studio/__main__.py",
    "training/caches.py",
    "training/compare.py",
    "training/evaluate.py",
    "training/finetune.py",
    "training/audit/__main__.py",
    "training/backbones/__main__.py",
    "training/datasets/__main__.py",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sources_of(*tops: str) -> list[Path]:
    return [path for path in SOURCES if path.relative_to(ROOT).parts[0] in tops]


def imported_modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))
        for kind in kinds
    )


def run_python(code: str) -> str:
    """Run code in a fresh interpreter at the root; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_sources_are_found() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} >= {*PACKAGES, "scripts", "tests"}


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_a_file_holds_one_concept(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_functions_are_short(path: Path) -> None:
    functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, Function)]
    lengths = {f.name: (f.end_lineno or f.lineno) - f.lineno + 1 for f in functions}
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def test_exception_is_caught_only_at_the_borders() -> None:
    found = {
        shown(path)
        for path in sources_of(*PACKAGES, "scripts", "benchmarks")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    }
    assert found == set(CATCHES_EVERYTHING)


def test_only_command_lines_print() -> None:
    found = {
        shown(path)
        for path in sources_of(*PACKAGES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert found <= PRINTS


def test_the_model_repository_is_no_package() -> None:
    assert not list((ROOT / "models").rglob("__init__.py"))


def test_the_arrows_between_the_packages_hold() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    assert f"{len(contracts)} kept, 0 broken" in done.stdout


def test_routes_leave_pixels_and_models_to_the_layers_below() -> None:
    routes = [path for path in sources_of("service") if path.parent.name == "routes"]
    roots = {m.partition(".")[0] for path in routes for m in imported_modules(tree_of(path))}
    assert "fastapi" in roots
    assert roots.isdisjoint({"numpy", "PIL", "onnxruntime"})


@pytest.mark.parametrize(
    ("statement", "foreign"),
    [
        ("import inference", "torch torchvision timm sklearn onnx fastapi starlette pydantic"),
        (
            "from service.app import create_app; create_app()",
            "torch torchvision timm sklearn onnx training",
        ),
    ],
    ids=["inference", "service"],
)
def test_starting_it_loads_nothing_of_the_other_side(statement: str, foreign: str) -> None:
    code = f"{statement}\nimport sys\nprint(sorted(set({foreign.split()!r}) & set(sys.modules)))"
    assert run_python(code) == "[]"
