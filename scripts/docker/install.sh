#!/usr/bin/env bash
# Install what the service needs, and nothing of training, into a new virtual environment:
#
#   scripts/docker/install.sh cpu|gpu /opt/venv
#
# cpu takes the small CPU build of ONNX Runtime; gpu takes the GPU build with CUDA and cuDNN.
# PYTHON names the interpreter (python3).
set -euo pipefail
cd "$(dirname "$0")/../.."

kind=$1
venv=$2
# By its full path: once the new environment is first on PATH, as in the image, a plain `python3` is that one.
python=$(command -v "${PYTHON:-python3}")

case $kind in
cpu) wanted=(--onnxruntime cpu) ;;
gpu) wanted=(gpu) ;;
*)
    echo "error: the first argument must be cpu or gpu, got '$kind'" >&2
    exit 2
    ;;
esac

# pip stays outside: the image runs the service and installs nothing.
"$python" -m venv --without-pip "$venv"
requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
"$python" scripts/requirements.py "${wanted[@]}" >"$requirements"
"$python" -m pip --python "$venv/bin/python" install \
    --disable-pip-version-check --no-cache-dir --no-input --quiet --only-binary :all: \
    --constraint constraints.txt --requirement "$requirements"
