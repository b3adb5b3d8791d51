#!/usr/bin/env bash
# On the GPU machine: keeps the parts of one archive that came in FOLDER and, when all NUM_PARTS are
# there, installs its wheels into the machine's Python and unpacks its data to /tmp/graft-gpu/data:
#   benchmarks/gpu/install.sh FOLDER small|onnxruntime NUM_PARTS
set -euo pipefail
folder=$1 archive=$2 num_parts=$3 kept=/tmp/graft-gpu
mkdir -p "$kept/parts"
cp "$folder/$archive".* "$kept/parts/" 2>/dev/null || true
have=$(find "$kept/parts" -name "$archive.*" | wc -l)
if [ "$have" -lt "$num_parts" ]; then
  echo "$archive: $have of $num_parts parts are here; carry the others"
  exit 0
fi
rm -rf "$kept/wheels"
cat "$kept/parts/$archive".* | tar -C "$kept" -xf -
if [ "$archive" = onnxruntime ]; then
  # The CPU build has the same module name.
  python3 -m pip uninstall --quiet --yes onnxruntime
fi
python3 -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --root-user-action=ignore --upgrade "$kept"/wheels/*.whl
echo "$archive: installed"
