"""The images prepared with the backbone that was named, or with the one that is best on them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from inference.backbone_choice import BackboneChoice
from training.backbone_choice.best_teacher import best_teacher, with_those_over_limits
from training.backbone_choice.candidate_list import CandidateBackbone, list_candidates
from training.backbone_choice.choose import Choosing
from training.backbone_choice.cross_validation import images_to_compare_on
from training.backbone_choice.image_entrant import ImageEntrant
from training.backbone_choice.limits import within_limits
from training.backbone_choice.open_all import Hub, Opened, build_first, open_others
from training.backbone_choice.opened_candidate import (
    OpenedCandidate,
    build_candidate,
    open_candidate,
    opened_with,
)
from training.backbone_choice.saved_choice import choice_key, load_choice, save_choice
from training.backbone_choice.table import describe_choice
from training.backbone_choice.teaching import teaches_best
from training.backbones.build import Backbone, build_backbone
from training.config import FinetuneConfig
from training.data.folder import Folder
from training.data.scan import Scan, open_cache
from training.data.views import Views
from training.distillation.candidate_teacher import CandidateTeacher
from training.export.trunk_cache import TrunkCache
from training.networks.transfer_network import TransferNetwork
from training.planning.budget_shares import choice_budget
from training.probing.features import ExportedTrunk, Features, features_beside
from training.probing.network_features import compute_features, export_backbone, keep_export
from training.run.describe_backbone import describe_backbone
from training.run.prepare import PreparedData, prepare, read_again
from training.runtime import distributed
from training.runtime.progress import Display
from training.runtime.ranks import is_main
from training.runtime.time_budget import TimeBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing:
    """A run before its images were looked at. `caches` closes what its pixels are read from.

    `choice_file` is where a choice is kept until the run is over.
    """

    folder: Folder
    config: FinetuneConfig
    display: Display
    budget: TimeBudget
    caches: ExitStack
    method: str
    choice_file: Path

    def prepare(self) -> tuple[PreparedData, FinetuneConfig]:
        """Return the images, prepared, and the options with the backbone that is to be trained.

        Raises:
            TrainingError: the data, the weights or the options stop the run.
        """
        if not self.config.chooses_backbone:
            with self.display.stage("loading the backbone"):
                backbone = build_backbone(self.config)
            describe_backbone(backbone, self.display)
            return self._prepared_with(backbone, self.config), self.config
        candidates = list_candidates(self.config)
        hub = Hub()
        with self.display.stage("loading the backbone"):
            first, backbone, refused = build_first(candidates, hub)
        known: dict[int, Opened] = dict(refused)
        if self.config.max_ms is not None or self.config.max_mb is not None:
            if is_main():
                with self.display.stage("exporting the backbone"):
                    exported, num_classes = self._export(backbone), len(self.folder.labels)
                known[first] = opened_with(candidates[first], backbone, exported, num_classes)
                first, known = self._open_within_limits(candidates, known, hub)
            first = distributed.broadcast(first)
            with self.display.stage("loading the backbone"):
                backbone = build_candidate(candidates[first])
        self.display.line(
            f"the backbone will be chosen by these images; {backbone.info.name} is the first to be tried"
        )
        prepared = self._prepared_with(backbone, candidates[first].config, known.get(first))
        index, choice = first, None
        entrants: Mapping[int, ImageEntrant] = {}
        if is_main():
            index, choice, entrants = self._choose(candidates, hub, first, known, prepared)
        index, choice = distributed.broadcast((index, choice))
        chosen = candidates[index]
        if index != first:
            with self.display.stage("loading the backbone"):
                backbone = build_candidate(chosen)
            prepared = self._changed_to(backbone, prepared, entrants.get(index))
        describe_backbone(backbone, self.display)
        teacher = self._teacher(candidates, choice, entrants)
        return replace(prepared, choice=choice, teacher=teacher), chosen.config

    def _teacher(
        self,
        candidates: Sequence[CandidateBackbone],
        choice: BackboneChoice | None,
        entrants: Mapping[int, ImageEntrant],
    ) -> CandidateTeacher | None:
        """Return the best candidate where it is to teach the chosen one."""
        index = best_teacher(choice) if choice and teaches_best(self.config) else None
        if index is None:
            return None
        name = candidates[index].label
        if (entrant := entrants.get(index)) is not None:
            return CandidateTeacher(name=name, opened=entrant.opened, kept=entrant.kept)
        opened = open_candidate(candidates[index], len(self.folder.labels))
        return CandidateTeacher(name=name, opened=opened, kept={})

    def _open_within_limits(
        self, candidates: Sequence[CandidateBackbone], known: dict[int, Opened], hub: Hub
    ) -> tuple[int, dict[int, Opened]]:
        """Open and time the candidates before images are read; return the first within the limits, and all.

        Raises:
            BackboneError: none is.
        """
        opened = open_others(
            candidates,
            known,
            len(self.folder.labels),
            hub=hub,
            budget=choice_budget(self.budget, trains=self.method != "probe"),
            display=self.display,
        )
        names = {index: one.label for index, one in enumerate(candidates)}
        return within_limits(opened, names, self.config, self.display)[0], opened

    def _views(self, backbone: Backbone) -> Views:
        return Views(backbone.spec, self.method != "probe", self.config.decode_limits)

    def _prepared_with(
        self, backbone: Backbone, own: FinetuneConfig, opened: Opened | None = None
    ) -> PreparedData:
        """Return the images as a backbone sees them.

        `own` are the options of a run with it alone; `opened` has its export, where there is one.
        """
        export: Callable[[], ExportedTrunk] | None = partial(self._export, backbone)
        if isinstance(opened, OpenedCandidate):
            exported = replace(opened.exported, network=self._network(backbone))
            export = lambda: exported  # noqa: E731
        cache = self.caches.enter_context(open_cache(self.config.cache_dir, self._views(backbone)))
        with distributed.main_first():
            prepared = prepare(
                self.folder,
                backbone,
                cache,
                self.config,
                self.display,
                method=self.method,
                export=None if self.method == "scratch" else export,
            )
            self._keep_export(backbone, prepared, own)
        return prepared

    def _export(self, backbone: Backbone) -> ExportedTrunk:
        trunks = TrunkCache.at(self.config.cache_dir)
        return export_backbone(backbone, len(self.folder.labels), trunks)

    def _keep_export(self, backbone: Backbone, prepared: PreparedData, own: FinetuneConfig) -> None:
        """Keep the trunk for runs to come."""
        if prepared.features is None or not is_main():
            return
        with self.display.stage("exporting the backbone"):
            keep_export(backbone, prepared.features, prepared.scan.evaluation, own)

    def _choose(
        self,
        candidates: Sequence[CandidateBackbone],
        hub: Hub,
        first: int,
        known: dict[int, Opened],
        prepared: PreparedData,
    ) -> tuple[int, BackboneChoice | None, Mapping[int, ImageEntrant]]:
        """Return the index of the candidate to train, the table, and the features that all have."""
        config, display = self.config, self.display
        key = choice_key(config, candidates, prepared.dataset.fingerprint())
        resumable = self.method != "probe" and not config.dry_run
        if resumable and not config.fresh and (saved := load_choice(self.choice_file, key)):
            display.line("the backbone was chosen before this run was stopped:")
            for line in describe_choice(saved):
                display.line(line)
            return saved.chosen, saved, {}
        choosing = self._open(candidates, hub, first, known, prepared)
        if config.dry_run:
            choosing.describe_plan()
            display.line(f"what follows is planned with {choosing.names[first]}")
            return first, None, {}
        choice = choosing.choose()
        if teaches_best(config):
            choice = with_those_over_limits(choice, choosing)
        if resumable:
            save_choice(self.choice_file, choice, key)
        return choice.chosen, choice, choosing.entrants

    def _open(
        self,
        candidates: Sequence[CandidateBackbone],
        hub: Hub,
        first: int,
        known: dict[int, Opened],
        prepared: PreparedData,
    ) -> Choosing:
        features, num_classes = prepared.features, len(self.folder.labels)
        assert features is not None
        budget = choice_budget(self.budget, trains=self.method != "probe")
        opened = known
        if first not in known:
            reference = opened_with(
                candidates[first], prepared.backbone, features.exported, num_classes
            )
            opened = open_others(
                candidates,
                {**known, first: reference},
                num_classes,
                hub=hub,
                budget=budget,
                display=self.display,
            )
        images = images_to_compare_on(prepared.dataset, prepared.groups, seed=self.config.seed)
        entrants = {
            index: ImageEntrant(opened=one, images=images, folder=self.folder, display=self.display)
            for index, one in opened.items()
            if isinstance(one, OpenedCandidate)
        }
        entrants[first].kept.update(enumerate(features.embeddings))
        return Choosing(
            opened=opened,
            names={index: one.label for index, one in enumerate(candidates)},
            entrants=entrants,
            images=images,
            config=self.config,
            display=self.display,
            budget=budget,
        )

    def _changed_to(
        self, backbone: Backbone, prepared: PreparedData, entrant: ImageEntrant | None
    ) -> PreparedData:
        """Return the same images, in the same split, as another backbone sees them."""
        views = self._views(backbone)
        cache = self.caches.enter_context(open_cache(self.config.cache_dir, views))
        with distributed.main_first():
            scan = read_again(prepared.scan, views, cache, self.display)
            unknown = read_again(prepared.unknown, views, cache, self.display)
            features = self._features_of(backbone, scan, entrant)
        return prepared.read_for(backbone, scan, unknown, features)

    def _features_of(
        self, backbone: Backbone, scan: Scan, entrant: ImageEntrant | None
    ) -> Features:
        """Return every image's embedding, beside those that the comparison has computed."""
        if entrant is None:
            cache_dir = self.config.cache_dir
            return compute_features(backbone, scan, self.display, cache_dir=cache_dir)
        exported = replace(entrant.opened.exported, network=self._network(backbone))
        return features_beside(
            entrant.kept, exported, scan, self.display, known_s=entrant.embedding_s
        )

    def _network(self, backbone: Backbone) -> TransferNetwork:
        return TransferNetwork(backbone, len(self.folder.labels))
