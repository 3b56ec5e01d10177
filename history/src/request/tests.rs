use super::*;

/// As public posts have it: driver memory twice.
const EMR: &str = r#"{
  "name": "nightly",
  "virtualClusterId": "vc1",
  "executionRoleArn": "arn:aws:iam::1:role/r",
  "releaseLabel": "emr-7.9.0-latest",
  "jobDriver": {
    "sparkSubmitJobDriver": {
      "entryPoint": "s3://b/app.py",
      "sparkSubmitParameters": "--conf spark.driver.memory=4G --executor-memory 8g --conf spark.executor.memory=2g --name 'a b'"
    }
  },
  "configurationOverrides": {
    "applicationConfiguration": [
      {
        "classification": "spark-defaults",
        "properties": {
          "spark.app.name": "from defaults",
          "spark.driver.memory": "2G",
          "spark.eventLog.enabled": "true"
        }
      }
    ]
  }
}"#;

const OPERATOR: &str = r#"apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  name: pi
spec:
  type: Python
  sparkVersion: 3.5.6
  mainApplicationFile: s3a://b/pi.py
  sparkConf:
    spark.executor.memory: 2g
    spark.eventLog.enabled: "true"
  driver:
    cores: 1
    memory: 1g
  executor:
    instances: 2
    memory: 4g
"#;

fn told(text: &str) -> Vec<String> {
    match read(text) {
        Ok(file) => {
            let all = file.requests.iter().flat_map(|r| &r.problems);
            all.map(|p| format!("{}:{} {}", p.line, p.column, p.what)).collect()
        }
        Err(p) => vec![format!("{}:{} {}", p.line, p.column, p.what)],
    }
}

fn winner(text: &str, name: &str) -> String {
    let file = read(text).unwrap();
    let w = file.requests[0].settings.iter().find(|w| w.setting.name == name).unwrap();
    let over: Vec<_> = w.over.iter().map(|s| format!(" over {} of {}, line {}", s.value, s.from, s.line)).collect();
    format!("{} of {}, line {}{}", w.setting.value, w.setting.from, w.setting.line, over.concat())
}

#[test]
fn which_setting_of_a_job_run_wins() {
    assert_eq!(told(EMR), [""; 0]);
    assert_eq!(read(EMR).unwrap().requests[0].kind, Kind::EmrOnEks);
    let wins = |name| winner(EMR, name);
    assert_eq!(wins("spark.driver.memory"), "4G of sparkSubmitParameters, line 9 over 2G of spark-defaults, line 18");
    // An option wins over --conf, wherever it stands.
    assert_eq!(
        wins("spark.executor.memory"),
        "8g of sparkSubmitParameters, line 9 over 2g of sparkSubmitParameters, line 9"
    );
    assert_eq!(
        wins("spark.app.name"),
        "a b of sparkSubmitParameters, line 9 over from defaults of spark-defaults, line 17"
    );
    assert_eq!(wins("spark.eventLog.enabled"), "true of spark-defaults, line 19");
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let missing = EMR.replace("\"from defaults\",", "\"from defaults\"");
    assert_eq!(told(&missing), ["18:11 expected `,` or `}`"]);
    let copied = EMR.replace("          \"spark.driver.memory\"", "\u{a0}         \"spark.driver.memory\"");
    assert!(
        told(&copied)[0].starts_with("18:1 ") && told(&copied)[0].contains("no-break space"),
        "{:?}",
        told(&copied)
    );
    assert_eq!(told(""), ["1:1 the file is empty"]);
    assert_eq!(told("{"), ["1:1 EOF while parsing an object"]);
}

#[test]
fn wrong_fields_and_arguments_of_a_job_run() {
    let with = |from: &str, to: &str| told(&EMR.replace(from, to));
    assert_eq!(
        with("\"virtualClusterId\"", "\"virtualClusterID\""),
        [
            "1:1 `virtualClusterId` is missing: StartJobRun needs it",
            "3:3 `virtualClusterID` is no field of StartJobRun: `virtualClusterId` is meant?",
        ]
    );
    assert_eq!(
        with("--name 'a b'", "--nam x"),
        [
            "9:32 sparkSubmitParameters: spark-submit has no option `--nam`",
            "9:32 sparkSubmitParameters: `x` belongs to no option: settings are written as --conf NAME=VALUE",
        ]
    );
    assert_eq!(
        with("--name 'a b'", "--conf a"),
        ["9:32 sparkSubmitParameters: `--conf a` has no `=`: write --conf NAME=VALUE",]
    );
    assert_eq!(with("--name 'a b'", "--name 'a"), ["9:32 sparkSubmitParameters: a quote is not closed"]);
    assert_eq!(
        with("8g", "8Gi"),
        [
            "9:32 spark.executor.memory: `8Gi` is no size of memory: write 4g or 512m, and Kubernetes' `Gi` is none to Spark",
        ]
    );
    assert_eq!(
        with("\"spark.app.name\"", "\"spark.driver.memory\""),
        [
            "17:34 spark.driver.memory: `from defaults` is no size of memory: write 4g or 512m",
            "18:11 `spark.driver.memory` is there twice, on line 17, too",
        ]
    );
}

#[test]
fn a_job_run_of_emr_serverless() {
    let text = r#"{"applicationId": "00f", "executionRoleArn": "r", "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/a.py",
      "sparkSubmitParameters": "--conf spark.executor.cores=x"}}}"#;
    assert_eq!(read(text).unwrap().requests[0].kind, Kind::EmrServerless);
    assert_eq!(told(text), ["2:32 spark.executor.cores: `x` is no whole number"]);
}

#[test]
fn manifests_of_the_operator() {
    assert_eq!(told(OPERATOR), [""; 0]);
    assert_eq!(winner(OPERATOR, "spark.executor.memory"), "4g of spec.executor, line 17 over 2g of sparkConf, line 10");
    let with = |from: &str, to: &str| told(&OPERATOR.replace(from, to));
    assert_eq!(with("sparkConf:", "sparkconf:"), ["9:3 `sparkconf` is no field of spec: `sparkConf` is meant?"]);
    assert_eq!(with("Python", "python"), ["6:9 `type: python`: write one of Java, Python, Scala, R"]);
    assert_eq!(
        with("  mainApplicationFile: s3a://b/pi.py\n", ""),
        ["6:3 `mainApplicationFile` is missing: a SparkApplication needs it",]
    );
    assert_eq!(with("    memory: 1g", "   memory: 1g").len(), 1, "{:?}", with("    memory: 1g", "   memory: 1g"));
    let scheduled = OPERATOR.replace("kind: Spark", "kind: ScheduledSpark");
    let said = told(&scheduled);
    assert!(said.contains(&"6:3 `template` is missing: what is run on schedule".to_owned()), "{said:?}");
    assert!(told("kind: Pod\n")[0].contains("neither a StartJobRun"));
}

#[test]
fn hostile_documents_have_bounds() {
    let json = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(told(&json), ["1:70 nests deeper than 64 levels"]);
    let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(told(&deep)[0].contains("nest") || told(&deep)[0].contains("recursion"), "{:?}", told(&deep));
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..12 {
        let before = format!("*a{}", i - 1);
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", [before.as_str(); 10].join(",")));
    }
    assert!(told(&bomb)[0].contains("more than"), "{:?}", told(&bomb));
    let keys: Vec<String> = (0..49_000).map(|i| format!("\"k{i}\":1")).collect();
    let begun = std::time::Instant::now();
    let said = told(&format!("{{\"jobDriver\":{{{}}}}}", keys.join(",")));
    assert_eq!(said.iter().filter(|s| s.contains("is no field of jobDriver")).count(), 49_000);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn values_that_must_be_texts_are_quoted() {
    let emr = |from: &str, to: &str| told(&EMR.replace(from, to));
    let unquoted = "a value of properties must be a text, and this is";
    assert_eq!(emr("\"true\"", "true"), [format!("19:37 {unquoted} a boolean: write it in quotes")]);
    assert_eq!(emr("\"true\"", "4"), [format!("19:37 {unquoted} a number: write it in quotes")]);
    assert_eq!(emr("\"true\"", "null"), [format!("19:37 {unquoted} nothing: write one in quotes, or leave it out")]);
    assert_eq!(emr("\"nightly\"", "5"), ["2:11 name must be a text, and this is a number: write it in quotes"]);
    assert_eq!(
        emr("\"vc1\"", "[\"vc1\"]"),
        ["3:23 virtualClusterId must be a text, and this is a list: write one text in quotes"]
    );
    assert_eq!(
        emr("\"name\": \"nightly\"", "\"tags\": [\"a\"]"),
        ["2:11 tags must be an object with fields, and this is a list"]
    );
    let object = EMR.replace("Configuration\": [", "Configuration\": ").replace("      }\n    ]", "      }\n");
    let said = told(&object);
    assert_eq!(said, ["14:7 applicationConfiguration must be a list, and this is an object: write it in [ ]"]);

    let manifest = |from: &str, to: &str| told(&OPERATOR.replace(from, to));
    let unquoted = "a value of sparkConf must be a text, and this is";
    for is in ["true", "yes", "Off"] {
        assert_eq!(manifest("\"true\"", is), [format!("11:29 {unquoted} a boolean: write it in quotes")], "{is}");
    }
    for is in ["50", "0.5", "0x1f", "1e3", "1_000"] {
        assert_eq!(manifest("\"true\"", is), [format!("11:29 {unquoted} a number: write it in quotes")], "{is}");
    }
    for is in ["2g", "3.5.6", "s3a://b/p", "!!str true", "'1'", "1.2.3.4", "a-b", "e5"] {
        assert_eq!(manifest("\"true\"", is), [""; 0], "{is}");
    }
    assert_eq!(
        manifest("3.5.6", "3.5"),
        ["7:17 sparkVersion must be a text, and this is a number: write it in quotes"]
    );
    assert_eq!(
        manifest("instances: 2", "instances: \"2\""),
        ["16:16 instances must be a number, and this is a text: write it without quotes"]
    );
    assert_eq!(
        manifest("instances: 2", "instances: two"),
        ["16:16 instances must be a whole number, and this is a text (`two`)"]
    );
}

#[test]
fn every_document_of_a_file_is_read() {
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: spark, name: spark}\n---\n";
    let second = OPERATOR.replace("sparkVersion", "sparkVersoin");
    let file = format!("{account}{OPERATOR}---\n{second}---\n");
    let read_all = read(&file).unwrap();
    assert_eq!(read_all.requests.iter().map(|r| r.line).collect::<Vec<_>>(), [5, 23]);
    assert_eq!(read_all.passed, [("ServiceAccount".to_owned(), 1)]);
    assert_eq!(
        told(&file),
        [
            "28:3 `sparkVersion` is missing: a SparkApplication needs it",
            "29:3 `sparkVersoin` is no field of spec: `sparkVersion` is meant?",
        ]
    );
    let indented = |text: &str| text.lines().map(|l| format!("    {l}\n")).collect::<String>();
    let one = |text: &str| indented(text).replacen("   ", "  -", 1);
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}{}", one(OPERATOR), one(&second));
    let all = read(&list).unwrap().requests;
    assert_eq!(all.iter().map(|r| r.problems.len()).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(told(&format!("{OPERATOR}---\nkind: [unclosed\n")).len(), 1);
    assert_eq!(told("---\n"), ["1:1 the file is empty"]);
    assert_eq!(
        told(&OPERATOR.replace("kind: SparkApplication", "kind: SparkAplication")),
        ["2:7 `kind: SparkAplication` is unknown: `SparkApplication` is meant?"]
    );
}

#[test]
fn the_operator_s_order_of_settings() {
    let text = r#"apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: pi, labels: {team: a, tier: x}}
spec:
  type: Python
  sparkVersion: "3.5.6"
  image: spark:1
  memoryOverheadFactor: "0.2"
  mainApplicationFile: local:///pi.py
  sparkConf:
    spark.kubernetes.container.image: other:1
    spark.kubernetes.driver.container.image: other:2
    spark.kubernetes.memoryOverheadFactor: "0.4"
    spark.dynamicAllocation.enabled: "true"
    spark.dynamicAllocation.maxExecutors: "50"
    spark.kubernetes.driver.label.team: b
  driver: {image: driver:1, labels: {team: c}}
  executor: {serviceAccount: sa, annotations: {a: "1"}}
  dynamicAllocation: {enabled: false, maxExecutors: 5}
"#;
    assert_eq!(told(text), [""; 0]);
    let wins = |name| winner(text, name);
    assert_eq!(wins("spark.kubernetes.container.image"), "other:1 of sparkConf, line 11 over spark:1 of spec, line 7");
    assert_eq!(
        wins("spark.kubernetes.driver.container.image"),
        "driver:1 of spec.driver, line 17 over other:2 of sparkConf, line 12"
    );
    assert_eq!(wins("spark.kubernetes.executor.container.image"), "spark:1 of spec, line 7");
    assert_eq!(wins("spark.kubernetes.memoryOverheadFactor"), "0.4 of sparkConf, line 13 over 0.2 of spec, line 8");
    assert_eq!(wins("spark.dynamicAllocation.enabled"), "true of sparkConf, line 14");
    assert_eq!(wins("spark.dynamicAllocation.maxExecutors"), "50 of sparkConf, line 15");
    assert_eq!(wins("spark.kubernetes.authenticate.executor.serviceAccountName"), "sa of spec.executor, line 18");
    assert_eq!(
        wins("spark.kubernetes.driver.label.team"),
        "c of spec.driver, line 17 over b of sparkConf, line 16 over a of metadata.labels, line 3"
    );
    assert_eq!(wins("spark.kubernetes.executor.label.tier"), "x of metadata.labels, line 3");
    assert_eq!(wins("spark.kubernetes.executor.annotation.a"), "1 of spec.executor, line 18");
    assert!(read(text).unwrap().requests[0].setting("spark.dynamicAllocation.shuffleTracking.enabled").is_none());

    let on = text.replace("enabled: false", "enabled: true");
    assert_eq!(
        winner(&on, "spark.dynamicAllocation.maxExecutors"),
        "5 of spec.dynamicAllocation, line 19 over 50 of sparkConf, line 15"
    );
    let tracked = "spark.dynamicAllocation.shuffleTracking.enabled";
    assert_eq!(winner(&on, tracked), "true of the operator's default, line 19");
    let off = on.replace("maxExecutors: 5}", "shuffleTrackingEnabled: false}");
    assert_eq!(winner(&off, tracked), "false of spec.dynamicAllocation, line 19");
}

#[test]
fn fields_below_spec_and_versions_of_the_manifest() {
    let with = |from: &str, to: &str| told(&OPERATOR.replace(from, to));
    assert_eq!(with("memory: 1g", "memmory: 1g"), ["14:5 `memmory` is no field of spec.driver: `memory` is meant?"]);
    assert_eq!(with("instances: 2", "podName: x"), ["16:5 `podName` is no field of spec.executor"]);
    let more = |text: &str| told(&format!("{OPERATOR}{text}"));
    assert_eq!(
        more("  restartPolicy: {type: Never, onFailureRetry: 3}\n"),
        ["18:32 `onFailureRetry` is no field of restartPolicy"]
    );
    assert_eq!(
        more("  restartPolicy: Never\n"),
        ["18:18 restartPolicy must be an object with fields, and this is a text",]
    );
    assert_eq!(
        more("  dynamicAllocation: {enabled: true, maxExecutor: 3}\n"),
        ["18:38 `maxExecutor` is no field of spec.dynamicAllocation: `maxExecutors` is meant?"]
    );
    assert_eq!(
        with("v1beta2", "v1beta1"),
        [
            "1:13 `apiVersion: sparkoperator.k8s.io/v1beta1`: only manifests of sparkoperator.k8s.io/v1beta2 are understood"
        ]
    );
    assert_eq!(
        with("sparkoperator.k8s.io/v1beta2", "spark.apache.org/v1"),
        ["1:13 `apiVersion: spark.apache.org/v1`: only manifests of sparkoperator.k8s.io/v1beta2 are understood"]
    );
    assert_eq!(
        with("apiVersion: sparkoperator.k8s.io/v1beta2\n", ""),
        ["1:1 `apiVersion` is missing: write sparkoperator.k8s.io/v1beta2"]
    );
}

#[test]
fn what_is_no_text_is_not_taken_for_one() {
    let helm = OPERATOR.replace("type: Python", "type: {{ .Values.type }}");
    assert_eq!(told(&helm), ["6:9 type must be a text, and this is an object: write one text in quotes"]);
}

#[test]
fn merge_keys_of_yaml() {
    let merged =
        OPERATOR.replace("  driver:\n", "  driver: &pod\n").replace("  executor:\n", "  executor:\n    <<: *pod\n");
    assert_eq!(told(&merged), [""; 0]);
    assert_eq!(winner(&merged, "spark.executor.cores"), "1 of spec.executor, line 13");
    assert!(winner(&merged, "spark.executor.memory").starts_with("4g of spec.executor, line 18"));
    let wrong = OPERATOR.replace("    cores: 1\n", "    <<: 5\n");
    assert_eq!(told(&wrong), ["13:5 `<<` needs an object, or a list of them: `<<: *anchor`"]);
}

#[test]
fn arguments_as_spark_submit_takes_them() {
    let with = |arguments: &str| EMR.replace("--name 'a b'", arguments);
    let at = |what: &str| [format!("9:32 sparkSubmitParameters: {what}")];
    let options = with("--driver-java-options --add-opens=java.base/sun.nio.ch=ALL-UNNAMED");
    assert_eq!(told(&options), [""; 0]);
    assert_eq!(
        winner(&options, "spark.driver.extraJavaOptions"),
        "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED of sparkSubmitParameters, line 9"
    );
    assert_eq!(told(&with("--remote sc://x --load-spark-defaults --verbose --version -h --help")), [""; 0]);
    assert_eq!(
        told(&with("--name --verbose")),
        at("`--name` has no value: spark-submit takes the next word, `--verbose`, for it")
    );
    assert_eq!(told(&with("--name")), at("`--name` has no value"));
    assert_eq!(
        told(&with("\\\\\\n --conf spark.a=b")),
        at("a backslash at the end of a line is for shells: leave it out, and write one line")
    );
    let broken = told(&with("\\\n --conf spark.a=b"));
    assert!(broken[0].contains("line 9 ends with a backslash"), "{broken:?}");
    assert_eq!(
        told(&with("--conf hive.x=1")),
        ["9:32 `hive.x`: Spark ignores settings whose names do not begin with `spark.`"]
    );
    assert_eq!(
        told(&with("--conf spark.a=#1 --name '#' # --conf spark.b=2")),
        at("`#` begins a comment, and what is behind it is left out: put it in quotes")
    );
    let file = with("--properties-file s3://b/x.conf");
    let what = "with --properties-file, spark-defaults (3 settings) is not read: write its settings into that file, or add --load-spark-defaults (Spark 4)";
    assert_eq!(told(&file), at(what));
    assert_eq!(winner(&file, "spark.driver.memory"), "4G of sparkSubmitParameters, line 9");
    assert_eq!(told(&with("--properties-file s3://b/x.conf --load-spark-defaults")), [""; 0]);
}

#[test]
fn parameters_of_a_job_of_sql() {
    let text = EMR
        .replace("sparkSubmitJobDriver", "sparkSqlJobDriver")
        .replace("sparkSubmitParameters", "sparkSqlParameters")
        .replace("--name 'a b'", "--hiveconf a=b -S --bogus");
    assert_eq!(told(&text), ["9:29 sparkSqlParameters: spark-sql has no option `--bogus`"]);
    assert!(winner(&text, "spark.executor.memory").starts_with("8g of sparkSqlParameters, line 9"));
}

#[test]
fn json_as_programs_write_it() {
    for name in [r"p\u00e4ck \ud83d\ude00 \/ \u2028", "p\u{e4}ck \u{1f600}", r#"\"q\" {"#] {
        assert_eq!(told(&EMR.replace("nightly", name)), [""; 0], "{name}");
    }
    assert_eq!(told(&EMR.replace("nightly", r"\ud83d")).len(), 1);
    for whole in
        [EMR.replace('\n', ""), EMR.replace('\n', "\r\n"), EMR.replace(": ", "\n :\t"), format!("\u{feff}{EMR}")]
    {
        assert_eq!(told(&whole), [""; 0]);
    }
    let long = format!("\"tags\": {{\"{}\": \"x\"}}", "k".repeat(2000));
    assert_eq!(told(&EMR.replace("\"name\": \"nightly\"", &long)), [""; 0]);
    // Columns count characters.
    assert_eq!(told("{\"name\": \"\u{e4}\u{e4}\", \"virtualClusterId\" \"x\"}"), ["1:35 expected `:`"]);
}
