#!/usr/bin/env bash
# On the GPU machine: keeps the parts that came in FOLDER and, when all NUM_PARTS are there, unpacks and
# installs them:  benchmarks/gpu/install.sh FOLDER NUM_PARTS
# Prints the command that runs the check. CUDA's libraries are taken from the machine's own Python packages.
set -euo pipefail
folder=$1 num_parts=$2 kept=/tmp/graft-gpu
mkdir -p "$kept/parts"
cp "$folder"/part.* "$kept/parts/" 2>/dev/null || true
have=$(find "$kept/parts" -name 'part.*' | wc -l)
if [ "$have" -lt "$num_parts" ]; then
  echo "$have of $num_parts parts are here; carry the others"
  exit 0
fi
cat "$kept"/parts/part.* | tar -C "$kept" -xf -
python3 -m pip install --quiet --no-index --no-deps --no-compile --upgrade --target "$kept/site" "$kept"/wheels/*.whl
# ONNX Runtime looks for CUDA's libraries beside itself.
if [ ! -e "$kept/site/nvidia" ]; then
  ln -s "$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])')" "$kept/site/nvidia"
fi
echo "PYTHONPATH=$kept/site:. python3 -m benchmarks.gpu.bench $kept/package $kept/photos"
