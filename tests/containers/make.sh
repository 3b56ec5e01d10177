#!/bin/bash
# Lets real Spark write VERSION.tar.zst anew: make.sh VERSION PYTHON-WITH-PYSPARK. Needs Java 17, zstd; no root. Its
# application's id and numbers are in tests/it/containers.rs, which must follow.
set -euo pipefail
version=$1 python=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
lab=$(mktemp -d)
trap 'rm -rf "$lab"' EXIT
pyspark=$("$python" -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')
mkdir -p "$lab"/{spark,conf,log,pack/events}
ln -s "$pyspark"/* "$lab/spark/"
rm -f "$lab/spark/work" # executors write there
cat > "$lab/conf/log4j2.properties" <<'L'
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex
L
export SPARK_HOME=$lab/spark SPARK_CONF_DIR=$lab/conf PYSPARK_PYTHON=$python TZ=UTC
bash "$lab/spark/bin/spark-submit" --master 'local-cluster[1,2,1024]' --executor-memory 700m --driver-memory 600m \
  --conf spark.eventLog.enabled=true --conf "spark.eventLog.dir=file://$lab/log" --conf spark.eventLog.compress=false \
  --conf spark.eventLog.rolling.enabled=false --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2 \
  --conf 'spark.driver.extraJavaOptions=-Xlog:gc*' \
  --conf 'spark.executor.extraJavaOptions=-Xlog:gc*:stdout:utctime,uptime,level,tags' \
  "$here/app.py" > "$lab/stdout" 2> "$lab/stderr"
app=$(ls "$lab/log")
mkdir -p "$lab/pack/containers/$app/driver"
cp "$lab/log/$app" "$lab/pack/events/"
cp "$lab"/std{out,err} "$lab/pack/containers/$app/driver/"
cp -r "$lab/spark/work/$app/0" "$lab/pack/containers/$app/"
find "$lab/pack/containers/$app/0" -type f ! -name 'std*' -delete
# Where it was made is nobody's business.
grep -rlF -e "$lab" -e "$pyspark" "$lab/pack" | xargs sed -i "s#$lab#/lab#g; s#$pyspark#/lab/spark#g"
tar -C "$lab/pack" --sort=name --owner=0 --group=0 -cf - containers events | zstd -19 -q -f -o "$here/$version.tar.zst" -
