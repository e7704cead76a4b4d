#!/usr/bin/env bash
# Runs the job nightly as a scheduler should: within a time limit, again after a passing fault.
#
# usage: deploy/nightly.sh [arguments of nightly] [-- extra spark-submit options]
#
#   deploy/nightly.sh --input /data/landing --warehouse /data/warehouse --summary-json -
#
# Environment (defaults in brackets), beside that of spark-submit.sh:
#   LIMIT   seconds for all tries together [14400]; then the job is told to stop (SIGTERM)
#   GRACE   seconds that it has to stop, before it is killed [60]
#   TRIES   most tries [3]
#   PAUSE   seconds before the second try; twice as many before each further one [60]
#
# Tried again: 1 (a bug, or the machine's fault), 134 and 137 (Spark or the job died or was killed,
# mostly for want of memory). Everything is safe to be started again at any point.
# Exit codes: those of the last try: 0 done; 2 something for you to mend; 1 a bug; 143 stopped by
# SIGTERM; and 124 if the limit was reached.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

declare -i tries="${TRIES:-3}" pause="${PAUSE:-60}" grace="${GRACE:-60}" number=1 code=0
declare -i deadline=$((SECONDS + ${LIMIT:-14400}))
child=""
stopped=""

stop() {
    stopped=yes
    [[ -z "$child" ]] || kill -TERM "$child" 2>/dev/null || true
}
trap stop TERM INT

tell() { echo "iotscore nightly: $*" >&2; }

# Wait for a background process, through signals that interrupt waiting; its exit code in code.
await() {
    code=0
    wait "$1" || code=$?
    while kill -0 "$1" 2>/dev/null; do
        code=0
        wait "$1" || code=$?
    done
}

try() {
    local -i left=$((deadline - SECONDS)) waited=0
    timeout --kill-after="$grace" "$left" "$root/spark-submit.sh" nightly "$@" &
    child=$!
    await "$child"
    # timeout made a process group of the job. Spark may end before the driver has told the rest.
    while kill -0 -- "-$child" 2>/dev/null && ((waited++ < grace * 10)); do sleep 0.1; done
    kill -KILL -- "-$child" 2>/dev/null || true
    child=""
    if ((SECONDS >= deadline)) && [[ $code != 0 ]]; then code=124; fi
}

while true; do
    try "$@"
    if [[ -n "$stopped" ]]; then
        tell "stopped"
        exit 143
    elif [[ ! $code =~ ^(1|134|137)$ ]]; then
        [[ $code != 124 ]] || tell "not done within ${LIMIT:-14400} s; stopped"
        exit "$code"
    elif ((number >= tries || SECONDS + pause >= deadline)); then
        tell "try $number of $tries ended with $code; given up"
        exit "$code"
    fi
    tell "try $number of $tries ended with $code; again in $pause s"
    sleep "$pause" &
    child=$!
    await "$child"
    child=""
    [[ -z "$stopped" ]] || exit 143
    pause=$((pause * 2))
    number+=1
done
