"""What the deployment files name is there: settings, addresses, ports and metrics."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from fastapi.testclient import TestClient

from service.settings import Settings
from tests.builders import coloured

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
MANIFESTS: Final = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def container(path: Path) -> dict[str, Any]:
    for document in documents(path):
        spec = document["spec"]
        pod = spec.get("template", {}).get("spec", spec)
        if "containers" in pod:
            (found,) = pod["containers"]
            return dict(found)
    raise AssertionError(f"{path} has no container")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_variables_are_settings_with_values_that_fit(path: Path) -> None:
    values = {}
    for entry in container(path)["env"]:
        name = entry["name"].removeprefix("GRAFT_").lower()
        assert name in Settings.model_fields
        if "value" in entry:
            values[name] = entry["value"]
    Settings.model_validate(values)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_probes_ask_what_answers(path: Path, client: TestClient) -> None:
    probes = [value for name, value in container(path).items() if name.endswith("Probe")]
    assert len(probes) >= 2
    for probe in probes:
        assert client.get(probe["httpGet"]["path"]).status_code == 200


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_the_container_may_do_nothing_but_serve(path: Path) -> None:
    allowed = container(path)["securityContext"]
    assert allowed["readOnlyRootFilesystem"] is True
    assert allowed["allowPrivilegeEscalation"] is False
    assert allowed["capabilities"] == {"drop": ["ALL"]}


def test_there_is_time_to_drain() -> None:
    (deployment,) = (
        d for d in documents(DEPLOY / "kubernetes" / "graft.yaml") if d["kind"] == "Deployment"
    )
    env = {
        e["name"]: e.get("value") for e in container(DEPLOY / "kubernetes" / "graft.yaml")["env"]
    }
    settings = Settings.model_validate({"drain_delay_s": env["GRAFT_DRAIN_DELAY_S"]})
    grace_s = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace_s > settings.drain_delay_s + settings.shutdown_grace_s


def test_the_dashboard_asks_for_metrics_that_there_are(client: TestClient) -> None:
    client.post("/predict", content=coloured("red"))
    client.post("/predict", content=b"no image")
    served = set(re.findall(r"^(graft_\w+)", client.get("/metrics").text, re.MULTILINE))
    dashboard = json.loads((DEPLOY / "grafana" / "graft.json").read_text(encoding="utf-8"))
    asked = {
        metric
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for metric in re.findall(r"graft_\w+", target["expr"])
    }
    assert len(asked) >= 10
    assert asked <= served
