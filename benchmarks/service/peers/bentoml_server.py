"""BentoML: an image in, a worker a core. `bentoml serve` finds `Classifier`; the model is named by MODEL."""

import os

import bentoml
from PIL import Image
from pipeline import Pipeline, cores


@bentoml.service(
    workers=cores(), threads=1, traffic={"timeout": 30}, logging={"access": {"enabled": False}}
)
class Classifier:
    """One worker's model."""

    def __init__(self) -> None:
        self.pipeline = Pipeline(os.environ["MODEL"], os.environ["MANIFEST"], threads=1)

    @bentoml.api
    def predict(self, image: Image.Image) -> dict[str, object]:
        """Answer one image."""
        return self.pipeline.run([self.pipeline.prepare(image)])[0]
