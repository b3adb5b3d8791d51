#!/usr/bin/env bash
# Install the libraries of one image, as scripts/docker/resolve.py listed them, into a new virtual environment:
#
#   scripts/docker/install.sh serve|train libraries.txt /opt/venv
#
# serve leaves out what no service uses. PYTHON names the interpreter (python3).
set -euo pipefail

purpose=$1
libraries=$2
venv=$3
# By its full path: once the new environment is first on PATH, as in the image, a plain `python3` is that one.
python=$(command -v "${PYTHON:-python3}")

case $purpose in
# Bytecode is left to finish.sh, which makes it for the modules that the service loads.
serve) options=(--no-compile) ;;
train) options=() ;;
*)
    echo "error: the first argument must be serve or train, got '$purpose'" >&2
    exit 2
    ;;
esac
if [ -e /run/secrets/ca.pem ]; then
    export PIP_CERT=/run/secrets/ca.pem
fi

# pip stays outside: the image installs nothing.
"$python" -m venv --without-pip "$venv"
"$python" -m pip --python "$venv/bin/python" install \
    --disable-pip-version-check --no-input --quiet --only-binary :all: --root-user-action ignore \
    --no-deps --require-hashes "${options[@]}" --requirement "$libraries"
# What an image holds can be asked of it.
cp "$libraries" "$venv/libraries.txt"

if [ "$purpose" = serve ]; then
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    # Tests, sources and stubs of extension modules.
    find "$site" -depth -type d -name tests -exec rm -r {} +
    find "$site" -type f \( -name '*.a' -o -name '*.h' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.pyx' \) -delete
    # ONNX Runtime's tools for those who make models, and its library for C programs: the Python module has its own.
    (
        cd "$site/onnxruntime"
        rm -rf backend datasets quantization tools transformers capi/libonnxruntime.so.[0-9]*
    )
fi
