#!/usr/bin/env bash
# Prints the file that holds Spark's classes as Java keeps them in memory; makes it if there is none.
#
# usage: SPARK_HOME=DIR IOTSCORE_PYTHON=FILE scripts/classes.sh
#
# Most of its time a short job reads and checks the classes of Spark; mapped from a file they are
# there at once. Java looks whether a file suits it and its class path, and does without it if not.
# Where it cannot be made, nothing is printed, and standard error says so.
set -euo pipefail
unset CDPATH
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

java="$(command -v "${JAVA_HOME:+$JAVA_HOME/bin/}java")"
made_of="$(ls -lL "$java" "$SPARK_HOME/jars" && cat "$root/scripts/exercise.py")"
folder="$root/.tools/classes"
file="$folder/$(cksum <<<"$made_of" | cut -d ' ' -f 1).jsa"

if [[ ! -e "$file" ]]; then
    [[ ! -e "$file.failed" ]] || exit 0
    if ! mkdir -p "$folder" 2>/dev/null || ! work="$(mktemp -d "$folder/making.XXXXXX" 2>/dev/null)"; then
        echo "$folder cannot be written, so jobs start more slowly; run one job as a user who may" \
            "write it." >&2
        exit 0
    fi
    trap 'rm -rf "$work"' EXIT
    echo "Keeping Spark's classes for quick starts (once, half a minute) ..." >&2
    if ! SPARK_LOCAL_DIRS="$work" PYSPARK_PYTHON="$IOTSCORE_PYTHON" \
        PYSPARK_DRIVER_PYTHON="$IOTSCORE_PYTHON" "$SPARK_HOME/bin/spark-submit" --master "local[2]" --conf "spark.ui.enabled=false" \
        --driver-java-options "-Xlog:disable \"-XX:ArchiveClassesAtExit=$work/classes.jsa\"" \
        "$root/scripts/exercise.py" >"$work/log" 2>&1 || [[ ! -s "$work/classes.jsa" ]]; then
        cp "$work/log" "$file.failed"
        echo "Spark's classes could not be kept, so jobs start more slowly; $file.failed says why." \
            "Once that is mended, remove it, and the next job tries again." >&2
        exit 0
    fi
    # Another run may have been quicker; its file is as good.
    mv "$work/classes.jsa" "$file"
fi
echo "$file"
