#!/usr/bin/env bash
# Runs the driver's Python with the launcher's own streams and arguments; spark-submit.sh sets the
# variables, scripts/streams.py says why.
set -euo pipefail
exec "$IOTSCORE_PYTHON" -I -S "${BASH_SOURCE[0]%/*}/streams.py" take \
    "$IOTSCORE_STREAMS" "$IOTSCORE_PYTHON" "$1"
