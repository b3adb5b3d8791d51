"""The Ray Serve application, run in an environment of its own with two replicas on this machine."""

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.builders import coloured, make_package
from tests.ports import free_port
from tests.tools import python_of

ROOT: Final = Path(__file__).parents[2]
_TIMEOUT_S: Final = 400


def test_two_replicas_agree_and_one_that_is_killed_is_replaced(
    models_dir: Path, tmp_path: Path
) -> None:
    python = python_of("ray")
    make_package(models_dir)
    image = tmp_path / "red.png"
    image.write_bytes(coloured("red"))
    port = free_port()
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "GRAFT_MODELS_DIR": str(models_dir),
        "GRAFT_PROVIDER": "cpu",
        "GRAFT_RAY_REPLICAS": "2",
        "RAY_USAGE_STATS_ENABLED": "0",
        # On a busy machine Ray's own 5 s are too few.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    }
    ended = subprocess.run(
        [str(python), str(Path(__file__).with_name("ask_ray_serve.py")), str(port), str(image)],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        start_new_session=True,
        check=False,
    )
    assert "ray serve passed" in ended.stdout, ended.stderr[-4000:]
