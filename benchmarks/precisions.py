"""What float16, int8 and bfloat16 cost in accuracy and win in speed and size, and what the gates say.

    python -m benchmarks.precisions --data ../shared/data/clothing --weights ../shared/weights

Publishes a probe on each backbone with `--precisions fp32,fp16,int8,bf16` and reads what was measured from
its `metrics.json`: accuracy on the validation images beside the float32 file, milliseconds an image on
one thread (float32 and other file in turn, the quickest run of each). The ResNets have random weights: for
speed and size only. Prints a Markdown table.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import timm
import torch
from safetensors.torch import save_file

from training.finetune import main as finetune

_DOGS: Final = "mobilenetv2_100.tf_dogs.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A backbone, and the flags that give it its weights; without any they are random."""

    backbone: str
    flags: tuple[str, ...] | None = None


def main() -> None:
    """Publish, read, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help=f"folder with {_DOGS}")
    parser.add_argument("--only", nargs="+", help="backbones; all unless given")
    args = parser.parse_args()
    rows: list[str] = []
    for case in _cases(args.weights):
        if args.only is None or case.backbone in args.only:
            with TemporaryDirectory(prefix="graft-precisions-") as folder:
                rows += table_rows(case, publish(case, args.data, Path(folder)))
    print("\n".join([*HEADER, *rows]))


def _cases(weights: Path) -> list[Case]:
    dogs = (
        *("--weights", str(weights / _DOGS)),
        *("--backbone-args", "pad_type=same", "bn_eps=0.001"),
        *("--mean", "0.5", "--std", "0.5"),
    )
    return [
        Case(backbone="tf_efficientnet_lite0", flags=()),
        Case(backbone="mobilenetv2_100", flags=dogs),
        Case(backbone="resnet18"),
        Case(backbone="resnet50"),
    ]


def publish(case: Case, data: Path, folder: Path) -> Path:
    """Publish a probe under `folder` and return the package."""
    flags: Sequence[str] | None = case.flags
    if flags is None:
        torch.manual_seed(0)
        file = folder / "random.safetensors"
        save_file(timm.create_model(case.backbone, pretrained=False).state_dict(), file)
        flags = ("--weights", str(file))
    asked = ("--method", "probe", "--precisions", "fp32,fp16,int8,bf16", "--tracker", "none")
    models_dir = folder / "models"
    where = ("--name", "probe", "--models-dir", str(models_dir))
    code = finetune([str(data), "--backbone", case.backbone, *asked, *where, *flags])
    if code != 0:
        raise SystemExit(code)
    return models_dir / "probe" / "1"


HEADER: Final = (
    "| backbone | file | MB | accuracy, points (95 %) | ms an image, batch 1 | batch 8 | published |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def table_rows(case: Case, package: Path) -> Iterator[str]:
    """Yield a row for the float32 file and one for each that was tried beside it."""
    attempts = json.loads((package / "metrics.json").read_text(encoding="utf-8"))["precisions"]
    size_mb = (package / "model.onnx").stat().st_size / 1e6
    first = {t["batch"]: t["reference_ms"] for a in attempts if a["speed"] for t in _timings(a)}
    yield _row(case.backbone, "fp32", f"{size_mb:.1f}", "", _ms(first, 1), _ms(first, 8), "always")
    for attempt in attempts:
        size_bytes, times = attempt["size_bytes"], _timings(attempt)
        yield _row(
            case.backbone,
            attempt["precision"] + (f" ({attempt['how']})" if attempt["how"] else ""),
            "" if size_bytes is None else f"{size_bytes / 1e6:.1f}",
            "random weights" if case.flags is None else _accuracy(attempt["accuracy"]),
            *(_beside(times, batch) for batch in (1, 8)),
            "yes" if attempt["left_out"] is None else f"no, {attempt['left_out']}",
        )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _timings(attempt: dict[str, Any]) -> list[dict[str, float]]:
    return attempt["speed"]["timings"] if attempt["speed"] else []


def _ms(times: dict[float, float], batch: int) -> str:
    return f"{times[batch]:.1f}" if batch in times else ""


def _beside(timings: Sequence[dict[str, float]], batch: int) -> str:
    """Return the time, and how many times as fast the float32 file beside it was."""
    for timing in timings:
        if timing["batch"] == batch:
            ratio = timing["reference_ms"] / timing["other_ms"]
            return f"{timing['other_ms']:.1f} ({ratio:.2f} x)"
    return ""


def _accuracy(change: dict[str, float] | None) -> str:
    if change is None:
        return "not measured"
    points, low, high = (100 * change[key] for key in ("points", "low", "high"))
    return f"{points:+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
