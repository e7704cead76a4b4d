#!/usr/bin/env bash
# Installs a server of S3's protocol that tests talk to, and prints its program.
#
# usage: scripts/s3_server.sh [moto|versitygw]
#
# moto, the default, gets an environment of its own: its clients of Amazon need older packages than
# the product does. versitygw checks every signature; it is compiled, for which Go must be there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MOTO=5.2.5
readonly VERSITYGW=1.8.0

moto() {
    local place="$PWD/.tools/moto-$MOTO"
    # A virtual environment does not survive being moved.
    if [[ "$(cat "$place/complete" 2>/dev/null)" != "$place" ]]; then
        .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$place"
        .venv/bin/uv pip install --quiet --python "$place/bin/python" \
            "moto[s3]==$MOTO" "flask>=3.1,<4" "flask-cors>=6,<7"
        echo "$place" >"$place/complete"
    fi
    echo "$place/bin/moto_server"
}

versitygw() {
    local place="$PWD/.tools/versitygw-$VERSITYGW"
    if [[ ! -x "$place/versitygw" ]]; then
        if ! command -v go >/dev/null; then
            echo "versitygw is compiled by Go, and there is no go on the PATH; install Go." >&2
            return 2
        fi
        GOBIN="$place" go install "github.com/versity/versitygw/cmd/versitygw@v$VERSITYGW" >&2
    fi
    echo "$place/versitygw"
}

if [[ $# -gt 1 || ! "${1:-moto}" =~ ^(moto|versitygw)$ ]]; then
    echo "usage: scripts/s3_server.sh [moto|versitygw]" >&2
    exit 2
fi
"${1:-moto}"
