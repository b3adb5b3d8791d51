"""What `--help` says of the settings."""

from typing import Literal, get_args, get_origin

from service.settings import Settings
from service.settings_help import settings_help


def test_every_setting_is_there_with_its_values_bounds_and_default() -> None:
    lines = settings_help().splitlines()
    for line in (
        "  GRAFT_PROVIDER=auto|tensorrt|cuda|cpu|openvino  [auto]",
        "  GRAFT_REQUIRE_GPU=0|1  [0]",
        "  GRAFT_METRICS_PORT=N  0 to 65535",
        "  GRAFT_MAX_IMAGES=N  1 or more  [32]",
        "  GRAFT_REQUEST_TIMEOUT_S=N  above 0  [5]",
        "  GRAFT_KEEP_DIR=FOLDER  [kept]",
    ):
        assert line in lines
    for name, field in Settings.model_fields.items():
        (shown,) = (line for line in lines if line.startswith(f"  GRAFT_{name.upper()}="))
        if get_origin(field.annotation) is Literal:
            assert "|".join(get_args(field.annotation)) in shown
