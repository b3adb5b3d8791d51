"""The set-up behind every make target: done or not done, and clear about what is missing."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INPUTS = ("pyproject.toml", "constraints.txt", "scripts/setup.sh", "scripts/requirements.py")


def run_setup(venv: Path, *extras: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts/setup.sh", venv, *extras],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def planned(venv: Path) -> str:
    """Return the commands that `make setup` would run."""
    # Options of a make that runs these tests must not reach this one.
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "setup", f"VENV={venv}"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_no_suitable_python_is_told(tmp_path: Path) -> None:
    done = run_setup(tmp_path / "venv", PYTHON="/bin/false")
    assert done.returncode == 1
    assert "no Python 3.11 or newer found" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_set_up_that_fails_does_not_count_as_done(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    run_setup(venv, "no-such-extra")  # leaves a sound environment without packages
    (venv / ".ready").touch()
    done = run_setup(venv, "no-such-extra")
    assert done.returncode != 0
    assert "'no-such-extra'" in done.stderr
    assert not (venv / ".ready").exists()


def test_make_sets_up_what_is_not_ready(tmp_path: Path) -> None:
    assert f"scripts/setup.sh {tmp_path} train dev" in planned(tmp_path)


def test_make_leaves_alone_what_is_ready(tmp_path: Path) -> None:
    (tmp_path / ".ready").touch()
    assert "setup.sh" not in planned(tmp_path)


def test_make_sets_up_again_when_a_requirement_changed(tmp_path: Path) -> None:
    ready = tmp_path / ".ready"
    ready.touch()
    oldest_input_ns = min((ROOT / name).stat().st_mtime_ns for name in INPUTS)
    os.utime(ready, ns=(oldest_input_ns - 1, oldest_input_ns - 1))
    assert "setup.sh" in planned(tmp_path)
