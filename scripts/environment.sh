# shellcheck shell=bash
# Sourced by the scripts that start Spark: what is left over in the environment does not count, and
# what cannot work is told in one line with exit code 2.

give_up() {
    echo "$*" >&2
    exit 2
}

# Of another program's Python, of the shell's own cd, and of Spark Connect.
unset CDPATH PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONIOENCODING PYSPARK_DRIVER_PYTHON \
    PYSPARK_DRIVER_PYTHON_OPTS SPARK_REMOTE SPARK_CONNECT_MODE_ENABLED SPARK_API_MODE \
    SPARK_ENV_LOADED

# Java names files by the locale: without one, as under cron, no letter beyond ASCII gets through.
is_utf8() { [[ "$(LC_ALL="${1:-${LC_ALL:-}}" locale charmap 2>/dev/null)" == UTF-8 ]]; }
if ! is_utf8; then
    for name in C.UTF-8 C.utf8 en_US.UTF-8; do
        if is_utf8 "$name"; then
            export LC_ALL="$name"
            break
        fi
    done
fi

pwd -P >/dev/null 2>&1 && [[ -e . ]] ||
    give_up "The working folder was deleted; change to a folder that exists."

if [[ ! -d "${TMPDIR:-/tmp}" || ! -w "${TMPDIR:-/tmp}" ]]; then
    give_up "The folder for temporary files, ${TMPDIR:-/tmp}, does not exist or cannot be written;" \
        "set TMPDIR to one that can."
fi

check_memory() {
    local name
    for name in DRIVER_MEMORY EXECUTOR_MEMORY; do
        [[ -z "${!name:-}" || "${!name}" =~ ^[1-9][0-9]*[kKmMgGtT]$ ]] ||
            give_up "$name is '${!name}'; it must be a whole number and k, m, g or t, such as 4g."
    done
}

check_master() {
    local count="([1-9][0-9]*|\*)"
    [[ "$1" =~ ^local(\[$count(,[1-9][0-9]*)?\])?$ ||
        "$1" =~ ^local-cluster\[[0-9]+,[0-9]+,[0-9]+\]$ ||
        "$1" == spark://* || "$1" == k8s://* || "$1" == yarn ]] ||
        give_up "MASTER is '$1'; it must be local, local[CORES], local[CORES,TRIES], spark://HOST:PORT," \
            "yarn or k8s://ADDRESS."
}

# Of another Spark the jars do not fit Delta Lake's and the driver's Python.
check_spark_home() {
    local core=("$SPARK_HOME"/jars/spark-core_2.13-4.2.*.jar)
    if [[ ! -x "$SPARK_HOME/bin/spark-submit" || ! -e "${core[0]}" ]]; then
        give_up "There is no Spark 4.2 in SPARK_HOME ($SPARK_HOME); unset it to use the Spark in" \
            ".venv, or set it to a Spark 4.2."
    fi
}

check_folders() {
    local folder IFS=,
    for folder in ${SPARK_LOCAL_DIRS:-}; do
        [[ -d "$folder" && -w "$folder" ]] ||
            give_up "The folder $folder of SPARK_LOCAL_DIRS does not exist or cannot be written;" \
                "make it, or unset SPARK_LOCAL_DIRS."
    done
}

check_worker_python() {
    local wanted found
    [[ "$1" == local* ]] || return 0
    wanted="$("$2" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    found="$("$PYSPARK_PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" ||
        found="none that runs"
    [[ "$found" == "$wanted" ]] ||
        give_up "PYSPARK_PYTHON ($PYSPARK_PYTHON) is Python $found, and the driver's is $wanted;" \
            "unset PYSPARK_PYTHON."
}
