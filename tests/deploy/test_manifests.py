"""The deployment files: held by Kubernetes' own schemas, and what they name is there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml
from fastapi.testclient import TestClient
from jsonschema import ValidationError

from service.settings import Settings
from service.telemetry.drift_metrics import GAUGES
from tests.builders import coloured
from tests.conftest import ClientFactory
from tests.deploy.kserve_shapes import kubernetes_part

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


def check_strictly(document: dict[str, Any]) -> None:
    """Hold a document by the schemas of the oldest and the newest Kubernetes; unknown keys are errors."""
    if "kserve" in document["apiVersion"]:
        document = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "held"},
            "spec": kubernetes_part(document),
        }
    for version in ("1.29", "1.37"):
        kubernetes_validate.validate(document, version, strict=True)


def pods(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what each document says of a pod."""
    for document in documents(path):
        spec = document["spec"]
        if document["kind"] in ("Deployment", "ServingRuntime", "InferenceService"):
            yield spec.get("template", {}).get("spec") or spec.get("predictor") or spec


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_every_document_is_what_its_kind_allows(path: Path) -> None:
    for document in documents(path):
        check_strictly(document)


@pytest.mark.parametrize(
    ("path", "where", "key"),
    [
        ("graft.yaml", ("spec", "template", "spec"), "enableServiceLink"),
        ("graft.yaml", ("spec", "template", "spec", "containers", 0), "startUpProbe"),
        ("kserve.yaml", ("spec",), "enableServiceLinks"),
        ("kserve.yaml", ("spec", "containers", 0), "startUpProbe"),
        ("kserve.yaml", ("spec", "supportedModelFormats", 0), "autoselect"),
    ],
)
def test_a_key_that_is_none_is_seen(path: str, where: tuple[str | int, ...], key: str) -> None:
    document = inner = documents(DEPLOY / "kubernetes" / path)[0]
    for step in where:
        inner = inner[step]  # type: ignore[index]
    inner[key] = False
    with pytest.raises((ValidationError, kubernetes_validate.ValidationError)):
        check_strictly(document)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_no_service_brings_its_variables_into_a_pod(path: Path) -> None:
    assert False in [pod.get("enableServiceLinks") for pod in pods(path)]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_pod_without_a_model_is_started_and_alive(
    path: Path, start_service: ClientFactory
) -> None:
    empty = start_service()
    for probe, status in (("startupProbe", 200), ("livenessProbe", 200), ("readinessProbe", 503)):
        asked = container(path)[probe]["httpGet"]["path"]
        assert empty.get(asked).status_code == status


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_workers_have_a_temporary_folder(path: Path) -> None:
    (volume,) = (v for pod in pods(path) for v in pod.get("volumes", []) if v["name"] == "tmp")
    assert "emptyDir" in volume
    assert {"name": "tmp", "mountPath": "/tmp"} in container(path)["volumeMounts"]


def test_the_autoscaler_alone_says_how_many_there_are() -> None:
    kinds = {d["kind"]: d["spec"] for d in documents(DEPLOY / "kubernetes" / "graft.yaml")}
    assert kinds["HorizontalPodAutoscaler"]["minReplicas"] >= 2
    assert "replicas" not in kinds["Deployment"]


def test_prometheus_is_sent_to_the_port_that_wants_no_key() -> None:
    kinds = {d["kind"]: d["spec"] for d in documents(DEPLOY / "kubernetes" / "graft.yaml")}
    template = kinds["Deployment"]["template"]
    env = {e["name"]: e.get("value") for e in template["spec"]["containers"][0]["env"]}
    ports = {p["name"]: p["containerPort"] for p in template["spec"]["containers"][0]["ports"]}
    annotated = template["metadata"]["annotations"]["prometheus.io/port"]
    assert annotated == env["GRAFT_METRICS_PORT"] == str(ports["metrics"])
    # Nobody else: neither by the Service nor past the policy.
    assert [p["targetPort"] for p in kinds["Service"]["ports"]] == ["http"]
    open_to_all = [rule for rule in kinds["NetworkPolicy"]["ingress"] if "from" not in rule]
    assert [rule["ports"] for rule in open_to_all] == [[{"port": "http"}]]


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
    assert len(probes) == 3
    for probe in probes:
        assert client.get(probe["httpGet"]["path"]).status_code == 200


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_the_container_may_do_nothing_but_serve(path: Path) -> None:
    allowed = container(path)["securityContext"]
    assert allowed["readOnlyRootFilesystem"] is True
    assert allowed["allowPrivilegeEscalation"] is False
    assert allowed["capabilities"] == {"drop": ["ALL"]}
    profiles = [context.get("seccompProfile") for context in security_contexts(path)]
    assert {"type": "RuntimeDefault"} in profiles


def security_contexts(path: Path) -> Iterator[dict[str, Any]]:
    yield container(path)["securityContext"]
    yield from (pod.get("securityContext", {}) for pod in pods(path))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_there_is_time_to_drain(path: Path) -> None:
    env = {e["name"]: e.get("value") for e in container(path)["env"]}
    settings = Settings.model_validate({"drain_delay_s": env["GRAFT_DRAIN_DELAY_S"]})
    key = "terminationGracePeriodSeconds"
    (grace_s,) = (pod[key] for pod in pods(path) if key in pod)
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
    assert asked <= served | set(GAUGES)  # some of these need a reference, and more images
