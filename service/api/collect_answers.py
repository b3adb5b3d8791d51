"""What is done with answers beside giving them: they are counted for drift, and some images are kept."""

from collections.abc import Sequence

from service.api.admit_request import Intake
from service.bodies.uploads import Upload
from service.collect.collector import AnsweredImages
from service.engine.served_model import ServedModel
from service.prediction.predictor import Outcome


def collect_answers(
    intake: Intake, model: ServedModel, uploads: Sequence[Upload], outcomes: Sequence[Outcome]
) -> None:
    """Count the answers of a request, and offer its images to be kept. Neither fails nor waits."""
    context = intake.context
    found = filter(None, (outcome.prediction for outcome in outcomes))
    context.daily_sums.note(model.name, model.version, found)
    if context.collector is not None:
        context.collector.offer(
            AnsweredImages(
                model=model.name,
                version=model.version,
                request_id=intake.traffic_key,
                uploads=uploads,
                outcomes=outcomes,
            )
        )
