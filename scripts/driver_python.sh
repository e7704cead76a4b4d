#!/usr/bin/env bash
# Runs the driver's Python with the launcher's own streams and arguments; spark-submit.sh sets the
# variables, scripts/streams.py says why.
set -euo pipefail
unset BASH_ENV SPARK_SUBMIT_OPTS
# A job is run through scripts/driver.py, which takes signals from the first moment on.
here="${BASH_SOURCE[0]%/*}"
exec "$IOTSCORE_PYTHON" -I -S "$here/streams.py" take \
    "$IOTSCORE_STREAMS" "$IOTSCORE_PYTHON" "$here/driver.py" "$1"
