"""A run that needs PyTorch: it exports its backbone, or trains."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from training.backbones.build import starts_random
from training.backbones.catalogue import find_backbone
from training.candidates.selection import Selection
from training.config import FinetuneConfig
from training.data.folder import Folder
from training.run.fit_network import fit_network
from training.run.fit_probe import Fitting, fit_probe
from training.run.prepare import PreparedData
from training.run.prepare_backbone import Preparing
from training.runtime import distributed
from training.runtime.device import resolve_device, unsupported_gpu
from training.runtime.progress import Display
from training.runtime.time_budget import TimeBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRun:
    """The stages of such a run that a cached probe does in another way."""

    method: str

    @classmethod
    @contextmanager
    def joined(cls, config: FinetuneConfig, display: Display) -> Iterator["NetworkRun"]:
        """Yield the run, for a block in which its processes belong together.

        Raises:
            ConfigError: the device that is asked for is not there.
        """
        if config.device == "auto" and (problem := unsupported_gpu()):
            display.warning(f"{problem}; this run goes on on the CPU")
        with distributed.process_group(resolve_device(config.device)):
            yield cls(method=_resolve_method(config))

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
        """Return the images, prepared, and the options with the backbone that is to be trained.

        Raises:
            TrainingError: the data, the weights or the options stop the run.
        """
        return Preparing(
            folder=folder,
            config=config,
            display=display,
            budget=budget,
            caches=caches,
            method=self.method,
            choice_file=choice_file,
        ).prepare()

    def fit(self, fitting: Fitting) -> Selection | None:
        """Return the model to publish; as `fit_network`."""
        return fit_probe(fitting) if self.method == "probe" else fit_network(fitting)


def _resolve_method(config: FinetuneConfig) -> str:
    """Let "auto" fine-tune where it is affordable: on a GPU, or within a time budget."""
    device = resolve_device(config.device)
    if config.method != "auto":
        return config.method
    if not config.chooses_backbone and starts_random(find_backbone(config.backbone), config):
        return "scratch"
    return "finetune" if device.type == "cuda" or config.time_budget is not None else "probe"
