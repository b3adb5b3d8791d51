"""A right label that a program sends: looked up, put beside its image, counted."""

import asyncio

from service import schemas
from service.collect.find_answer import FoundAnswer, find_answer
from service.collect.kept_records import Feedback, check_label, now
from service.context import Context
from service.errors import (
    FeedbackDisabled,
    FeedbackNotStored,
    InvalidParameter,
    UnknownAnswer,
)
from service.repository.registry import ModelRegistry

_RETRY_AFTER_S = 60


async def take_feedback(context: Context, body: schemas.FeedbackBody) -> schemas.FeedbackTaken:
    """Note the right label of an image that is, or was, kept; it is on the disk then.

    Raises:
        FeedbackDisabled: nothing is kept here.
        InvalidParameter: no class could have that name.
        UnknownAnswer: no image of that name was kept.
        FeedbackNotStored: the disk does not take it.
    """
    if context.collector is None:
        raise FeedbackDisabled(
            "no images are kept here, so there is nothing to correct; start the service with GRAFT_KEEP"
        )
    try:
        label = check_label(body.label)
    except ValueError as err:
        raise InvalidParameter(f"label: {err}") from err
    try:
        found = await asyncio.to_thread(
            find_answer, context.settings.keep_dir, body.request_id, body.index
        )
        if found is None:
            raise UnknownAnswer(
                f"no image {body.index} of request {body.request_id[:128]!r} was kept; feedback is taken on "
                "those that GRAFT_KEEP chooses, while they are kept"
            )
        feedback = _feedback(found, label, context.registry)
        await asyncio.to_thread(context.keep_folder.add_feedback, found.day, feedback)
    except OSError as err:
        raise FeedbackNotStored(
            "the service's disk does not take it; send it again later", retry_after_s=_RETRY_AFTER_S
        ) from err
    context.metrics.note_feedback(found.answer.model, found.answer.version, agrees=feedback.agrees)
    return schemas.FeedbackTaken(
        request_id=feedback.request_id,
        index=feedback.index,
        label=label,
        known=feedback.known,
        answered=feedback.answered,
        agrees=feedback.agrees,
    )


def _feedback(found: FoundAnswer, label: str, registry: ModelRegistry) -> Feedback:
    answer = found.answer
    return Feedback(
        sha256=answer.sha256,
        time=now(),
        request_id=answer.request_id,
        index=answer.index,
        label=label,
        known=_is_known(registry, answer.model, answer.version, label),
        answered=answer.label,
    )


def _is_known(registry: ModelRegistry, model: str, version: int, label: str) -> bool | None:
    published = registry.catalog.models.get(model)
    found = published.versions.get(version) if published is not None else None
    return label in found.manifest.labels if found is not None and found.manifest else None
