#!/usr/bin/env bash
# Make or bring up to date a virtual environment with the versions of constraints.txt:
#
#   scripts/setup.sh .venv train dev
#   scripts/setup.sh .venv-lowest --lowest train dev    # or with the lowest versions that pyproject.toml allows
#
# The last step writes VENV/.ready, on which the Makefile relies: an interrupted set-up is not done.
# PYTHON names the interpreter to use; else the first one that is new enough is taken.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1
shift

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.11 or newer found (looked for: ${PYTHON:-python3, python3.11 to python3.14, python});" \
        "install one, or name it: make PYTHON=/path/to/python3" >&2
    return 1
}

rm -f "$venv/.ready"
if ! is_new_enough "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "setting up $venv with $("$python" --version)" >&2
    if ! "$python" -m venv --clear "$venv"; then
        echo "error: $python cannot make virtual environments; install its venv module (on Debian: python3-venv)" >&2
        exit 1
    fi
fi

requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
"$venv/bin/python" scripts/requirements.py "$@" >"$requirements"
constraints=(--constraint constraints.txt)
if [[ " $* " == *" --lowest "* ]]; then
    constraints=()
fi
echo "installing into $venv: the service's packages ${*:+and $*}; the first time takes minutes" >&2
"$venv/bin/python" -m pip install --disable-pip-version-check --no-input --quiet \
    "${constraints[@]}" --requirement "$requirements"
touch "$venv/.ready"
