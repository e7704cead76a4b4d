#!/usr/bin/env bash
# Installs moto, the server of S3's protocol that tests talk to, in an environment of its own: its
# clients of Amazon need older packages than the product does.
#
# usage: scripts/s3_server.sh; prints the command that starts the server
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MOTO=5.2.5
readonly place="$PWD/.tools/moto-$MOTO"
# A virtual environment does not survive being moved.
if [[ "$(cat "$place/complete" 2>/dev/null)" != "$place" ]]; then
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$place"
    .venv/bin/uv pip install --quiet --python "$place/bin/python" \
        "moto[s3]==$MOTO" "flask>=3.1,<4" "flask-cors>=6,<7"
    echo "$place" >"$place/complete"
fi
echo "$place/bin/moto_server"
