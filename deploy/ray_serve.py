"""The whole service as a Ray Serve application: each replica is one, with its own models and batcher.

    serve run deploy.ray_serve:graft

Settings are the same `GRAFT_…` variables; they and `models/` must be there on every node. Ray's own
batching is not used: it cuts batches before the model is free, ours when it is. What goes between nodes
is the image as it was sent, never a tensor.
"""

import os
from typing import Final

from fastapi import FastAPI
from ray import serve

from service.app import create_app

# The number of requests that a replica holds; beyond it, and a queue of as many, Ray answers 503.
_MAX_ONGOING: Final = 64


def build_service() -> FastAPI:
    """Return the service; Ray calls this in each replica and runs its start and end."""
    return create_app()


@serve.deployment(
    name="graft",
    num_replicas=int(os.environ.get("GRAFT_RAY_REPLICAS", "1")),
    max_ongoing_requests=_MAX_ONGOING,
    max_queued_requests=_MAX_ONGOING,
    graceful_shutdown_timeout_s=30,
    health_check_period_s=5,
)
@serve.ingress(build_service)
class Graft:
    """A replica. Requests go to the service's own routes."""


graft = Graft.bind()
