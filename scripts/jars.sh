#!/usr/bin/env bash
# Prints the jars that spark.jars.packages stands for, separated by commas.
#
# usage: SPARK_HOME=DIR scripts/jars.sh PROPERTIES_FILE
#
# Spark would resolve the coordinates on every start: seconds, 40 lines on standard error, and a
# call to the network if its cache is gone. Here it happens once per set of coordinates.
set -euo pipefail
unset CDPATH
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
properties="$1"

wanted="$(grep -E '^spark\.jars\.(packages|excludes|repositories)[[:space:]]' "$properties" || true)"
[[ -n "$wanted" ]] || exit 0
jars="$root/.tools/jars/$(cksum <<<"$wanted" | cut -d ' ' -f 1)"

if [[ ! -d "$jars" ]]; then
    mkdir -p "$root/.tools/jars"
    work="$(mktemp -d "$root/.tools/jars/resolving.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    # Spark resolves before it runs anything, so the job to run is an empty file.
    : >"$work/nothing.py"
    if ! PYSPARK_DRIVER_PYTHON="${IOTSCORE_PYTHON:-python3}" "$SPARK_HOME/bin/spark-submit" \
        --master "local[1]" --properties-file "$properties" --conf "spark.jars.ivy=$work/ivy" \
        "$work/nothing.py" >"$work/log" 2>&1; then
        cat "$work/log" >&2
        echo "The Delta Lake jars named in $properties could not be fetched (above: why)." \
            "Check the network and try again." >&2
        exit 2
    fi
    # Another run may have been quicker; its jars are as good.
    [[ -d "$jars" ]] || mv "$work/ivy/jars" "$jars" 2>/dev/null || [[ -d "$jars" ]]
fi

list=("$jars"/*.jar)
(IFS=, && echo "${list[*]}")
