"""A streaming query of some batches, then a job that makes garbage."""
import time
from pyspark.sql import SparkSession, functions as F

s = SparkSession.builder.appName("container logs").getOrCreate()
s.sparkContext.setLogLevel("INFO")
q = (s.readStream.format("rate").option("rowsPerSecond", 20).load()
     .groupBy((F.col("value") % 5).alias("k")).count()
     .writeStream.outputMode("complete").format("memory").queryName("by_rest").trigger(processingTime="1 second").start())
end = time.time() + 12
while time.time() < end:
    time.sleep(0.2)
(s.range(0, 3_000_000, 1, 4).selectExpr("id % 1000 k", "repeat(string(id), 5) v")
 .groupBy("k").agg(F.max("v"), F.collect_list(F.substring("v", 1, 3))).count())
q.stop()
s.stop()
