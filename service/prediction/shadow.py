"""A second version that is asked too: on spare capacity only, and compared, never answered with."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal

from service.bodies.uploads import Upload
from service.engine.served_model import ServedModel
from service.errors import UnavailableError
from service.limits.admission import Admission
from service.prediction.predictor import Outcome, PredictOptions, Predictor
from service.prediction.stages import StageTimes
from service.repository.registry import ModelRegistry

logger = logging.getLogger(__name__)

Agreement = Literal["agree", "disagree", "failed", "skipped"]
# Called with the model, the version that answered, the shadow's version, how it went, and images.
AgreementObserver = Callable[[str, int, int, Agreement, int], None]

_TIMEOUT_S: Final = 30.0


class Shadow:
    """Gives the shadow version of a model the images of a request that has been answered.

    Capacity is spare when nobody else's image is in the service and no other comparison runs. So
    under full load nothing is compared, which the count of skipped images shows.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        predictor: Predictor,
        admission: Admission,
        *,
        observe: AgreementObserver,
    ) -> None:
        self._registry = registry
        self._predictor = predictor
        self._admission = admission
        self._observe = observe
        self._task: asyncio.Task[None] | None = None

    def offer(
        self, answered: ServedModel, uploads: Sequence[Upload], outcomes: Sequence[Outcome]
    ) -> None:
        """Compare in the background, if there is a shadow and capacity to spare. Never fails."""
        shadow = self._registry.shadow_of(answered.name, answered.version)
        if shadow is None:
            return
        if not self._is_idle(len(uploads)):
            self._observe(answered.name, answered.version, shadow.version, "skipped", len(uploads))
            return
        self._task = asyncio.create_task(
            self._compare(shadow, answered, uploads, outcomes), name="shadow"
        )

    async def close(self) -> None:
        """Give up the comparison that runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _is_idle(self, own_images: int) -> bool:
        others = self._admission.num_images - own_images
        return others <= 0 and (self._task is None or self._task.done())

    async def _compare(
        self,
        shadow: ServedModel,
        answered: ServedModel,
        uploads: Sequence[Upload],
        outcomes: Sequence[Outcome],
    ) -> None:
        # One after the other, so that a request that comes meanwhile meets one image at most.
        for upload, outcome in zip(uploads, outcomes, strict=True):
            if outcome.prediction is None:
                continue
            agreement: Agreement = "failed"
            label = await self._label(shadow, upload)
            if label is not None:
                agreement = "agree" if label == outcome.prediction.label else "disagree"
            self._observe(answered.name, answered.version, shadow.version, agreement, 1)

    async def _label(self, shadow: ServedModel, upload: Upload) -> str | None:
        """Return the shadow's label, or None where it has none."""
        try:
            with shadow.hold():
                (outcome,) = await self._predictor.predict(
                    shadow,
                    [upload],
                    PredictOptions(top_k=1),
                    StageTimes(),
                    deadline=time.monotonic() + _TIMEOUT_S,
                )
        except UnavailableError as err:
            logger.warning(
                "shadow_failed name=%s version=%d reason=%s", shadow.name, shadow.version, err
            )
            return None
        return outcome.prediction.label if outcome.prediction is not None else None
