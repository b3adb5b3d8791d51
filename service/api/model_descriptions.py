"""Published models as the JSON of `/models`. Leaves out what could tell a path of the trainer's disk."""

import dataclasses
from typing import Any

from inference.manifest import Manifest
from inference.strictjson import to_json
from service import schemas
from service.repository.catalog import PublishedModel, PublishedVersion
from service.repository.registry import ModelRegistry


def describe_all(registry: ModelRegistry) -> schemas.ModelList:
    """Describe every published model, by name."""
    models = registry.catalog.models
    return schemas.ModelList(
        models=[describe_model(registry, models[name]) for name in sorted(models)],
        problem=registry.catalog.problem,
    )


def describe_model(registry: ModelRegistry, model: PublishedModel) -> schemas.ModelSummary:
    """Describe a model and all its versions, the newest first."""
    serving = registry.serving_version(model.name)
    shown = model.shown_version(serving)
    return schemas.ModelSummary(
        name=model.name,
        title=shown.manifest.title if shown and shown.manifest else None,
        serving=serving,
        problem=registry.model_problem(model),
        labels=list(shown.manifest.labels) if shown and shown.manifest else [],
        aliases={**model.aliases},
        traffic=_traffic(model),
        versions=[
            schemas.VersionSummary(**_summary(registry, model.versions[number]))
            for number in sorted(model.versions, reverse=True)
        ],
    )


def _traffic(model: PublishedModel) -> schemas.Traffic | None:
    if model.traffic is None:
        return None
    return schemas.Traffic(weights={**model.traffic.weights}, shadow=model.traffic.shadow)


def describe_version(registry: ModelRegistry, published: PublishedVersion) -> schemas.VersionDetail:
    """Describe a version with the sections of its manifest."""
    manifest = published.manifest
    sections = _sections(manifest) if manifest is not None else {}
    return schemas.VersionDetail(name=published.name, **_summary(registry, published), **sections)


def _summary(registry: ModelRegistry, published: PublishedVersion) -> dict[str, Any]:
    status, manifest = registry.status(published), published.manifest
    return {
        "version": published.number,
        "state": status.state,
        "problem": status.problem,
        "created": manifest.created if manifest else None,
        "accuracy": _accuracy(manifest) if manifest else None,
        "loaded": [
            schemas.Variant(
                precision=variant.precision,
                precision_reason=variant.reason,
                runtime=variant.runtime,
                provider=variant.provider,
                **dataclasses.asdict(variant.tuning),
            )
            for variant in status.loaded
        ],
    }


def _accuracy(manifest: Manifest) -> float:
    return (manifest.metrics.test or manifest.metrics.val).accuracy


def _sections(manifest: Manifest) -> dict[str, Any]:
    absent = manifest.outputs.get("activation_map")
    return {
        "labels": list(manifest.labels),
        "precisions": list(manifest.files or {}),
        "input_hw": list(manifest.crop_hw),
        "activation_map": absent is not None and absent.absent is None,
        "preprocessing": to_json(manifest.preprocessing),
        "calibration": to_json(manifest.calibration),
        "rejection": to_json(manifest.rejection) if manifest.rejection else None,
        "metrics": to_json(manifest.metrics),
        "backbone": to_json(manifest.backbone),
        "dataset": to_json(manifest.dataset),
        "method": manifest.training.method,
        "parity": to_json(manifest.parity),
    }
