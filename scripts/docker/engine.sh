#!/usr/bin/env bash
# Run a command beside a Docker Engine of its own, on a Debian machine that has none:
#
#   scripts/docker/engine.sh INPUT COMMAND…       # as root
#
# The engine is Debian 13's (docker, buildx, compose), in a folder; Debian 13's Python stands in for python:3.13-slim, which
# a registry would have to answer for. The command runs in that folder's root, with this checkout at /srv/checkout and
# the folder INPUT at /srv/input (both read-only), /srv/state to write to, and DOCKER_HOST set. Processes and mounts are in
# namespaces that end with it; the network is the machine's.
# The two trees and the engine's data are kept in ENGINE_STATE (~/.cache/graft/engine; 1.5 GB), so that the next run starts
# in seconds. Exit code 77: this machine refuses what is needed.
set -euo pipefail

tools=docker.io,docker-cli,docker-buildx,docker-compose,iptables,ca-certificates,procps,python3
base=python3,python3-venv,python3-pip,ca-certificates

refuse() {
    echo "engine: $*" >&2
    exit 77
}

# Make one of Debian's trees, unless a run before has made it from the same packages: make_tree NAME PACKAGES OPTION…
make_tree() {
    local name=$1 packages=$2 part=$ENGINE_STATE/part.$1
    [ "$(cat "$ENGINE_STATE/$name.packages" 2>/dev/null)" = "$packages" ] && return
    echo "engine: making $ENGINE_STATE/$name" >&2
    for _ in 1 2; do # a mirror may be amid an update
        rm -rf --one-file-system "$part" "${ENGINE_STATE:?}/$name"
        if nice mmdebstrap --variant=minbase --include="$packages" "${@:3}" trixie "$part" >"$ENGINE_STATE/$name.log" 2>&1; then
            mv "$part" "$ENGINE_STATE/$name"
            echo "$packages" >"$ENGINE_STATE/$name.packages"
            return
        fi
    done
    tail -5 "$ENGINE_STATE/$name.log" >&2
    return 1
}

prepare() {
    [ "$(id -u)" = 0 ] || refuse "only root can make the namespaces that the engine runs in"
    unshare --mount --pid --fork --propagation private true 2>/dev/null || refuse "this machine refuses mounts or namespaces"
    if ! command -v mmdebstrap >/dev/null; then
        command -v apt-get >/dev/null || refuse "mmdebstrap is missing, and so is apt-get to install it"
        { apt-get update && apt-get install -y --no-install-recommends mmdebstrap; } >"$ENGINE_STATE/apt.log" 2>&1 ||
            { tail -3 "$ENGINE_STATE/apt.log" >&2 && refuse "mmdebstrap cannot be installed"; }
    fi
    make_tree tools "$tools" --format=directory &
    # shellcheck disable=SC2016  # $1 is for the hook
    make_tree base.tar "$base" \
        --customize-hook='for name in python python3; do ln -s /usr/bin/python3 "$1/usr/local/bin/$name"; done' || { wait; return 1; }
    wait $!
}

# Inside of the namespaces: make the tree of tools the root of the file system.
enter() {
    local root=$ENGINE_STATE/tools name
    cp -L /etc/resolv.conf "$root/etc/"
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    mkdir -p "$root"/srv/{state,checkout,input}
    touch "$root/srv/ca.pem"
    mount --bind "$ENGINE_STATE" "$root/srv/state"
    mount --bind -o ro "$checkout" "$root/srv/checkout"
    mount --bind -o ro "$input" "$root/srv/input"
    mount --bind -o ro "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" "$root/srv/ca.pem"
    cd "$root"
    pivot_root . mnt
    cd /srv
    umount -l /mnt
    hash -r
}

start_engine() {
    export DOCKER_HOST=unix:///run/docker.sock
    dockerd --bridge=none --iptables=false --ip6tables=false --data-root /srv/state/docker -H "$DOCKER_HOST" \
        >/srv/state/dockerd.log 2>&1 &
    engine=$!
    trap stop_engine EXIT
    for _ in $(seq 120); do
        docker version >/dev/null 2>&1 && break
        kill -0 $engine 2>/dev/null || { tail -3 /srv/state/dockerd.log >&2 && refuse "the engine does not start here"; }
        sleep .5
    done
    # The stand-in is imported anew where its tree is.
    if [ "$(docker image inspect -f '{{.Comment}}' python:3.13-slim 2>/dev/null)" != "$(stat -c %Y /srv/state/base.tar)" ]; then
        docker import -m "$(stat -c %Y /srv/state/base.tar)" -c 'CMD ["python3"]' -c 'ENV LANG=C.UTF-8' \
            -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
            /srv/state/base.tar python:3.13-slim >/dev/null
    fi
}

stop_engine() {
    # What the next run starts from stays, what was built before it goes.
    docker ps -aq | xargs -r docker rm -fv >/dev/null 2>&1 || true
    { docker image prune -f && docker builder prune -f --keep-storage 2GB; } >/dev/null 2>&1 || true
    kill $engine 2>/dev/null && wait $engine 2>/dev/null || true
    find /sys/fs/cgroup -depth -path '*/docker*' -type d -exec rmdir {} + 2>/dev/null || true
}

if [ -z "${INSIDE_ENGINE:-}" ]; then
    checkout=$(realpath "$(dirname "$0")/../..")
    input=$(realpath "$1")
    ENGINE_STATE=${ENGINE_STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/graft/engine}
    mkdir -p "$ENGINE_STATE"
    ENGINE_STATE=$(realpath "$ENGINE_STATE")
    exec 9>"$ENGINE_STATE/lock"
    flock 9
    prepare
    export INSIDE_ENGINE=1 ENGINE_STATE checkout input
    unshare --mount --pid --fork --kill-child --propagation private "$BASH" "$(realpath "$0")" "${@:2}"
    exit
fi

enter
export HOME=/root LANG=C.UTF-8 BUILDKIT_PROGRESS=plain PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PIP_CERT
start_engine
"$@"
