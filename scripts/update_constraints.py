"""Resolve every requirement anew and write the exact versions to constraints.txt.

    python3.11 -m scripts.update_constraints

Run it with the oldest Python that the project supports: what it finds must install on the newer
ones too, and some packages' latest versions leave the oldest Python behind. A constraint binds only
where something asks for its package, so one file serves every platform and every set of extras.
"""

import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from scripts.requirements import PYPROJECT, read_requirements, without_marker

CONSTRAINTS: Final = PYPROJECT.parent / "constraints.txt"
OLDEST_PYTHON: Final = (3, 11)
_HEADER: Final = """\
# What `make` and the images install; written by `python3.11 -m scripts.update_constraints`.
"""


def normalised(name: str) -> str:
    """Return a package's name in the one spelling that indexes compare."""
    return re.sub(r"[-_.]+", "-", name).lower()


def render(report: Mapping[str, Any]) -> str:
    """Return the constraints file for a report of `pip install --report`.

    Local version labels such as `+cpu` name one index's build, so a report with one is refused.

    Raises:
        ValueError: a version carries a local label.
    """
    pins = {}
    for item in report["install"]:
        name, version = normalised(item["metadata"]["name"]), item["metadata"]["version"]
        if "+" in version:
            raise ValueError(f"{name} {version} is one index's own build; resolve without it")
        pins[name] = version
    return _HEADER + "".join(f"{name}=={pins[name]}\n" for name in sorted(pins))


def resolve(requirements: Iterable[str]) -> dict[str, Any]:
    """Return pip's report of what it would install into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        environment, wanted, report = (Path(folder, x) for x in ("venv", "wanted.txt", "report"))
        venv.create(environment, with_pip=True)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--upgrade", "pip"], check=True)
        wanted.write_text("\n".join(requirements), encoding="utf-8")
        options = ["--dry-run", "--ignore-installed", "--report", str(report)]
        subprocess.run([*pip, *options, "--requirement", str(wanted)], check=True)
        resolved: dict[str, Any] = json.loads(report.read_bytes())
        return resolved


def main() -> int:
    """Rewrite constraints.txt; return the exit code."""
    if sys.version_info[:2] != OLDEST_PYTHON:
        print(f"error: run this with Python {'.'.join(map(str, OLDEST_PYTHON))}", file=sys.stderr)
        return 2
    # Without markers the builds for other platforms are pinned as well.
    requirements = map(without_marker, read_requirements(PYPROJECT, ["train", "dev", "gpu"]))
    CONSTRAINTS.write_text(render(resolve(requirements)), encoding="utf-8")
    print(f"wrote {CONSTRAINTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
