#!/usr/bin/env bash
# Starts and stops a standalone Spark cluster on this machine: a master and its workers, as daemons.
#
# usage: deploy/standalone/cluster.sh start|stop|status FOLDER
#
#   url="$(deploy/standalone/cluster.sh start /var/lib/spark)"   # prints spark://HOST:PORT
#   MASTER="$url" SPARK_SECRETS=/var/lib/spark/secret.conf ./spark-submit.sh nightly ...
#   deploy/standalone/cluster.sh stop /var/lib/spark
#
# FOLDER gets a log, a process id and a work folder of each daemon, and secret.conf: who wants to run
# anything on the cluster must know the secret in it, and only this user can read it.
#
# Environment (defaults in brackets):
#   SPARK_HOME      the Spark to use [the one in .venv]
#   HOST            address that the daemons listen on [127.0.0.1]
#   PORT            port of the master [0: any that is free]
#   WORKERS         workers [2]
#   WORKER_CORES    cores of each [1]
#   WORKER_MEMORY   memory of each for executors [2g]
#
# For data on S3, as Amazon's own clients read them; only the workers get them, and so executors:
#   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, or
#   AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE     a file of credentials that may be renewed meanwhile
#   AWS_EC2_METADATA_DISABLED                    true: ask no machine's role
# Server and region come with each job.
#
# Beside these, the daemons inherit PATH and JAVA_HOME and nothing else: no package and no code of
# this project is on the workers' own path. Executors have what spark-submit sends them.
# Exit codes: 0 done (status: all run); 1 of status: one does not; 2 something for you to mend.
set -euo pipefail
unset CDPATH
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
    sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"
}

if [[ $# -ne 2 || ! "$1" =~ ^(start|stop|status)$ ]]; then
    usage >&2
    exit 2
fi
verb="$1"
folder="$2"
host="${HOST:-127.0.0.1}"
declare -i workers="${WORKERS:-2}"

is_running() {
    local id
    id="$(cat "$folder/$1.pid" 2>/dev/null)" && [[ -n "$id" ]] && kill -0 "$id" 2>/dev/null
}

# The variables that workers inherit for S3.
readonly for_s3="AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN \
AWS_SHARED_CREDENTIALS_FILE AWS_PROFILE AWS_EC2_METADATA_DISABLED"

# daemon NAME CLASS ARGUMENTS...: start it in a session of its own, so that no terminal ends it.
daemon() {
    local name="$1" class="org.apache.spark.deploy.$2" inherited="PATH JAVA_HOME"
    [[ "$name" == master ]] || inherited+=" $for_s3"
    local each forgotten=()
    shift 2
    # With `env -i` the values to keep would show in the list of processes.
    while read -r each; do
        [[ " $inherited " == *" $each "* ]] || forgotten+=(-u "$each")
    done < <(awk 'BEGIN { for (name in ENVIRON) print name }')
    : >"$folder/$name.log" # before anybody looks for a line in it
    (
        cd "$folder"
        exec setsid env "${forgotten[@]}" \
            SPARK_HOME="$SPARK_HOME" SPARK_LOCAL_IP="$host" SPARK_DAEMON_MEMORY=512m \
            TMPDIR="$folder/scratch" SPARK_LOCAL_DIRS="$folder/scratch" \
            SPARK_DAEMON_JAVA_OPTS="-Djava.io.tmpdir=\"$folder/scratch\"" \
            BASH_ENV="$root/scripts/spark_shell.sh" \
            "$SPARK_HOME/bin/spark-class" "$class" --properties-file "$folder/secret.conf" "$@" \
            >"$folder/$name.log" 2>&1 <&-
    ) &
    echo $! >"$folder/$name.pid"
}

# found NAME PATTERN: wait until a daemon's log holds a line, and print what the pattern's group is.
found() {
    local match
    for _ in {1..300}; do
        match="$(sed -nE "s|^.*$2.*\$|\1|p" "$folder/$1.log" | head -n 1)"
        if [[ -n "$match" ]]; then
            echo "$match"
            return
        fi
        is_running "$1" || break
        sleep 0.2
    done
    tail -n 20 "$folder/$1.log" >&2
    echo "The $1 did not start; its log is $folder/$1.log (above: its end)." >&2
    return 2
}

start() {
    local number url name inherited=()
    for name in $for_s3; do
        [[ -z "${!name:-}" ]] || inherited+=("$name")
    done
    [[ ${#inherited[@]} -eq 0 ]] || echo "The workers inherit ${inherited[*]}." >&2
    if is_running master; then
        echo "A cluster runs in $folder; stop it first: $0 stop $folder" >&2
        return 2
    fi
    # What killed daemons have left, too.
    rm -rf "$folder/scratch"
    (umask 077 && mkdir "$folder/scratch" && rm -f "$folder/secret.conf" &&
        printf '%s\n' "spark.authenticate true" "spark.master.rest.enabled false" \
            "spark.ui.killEnabled false" "spark.authenticate.secret $(new_secret)" \
            >"$folder/secret.conf")
    daemon master master.Master --host "$host" --port "${PORT:-0}" --webui-port 0
    # A cluster that is not whole is none.
    trap 'stop >&2' ERR
    url="$(found master "Starting Spark master at (spark://[^ ]+)")"
    for ((number = 1; number <= workers; number++)); do
        daemon "worker$number" worker.Worker --host "$host" --webui-port 0 \
            --cores "${WORKER_CORES:-1}" --memory "${WORKER_MEMORY:-2g}" \
            --work-dir "$folder/work$number" "$url"
    done
    for ((number = 1; number <= workers; number++)); do
        found "worker$number" "(Successfully registered) with master" >/dev/null
    done
    trap - ERR
    echo "$url"
}

names() {
    local file
    for file in "$folder"/worker*.pid "$folder"/master.pid; do
        [[ -f "$file" ]] && basename "$file" .pid
    done
}

stop() {
    local name
    for name in $(names); do
        if is_running "$name"; then
            kill "$(cat "$folder/$name.pid")"
        fi
    done
    for name in $(names); do
        for _ in {1..100}; do
            is_running "$name" || break
            sleep 0.1
        done
        if is_running "$name"; then
            kill -KILL "$(cat "$folder/$name.pid")"
        fi
        rm -f "$folder/$name.pid"
    done
    rm -rf "$folder/scratch" "$folder/secret.conf"
}

status() {
    local name code=0
    for name in $(names); do
        if is_running "$name"; then
            echo "$name runs, process $(cat "$folder/$name.pid")"
        else
            echo "$name does not run; its log is $folder/$name.log"
            code=1
        fi
    done
    [[ -n "$(names)" ]] || { echo "no cluster in $folder" && code=1; }
    return $code
}

if [[ "$verb" == start ]]; then
    # shellcheck source=scripts/environment.sh
    source "$root/scripts/environment.sh"
    [[ -z "${WORKER_MEMORY:-}" ]] || check_heap "$WORKER_MEMORY" "WORKER_MEMORY"
    check_folders ""
    IOTSCORE_HEAP=$((512 << 10)) "$root/scripts/java.sh"
    if [[ -z "${SPARK_HOME:-}" ]]; then
        for SPARK_HOME in "$root"/.venv/lib/python3.*/site-packages/pyspark; do break; done
    fi
    check_spark_home
    if ! folder="$(umask 077 && mkdir -p "$folder" 2>/dev/null && cd "$folder" && pwd)" ||
        [[ ! -w "$folder" ]]; then
        give_up "The folder $2 cannot be made or written; give another one."
    fi
fi
"$verb"
