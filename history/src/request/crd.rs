//! Fields of `SparkApplication` and `ScheduledSparkApplication`, `sparkoperator.k8s.io/v1beta2`.

pub const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
pub const SPEC: [&str; 34] = [
    "type",
    "sparkVersion",
    "mode",
    "proxyUser",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "mainClass",
    "mainApplicationFile",
    "arguments",
    "sparkConf",
    "hadoopConf",
    "sparkConfigMap",
    "hadoopConfigMap",
    "volumes",
    "driver",
    "executor",
    "deps",
    "restartPolicy",
    "nodeSelector",
    "failureRetries",
    "retryInterval",
    "pythonVersion",
    "memoryOverheadFactor",
    "monitoring",
    "batchScheduler",
    "timeToLiveSeconds",
    "batchSchedulerOptions",
    "sparkUIOptions",
    "driverIngressOptions",
    "dynamicAllocation",
    // Of newer operators only.
    "suspend",
    "kerberos",
    "sparkConnect",
];
pub const SCHEDULED: [&str; 8] = [
    "schedule",
    "timeZone",
    "template",
    "suspend",
    "concurrencyPolicy",
    "successfulRunHistoryLimit",
    "failedRunHistoryLimit",
    "startingDeadlineSeconds",
];
/// Of driver and executor.
pub const POD: [&str; 36] = [
    "template",
    "cores",
    "coreRequest",
    "coreLimit",
    "memory",
    "memoryOverhead",
    "gpu",
    "image",
    "configMaps",
    "secrets",
    "env",
    "envVars",
    "envFrom",
    "envSecretKeyRefs",
    "labels",
    "annotations",
    "volumeMounts",
    "affinity",
    "tolerations",
    "podSecurityContext",
    "securityContext",
    "schedulerName",
    "sidecars",
    "initContainers",
    "hostNetwork",
    "nodeSelector",
    "dnsConfig",
    "terminationGracePeriodSeconds",
    "serviceAccount",
    "hostAliases",
    "shareProcessNamespace",
    "runtimeClassName",
    "javaOptions",
    "lifecycle",
    "ports",
    "priorityClassName",
];
pub const DRIVER: [&str; 4] = ["podName", "kubernetesMaster", "serviceAnnotations", "serviceLabels"];
pub const EXECUTOR: [&str; 2] = ["instances", "deleteOnTermination"];
pub const RESTART: [&str; 5] = [
    "type",
    "onSubmissionFailureRetries",
    "onFailureRetries",
    "onSubmissionFailureRetryInterval",
    "onFailureRetryInterval",
];
pub const DYNAMIC: [&str; 6] =
    ["enabled", "initialExecutors", "minExecutors", "maxExecutors", "shuffleTrackingEnabled", "shuffleTrackingTimeout"];

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Text,
    Whole,
    Bool,
}

use Shape::{Bool, Text, Whole};

/// A field, what it has to be, and the setting that the operator writes for it.
pub type Field = (&'static str, Shape, &'static str);

/// Of `spec`; `sparkConf` is written behind them, and wins.
pub const BEFORE: [Field; 4] = [
    ("image", Text, "spark.kubernetes.container.image"),
    ("imagePullPolicy", Text, "spark.kubernetes.container.image.pullPolicy"),
    ("pythonVersion", Text, "spark.kubernetes.pyspark.pythonVersion"),
    ("memoryOverheadFactor", Text, "spark.kubernetes.memoryOverheadFactor"),
];
/// Of `spec.driver`, `spec.executor` and `spec.dynamicAllocation`; these are written behind `sparkConf`, and win.
pub const OF_DRIVER: [Field; 9] = [
    ("image", Text, "spark.kubernetes.driver.container.image"),
    ("cores", Whole, "spark.driver.cores"),
    ("coreRequest", Text, "spark.kubernetes.driver.request.cores"),
    ("coreLimit", Text, "spark.kubernetes.driver.limit.cores"),
    ("memory", Text, "spark.driver.memory"),
    ("memoryOverhead", Text, "spark.driver.memoryOverhead"),
    ("serviceAccount", Text, "spark.kubernetes.authenticate.driver.serviceAccountName"),
    ("javaOptions", Text, "spark.driver.extraJavaOptions"),
    ("kubernetesMaster", Text, "spark.kubernetes.driver.master"),
];
pub const OF_EXECUTOR: [Field; 10] = [
    ("instances", Whole, "spark.executor.instances"),
    ("image", Text, "spark.kubernetes.executor.container.image"),
    ("cores", Whole, "spark.executor.cores"),
    ("coreRequest", Text, "spark.kubernetes.executor.request.cores"),
    ("coreLimit", Text, "spark.kubernetes.executor.limit.cores"),
    ("memory", Text, "spark.executor.memory"),
    ("memoryOverhead", Text, "spark.executor.memoryOverhead"),
    ("serviceAccount", Text, "spark.kubernetes.authenticate.executor.serviceAccountName"),
    ("deleteOnTermination", Bool, "spark.kubernetes.executor.deleteOnTermination"),
    ("javaOptions", Text, "spark.executor.extraJavaOptions"),
];
pub const SHUFFLE_TRACKING: &str = "spark.dynamicAllocation.shuffleTracking.enabled";
pub const OF_DYNAMIC: [Field; 6] = [
    ("enabled", Bool, "spark.dynamicAllocation.enabled"),
    ("initialExecutors", Whole, "spark.dynamicAllocation.initialExecutors"),
    ("minExecutors", Whole, "spark.dynamicAllocation.minExecutors"),
    ("maxExecutors", Whole, "spark.dynamicAllocation.maxExecutors"),
    ("shuffleTrackingEnabled", Bool, SHUFFLE_TRACKING),
    ("shuffleTrackingTimeout", Whole, "spark.dynamicAllocation.shuffleTracking.timeout"),
];
/// Objects of texts, of which each entry is a setting that begins so.
pub const DRIVER_MAPS: [(&str, &str); 5] = [
    ("labels", "spark.kubernetes.driver.label."),
    ("annotations", "spark.kubernetes.driver.annotation."),
    ("serviceLabels", "spark.kubernetes.driver.service.label."),
    ("serviceAnnotations", "spark.kubernetes.driver.service.annotation."),
    ("envVars", "spark.kubernetes.driverEnv."),
];
pub const EXECUTOR_MAPS: [(&str, &str); 3] = [
    ("labels", "spark.kubernetes.executor.label."),
    ("annotations", "spark.kubernetes.executor.annotation."),
    ("envVars", "spark.executorEnv."),
];
