"""The query parameters of a prediction. One that is not known is refused rather than ignored."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.predictor import PredictOptions


class OptionsQuery(BaseModel):
    """What the caller wants to know of each image."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    top_k: int = Field(
        default=5, ge=1, description="Labels an image; more than there are gives them all."
    )
    precision: Literal["auto", "fp32", "fp16", "int8"] = Field(
        default="auto", description="Which of the model's files answers."
    )
    embedding: bool = Field(default=False, description="Add what the model's head sees.")
    activation_map: bool = Field(default=False, description="Add which places spoke for the label.")

    label_set: bool = Field(
        default=False,
        alias="set",
        description="Add the labels that hold the true one with the chance that the model promises.",
    )

    def options(self) -> PredictOptions:
        """Return what the predictor needs to know."""
        return PredictOptions(
            top_k=self.top_k,
            embedding=self.embedding,
            activation_map=self.activation_map,
            label_set=self.label_set,
        )


class VersionQuery(OptionsQuery):
    """The same, and a version."""

    version: str | None = Field(
        default=None,
        max_length=100,
        description='A number or an alias such as "latest"; by default "stable" where it is set, '
        "else the latest.",
    )


class ModelQuery(VersionQuery):
    """The same, and a model."""

    model: str | None = Field(
        default=None, max_length=100, description="Needed where several models are published."
    )
