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
#   SPARK_SECRETS      more of them, in a file that only you can read, such as a cluster's secret [none]
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

# close_to WORD WORDS: a bracket with the words that are spelt like another one, if there are any.
close_to() {
    local python="$root/.venv/bin/python"
    local code="import sys; from iotscore.errors import did_you_mean as close
print(close(sys.argv[1], sys.argv[2].split()), end='')"
    [[ ! -x "$python" ]] || PYTHONPATH="$root/lib" "$python" -c "$code" "$1" "$2" 2>/dev/null || true
}

usage() {
    sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p;}' "$root/spark-submit.sh"
    echo "Jobs: $(jobs)"
}

if [[ $# -eq 0 ]]; then
    usage >&2
    exit 2
elif [[ "$1" == --help || "$1" == -h ]]; then
    if ! usage; then
        echo "Standard output could not be written." >&2
        exit 2
    fi
    exit 0
fi
job="$1"
shift
if [[ "$job" != [a-z]* || "$job" == */* || ! -f "$root/jobs/$job.py" ]]; then
    # shellcheck source=scripts/environment.sh
    source "$root/scripts/environment.sh"
    give_up "There is no job named '$job'$(close_to "$job" "$(jobs)"). Choose one of: $(jobs)"
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
# shellcheck source=scripts/scratch.sh
source "$root/scripts/scratch.sh"
for argument in ${job_args[@]+"${job_args[@]}"}; do
    if [[ "$argument" == --help || "$argument" == -h ]] && [[ -x "$root/.venv/bin/python" ]]; then
        IOTSCORE_HOME="$root" PYTHONPATH="$root/lib" \
            exec "$root/.venv/bin/python" "$root/jobs/$job.py" --help
    fi
done
check_memory
find_settings
where="$(given --deploy-mode spark.submit.deployMode)"
heap="$(given --driver-memory spark.driver.memory)"
heap="${heap:-${DRIVER_MEMORY:-}}"
[[ -z "$heap" || "$where" == cluster ]] || check_heap "$heap" "The driver's memory"
local_dirs="${SPARK_LOCAL_DIRS:-$(given - spark.local.dir)}"
local_dirs="${local_dirs:-$(setting "$properties" spark.local.dir)}"
check_folders "$local_dirs"
IOTSCORE_HEAP="$([[ "$where" == cluster ]] || in_kib "${heap:-4g}")" "$root/scripts/java.sh"

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
master="$(given --master spark.master)"
master="${master:-${MASTER:-local[*,4]}}"
check_master "$master"
[[ "$PYSPARK_PYTHON" == "$python" ]] || check_worker_python "$master" "$python"
if [[ "$master" == local* ]]; then
    # Nothing outside this machine has business with a local run's ports.
    export SPARK_LOCAL_IP=127.0.0.1
    unset SPARK_LOCAL_HOSTNAME
fi

zip="$root/dist/iotscore.zip"
# At Ctrl-C the trap speaks, and not a traceback.
if ! (trap '' HUP INT TERM && exec "$python" "$root/scripts/build_zip.py" "$zip" 2>/dev/null); then
    give_up "The folder $root/dist cannot be written, and its zip of lib/ is not up to date;" \
        "type make zip as a user who may write it."
fi
jars="$("$root/scripts/jars.sh" "$properties")"
classes=""
[[ "$master" != local* ]] || classes="$("$root/scripts/classes.sh")"

# A closed stream becomes one that cannot be written either.
{ : >&1; } 2>/dev/null || exec 1</dev/null
{ : >&2; } 2>/dev/null || exec 2>/dev/null
make_scratch "$python" "$local_dirs" ${job_args[@]+"${job_args[@]}"}
complete_settings "$master" "$IOTSCORE_STREAMS/spark.conf" "$classes"

options=(--master "$master" --driver-memory "${DRIVER_MEMORY:-4g}"
    --properties-file "$IOTSCORE_STREAMS/spark.conf" --py-files "$zip")
if [[ -n "$jars" ]]; then
    options+=(--jars "$jars" --conf "spark.jars.packages=")
fi
if [[ -n "${EXECUTOR_MEMORY:-}" ]]; then
    options+=(--executor-memory "$EXECUTOR_MEMORY")
fi

if [[ "$where" != cluster ]]; then
    # Why the driver's Python gets its streams and arguments from us: scripts/streams.py.
    export PYSPARK_DRIVER_PYTHON="$root/scripts/driver_python.sh"
fi

# Spark's own scripts are bash, too, until they become Java.
export BASH_ENV="$root/scripts/spark_shell.sh"
exec "$SPARK_HOME/bin/spark-submit" "${options[@]}" ${extra[@]+"${extra[@]}"} \
    "$root/jobs/$job.py" ${job_args[@]+"${job_args[@]}"}
