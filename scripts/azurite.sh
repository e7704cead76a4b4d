#!/usr/bin/env bash
# Installs Azurite, the server of Azure's blob protocol that tests talk to. Needs npm and Node.js,
# by its own account 22; 20 runs it, too. Versions before 3.37 list from the wrong blob on.
#
# usage: scripts/azurite.sh; prints the command that starts the server
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly AZURITE=3.37.0
readonly place="$PWD/.tools/azurite-$AZURITE"
if [[ ! -e "$place/complete" ]]; then
    if ! command -v npm >/dev/null; then
        echo "Azurite needs npm, which was not found; install Node.js 22." >&2
        exit 2
    fi
    npm install --silent --no-fund --no-audit --ignore-scripts --omit=dev --prefix "$place" "azurite@$AZURITE" >&2
    touch "$place/complete"
fi
echo "$place/node_modules/.bin/azurite-blob"
