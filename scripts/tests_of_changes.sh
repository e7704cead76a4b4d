#!/usr/bin/env bash
# Prints the folders of unit tests that belong to what differs from the last commit: tests/unit/X for
# lib/iotscore/X, and changed tests themselves.
#
# usage: scripts/tests_of_changes.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

{ git diff --name-only HEAD && git ls-files --others --exclude-standard; } |
    sed -nE -e 's#^lib/iotscore/([a-z_]+)/.*#tests/unit/\1#p' \
        -e 's#^lib/iotscore/([a-z_]+)\.py$#tests/unit/test_\1.py#p' \
        -e 's#^(tests/unit/.*\.py)$#\1#p' | sort -u |
    while read -r path; do
        [[ ! -e "$path" || "$path" == */conftest.py ]] || echo "$path"
    done
