#!/usr/bin/env bash
# Runs Spark's Thrift server, which answers JDBC and ODBC, until it is told to stop.
#
# usage: scripts/thrift_server.sh [spark-submit options]
#
#   THRIFT_PORT=10000 scripts/thrift_server.sh --conf spark.sql.catalogImplementation=hive
#
# Environment (defaults in brackets): THRIFT_HOST [127.0.0.1], THRIFT_PORT [10000], MASTER [local[*]],
# DRIVER_MEMORY [4g], SPARK_PROPERTIES [conf/spark-defaults.conf], SPARK_SECRETS [none], SPARK_HOME
# [the Spark in .venv].
#
# As it comes it asks for no password, its clients may write, and call every function of Spark, also
# those that run code: what the job sql refuses is not refused here. Keep it on this machine, give its
# user a warehouse that he can only read, or set up Hive's authentication (docs/sql.md).
set -euo pipefail
unset CDPATH
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
extra=("$@")
# shellcheck source=scripts/environment.sh
source "$root/scripts/environment.sh"
# shellcheck source=scripts/scratch.sh
source "$root/scripts/scratch.sh"

python="$root/.venv/bin/python"
check_memory
find_settings
heap="$(given --driver-memory spark.driver.memory)"
heap="${heap:-${DRIVER_MEMORY:-}}"
[[ -z "$heap" ]] || check_heap "$heap" "The driver's memory"
local_dirs="${SPARK_LOCAL_DIRS:-$(setting "$properties" spark.local.dir)}"
check_folders "$local_dirs"
IOTSCORE_HEAP="$(in_kib "${heap:-4g}")" "$root/scripts/java.sh"
master="$(given --master spark.master)"
master="${master:-${MASTER:-local[*]}}"
check_master "$master"
[[ -x "$python" ]] || give_up "There is no Spark in .venv. Type: make setup"
if [[ -z "${SPARK_HOME:-}" ]]; then
    SPARK_HOME="$("$python" -c 'import pyspark; print(pyspark.__path__[0])')"
fi
export SPARK_HOME
check_spark_home
export LOG4J_CONFIGURATION_FILE="${LOG4J_CONFIGURATION_FILE:-$root/conf/log4j2.properties}"
host="${THRIFT_HOST:-127.0.0.1}"
export SPARK_LOCAL_IP="${SPARK_LOCAL_IP:-$host}"
jars="$("$root/scripts/jars.sh" "$properties")"

make_scratch "$python" "$local_dirs"
complete_settings "$master" "$IOTSCORE_STREAMS/spark.conf" ""  # its class path is another one
export BASH_ENV="$root/scripts/spark_shell.sh"

# The server's sessions look for Delta Lake on the class path and not among --jars.
exec "$SPARK_HOME/bin/spark-submit" --master "$master" \
    --driver-memory "${DRIVER_MEMORY:-4g}" --properties-file "$IOTSCORE_STREAMS/spark.conf" \
    --jars "$jars" --driver-class-path "${jars//,/:}" --conf "spark.jars.packages=" \
    ${extra[@]+"${extra[@]}"} \
    --class org.apache.spark.sql.hive.thriftserver.HiveThriftServer2 spark-internal \
    --hiveconf "hive.server2.thrift.bind.host=$host" \
    --hiveconf "hive.server2.thrift.port=${THRIFT_PORT:-10000}"
