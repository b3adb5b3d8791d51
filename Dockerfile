# syntax=docker/dockerfile:1
# The service without training: no torch, no compiler, no root.
#
#   docker build .                  # ONNX Runtime with CUDA and cuDNN; the host brings the driver
#   docker build --target cpu .     # the small CPU build
#
# docs/docker.md says how to run it. Every RUN line is a script that tests/test_docker.py runs too.

FROM python:3.13-slim AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1

FROM base AS build
WORKDIR /build
COPY pyproject.toml constraints.txt ./
COPY scripts/requirements.py scripts/
COPY scripts/docker/install.sh scripts/docker/

FROM build AS build-cpu
RUN ["scripts/docker/install.sh", "cpu", "/opt/venv"]

FROM build AS build-gpu
RUN ["scripts/docker/install.sh", "gpu", "/opt/venv"]

# What both images share. Beyond this machine the service wants GRAFT_API_KEYS, or GRAFT_ALLOW_ANONYMOUS=1;
# the image sets neither, so that whoever runs it chooses.
FROM base AS runtime
WORKDIR /app
COPY scripts/docker/healthcheck.py ./
COPY inference inference
COPY service service
ENV HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    GRAFT_HOST=0.0.0.0 \
    GRAFT_PORT=8000 \
    GRAFT_MODELS_DIR=/models
VOLUME /models
EXPOSE 8000
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --start-interval=1s --retries=3 \
    CMD ["python", "/app/healthcheck.py"]
CMD ["python", "-m", "service"]

# --link: the large layer of libraries stays as it is when the code below it changes.
FROM runtime AS cpu
COPY --link --from=build-cpu /opt/venv /opt/venv

FROM runtime AS gpu
COPY --link --from=build-gpu /opt/venv /opt/venv
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
