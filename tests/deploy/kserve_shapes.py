"""The shapes of KServe's resources, as its Go types have them (`pkg/apis/serving`, read in November 2026).

Its custom resource definitions are not among Kubernetes' own schemas, so what our manifests use of them
is written down here. What lies inside as Kubernetes has it is given back to be held by those schemas.
"""

from typing import Any, Final

from jsonschema import Draft202012Validator

# `ServingRuntimePodSpec`: no enableServiceLinks, no securityContext of the pod, no grace period.
_RUNTIME_POD: Final = frozenset(
    {
        *("containers", "volumes", "nodeSelector", "affinity", "tolerations"),
        *("imagePullSecrets", "hostIPC"),
    }
)
_TEXT: Final = {"type": "string", "minLength": 1}
_COUNT: Final = {"type": "integer", "minimum": 0}
_FORMAT: Final = {"name": _TEXT, "version": _TEXT}
_PROTOCOL: Final = {"enum": ["v1", "v2", "grpc-v1", "grpc-v2"]}
_ANY: Final[dict[str, Any]] = {}


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_METADATA: Final = _closed({"name": {"pattern": "^[a-z][a-z0-9-]{0,49}$"}}, "name")
_SERVING_RUNTIME: Final = _closed(
    {
        "supportedModelFormats": {
            "type": "array",
            "minItems": 1,
            "items": _closed(
                {
                    **_FORMAT,
                    "autoSelect": {"type": "boolean"},
                    "priority": {"type": "integer", "minimum": 1},
                },
                "name",
            ),
        },
        "protocolVersions": {"type": "array", "items": _PROTOCOL},
        "multiModel": {"type": "boolean"},
        "disabled": {"type": "boolean"},
        "annotations": {"type": "object"},
        "labels": {"type": "object"},
        **dict.fromkeys(_RUNTIME_POD, _ANY),
    },
    "containers",
)
_MODEL: Final = _closed(
    {
        "runtime": _TEXT,
        "modelFormat": _closed(_FORMAT, "name"),
        "protocolVersion": _PROTOCOL,
        "runtimeVersion": _TEXT,
        "storageUri": {"pattern": "^(pvc|s3|gs|hf|oci|https)://."},
    },
    "modelFormat",
)
_COMPONENT: Final = {
    "minReplicas": _COUNT,
    "maxReplicas": _COUNT,
    "scaleTarget": _COUNT,
    "scaleMetric": {"enum": ["cpu", "memory", "concurrency", "rps"]},
    "containerConcurrency": _COUNT,
    "timeout": _COUNT,
    "model": _MODEL,
}
_INFERENCE_SERVICE: Final = _closed(
    {"predictor": {"type": "object", "required": ["model"]}}, "predictor"
)
_KINDS: Final = {
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): _SERVING_RUNTIME,
    ("serving.kserve.io/v1beta1", "InferenceService"): _INFERENCE_SERVICE,
}


def kubernetes_part(document: dict[str, Any]) -> dict[str, Any]:
    """Return the `spec` of the pod that a resource of KServe's describes, having checked the rest.

    Raises:
        jsonschema.ValidationError: it is not of KServe's shape.
    """
    spec_shape = _KINDS[document["apiVersion"], document["kind"]]
    shape = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _METADATA, "spec": spec_shape}
    Draft202012Validator(_closed(shape, *shape)).validate(document)
    spec: dict[str, Any] = document["spec"]
    if document["kind"] == "ServingRuntime":
        return {name: value for name, value in spec.items() if name in _RUNTIME_POD}
    predictor: dict[str, Any] = spec["predictor"]
    own = {name: value for name, value in predictor.items() if name in _COMPONENT}
    Draft202012Validator(_closed(_COMPONENT, "model")).validate(own)
    # The rest of a predictor is a pod's, whose container is the runtime's.
    rest = {name: value for name, value in predictor.items() if name not in _COMPONENT}
    return {"containers": [{"name": "kserve-container", "image": "graft:cpu"}], **rest}
