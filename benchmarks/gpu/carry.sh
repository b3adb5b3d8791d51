#!/usr/bin/env bash
# Puts what a GPU machine without a network needs into FOLDER, in parts of at most 56 MiB:
#   benchmarks/gpu/carry.sh FOLDER MODEL_PACKAGE PHOTOS [PYTHON_VERSION]
# Carry the parts there, a few at a time, and run benchmarks/gpu/install.sh.
set -euo pipefail
folder=$1 package=$2 photos=$3 python=${4:-3.12}
version=$(sed -n 's/^onnxruntime-gpu==\([0-9.]*\).*/\1/p' constraints.txt)
mkdir -p "$folder/wheels"
python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$folder/wheels" \
  --python-version "$python" --implementation cp \
  --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
  "onnxruntime-gpu==$version"
mkdir -p "$folder/photos" "$folder/package"
cp -r "$package/." "$folder/package/"
find "$photos" -type f | sort | head -25 | xargs -I{} cp {} "$folder/photos/"
tar -C "$folder" -cf "$folder/all.tar" wheels photos package
split --bytes=56M --numeric-suffixes "$folder/all.tar" "$folder/part."
rm -r "$folder/all.tar" "$folder/wheels" "$folder/photos" "$folder/package"
ls -lh "$folder"
