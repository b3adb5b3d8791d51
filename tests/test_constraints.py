"""constraints.txt: exact, free of addresses, and in step with pyproject.toml."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.requirements import (
    PYPROJECT,
    main,
    read_requirements,
    with_cpu_onnxruntime,
    with_lowest_versions,
)
from scripts.update_constraints import CONSTRAINTS, render

EXTRAS = ("train", "gpu", "telemetry", "tensorboard", "video", "parquet", "openvino", "dev")
DIRECT = [Requirement(text) for text in read_requirements(PYPROJECT, EXTRAS)]


def pins() -> dict[str, Version]:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {name: Version(version) for name, version in pairs}


def test_every_line_is_an_exact_public_version() -> None:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()[1:]
    odd = [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==\d[0-9a-z.]*", line)]
    assert lines
    assert odd == []


def test_lines_are_sorted_and_name_a_package_once() -> None:
    names = list(pins())
    assert names == sorted(set(names))


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_a_direct_requirement_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_extras_are_all_covered() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) == set(EXTRAS)


def test_a_local_build_is_never_pinned() -> None:
    report = {"install": [{"metadata": {"name": "torch", "version": "2.13.0+cpu"}}]}
    with pytest.raises(ValueError, match=r"torch 2\.13\.0\+cpu"):
        render(report)


def test_names_are_written_in_one_spelling() -> None:
    report = {"install": [{"metadata": {"name": "Ruamel_Yaml.clib", "version": "1.0"}}]}
    assert render(report).endswith("\nruamel-yaml-clib==1.0\n")


def test_the_cpu_build_replaces_the_gpu_build_everywhere() -> None:
    base = read_requirements(PYPROJECT)
    kept = [Requirement(text) for text in with_cpu_onnxruntime(base)]
    runtimes = [r for r in kept if r.name.startswith("onnxruntime")]
    assert [(r.name, r.marker) for r in runtimes] == [("onnxruntime", None)]
    assert len(kept) == len(base) - 1


def test_an_unknown_extra_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "'trian'" in capsys.readouterr().err


def test_the_lowest_versions_are_those_that_pyproject_allows() -> None:
    assert with_lowest_versions(["a[b]>=1.2,<2 ; marker", "c>=0.3"]) == [
        "a[b]==1.2.* ; marker",
        "c==0.3.*",
    ]
    with pytest.raises(ValueError, match="no lowest version"):
        with_lowest_versions(["d<2"])
