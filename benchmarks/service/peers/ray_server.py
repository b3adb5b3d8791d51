"""Ray Serve: a replica a core behind its HTTP proxy, raw bytes in."""

import sys
import time

import ray
from pipeline import Pipeline, cores
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse


@serve.deployment(num_replicas=cores(), max_ongoing_requests=32, ray_actor_options={"num_cpus": 1})
class Classifier:
    """One replica's model."""

    def __init__(self, model: str, manifest: str) -> None:
        self.pipeline = Pipeline(model, manifest, threads=1)

    async def __call__(self, request: Request) -> JSONResponse:
        """Answer one image."""
        try:
            return JSONResponse(self.pipeline.answer(await request.body()))
        except OSError:
            return JSONResponse({"detail": "not an image"}, 422)


if __name__ == "__main__":
    ray.init(
        num_cpus=cores(), include_dashboard=False, logging_level="warning", log_to_driver=False
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[3])})
    serve.run(Classifier.bind(sys.argv[1], sys.argv[2]), route_prefix="/predict")
    while True:
        time.sleep(3600)
