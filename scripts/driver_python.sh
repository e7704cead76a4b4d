#!/usr/bin/env bash
# Runs the driver's Python with standard error of its own; spark-submit.sh sets the variables.
#
# Spark starts the driver's Python with standard error joined to standard output, so log lines and
# tracebacks would end up in the middle of a query's CSV. IOTSCORE_STDERR is the terminal, or a
# pipe that spark-submit.sh copies to its own standard error.
set -euo pipefail
unset BASH_ENV
# A job is run through scripts/driver.py, which takes signals from the first moment on.
[[ "${1:-}" != *.py ]] || set -- "${BASH_SOURCE[0]%/*}/driver.py" "$@"
exec "$IOTSCORE_PYTHON" "$@" 2>>"$IOTSCORE_STDERR"
