"""The alerts on drift, checked and tried by Prometheus' own tool, on names that the service exports."""

import re
import subprocess
from pathlib import Path

import pytest

from service.collect import drift
from service.telemetry.drift_metrics import GAUGES

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "graft-rules.yaml"


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.promtool
def test_the_rules_raise_an_alert_where_they_should_and_nowhere_else() -> None:
    promtool("check", "rules", str(RULES))
    promtool("test", "rules", str(Path(__file__).with_name("graft-rules-test.yaml")))


def test_the_rules_are_about_what_the_service_exports() -> None:
    named = set(re.findall(r"graft_\w+", RULES.read_text(encoding="utf-8")))
    assert named == set(GAUGES)


def test_the_rules_are_those_that_the_studio_shows() -> None:
    text = RULES.read_text(encoding="utf-8")
    found = [float(x) for x in re.findall(r" > ([\d.]+)", text)]
    assert found == [drift.ALERT_REJECTED, drift.ALERT_TOP_PROBABILITY, drift.ALERT_LABEL_SHIFT]
    assert set(re.findall(r"graft_recent_images >= (\d+)", text)) == {str(drift.ALERT_FROM_IMAGES)}
