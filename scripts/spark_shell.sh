# shellcheck shell=bash
# What Spark's own shell scripts read before they begin (BASH_ENV).

# shellcheck source=scripts/on_stop.sh
source "${BASH_ENV%/*}/on_stop.sh"

# Spark starts Java with an incubating module, at which Java warns at every start. Only Spark's
# machine learning uses it, and does without it where it is not there.
exec() {
    local each kept=()
    for each in "$@"; do
        [[ "${1##*/}" == java && "$each" == --add-modules=jdk.incubator.vector ]] || kept+=("$each")
    done
    builtin exec "${kept[@]}"
}
