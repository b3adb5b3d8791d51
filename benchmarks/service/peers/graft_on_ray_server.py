"""Our service as Ray Serve runs it: `deploy/ray_serve.py` behind Ray's HTTP proxy."""

import sys
import time

import ray
from ray import serve

from deploy.ray_serve import graft

if __name__ == "__main__":
    ray.init(include_dashboard=False, logging_level="warning", log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(graft, route_prefix="/")
    while True:
        time.sleep(3600)
