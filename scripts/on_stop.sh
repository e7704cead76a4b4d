# shellcheck shell=bash
# What spark-submit.sh and Spark's own shell scripts do at a signal, before Java answers signals:
# they say so in one line and end with 128 and its number. One that is ignored, as SIGHUP is below
# nohup, stays so. Bash reads this file where BASH_ENV names it.
stopped() {
    echo "iotscore ${IOTSCORE_JOB:-}: stopped by SIG$1; run it again" >&2
    exit $((128 + $2))
}
trap 'stopped HUP 1' HUP
trap 'stopped INT 2' INT
trap 'stopped TERM 15' TERM
