#!/usr/bin/env bash
# Checks that Spark will find Java 17 or 21; silent if so, else one line and exit code 2.
#
# usage: scripts/java.sh [--install]
#   --install   on Debian or Ubuntu, as root, install the headless runtime instead of giving up
set -euo pipefail

# Spark looks here, in this order.
java="java"
where="the PATH"
if [[ -n "${JAVA_HOME:-}" ]]; then
    java="$JAVA_HOME/bin/java"
    where="JAVA_HOME ($JAVA_HOME)"
fi

# What Java says of itself, with the heap that the job will have.
version() { "$java" ${IOTSCORE_HEAP:+"-Xmx${IOTSCORE_HEAP}k"} -version 2>&1 || true; }

# 17 from 'openjdk version "17.0.15"', 8 from 'java version "1.8.0_392"', nothing without Java.
major() {
    version | sed -nE 's/^.*version "(1\.)?([0-9]+).*/\2/p' | head -n 1 || true
}

suits() { [[ "$1" == 17 || "$1" == 21 ]]; }

on_debian() { [[ -f /etc/debian_version ]] && command -v apt-get >/dev/null; }

# The newest of the two that this release of the system has: Debian 12 has 17, Debian 13 has 21.
package() {
    local name
    for name in openjdk-17-jre-headless openjdk-21-jre-headless; do
        if apt-cache show "$name" >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
}

advice() {
    local become=""
    [[ "$(id -u)" == 0 ]] || become="sudo "
    if [[ "$(uname -s)" == Darwin ]]; then
        echo "brew install openjdk@17 && export JAVA_HOME=\"\$(brew --prefix openjdk@17)\""
    elif on_debian; then
        echo "${become}apt-get update && ${become}apt-get install -y openjdk-17-jre-headless" \
            "(Debian 13: openjdk-21-jre-headless)"
    elif command -v dnf >/dev/null; then
        echo "${become}dnf install -y java-21-openjdk-headless"
    elif [[ "$(uname -s)" == Linux ]]; then
        echo "install the OpenJDK 17 or 21 runtime with your package manager"
    else
        echo "wsl --install, then run this project inside WSL"
    fi
}

found="$(major)"
if [[ -z "$found" ]]; then
    fault="$(version | grep -m 1 -iE 'could not (reserve|allocate|create)|memory|native thread' || true)"
    if [[ -n "$fault" ]]; then
        echo "Java of $where cannot start with a heap of $((${IOTSCORE_HEAP:-0} >> 10))m ($fault);" \
            "give DRIVER_MEMORY less, or this account more (ulimit -v)." >&2
        exit 2
    fi
fi
if ! suits "$found" && [[ "${1:-}" == --install && -z "${JAVA_HOME:-}" ]] &&
    on_debian && [[ "$(id -u)" == 0 ]]; then
    echo "Java 17 or 21 is missing; installing it with apt-get." >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$(package)" >&2
    hash -r
    found="$(major)"
fi
if ! suits "$found" && [[ -n "${JAVA_HOME:-}" ]]; then
    java=java
    if suits "$(major)"; then
        echo "Spark 4.2 needs Java 17 or 21; $where has ${found:-none}. Unset JAVA_HOME: the PATH has" \
            "Java $(major)." >&2
        exit 2
    fi
fi
if ! suits "$found"; then
    echo "Spark 4.2 needs Java 17 or 21; $where has ${found:-none}. Type: $(advice)" >&2
    exit 2
fi
