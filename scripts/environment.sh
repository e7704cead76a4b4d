# shellcheck shell=bash
# Sourced by the scripts that start Spark: what is left over in the environment does not count, and
# what cannot work is told in one line with exit code 2.

give_up() {
    local told="$*"
    # Values may hold what a terminal obeys.
    printf '%s\n' "${told//[[:cntrl:]]/?}" >&2
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

# in_kib SIZE: how many KiB a size of Spark's is, such as 4g; without a unit it counts MiB.
in_kib() {
    [[ "$1" =~ ^([0-9]{1,9})([kKmMgGtT]?)[bB]?$ ]] || return 0
    case "${BASH_REMATCH[2]}" in
        k | K) echo "${BASH_REMATCH[1]}" ;;
        g | G) echo $((BASH_REMATCH[1] << 20)) ;;
        t | T) echo $((BASH_REMATCH[1] << 30)) ;;
        *) echo $((BASH_REMATCH[1] << 10)) ;;
    esac
}

# The KiB that this machine has, or that the group of processes which this one is in may use.
memory_kib() {
    local file bytes has
    if [[ -r /proc/meminfo ]]; then
        has="$(sed -nE 's/^MemTotal: +([0-9]+) kB$/\1/p' /proc/meminfo)"
    else
        bytes="$(sysctl -n hw.memsize 2>/dev/null || true)"
        has="${bytes:+$((bytes >> 10))}"
    fi
    for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        bytes="$(cat "$file" 2>/dev/null || true)"
        if [[ "$bytes" =~ ^[0-9]{1,18}$ ]] && ((bytes >> 10 < ${has:-$((1 << 60))})); then
            has=$((bytes >> 10))
        fi
    done
    echo "${has:-}"
}

# check_heap SIZE WHERE: whether Spark can work with a heap, which WHERE has asked for.
check_heap() {
    local heap has
    heap="$(in_kib "$1")"
    has="$(memory_kib)"
    [[ -n "$heap" ]] || return 0
    if ((heap < 512 << 10)); then
        give_up "$2 is $1; Spark needs at least 512m, and nightly 2g: give it more."
    elif [[ -n "$has" ]] && ((heap > has)); then
        give_up "$2 is $1, and this machine, or what this account may use of it, has $((has >> 10))m;" \
            "give the heap less than that: Python needs memory beside it."
    fi
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

# check_folders LIST: those that Spark's scratch shall lie in, and those of settings.
check_folders() {
    local folder name IFS=,
    for folder in $1; do
        [[ -d "$folder" && -w "$folder" ]] ||
            give_up "The folder $folder of SPARK_LOCAL_DIRS or spark.local.dir does not exist or" \
                "cannot be written; make it, or unset SPARK_LOCAL_DIRS."
    done
    for name in SPARK_CONF_DIR HADOOP_CONF_DIR YARN_CONF_DIR; do
        folder="${!name:-}"
        [[ -z "$folder" || (-d "$folder" && -x "$folder") ]] ||
            give_up "The folder $folder of $name does not exist or cannot be read; correct or unset $name."
    done
}

# given OPTION KEY: what the extra options say, by spark-submit's option or by Spark's setting.
given() {
    local each before="" value=""
    for each in ${extra[@]+"${extra[@]}"}; do
        if [[ "$each" == --*=* ]]; then
            before="${each%%=*}"
            each="${each#*=}"
        fi
        if [[ "$before" == "$1" ]]; then
            value="$each"
        elif [[ "$before" == --conf || "$before" == -c ]] && [[ "$each" == "$2="* ]]; then
            value="${each#*=}"
        fi
        before="$each"
    done
    echo "$value"
}

# setting FILE KEY: what a file of Spark settings says.
setting() { sed -nE "s/^[[:space:]]*${2//./\\.}[[:space:]=:]+(.*)\$/\1/p" "$1" | tail -n 1; }

# find_settings: the file of Spark settings, into properties; an extra option may name one, too.
find_settings() {
    local each skip="" kept=() chosen
    chosen="$(given --properties-file "")"
    for each in ${extra[@]+"${extra[@]}"}; do
        if [[ -n "$skip" ]]; then
            skip=""
        elif [[ "$each" == --properties-file ]]; then
            skip=yes
        elif [[ "$each" != --properties-file=* ]]; then
            kept+=("$each")
        fi
    done
    extra=(${kept[@]+"${kept[@]}"})
    properties="${chosen:-${SPARK_PROPERTIES:-$root/conf/spark-defaults.conf}}"
    if [[ ! -f "$properties" || ! -r "$properties" ]]; then
        give_up "The Spark settings $properties cannot be read; correct SPARK_PROPERTIES, or" \
            "--properties-file."
    fi
    if [[ -n "${SPARK_SECRETS:-}" ]] && { [[ ! -f "$SPARK_SECRETS" || ! -r "$SPARK_SECRETS" ]] ||
        [[ -n "$(find "$SPARK_SECRETS" -perm -040 -o -perm -020 -o -perm -004 -o -perm -002)" ]]; }; then
        give_up "SPARK_SECRETS ($SPARK_SECRETS) must be a file that you can read and nobody else;" \
            "correct the name, or: chmod 600"
    fi
}

# complete_settings MASTER FILE CLASSES: write the settings of this run, which is what the chosen file
# says, what protects this machine whatever that says (docs/security.md), the file of kept classes if
# there is one, and secrets; nobody else may read it.
complete_settings() {
    local key value ours="$root/conf/spark-defaults.conf"
    {
        cat "$properties"
        echo
        for key in spark.driver.defaultJavaOptions spark.executor.defaultJavaOptions; do
            value="$(setting "$ours" "$key")"
            [[ "$properties" -ef "$ours" ]] || value+=" $(setting "$properties" "$key")"
            # Where the file does not suit, Java would say so on the job's own standard output.
            [[ "$key" != spark.driver.* || -z "$3" ]] ||
                value+=" -Xlog:cds*=off -Xlog:class+path=off \"-XX:SharedArchiveFile=$3\""
            echo "$key $value"
        done
        if [[ "$1" == local* && -z "$(setting "$properties" spark.authenticate)" ]]; then
            echo "spark.authenticate true"
            # Between processes Spark wants to be told the secret; within one it makes its own.
            [[ "$1" != local-cluster* ]] || echo "spark.authenticate.secret $(new_secret)"
        fi
        [[ -z "${SPARK_SECRETS:-}" ]] || cat "$SPARK_SECRETS"
    } >"$2"
}

new_secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

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
