"""Exported trunks on disk, so that a backbone is exported once and not once a run.

A file for each: the graph, what is known of the backbone, and what PyTorch saw in a few images. Its first
bytes are the digest of the rest: what a disk changed, or a process has not written to its end, is made
anew. Files appear whole, by a rename, so that several runs may share the folder.
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from inference.strictjson import from_json, to_json
from training.backbones.backbone_facts import BackboneFacts, with_fit
from training.backbones.trunk_key import request_key, trunk_key
from training.config import FinetuneConfig
from training.data.cache import default_cache_dir
from training.export.trunk_reference import TrunkReference
from training.runtime.file_digest import file_sha256

DEFAULT_LIMIT_BYTES: Final = 2 * 2**30
_FOLDER: Final = "trunks"
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedTrunk:
    """An exported trunk, what the export took, its backbone, and PyTorch's view of a few images."""

    graph: onnx.ModelProto
    export_s: float
    backbone: BackboneFacts
    reference: TrunkReference


class TrunkCache:
    """`load` and `keep` trunks by their key; `find` one by the options of a run."""

    def __init__(self, folder: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    @classmethod
    def at(cls, cache_dir: Path | None) -> "TrunkCache":
        """Return the cache in a cache folder, None being the user's own."""
        return cls((cache_dir or default_cache_dir()) / _FOLDER)

    def find(self, config: FinetuneConfig) -> CachedTrunk | None:
        """Return the trunk that these options ask for, None where it is unknown or its weights have changed.

        The weights are those on this machine: no hub is asked whether it has newer ones.
        """
        try:
            weights = Path(self._note(config).read_text(encoding="utf-8"))
            digest = file_sha256(weights)
        except (OSError, ValueError):
            return None
        found = self.load(trunk_key(config, weights_sha256=digest))
        if found is None:
            return None
        backbone = found.backbone
        return replace(found, backbone=replace(backbone, spec=with_fit(backbone.spec, config)))

    def load(self, key: str) -> CachedTrunk | None:
        """Return what was kept under a key, None where that is nothing or damaged."""
        file = self._file(key)
        try:
            data = file.read_bytes()
            os.utime(file)  # the time of last use, by which files are removed
        except OSError:
            return None
        content = memoryview(data)[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() == data[:_DIGEST_BYTES]:
            return _unpacked(content)
        with suppress(OSError):
            file.unlink()
        return None

    def has(self, key: str) -> bool:
        """Whether there is a file for a key."""
        return self._file(key).is_file()

    def keep(self, key: str, trunk: CachedTrunk) -> None:
        """Keep a trunk, if there is room."""
        content = _packed(trunk)
        with suppress(OSError):  # the run goes on without: the next one exports again
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._make_room(len(content)):
                with _written_whole(self._file(key)) as stream:
                    stream.write(hashlib.sha256(content).digest())
                    stream.write(content)

    def note_weights(self, config: FinetuneConfig, weights_file: Path) -> None:
        """Note where the weights lie that these options ask for."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with _written_whole(self._note(config)) as stream:
                stream.write(str(weights_file.resolve()).encode())

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.trunk"

    def _note(self, config: FinetuneConfig) -> Path:
        return self._folder / f"{request_key(config)}.weights"

    def _make_room(self, wanted_bytes: int) -> bool:
        """Remove what was not used for longest, and say whether there is room within the limit."""
        found = []
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        if wanted_bytes > self._limit_bytes:
            return False
        for _, size, path in sorted(found):
            if total + wanted_bytes <= self._limit_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size
        return True


@contextmanager
def _written_whole(file: Path) -> Iterator[io.BufferedIOBase]:
    """Yield a stream into a file that takes its place when the block ends."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _packed(trunk: CachedTrunk) -> bytes:
    facts = {f.name: to_json(getattr(trunk.backbone, f.name)) for f in fields(BackboneFacts)}
    reference = trunk.reference
    arrays: dict[str, Any] = {"pixels": reference.pixels, "embeddings": reference.embeddings}
    if reference.features is not None:
        arrays["features"] = reference.features
    stream = io.BytesIO()
    np.savez(
        stream,
        graph=np.frombuffer(trunk.graph.SerializeToString(), dtype=np.uint8),
        export_s=np.float64(trunk.export_s),
        backbone=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8),
        **arrays,
    )
    return stream.getvalue()


def _unpacked(content: memoryview) -> CachedTrunk:
    with np.load(io.BytesIO(content), allow_pickle=False) as parts:
        reference = TrunkReference(
            pixels=parts["pixels"],
            embeddings=parts["embeddings"],
            features=parts.get("features"),
        )
        facts = json.loads(parts["backbone"].tobytes())
        return CachedTrunk(
            graph=onnx.load_model_from_string(parts["graph"].tobytes()),
            export_s=float(parts["export_s"]),
            backbone=from_json(BackboneFacts, facts, where="backbone"),
            reference=reference,
        )
