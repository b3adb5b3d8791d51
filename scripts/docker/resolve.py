"""Write the exact libraries of one image, with their hashes, as a requirements file for pip.

    python -m scripts.docker.resolve cpu /libraries.txt

They are pyproject.toml's requirements under constraints.txt; a version that no image has does not show
in its file, so that a change of it leaves the image's layer of libraries as it is. Nothing but
metadata is fetched. Standard library and pip only.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.requirements import PYPROJECT, read_requirements, with_cpu_onnxruntime

# The extras of each image.
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "cpu": (),
    "gpu": ("gpu",),
    "train-cpu": ("train",),
    "train": ("train", "gpu"),
}
_CONSTRAINTS: Final = PYPROJECT.parent / "constraints.txt"
# Where the build mounts a certificate authority of its own, if it is given one.
_AUTHORITY: Final = Path("/run/secrets/ca.pem")


def wanted(kind: str, *, openvino: bool = False) -> list[str]:
    """Return the requirements of an image; see `EXTRAS` for the kinds."""
    extras = (*EXTRAS[kind], "openvino") if openvino else EXTRAS[kind]
    requirements = read_requirements(PYPROJECT, extras)
    return with_cpu_onnxruntime(requirements) if kind.endswith("cpu") else requirements


def render(report: Mapping[str, Any]) -> str:
    """Return the requirements file for a report of `pip install --report`."""
    lines = []
    for item in report["install"]:
        name, version = item["metadata"]["name"].lower(), item["metadata"]["version"]
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
    return "".join(sorted(lines))


def resolve(requirements: Sequence[str], *options: str) -> dict[str, Any]:
    """Return pip's report of what it would install into an empty environment.

    Raises:
        subprocess.CalledProcessError: the requirements cannot be met; pip has said why on stderr.
    """
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    what = ["--dry-run", "--ignore-installed", "--only-binary", ":all:", "--quiet", *options]
    authority = {"PIP_CERT": str(_AUTHORITY)} if _AUTHORITY.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        report, listed = Path(folder, "report.json"), Path(folder, "requirements.txt")
        listed.write_text("\n".join(requirements), encoding="utf-8")
        files = ["--report", str(report), "--constraint", str(_CONSTRAINTS), "-r", str(listed)]
        subprocess.run([*pip, *what, *files], check=True, env=os.environ | authority)
        resolved: dict[str, Any] = json.loads(report.read_bytes())
        return resolved


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the exact libraries of one image.")
    parser.add_argument("kind", choices=list(EXTRAS))
    parser.add_argument("file", type=Path)
    args = parser.parse_args(argv)
    openvino = os.environ.get("OPENVINO", "0") == "1"  # the Dockerfile's build argument
    try:
        listed = render(resolve(wanted(args.kind, openvino=openvino)))
        args.file.write_text(listed, encoding="utf-8")
    except subprocess.CalledProcessError as err:
        return int(err.returncode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
