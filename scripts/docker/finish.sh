#!/usr/bin/env bash
# The last step of an image, after the code has been copied:
#
#   scripts/docker/finish.sh serve|train /app [FOLDER…]     # FOLDERs: to be made, for any user to write to
set -euo pipefail

purpose=$1
app=$2
shift 2

# Whatever umask the checkout was made with, any user of the container can read the code, and none can change it.
chmod -R u=rwX,go=rX "$app"
for folder in "$@"; do
    mkdir -p "$folder"
    chmod 1777 "$folder"
done

# Bytecode for what is loaded at the start, and for nothing else: the file system is read-only later on.
export PYTHONDONTWRITEBYTECODE=''
cd "$app"
if [ "$purpose" = serve ]; then
    python -m service --help >/dev/null
    python -c 'import uvicorn.lifespan.on, uvicorn.loops.auto, uvicorn.loops.uvloop
from PIL import BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, PpmImagePlugin, WebPImagePlugin'
    python -c 'from importlib.util import find_spec
if find_spec("openvino"):
    from inference.openvino_session import load_openvino
    load_openvino()'
else
    python -m compileall -q inference training
fi
