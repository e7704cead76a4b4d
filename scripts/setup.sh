#!/usr/bin/env bash
# Makes .venv hold exactly what requirements.lock says; returns at once if it already does.
#
# usage: scripts/setup.sh
# Environment: PYTHON names the Python to use [python3.11, 3.12 or 3.13, whichever is found first].
# pip's settings (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, PIP_CERT) hold for uv too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

stamp=.venv/.iotscore-setup
# The folder is part of it because a virtual environment does not survive being moved.
wanted="$(cat requirements.lock setup.py | cksum) $PWD"
if [[ -x .venv/bin/python && -f "$stamp" && "$(<"$stamp")" == "$wanted" ]]; then
    exit 0
fi

suits() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
        >/dev/null 2>&1
}

advice() {
    if [[ "$(uname -s)" == Darwin ]]; then
        echo "brew install python@3.12"
    elif [[ -f /etc/debian_version ]]; then
        echo "apt-get update && apt-get install -y python3-venv (as root; Debian 12, Ubuntu 24.04 or newer)"
    elif command -v dnf >/dev/null; then
        echo "dnf install -y python3.12 (as root)"
    else
        echo "install Python 3.12 with its venv module"
    fi
}

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3 python; do
        if suits "$name"; then
            command -v "$name"
            return
        fi
    done
    local found="no python3"
    if command -v python3 >/dev/null; then
        found="$(python3 --version 2>&1 | head -n 1)"
    fi
    echo "Python 3.11, 3.12 or 3.13 with venv is needed; the PATH has $found." \
        "Type: $(advice), or name one: make PYTHON=/path/to/python3.12" >&2
    return 2
}

# uv has variables of its own for what pip was told, and brings its own list of certificates.
: "${UV_DEFAULT_INDEX:=${PIP_INDEX_URL:-}}"
: "${UV_INDEX:=${PIP_EXTRA_INDEX_URL:-}}"
: "${UV_FIND_LINKS:=${PIP_FIND_LINKS:-}}"
: "${SSL_CERT_FILE:=${PIP_CERT:-}}"
: "${UV_SYSTEM_CERTS:=true}"
export UV_SYSTEM_CERTS
for name in UV_DEFAULT_INDEX UV_INDEX UV_FIND_LINKS SSL_CERT_FILE; do
    if [[ -n "${!name}" ]]; then export "${name?}"; else unset "$name"; fi
done

moved=""
if [[ -f "$stamp" && "$(<"$stamp")" != *" $PWD" ]]; then
    moved=yes  # the commands in it still start with the old folder's Python
fi
if [[ -n "$moved" ]] || ! suits .venv/bin/python; then
    python="$(find_python)"
    echo "Making .venv with $("$python" --version) ..." >&2
    "$python" -m venv --clear .venv
fi
rm -f "$stamp"

export PIP_DISABLE_PIP_VERSION_CHECK=1

# uv itself is in the lock: install just its lines, hashes included, with pip.
uv_lock=.venv/uv.lock
awk '/^uv==/ {ours = 1} ours {print} ours && !/\\$/ {exit}' requirements.lock >"$uv_lock"
with_uv() {
    # With compiled bytecode TensorFlow and Spark's Python workers start in half the time.
    .venv/bin/python -m pip install --quiet --require-hashes --requirement "$uv_lock" &&
        .venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes \
            --compile-bytecode requirements.lock
}

echo "Installing what requirements.lock names (about 3 GB unpacked; a few minutes) ..." >&2
if ! with_uv; then
    echo "uv cannot do it here (above: why); pip tries the same, more slowly." >&2
    .venv/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock
fi
# setuptools comes from the lock too, so nothing here is unpinned.
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .

echo "$wanted" >"$stamp"
echo "Ready: .venv with $(.venv/bin/python --version)." >&2
