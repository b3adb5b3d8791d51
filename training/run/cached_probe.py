"""A probe on a trunk that was exported before: a run that does not import PyTorch, which takes seconds."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.candidates.selection import Selection
from training.config import FinetuneConfig
from training.data.folder import Folder
from training.data.scan import open_cache
from training.data.views import Views
from training.export.trunk_cache import CachedTrunk, TrunkCache
from training.probing.features import ExportedTrunk
from training.run.describe_backbone import describe_backbone
from training.run.fit_probe import Fitting, fit_probe
from training.run.prepare import PreparedData, prepare
from training.runtime.gpu_driver import has_gpu_driver
from training.runtime.progress import Display
from training.runtime.ranks import num_processes
from training.runtime.time_budget import TimeBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedProbe:
    """The stages of such a run that others do in another way."""

    trunk: CachedTrunk
    method: Final = "probe"

    @classmethod
    def open(cls, config: FinetuneConfig) -> "CachedProbe | None":
        """Return the run that these options ask for, None where it needs PyTorch."""
        if not _is_probe(config):
            return None
        trunk = TrunkCache.at(config.cache_dir).find(config)
        return None if trunk is None else cls(trunk=trunk)

    def prepare(
        self,
        folder: Folder,
        config: FinetuneConfig,
        display: Display,
        *,
        budget: TimeBudget,
        caches: ExitStack,
        choice_file: Path,
    ) -> tuple[PreparedData, FinetuneConfig]:
        """Return the images, prepared, and the options.

        Raises:
            TrainingError: the data or the options stop the run.
        """
        backbone = self.trunk.backbone
        describe_backbone(backbone, display)
        views = Views(backbone.spec, for_training=False, limits=config.decode_limits)
        cache = caches.enter_context(open_cache(config.cache_dir, views))
        prepared = prepare(
            folder, backbone, cache, config, display, method=self.method, export=self._exported
        )
        return prepared, config

    def fit(self, fitting: Fitting) -> Selection | None:
        """Return the probe; None where only the plan was asked for."""
        return fit_probe(fitting)

    def _exported(self) -> ExportedTrunk:
        trunk = self.trunk
        return ExportedTrunk(graph=trunk.graph, export_s=trunk.export_s, reference=trunk.reference)


def _is_probe(config: FinetuneConfig) -> bool:
    """Whether a run with these options is a probe on a named backbone, in one process on the CPU."""
    if config.device not in ("auto", "cpu") or (config.device == "auto" and has_gpu_driver()):
        return False
    by_default = config.method == "auto" and config.time_budget is None
    is_probe = by_default or config.method == "probe"
    return is_probe and not config.chooses_backbone and num_processes() == 1
