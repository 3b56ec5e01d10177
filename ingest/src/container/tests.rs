//! Whole logs, as drivers, executors and Hadoop write them.

use std::io::Read as _;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::event::ProgressReport;

/// 2025-04-18T07:52:27Z.
const TIME: i64 = 1_744_962_747_000;

fn read(text: &str) -> (Vec<Finding>, Summary) {
    let (mut reader, mut found) = (Reader::default(), Vec::new());
    text.split('\n').for_each(|l| reader.line(l.as_bytes(), &mut found));
    let summary = reader.finish(&mut found);
    (found, summary)
}

fn unpacked(packed: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    text
}

fn pauses(found: &[Finding]) -> Vec<&Pause> {
    found.iter().filter_map(|f| if let Finding::Pause(p) = f { Some(p) } else { None }).collect()
}

fn reports(found: &[Finding]) -> Vec<&str> {
    found.iter().filter_map(|f| if let Finding::Report(r) = f { Some(r.as_str()) } else { None }).collect()
}

/// A report as Spark logs it, 36 instances of RocksDB behind it.
fn logged() -> (Value, String) {
    let report = serde_json::json!({
        "id": "x", "runId": "x", "name": null, "timestamp": "2025-04-18T07:52:27.642Z", "batchId": 39, "numInputRows": 1,
        "inputRowsPerSecond": 100.0, "processedRowsPerSecond": 1.3623978201634879,
        "durationMs": {"addBatch": 648, "commitOffsets": 39, "getBatch": 0, "latestOffset": 0, "queryPlanning": 10,
            "triggerExecution": 734, "walCommit": 35},
        "stateOperators": [{"operatorName": "stateStoreSave", "numRowsTotal": 10, "commitTimeMs": 3629,
            "numShufflePartitions": 36, "numStateStoreInstances": 36,
            "customMetrics": {"rocksdbCommitFileSyncLatencyMs": 2991, "rocksdbFilesCopied": 4}}],
        "sources": [{"description": "RateStreamV2[rowsPerSecond=1, rampUpTimeSeconds=0, numPartitions=default",
            "startOffset": 63, "endOffset": 64, "latestOffset": 64, "numInputRows": 1}],
        "sink": {"description": "org.apache.spark.sql.execution.streaming.ConsoleTable$@2cf39784", "numOutputRows": 10},
    });
    let pretty = serde_json::to_string_pretty(&report).unwrap();
    (report, format!("25/04/18 07:52:28 INFO MicroBatchExecution: Streaming query made progress: {pretty}"))
}

#[test]
fn reports_of_streaming_queries() {
    let (report, text) = logged();
    let before = "25/04/18 07:52:27 INFO SparkContext: Running Spark version 3.5.6\nplain text {\n";
    let after = "\n25/04/18 07:52:29 INFO MicroBatchExecution: Streaming query has been idle";
    let web = text.replace(' ', "\u{a0}");
    for text in [&text, &web] {
        let (found, summary) = read(&format!("{before}{text}{after}"));
        let all = reports(&found);
        assert_eq!(all, [report.to_string()]);
        let numbers = ProgressReport::read(all[0]).unwrap();
        assert_eq!((numbers.batch_id, &*numbers.timestamp), (39, "2025-04-18T07:52:27.642Z"));
        assert_eq!((summary.reports, summary.broken_reports), (1, 0));
        assert_eq!((summary.first_time, summary.last_time), (Some(TIME), Some(TIME + 2000)));
    }
}

#[test]
fn reports_inside_what_shippers_and_structured_logging_write() {
    let (report, text) = logged();
    let kubernetes: String = text.lines().map(|l| format!("2025-04-18T07:52:28.123456789Z stderr F {l}\n")).collect();
    let shipped: String =
        text.lines().map(|l| format!("{}\n", serde_json::json!({"date": 1.5, "log": format!("{l}\n")}))).collect();
    let structured = serde_json::json!({"ts": "2025-04-18T07:52:28.000Z", "level": "INFO", "msg": text.split_once("Execution: ").unwrap().1});
    for text in [kubernetes, shipped, structured.to_string()] {
        let (found, summary) = read(&text);
        assert_eq!(reports(&found), [report.to_string()], "{text}");
        assert_eq!((summary.reports, summary.broken_reports), (1, 0));
        assert_eq!(summary.first_time.map(|t| t / 1000), Some(TIME / 1000 + 1));
    }
}

#[test]
fn reports_that_are_cut_off_cost_themselves_only() {
    let (_, text) = logged();
    let half: Vec<&str> = text.lines().take(9).collect();
    let text = format!("{}\n{text}\nStreaming query made progress: {{\"id\":1}}\n{}", half.join("\n"), half.join("\n"));
    let (found, summary) = read(&text);
    assert_eq!((reports(&found).len(), summary.reports, summary.broken_reports), (1, 1, 3));
}

#[test]
fn pauses_that_hadoop_noticed() {
    let text = "\
2025-04-18 07:52:27,642 INFO  [JvmPauseMonitor] util.JvmPauseMonitor: Detected pause in JVM or host machine (eg GC): pause of approximately 2839ms
GC pool 'G1 Young Generation' had collection(s): count=1 time=2900ms
GC pool 'G1 Old Generation' had collection(s): count=1 time=10ms
2025-04-18 07:53:27,642 WARN  [JvmPauseMonitor] util.JvmPauseMonitor: Detected pause in JVM or host machine (eg GC): pause of approximately 3021ms
No GCs detected";
    let (found, summary) = read(text);
    let pause = |time, duration_us| Pause {
        time: Some(time),
        kind: PauseKind::JvmPauseMonitor,
        duration_us,
        ..Pause::default()
    };
    let collected =
        Pause { collector: Some("G1 Young Generation, G1 Old Generation".into()), ..pause(TIME + 642, 2_839_000) };
    let host = Pause { cause: Some("No GCs detected".into()), ..pause(TIME + 60_642, 3_021_000) };
    assert_eq!(pauses(&found), [&collected, &host]);
    assert_eq!(summary.monitor, Totals { count: 2, total_us: 5_860_000, longest_us: 3_021_000 });
    assert_eq!((summary.gc, summary.uptime_us), (Totals::default(), None));
}

#[test]
fn generational_zgc() {
    // The lines that JDK 21 and later write for a minor and a major collection.
    let text = "\
[0.007s][info][gc,init] Initializing The Z Garbage Collector
[0.599s][info][gc          ] GC(0) Major Collection (Warmup)
[0.599s][info][gc,phases   ] GC(0) Y: Pause Mark Start (Major) 0.008ms
[0.600s][info][gc,phases   ] GC(0) Y: Concurrent Mark 1.648ms
[0.601s][info][gc,phases   ] GC(0) O: Pause Mark End 0.004ms
[0.602s][info][gc          ] GC(1) Minor Collection (Allocation Rate)
[0.602s][info][gc,phases   ] GC(1) y: Pause Mark Start 0.025ms
[0.602s][info][gc,phases   ] GC(0) O: Pause Relocate Start 0.002ms
[0.603s][info][gc,phases   ] GC(1) y: Young Generation 228M(11%)->296M(14%) 0.004s
[0.603s][info][gc          ] GC(1) Minor Collection (Allocation Rate) 228M(11%)->296M(14%) 0.004s
[0.604s][info][gc          ] Allocation Stall (main) 199.256ms
[0.604s][info][gc          ] GC(0) Major Collection (Warmup) 228M(11%)->296M(14%) 0.024s
[0.605s][info][gc          ] GC(2) Minor Collection (Allocation Rate) Aborted";
    let (found, summary) = read(text);
    let shown: Vec<_> = pauses(&found)
        .iter()
        .map(|p| {
            (p.name.as_deref().unwrap(), p.cause.as_deref().unwrap(), p.duration_us, p.collector.as_deref(), p.time)
        })
        .collect();
    let zgc = Some("ZGC");
    assert_eq!(
        shown,
        [
            ("Mark Start (Major)", "Warmup", 8, zgc, None),
            ("Mark End", "Warmup", 4, zgc, None),
            ("Mark Start", "Allocation Rate", 25, zgc, None),
            ("Relocate Start", "Warmup", 2, zgc, None),
        ]
    );
    assert_eq!(summary.gc, Totals { count: 4, total_us: 39, longest_us: 25 });
    assert_eq!((summary.concurrent_cycles, summary.uptime_us), (2, Some(598_000)));
    assert_eq!(summary.stalls, Totals { count: 1, total_us: 199_256, longest_us: 199_256 });
}

/// Logs of one program under real JVMs, 17 and 25: what is expected was counted and summed by other means.
#[test]
fn logs_of_real_jvms() {
    type Expected = ([i64; 5], [i64; 3]);
    let samples: [(&[u8], &str, Expected); 5] = [
        (include_bytes!("samples/g1-17.log.gz"), "G1", ([12, 23_780, 6_591, 155_000, 1], [0, 0, 0])),
        (include_bytes!("samples/serial-17.log.gz"), "Serial", ([13, 22_278, 3_776, 180_000, 0], [0, 0, 0])),
        (include_bytes!("samples/parallel-17.log.gz"), "Parallel", ([19, 83_090, 13_316, 233_000, 0], [0, 0, 0])),
        (include_bytes!("samples/zgc-17.log.gz"), "ZGC", ([18, 71, 12, 241_000, 6], [3, 23_934, 19_958])),
        (include_bytes!("samples/zgc-25.log.gz"), "ZGC", ([77, 278, 12, 242_000, 19], [0, 0, 0])),
    ];
    for (packed, collector, (numbers, stalls)) in samples {
        let (found, s) = read(&unpacked(packed));
        let (cycles, span) = (s.concurrent_cycles as i64, s.uptime_us.unwrap());
        assert_eq!([s.gc.count as i64, s.gc.total_us, s.gc.longest_us, span, cycles], numbers, "{collector}");
        assert_eq!([s.stalls.count as i64, s.stalls.total_us, s.stalls.longest_us], stalls, "{collector}");
        assert_eq!(s.collector.as_deref(), Some(collector));
        assert_eq!(s.warnings, [""; 0]);
        for pause in pauses(&found) {
            let known = pause.time.is_some() && pause.uptime_us.is_some() && pause.name.is_some() && !pause.nested;
            assert!(known && pause.collector.as_deref() == Some(collector), "{pause:?}");
            assert_eq!(pause.heap_before.is_some(), collector != "ZGC", "{pause:?}");
            let own = matches!(pause.name.as_deref(), Some("Remark" | "Cleanup"));
            assert_eq!(pause.cause.is_none(), own, "{pause:?}");
        }
    }
    let (found, _) = read(&unpacked(samples[0].0));
    let heap = |mib: i64| Some(mib << 20);
    let prepare_mixed = Pause {
        time: Some(1_795_256_372_031),
        uptime_us: Some(98_000),
        kind: PauseKind::Gc,
        collector: Some("G1".into()),
        name: Some("Young (Prepare Mixed)".into()),
        cause: Some("G1 Evacuation Pause".into()),
        duration_us: 488,
        heap_before: heap(52),
        heap_after: heap(36),
        heap_capacity: heap(64),
        nested: false,
    };
    assert_eq!(pauses(&found)[10], &prepare_mixed);
}

#[test]
fn zgc_without_its_phases_does_not_tell_its_pauses() {
    // What `-Xlog:gc` has.
    let text = "\
[0.036s][info][gc] Using The Z Garbage Collector
[0.112s][info][gc] GC(0) Garbage Collection (Allocation Stall) 64M(100%)->54M(84%)";
    let (found, summary) = read(text);
    assert_eq!((found.len(), summary.gc.count, summary.concurrent_cycles), (0, 0, 1));
    assert_eq!(summary.warnings, ["the log has collections of ZGC and not its pauses: log them with -Xlog:gc*"]);
}

#[test]
fn decorations_in_any_choice() {
    let message = "GC(3) Pause Young (Normal) (G1 Evacuation Pause) 23M->4M(256M) 2.345ms";
    for (decorations, time, uptime_us) in [
        ("[1.5s][info][gc] ", None, Some(1_500_000)),
        ("[2025-04-18T07:52:27.642+0000][1.500s][info ][gc          ] ", Some(TIME + 642), Some(1_500_000)),
        ("[2025-04-18T09:52:27.642+0200][gc] ", Some(TIME + 642), None),
        ("[1744962747642ms][info][gc] ", Some(TIME + 642), None),
        ("[1500ms][gc] ", None, Some(1_500_000)),
        ("[1500000000ns][4711][host-1.x][gc] ", None, Some(1_500_000)),
        ("[1.5s] ", None, Some(1_500_000)),
    ] {
        let (found, _) = read(&format!("{decorations}{message}"));
        let all = pauses(&found);
        assert_eq!(all.len(), 1, "{decorations}");
        assert_eq!((all[0].time, all[0].uptime_us), (time, uptime_us), "{decorations}");
        assert_eq!(
            (all[0].heap_before, all[0].heap_after, all[0].heap_capacity),
            (Some(23 << 20), Some(4 << 20), Some(256 << 20))
        );
    }
    for other in ["[1.5s][info][safepoint] ", "[info] ", "[x] ", ""] {
        assert_eq!(read(&format!("{other}{}", message.replace("GC(3)", "x"))).0, [], "{other}");
    }
}

#[test]
fn dates_follow_from_the_start_of_the_jvm_once_it_is_known() {
    let text = "\
[1.000s][info][gc] GC(0) Pause Remark 1.000ms
[2025-04-18T07:52:27.000+0000][2.000s][info][gc] GC(1) Pause Remark 1.000ms
[3.500s][info][gc] GC(2) Pause Remark 1.000ms
[0.100s][info][gc] GC(0) Pause Remark 1.000ms";
    let (found, summary) = read(text);
    let times: Vec<_> = pauses(&found).iter().map(|p| p.time).collect();
    assert_eq!(times, [None, Some(TIME), Some(TIME + 1500), None]);
    // Two JVMs: 2.5 s of the first, a single line of the second.
    assert_eq!(summary.uptime_us, Some(2_500_000));
}

/// Spark's workers write the last bytes of an executor's log twice when they kill it.
#[test]
fn lines_that_are_repeated_count_once() {
    let tail = "\
[18.100s][info][gc] GC(29) Pause Remark 30M->30M(64M) 1.000ms
[18.522s][info][gc] GC(30) Concurrent Undo Cycle 0.493ms
[19.562s][info][gc,heap,exit] Heap";
    let text = format!("[0.006s][info][gc] Using G1\n{tail}\n) Concurrent Cleanup\n{tail}\n");
    let (found, summary) = read(&text);
    assert_eq!((pauses(&found).len(), summary.gc.count, summary.concurrent_cycles), (1, 1, 1));
    assert_eq!((summary.collector.as_deref(), summary.uptime_us), (Some("G1"), Some(19_556_000)));
}

#[test]
fn a_pause_within_another_counts_once() {
    let text = "\
[1.0s][info][gc,start] GC(5) Pause Young (Allocation Failure)
[1.1s][info][gc,start] GC(6) Pause Full (Allocation Failure)
[1.2s][info][gc] GC(6) Pause Full (Allocation Failure) 30M->20M(50M) 10.000ms
[1.2s][info][gc] GC(5) Pause Young (Allocation Failure) 45M->20M(50M) 15.000ms";
    let (found, summary) = read(text);
    let shown: Vec<_> = pauses(&found).iter().map(|p| (p.name.as_deref().unwrap(), p.nested)).collect();
    assert_eq!(shown, [("Full", true), ("Young", false)]);
    assert_eq!(summary.gc, Totals { count: 1, total_us: 15_000, longest_us: 15_000 });
}

#[test]
fn names_and_causes_of_pauses() {
    for (text, name, cause) in [
        ("Young (Mixed) (G1 Evacuation Pause)", "Young (Mixed)", Some("G1 Evacuation Pause")),
        (
            "Young (Concurrent Start) (G1 Humongous Allocation)",
            "Young (Concurrent Start)",
            Some("G1 Humongous Allocation"),
        ),
        (
            "Young (Normal) (G1 Evacuation Pause) (Evacuation Failure: Allocation)",
            "Young (Normal) (Evacuation Failure: Allocation)",
            Some("G1 Evacuation Pause"),
        ),
        ("Full (System.gc())", "Full", Some("System.gc()")),
        ("Young (Allocation Failure)", "Young", Some("Allocation Failure")),
        ("Remark", "Remark", None),
    ] {
        let (found, _) = read(&format!("[1.0s][info][gc] GC(0) Pause {text} 1M->1M(2M) 0.001ms"));
        let all = pauses(&found);
        assert_eq!(
            (all[0].name.as_deref(), all[0].cause.as_deref(), all[0].duration_us),
            (Some(name), cause, 1),
            "{text}"
        );
    }
}

#[test]
fn zgc_warns_of_too_few_mappings() {
    let heap = 131_072;
    assert_eq!(needed_mappings(heap), 235_929);
    assert!(needed_mappings(heap) > 65_530 && needed_mappings(heap) <= 262_144);
    let text = "\
[0.003s][warning][gc,init] ***** WARNING! INCORRECT SYSTEM CONFIGURATION DETECTED! *****
[0.003s][warning][gc,init] The system limit on number of memory mappings per process might be too low for the given
[0.003s][warning][gc,init] max Java heap size (131072M). Please adjust /proc/sys/vm/max_map_count to allow for at
[0.003s][warning][gc,init] least 235929 mappings (current limit is 65530). Continuing execution with the current
[0.003s][warning][gc,init] limit could lead to a premature OutOfMemoryError being thrown, due to failure to map memory.";
    let wanted = "ZGC may need 235929 mappings of memory for a heap of 131072 MiB, and vm.max_map_count allows 65530: \
                  allocation may fail early; set vm.max_map_count to 235929 or more on the node";
    assert_eq!(read(text).1.warnings, [wanted]);
    assert_eq!(read(&format!("{text}\n{text}")).1.warnings, [wanted]);
    let bare: Vec<String> = text.lines().map(|l| format!("[warning] {}", l.rsplit_once("] ").unwrap().1)).collect();
    assert_eq!(read(&bare.join("\n")).1.warnings, [wanted], "without tags");
    let told = bare.iter().map(|l| l.trim_start_matches("[warning] ")).collect::<Vec<_>>().join(" ");
    assert_eq!(read(&format!("[warning] {told}")).1.warnings, [wanted], "and in one line");
    let cut_off: Vec<&str> = text.lines().take(3).collect();
    assert_eq!(read(&cut_off.join("\n")).1.warnings, [wanted.replace("allows 65530", "allows fewer")]);
}

proptest! {
    /// Whatever bytes come: no panic, and numbers that fit together.
    #[test]
    fn hostile_bytes(lines in prop::collection::vec(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        "(\\[(2025-04-18T07:52:2[0-9]|[0-9]{10,20}ms)\\])?\\[[0-9.]{0,22}s?\\]\\[(info|warning)\\]\\[gc[a-z,]{0,5} *\\] (GC\\([0-9]{0,22}\\)|Using|least|max Java heap size \\() ?(Pause|[YyO]: Pause|Minor Collection) [A-Za-z() ]{0,20}[0-9]{0,20}[MKG]?(->)?[0-9()M]{0,20} [0-9.]{0,25}ms".prop_map(String::into_bytes),
        "2?5/04/18 07:52:27.{0,10}(Streaming query made progress: \\{|Detected pause in JVM or host machine: pause of approximately [0-9]{0,22}ms).{0,40}".prop_map(String::into_bytes),
        "[ {}\\[\\]\",:a-z0-9\\\\]{0,40}".prop_map(String::into_bytes),
        "(GC pool '[a-z' ]{0,9}|No GCs detected|\\{\"(log|msg|ts)\":.{0,20}\\})".prop_map(String::into_bytes),
    ], 0..40)) {
        let (mut reader, mut found) = (Reader::default(), Vec::new());
        lines.iter().for_each(|l| reader.line(l, &mut found));
        let summary = reader.finish(&mut found);
        let of = |kind, nested| pauses(&found).iter().filter(|p| p.kind == kind && (nested || !p.nested)).count() as u64;
        prop_assert_eq!(summary.gc.count, of(PauseKind::Gc, false));
        prop_assert_eq!(summary.monitor.count, of(PauseKind::JvmPauseMonitor, true));
        prop_assert_eq!(summary.reports, reports(&found).len() as u64);
        prop_assert!(pauses(&found).iter().all(|p| p.duration_us >= 0));
        prop_assert!(reports(&found).iter().all(|r| serde_json::from_str::<Value>(r).is_ok()));
        prop_assert!(summary.first_time.is_some() == summary.last_time.is_some());
    }
}
