"""Print what pyproject.toml requires, as a requirements file for pip.

    python scripts/requirements.py                     # what the service needs
    python scripts/requirements.py train dev           # and these extras
    python scripts/requirements.py --onnxruntime cpu   # the small CPU build in place of the GPU build
    python scripts/requirements.py --lowest train      # of each the lowest release that is allowed

The packages run from the repository's root, so only their requirements are installed. Standard
library only: this runs before anything is installed.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

PYPROJECT: Final = Path(__file__).resolve().parent.parent / "pyproject.toml"
_ONNXRUNTIME: Final = re.compile(r"onnxruntime(-gpu)?(?![\w-])")


def read_requirements(pyproject: Path, extras: Iterable[str] = ()) -> list[str]:
    """Return the base requirements and those of `extras`, in their order in the file.

    Raises:
        KeyError: an extra is not in the file.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    requirements = list(project["dependencies"])
    for extra in extras:
        requirements += project["optional-dependencies"][extra]
    return requirements


def with_cpu_onnxruntime(requirements: Iterable[str]) -> list[str]:
    """Return the requirements with `onnxruntime` on every platform and no `onnxruntime-gpu`.

    The two are the same Python package and must never be installed together.
    """
    kept = []
    for requirement in requirements:
        match = _ONNXRUNTIME.match(requirement)
        if match is None:
            kept.append(requirement)
        elif match[1] is None:
            kept.append(without_marker(requirement))
    return kept


def with_lowest_versions(requirements: Iterable[str]) -> list[str]:
    """Return each requirement with the lowest release that it allows: of 2.9 also 2.9.1, but no 2.10.

    Raises:
        ValueError: one names no lowest version.
    """
    return [_lowest(requirement) for requirement in requirements]


def _lowest(requirement: str) -> str:
    wanted, semicolon, marker = requirement.partition(";")
    name, bound, versions = wanted.partition(">=")
    if not bound:
        raise ValueError(f"{wanted.strip()!r} names no lowest version")
    lowest = versions.partition(",")[0].strip()
    return f"{name}=={lowest}.* {semicolon}{marker}".strip()


def without_marker(requirement: str) -> str:
    """Return the requirement for every platform."""
    return requirement.partition(";")[0].strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Print pyproject.toml's requirements for pip.")
    parser.add_argument("extras", nargs="*", metavar="EXTRA", help="train, dev, gpu")
    parser.add_argument(
        "--onnxruntime",
        choices=["default", "cpu"],
        default="default",
        help="cpu: the CPU build, where pyproject.toml would take the GPU build",
    )
    parser.add_argument(
        "--lowest", action="store_true", help="of each the lowest release that is allowed"
    )
    args = parser.parse_args(argv)
    try:
        requirements = read_requirements(PYPROJECT, args.extras)
    except KeyError as err:
        print(f"error: pyproject.toml has no extra {err}", file=sys.stderr)
        return 2
    if args.onnxruntime == "cpu":
        requirements = with_cpu_onnxruntime(requirements)
    if args.lowest:
        requirements = with_lowest_versions(requirements)
    print("\n".join(requirements))
    return 0


if __name__ == "__main__":
    sys.exit(main())
