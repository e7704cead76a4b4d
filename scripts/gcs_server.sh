#!/usr/bin/env bash
# Builds fake-gcs-server, the server of Google storage's protocol that tests talk to. Needs Go 1.26.
#
# usage: scripts/gcs_server.sh; prints the command that starts the server
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VERSION=1.56.1
readonly place="$PWD/.tools/fake-gcs-server-$VERSION"
if [[ ! -x "$place/fake-gcs-server" ]]; then
    if ! command -v go >/dev/null; then
        echo "fake-gcs-server needs Go, which was not found; install Go 1.26 or later." >&2
        exit 2
    fi
    GOBIN="$place" GOFLAGS='' go install "github.com/fsouza/fake-gcs-server@v$VERSION" >&2
fi
echo "$place/fake-gcs-server"
