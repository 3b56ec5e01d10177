"""Spark Connect (4.x; needs grpcio, grpcio-status, googleapis-common-protos, zstandard): the connect server's events are in the log.
The server is started in-process on its default port, 15002."""
from sparklab import EVENTS, attempt
from pyspark.sql import SparkSession

s = SparkSession.builder.remote("local[2]").appName("connect").config("spark.eventLog.enabled", "true") \
    .config("spark.eventLog.dir", EVENTS.as_uri()).config("spark.ui.enabled", "false") \
    .config("spark.connect.grpc.binding.address", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
s.addTag("lab")
s.range(1000).groupBy("id").count().count()
s.sql("SELECT count(*) FROM range(100) a JOIN range(10) b USING (id)").collect()
attempt(lambda: s.range(10).selectExpr("assert_true(id < 5)").collect())
s.stop()
