#!/usr/bin/env bash
# Looks for the browser in which the report's page is tested: Chromium and its driver. Says nothing
# if both are there.
#
# usage: scripts/browser.sh [--install]
#   --install   on Debian or Ubuntu, as root, install them; elsewhere say what is missing: that test
#               is left out then, so the exit code is 0
set -euo pipefail

is_there() { command -v chromium >/dev/null && command -v chromedriver >/dev/null; }

is_there && exit 0
if [[ "${1:-}" == --install && -f /etc/debian_version && "$(id -u)" == 0 ]] &&
    command -v apt-get >/dev/null; then
    echo "Chromium is missing; installing it with apt-get." >&2
    apt-get update -qq >&2
    # Ubuntu has no such packages.
    apt-cache show chromium-driver >/dev/null 2>&1 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            chromium chromium-driver >&2
    hash -r
fi
is_there || echo "There is no Chromium with its driver, so no browser will look at the report." \
    "Debian: apt-get install -y chromium chromium-driver" >&2
