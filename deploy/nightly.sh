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
# mostly for lack of memory). Everything is safe to be started again at any point.
# Exit codes: those of the last try: 0 done; 2 something for you to correct; 1 a bug; 3 an alert as
# severe as --fail-on says; 129, 130, 143 stopped by SIGHUP, SIGINT (Ctrl-C), SIGTERM, which are
# passed on to the job; and 124 if the limit was reached.
set -euo pipefail
unset CDPATH
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

declare -i tries="${TRIES:-3}" pause="${PAUSE:-60}" grace="${GRACE:-60}" number=1 code=0
declare -i deadline=$((SECONDS + ${LIMIT:-14400}))
child=""
stopped=""

# Pass a signal on; the first one is what the job ends with.
stop() {
    [[ -n "$stopped" ]] || stopped="$2"
    [[ -z "$child" ]] || kill -s "$1" "$child" 2>/dev/null || true
}
trap 'stop HUP 129' HUP
trap 'stop INT 130' INT
trap 'stop TERM 143' TERM

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
    # What runs in the background would ignore SIGINT, and so would all that it starts.
    (trap - INT && exec timeout --kill-after="$grace" "$left" "$root/spark-submit.sh" nightly "$@") &
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
        exit "$stopped"
    elif [[ ! $code =~ ^(1|134|137)$ ]]; then
        [[ $code != 124 ]] || tell "not done within ${LIMIT:-14400} s; stopped"
        exit "$code"
    elif ((number >= tries || SECONDS + pause >= deadline)); then
        tell "try $number of $tries ended with $code; given up"
        exit "$code"
    fi
    tell "try $number of $tries ended with $code; again in $pause s"
    (trap - INT && exec sleep "$pause") &
    child=$!
    await "$child"
    child=""
    [[ -z "$stopped" ]] || exit "$stopped"
    pause=$((pause * 2))
    number+=1
done
