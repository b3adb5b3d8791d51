# Graft in containers: two images that serve, two that train. docs/docker.md says how to run them.
#
#   docker build -t graft:gpu .                            # serve, with CUDA and cuDNN; the host brings the driver
#   docker build -t graft:cpu --target cpu .               # serve, small
#   docker build -t graft:train --target train .           # train, with the index's torch: on x86-64 that is CUDA's
#   docker build -t graft:train-cpu --target train-cpu .   # train; small where an index with torch's CPU build is given
#
# An index and a CA of your own: --build-arg PIP_INDEX_URL=… (PIP_EXTRA_INDEX_URL=…), or, with a password in it,
# --secret id=pip.conf,src=FILE; --secret id=ca.pem,src=FILE.
# Each target's versions are resolved first, in a stage of their own: its libraries are a layer that only a change
# of those versions makes anew. Code comes after it. Every RUN line is a script that tests/test_docker.py runs too.

ARG BASE=python:3.13-slim
FROM ${BASE} AS base
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1
LABEL org.opencontainers.image.title="Graft" \
    org.opencontainers.image.description="From a folder of images to a served classifier" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="docker.io/library/python:3.13-slim"
ARG PIP_INDEX_URL=""
ARG PIP_EXTRA_INDEX_URL=""
ARG PIP_CACHE_DIR=/var/cache/pip
WORKDIR /app

# The versions for each target: pyproject.toml's requirements under constraints.txt, with their hashes.
FROM base AS resolve
COPY pyproject.toml constraints.txt ./
COPY scripts/requirements.py scripts/
COPY scripts/docker/resolve.py scripts/docker/

# 1 adds OpenVINO, 180 MB, which runs bf16 on processors that multiply it.
FROM resolve AS resolve-cpu
ARG OPENVINO=0
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    ["python", "-m", "scripts.docker.resolve", "cpu", "/libraries.txt"]

FROM resolve AS resolve-gpu
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    ["python", "-m", "scripts.docker.resolve", "gpu", "/libraries.txt"]

FROM resolve AS resolve-train
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    ["python", "-m", "scripts.docker.resolve", "train", "/libraries.txt"]

FROM resolve AS resolve-train-cpu
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    ["python", "-m", "scripts.docker.resolve", "train-cpu", "/libraries.txt"]

# What the serving images share. Beyond this machine the service wants GRAFT_API_KEYS, or GRAFT_ALLOW_ANONYMOUS=1;
# the image sets neither, so that whoever runs it chooses.
FROM base AS serving
ENV GRAFT_HOST=0.0.0.0 \
    GRAFT_PORT=8000 \
    GRAFT_MODELS_DIR=/models \
    GRAFT_KEEP_DIR=/kept
VOLUME /models
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "service.healthcheck"]
ENTRYPOINT ["python", "-m", "service"]

# What the training images share: photos are read at /data, packages published at /models, and /cache keeps what the
# next run of the same command goes on with.
FROM base AS training
ENV XDG_CACHE_HOME=/cache
ENTRYPOINT ["python", "-m", "training.finetune", "--models-dir", "/models"]
CMD ["--help"]

FROM training AS train-cpu
RUN --mount=type=bind,from=resolve-train-cpu,source=/libraries.txt,target=/build/libraries.txt \
    --mount=type=bind,source=scripts/docker/install.sh,target=/build/install.sh \
    --mount=type=cache,id=pip,target=/var/cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    ["bash", "/build/install.sh", "train", "/build/libraries.txt", "/opt/venv"]
COPY inference inference
COPY training training
RUN --mount=type=bind,source=scripts/docker/finish.sh,target=/build/finish.sh \
    ["bash", "/build/finish.sh", "train", "/app", "/models", "/cache"]
VOLUME /models /cache
USER 10001:10001

FROM training AS train
RUN --mount=type=bind,from=resolve-train,source=/libraries.txt,target=/build/libraries.txt \
    --mount=type=bind,source=scripts/docker/install.sh,target=/build/install.sh \
    --mount=type=cache,id=pip,target=/var/cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    ["bash", "/build/install.sh", "train", "/build/libraries.txt", "/opt/venv"]
COPY inference inference
COPY training training
RUN --mount=type=bind,source=scripts/docker/finish.sh,target=/build/finish.sh \
    ["bash", "/build/finish.sh", "train", "/app", "/models", "/cache"]
VOLUME /models /cache
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001

FROM serving AS cpu
RUN --mount=type=bind,from=resolve-cpu,source=/libraries.txt,target=/build/libraries.txt \
    --mount=type=bind,source=scripts/docker/install.sh,target=/build/install.sh \
    --mount=type=cache,id=pip,target=/var/cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    ["bash", "/build/install.sh", "serve", "/build/libraries.txt", "/opt/venv"]
COPY inference inference
COPY service service
RUN --mount=type=bind,source=scripts/docker/finish.sh,target=/build/finish.sh \
    ["bash", "/build/finish.sh", "serve", "/app", "/kept"]
USER 10001:10001

FROM serving AS gpu
RUN --mount=type=bind,from=resolve-gpu,source=/libraries.txt,target=/build/libraries.txt \
    --mount=type=bind,source=scripts/docker/install.sh,target=/build/install.sh \
    --mount=type=cache,id=pip,target=/var/cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem \
    ["bash", "/build/install.sh", "serve", "/build/libraries.txt", "/opt/venv"]
COPY inference inference
COPY service service
RUN --mount=type=bind,source=scripts/docker/finish.sh,target=/build/finish.sh \
    ["bash", "/build/finish.sh", "serve", "/app", "/kept"]
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
