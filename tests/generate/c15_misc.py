"""Odds and ends: FAIR pools, job groups and tags, named accumulators, barrier stage, concurrent jobs, odd names, checkpoint, long strings."""
from sparklab import TMP, session

s = session("misc: ünï ☃ <script>alert(1)</script> & \"q\"", **{
    "spark.scheduler.mode": "FAIR", "spark.extra.long": "x" * 5000, "spark.job.interruptOnCancel": True})
sc = s.sparkContext
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from pyspark import BarrierTaskContext, InheritableThread  # noqa: E402


def pooled(i):
    def f():
        sc.setLocalProperty("spark.scheduler.pool", f"pool-{i % 2}")
        sc.setJobGroup(f"g{i}", f"<b>group</b> {i} ☃")
        if hasattr(sc, "addJobTag"):
            sc.addJobTag(f"tag-{i}")
            sc.addJobTag("all")
        sc.parallelize(range(2000), 4).map(lambda x: (x % 5, x)).reduceByKey(lambda a, b: a + b).collect()
    t = InheritableThread(target=f)
    t.start()
    t.join()


with ThreadPoolExecutor(4) as ex:
    list(ex.map(pooled, range(8)))
acc = sc._jsc.sc().longAccumulator("rows <seen>")  # named: shows per task and per stage
sc.parallelize(range(8), 2).barrier().mapPartitions(lambda it: (BarrierTaskContext.get().barrier(), sum(it))[1:]).collect()
sc.setCheckpointDir(f"{TMP}/checkpoint")
r = sc.parallelize(range(100), 2).map(lambda x: x + 1)
r.checkpoint()
r.count()
a = sc.parallelize(range(100), 3).map(lambda x: (x % 10, x))
a.cogroup(a.mapValues(str)).join(a.union(a).coalesce(2)).sortByKey().collect()
sc.setJobDescription("d" * 3000)
s.range(100).selectExpr(*[f"id + {i} AS c{i}" for i in range(150)]).agg({f"c{i}": "sum" for i in range(150)}).collect()
sc.setJobDescription(None)
s.range(0).collect()
sc.emptyRDD().count()
s.createDataFrame([(1, "a\u0000b"), (2, "\u2028line")], "i INT, t STRING").groupBy("t").count().collect()
s.stop()
