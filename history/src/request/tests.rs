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
        Ok(request) => request.problems.iter().map(|p| format!("{}:{} {}", p.line, p.column, p.what)).collect(),
        Err(p) => vec![format!("{}:{} {}", p.line, p.column, p.what)],
    }
}

fn winner(text: &str, name: &str) -> String {
    let request = read(text).unwrap();
    let w = request.settings.iter().find(|w| w.setting.name == name).unwrap();
    let over: Vec<_> = w.over.iter().map(|s| format!(" over {} of {}, line {}", s.value, s.from, s.line)).collect();
    format!("{} of {}, line {}{}", w.setting.value, w.setting.from, w.setting.line, over.concat())
}

#[test]
fn which_setting_of_a_job_run_wins() {
    assert_eq!(told(EMR), [""; 0]);
    assert_eq!(read(EMR).unwrap().kind, Kind::EmrOnEks);
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
    assert_eq!(read(text).unwrap().kind, Kind::EmrServerless);
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
    let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(told(&deep)[0].contains("nest") || told(&deep)[0].contains("recursion"), "{:?}", told(&deep));
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..12 {
        let before = format!("*a{}", i - 1);
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", [before.as_str(); 10].join(",")));
    }
    assert!(told(&bomb)[0].contains("more than"), "{:?}", told(&bomb));
}
