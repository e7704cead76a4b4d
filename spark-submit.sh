#!/usr/bin/env bash
# Runs one job with the real spark-submit.
#
# usage: ./spark-submit.sh JOB [job arguments] [-- extra spark-submit options]
#
#   ./spark-submit.sh nightly --input demo/data --warehouse demo/warehouse
#   MASTER=yarn ./spark-submit.sh score --warehouse DIR -- --num-executors 8
#   ./spark-submit.sh JOB --help        the arguments of one job
#
# Environment (defaults in brackets):
#   MASTER             where to run [local[*,4]]; a task that fails is tried up to 4 times
#   DRIVER_MEMORY      [4g]; in local mode the whole job lives in the driver
#   EXECUTOR_MEMORY    [Spark's own: 1g]
#   SPARK_PROPERTIES   Spark settings [conf/spark-defaults.conf]
#   SPARK_HOME         the Spark to use [the one in .venv, else spark-submit on the PATH]
#   PYSPARK_PYTHON     the executors' Python [the driver's: .venv/bin/python, else python3]
#   JAVA_HOME          Java 17 or 21 [java on the PATH]
#
# Exit codes: 0 done; 2 something for you to mend, told in one line; 1 a bug, with a traceback; 3 an
# alert as severe as --fail-on says; 129, 130, 143 stopped by SIGHUP, SIGINT (Ctrl-C), SIGTERM. Of verify, 0: all checks hold; 1: one
# failed, and the table on standard output names it.
# Standard output holds what the job prints and nothing else; logs go to standard error.
set -euo pipefail
unset CDPATH

self="${BASH_SOURCE[0]}"
while [[ -L "$self" ]]; do
    link="$(readlink "$self")"
    [[ "$link" == /* ]] || link="$(dirname "$self")/$link"
    self="$link"
done
root="$(cd "$(dirname "$self")" && pwd)"

jobs() {
    local file names=()
    for file in "$root"/jobs/[!_]*.py; do
        [[ -f "$file" ]] && names+=("$(basename "$file" .py)")
    done
    echo "${names[*]-}"
}

usage() {
    sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p;}' "$root/spark-submit.sh"
    echo "Jobs: $(jobs)"
}

if [[ $# -eq 0 ]]; then
    usage >&2
    exit 2
elif [[ "$1" == --help || "$1" == -h ]]; then
    usage
    exit 0
fi
job="$1"
shift
if [[ "$job" != [a-z]* || "$job" == */* || ! -f "$root/jobs/$job.py" ]]; then
    echo "There is no job named '$job'. Choose one of: $(jobs)" >&2
    exit 2
fi

job_args=()
while [[ $# -gt 0 && "$1" != -- ]]; do
    job_args+=("$1")
    shift
done
[[ $# -eq 0 ]] || shift
extra=("$@")

export IOTSCORE_JOB="$job"
# shellcheck source=scripts/on_stop.sh
source "$root/scripts/on_stop.sh"
# shellcheck source=scripts/environment.sh
source "$root/scripts/environment.sh"
for argument in ${job_args[@]+"${job_args[@]}"}; do
    if [[ "$argument" == --help || "$argument" == -h ]] && [[ -x "$root/.venv/bin/python" ]]; then
        IOTSCORE_HOME="$root" PYTHONPATH="$root/lib" \
            exec "$root/.venv/bin/python" "$root/jobs/$job.py" --help
    fi
done
check_memory
check_folders
"$root/scripts/java.sh"

if [[ -x "$root/.venv/bin/python" ]]; then
    PATH="$root/.venv/bin:$PATH"
fi
export PATH
if ! python="$(command -v python3)" || ! submit="$(command -v spark-submit)"; then
    echo "There is no spark-submit in .venv or on the PATH. Type: make setup" >&2
    exit 2
fi
if [[ -z "${SPARK_HOME:-}" ]]; then
    # Of a Spark that pip installed, bin/spark-submit is only a copy; its home is the package.
    for home in "$(dirname "$submit")"/../lib/python3.*/site-packages/pyspark \
        "$(dirname "$submit")/.."; do
        [[ -x "$home/bin/spark-submit" && -d "$home/jars" ]] || continue
        SPARK_HOME="$(cd "$home" && pwd)"
        break
    done
    : "${SPARK_HOME:?cannot tell where Spark is installed; set it}"
fi
export SPARK_HOME
check_spark_home

export IOTSCORE_HOME="$root"
export IOTSCORE_PYTHON="$python"
export PYSPARK_PYTHON="${PYSPARK_PYTHON:-$python}"
export LOG4J_CONFIGURATION_FILE="${LOG4J_CONFIGURATION_FILE:-$root/conf/log4j2.properties}"
master="${MASTER:-local[*,4]}"
check_master "$master"
[[ "$PYSPARK_PYTHON" == "$python" ]] || check_worker_python "$master" "$python"
if [[ "$master" == local* ]]; then
    # Nothing outside this machine has business with a local run's ports.
    export SPARK_LOCAL_IP=127.0.0.1
    unset SPARK_LOCAL_HOSTNAME
fi

properties="${SPARK_PROPERTIES:-$root/conf/spark-defaults.conf}"
if [[ ! -r "$properties" ]]; then
    echo "The Spark settings $properties cannot be read; mend SPARK_PROPERTIES." >&2
    exit 2
fi
zip="$root/dist/iotscore.zip"
# At Ctrl-C the trap speaks, and not a traceback.
if ! (trap '' HUP INT TERM && exec "$python" "$root/scripts/build_zip.py" "$zip" 2>/dev/null); then
    give_up "The folder $root/dist cannot be written, and its zip of lib/ is not up to date;" \
        "type make zip as a user who may write it."
fi
jars="$("$root/scripts/jars.sh" "$properties")"

options=(--master "$master" --driver-memory "${DRIVER_MEMORY:-4g}"
    --properties-file "$properties" --py-files "$zip")
if [[ -n "$jars" ]]; then
    options+=(--jars "$jars" --conf "spark.jars.packages=")
fi
if [[ -n "${EXECUTOR_MEMORY:-}" ]]; then
    options+=(--executor-memory "$EXECUTOR_MEMORY")
fi

if [[ " ${extra[*]-} " != *deploy-mode[\ =]cluster* ]]; then
    # Why the driver's Python gets its streams and arguments from us: scripts/streams.py. A closed
    # stream becomes one that cannot be written either.
    { : >&1; } 2>/dev/null || exec 1</dev/null
    { : >&2; } 2>/dev/null || exec 2>/dev/null
    IOTSCORE_STREAMS="$(mktemp -d "${TMPDIR:-/tmp}/iotscore.XXXXXX")"
    export IOTSCORE_STREAMS
    mkfifo "$IOTSCORE_STREAMS/end"
    # Descriptor 9 stays open in Spark's process, so the other side ends when Spark has ended, even
    # if no Python was ever started. 8 is opened here, while there is a writer for certain.
    exec 9<>"$IOTSCORE_STREAMS/end"
    exec 8<"$IOTSCORE_STREAMS/end"
    "$python" -I -S "$root/scripts/streams.py" serve "$IOTSCORE_STREAMS" \
        ${job_args[@]+"${job_args[@]}"} <&8 8<&- 9>&- &
    exec 8<&-
    export PYSPARK_DRIVER_PYTHON="$root/scripts/driver_python.sh"
fi

# Spark's own scripts are bash, too, until they become Java.
export BASH_ENV="$root/scripts/on_stop.sh"
exec "$SPARK_HOME/bin/spark-submit" "${options[@]}" ${extra[@]+"${extra[@]}"} \
    "$root/jobs/$job.py" ${job_args[@]+"${job_args[@]}"}
