# shellcheck shell=bash
# Sourced by the scripts that start Spark: a folder that this run alone has and nobody else can open.

# make_scratch PYTHON FOLDERS ARGUMENT...: make the folder, and have Java, Python and Spark put down
# there what they need for a while: in TMPDIR, and in folders of our own in each of FOLDERS (separated
# by commas; Spark's own choice if there are none). It is removed when Spark has ended, however it
# ended, and what a killed run has left by the next one: scripts/streams.py, which also hands the
# arguments over. Sets IOTSCORE_STREAMS.
make_scratch() {
    local python="$1" folder IFS=, made=()
    IOTSCORE_STREAMS="$(cd "${TMPDIR:-/tmp}" && mktemp -d "$PWD/iotscore.XXXXXX")"
    export IOTSCORE_STREAMS
    for folder in $2; do
        made+=("$(cd "$folder" && mktemp -d "$PWD/iotscore.XXXXXX")")
        printf '%s\0' "${made[@]}" >"$IOTSCORE_STREAMS/elsewhere"
    done
    shift 2
    [[ ${#made[@]} == 0 ]] || export SPARK_LOCAL_DIRS="${made[*]}"
    mkdir "$IOTSCORE_STREAMS/tmp"
    mkfifo "$IOTSCORE_STREAMS/end"
    # Descriptor 9 stays open in Spark's process, so the other side ends when Spark has ended, even
    # if no Python was ever started. 8 is opened here, while there is a writer for certain.
    exec 9<>"$IOTSCORE_STREAMS/end"
    exec 8<"$IOTSCORE_STREAMS/end"
    "$python" -I -S "${BASH_SOURCE[0]%/*}/streams.py" serve "$IOTSCORE_STREAMS" "$@" <&8 8<&- 9>&- &
    exec 8<&-
    export TMPDIR="$IOTSCORE_STREAMS/tmp"
    export SPARK_SUBMIT_OPTS="${SPARK_SUBMIT_OPTS:-} -Djava.io.tmpdir=\"$TMPDIR\""
}
