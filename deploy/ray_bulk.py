"""Many images through a model as a Ray Data job: files on a shared disk, or in an object store.

    python -m deploy.ray_bulk models/garments s3://bucket/photos predictions/ --workers 8

Ray reads the files, shares them out, and gives those of a worker that dies to another. Each worker is one
core with the same classifier and the same rows as `python -m inference … --out predictions.parquet`. The
model, and Graft, must be there on every node.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ray

from inference import SessionConfig, open_classifier
from inference.bulk.items import Item
from inference.bulk.parquet_file import entries_table
from inference.bulk.pipeline import answer_batch
from inference.bulk.rows import row_entry
from inference.command_line import run_command
from inference.errors import UsageError
from inference.find_package import find_package
from inference.formats import IMAGE_SUFFIXES

if TYPE_CHECKING:
    import pyarrow as pa

# What Ray hands to a worker at a time, and answers again if that worker dies.
_BATCH: Final = 16
# A worker takes a core, but Ray is told of less: where the workers had all cores, files could not be read nor
# rows written, and the job would wait for ever.
_WORKER_CPUS: Final = 0.9
_FILES_CPUS: Final = 0.1
_SUFFIXES: Final = sorted(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)


class ImageAnswers:
    """A worker: loads the model once, then answers batch after batch."""

    def __init__(self, model: str, top_k: int) -> None:
        session = SessionConfig(intra_op_threads=1, max_batch=_BATCH)
        self._classifier = open_classifier(model, session=session)
        self._top_k = top_k

    def __call__(self, files: "pa.Table") -> "pa.Table":
        """Return the rows of `files`, which has the columns `path` and `bytes`."""
        items = [
            Item(name=file["path"], read=partial(bytes, file["bytes"]))
            for file in files.to_pylist()
        ]
        rows = answer_batch(self._classifier, items, top_k=self._top_k)
        return entries_table([row_entry(row) for row in rows])


def answer_files(
    model: Path, sources: list[str], out: str, *, workers: int, top_k: int = 5, num_gpus: float = 0
) -> None:
    """Answer every image below `sources` and write Parquet files into the folder `out`."""
    files = ray.data.read_binary_files(
        sources, include_paths=True, file_extensions=_SUFFIXES, num_cpus=_FILES_CPUS
    )
    answers = files.map_batches(
        ImageAnswers,
        fn_constructor_kwargs={"model": str(model.absolute()), "top_k": top_k},
        batch_format="pyarrow",
        batch_size=_BATCH,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=_WORKER_CPUS,
        num_gpus=num_gpus,
    )
    answers.write_parquet(out, ray_remote_args={"num_cpus": _FILES_CPUS})


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.ray_bulk", description="Classify files."
    )
    parser.add_argument(
        "model", type=Path, help="models/NAME or models/NAME/VERSION, on every node"
    )
    parser.add_argument("sources", nargs="+", help="folders or files, also s3://… and gs://…")
    parser.add_argument("out", help="folder for Parquet files, also s3://… and gs://…")
    parser.add_argument("--workers", type=int, default=1, help="one core each (1)")
    parser.add_argument("--gpus-per-worker", type=float, default=0, help="such as 0.5 (0)")
    parser.add_argument("--top-k", type=int, default=5, help="labels an image (5)")
    args = parser.parse_args(argv)
    return run_command(partial(_run, args), refusals=(OSError,))


def _run(args: argparse.Namespace) -> None:
    # One version for all workers, and a wrong path is said here and not by each of them.
    package = find_package(args.model)
    for source in args.sources:
        if "://" not in source and not os.path.exists(source):
            raise UsageError(f"there is no {source!r}")
    ray.init()
    _say_if_too_few_cores(args.workers)
    answer_files(
        package,
        args.sources,
        args.out,
        workers=args.workers,
        top_k=args.top_k,
        num_gpus=args.gpus_per_worker,
    )


def _say_if_too_few_cores(workers: int) -> None:
    cores = int(ray.cluster_resources().get("CPU", 0))
    if workers > cores:
        sys.stderr.write(
            f"{workers} workers want a core each and the cluster has {cores}: "
            "the others wait until it has more\n"
        )


if __name__ == "__main__":
    sys.exit(main())
