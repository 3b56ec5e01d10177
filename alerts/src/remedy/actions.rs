//! The operator's own actions: declared in the settings, proposed by incidents of the rules they name, and run after somebody approved, or by
//! themselves where the operator said so for that rule. A dry run, which is the default, writes down what it would send.
//!
//! Nothing of a log gets into the address or the name of what is called, and what gets into parameters is cut down to plain characters.
//! A model has no part in this.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use afterglow_ingest::sign::Signer;
use serde_json::{Value as Json, json};

use crate::incident::Incident;
use crate::ledger::{Decided, Ledger, LedgerError};

/// What kind of thing is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A URL that gets a POST with JSON. Argo's and others' webhooks take that.
    Webhook,
    /// A document of Systems Manager Automation.
    SsmAutomation,
    /// A command document of Systems Manager, on these targets (`tag:role=master`, or instance ids).
    SsmCommand { targets: Vec<String> },
    /// A state machine of Step Functions.
    StepFunctions,
}

/// An action that the operator declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub name: String,
    pub kind: Kind,
    /// URL, name of the document, or ARN of the state machine.
    pub target: String,
    /// With `{rule}`, `{cluster}`, `{app_id}` and so on for what the incident has.
    pub parameters: BTreeMap<String, String>,
    /// Rules whose incidents propose it; `*` for all.
    pub rules: Vec<String>,
    /// Rules for which it needs nobody's approval.
    pub automatic: Vec<String>,
    pub dry_run: bool,
    /// Runs that begin within an hour at most.
    pub per_hour: u32,
    /// Empty: as the AWS SDKs find them.
    pub region: String,
    pub profile: String,
    /// Stands over the service's own address.
    pub endpoint: String,
    pub timeout: Duration,
}

/// Who approved what ran by itself.
pub const AUTOMATIC: &str = "automatic";

impl Kind {
    /// As the settings have it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Webhook => "webhook",
            Kind::SsmAutomation => "ssm-automation",
            Kind::SsmCommand { .. } => "ssm-command",
            Kind::StepFunctions => "step-functions",
        }
    }
}

impl Action {
    pub fn is_automatic(&self, rule: &str) -> bool {
        self.automatic.iter().any(|r| r == rule)
    }

    /// What is called, as it may be shown: of a webhook the host, as its address may be a secret.
    pub fn shown_target(&self) -> String {
        match &self.kind {
            Kind::Webhook => {
                let url = url::Url::parse(&self.target).ok();
                url.and_then(|u| u.host_str().map(|host| format!("{}://{host}/…", u.scheme()))).unwrap_or_default()
            }
            _ => self.target.clone(),
        }
    }

    /// What is sent about an incident. The same for the same incident.
    pub fn request(&self, i: &Incident) -> Json {
        let fields: [(&str, &str); 6] = [
            ("rule", &i.rule),
            ("severity", &i.severity),
            ("cluster", &i.cluster),
            ("app_id", &i.app_id),
            ("attempt_id", &i.attempt_id),
            ("app_name", &i.app_name),
        ];
        let id = i.id.to_string();
        let filled = |template: &String| {
            // In one pass: what is put in is not looked at again.
            let mut out = String::new();
            let mut rest = template.as_str();
            while let Some((before, after)) = rest.split_once('{') {
                out.push_str(before);
                let field = after.split_once('}').and_then(|(name, after)| {
                    let value = if name == "incident" { Some(id.as_str()) } else { None };
                    let value = value.or_else(|| fields.iter().find(|(n, _)| *n == name).map(|(_, v)| *v));
                    value.map(|v| (v, after))
                });
                match field {
                    Some((value, after)) => {
                        out.push_str(&simple(value));
                        rest = after;
                    }
                    None => {
                        out.push('{');
                        rest = after;
                    }
                }
            }
            out.push_str(rest);
            out
        };
        let parameters: BTreeMap<&String, String> = self.parameters.iter().map(|(k, v)| (k, filled(v))).collect();
        let lists: BTreeMap<&String, [&String; 1]> = parameters.iter().map(|(k, v)| (*k, [v])).collect();
        // Services take it as the name of the run: a second request with it starts nothing.
        let key = crate::incident::fingerprint(&["action", &self.name, &id, &i.started_at.to_string()]);
        match &self.kind {
            Kind::Webhook => {
                json!({ "key": key, "action": self.name, "incident": i.id, "rule": simple(&i.rule), "severity": simple(&i.severity),
                    "cluster": simple(&i.cluster), "app_id": simple(&i.app_id), "app_name": simple(&i.app_name), "parameters": parameters })
            }
            Kind::SsmAutomation => {
                json!({ "DocumentName": self.target, "Parameters": lists, "ClientToken": uuid(&key) })
            }
            Kind::SsmCommand { targets } => {
                let (tags, instances): (Vec<_>, Vec<_>) = targets.iter().partition(|t| t.contains('='));
                let tags = tags.iter().filter_map(|t| t.split_once('='));
                let tags: Vec<Json> = tags.map(|(k, v)| json!({ "Key": k, "Values": [v] })).collect();
                let mut out = json!({ "DocumentName": self.target, "Parameters": lists, "Comment": format!("afterglow incident {}", i.id) });
                if !tags.is_empty() {
                    out["Targets"] = tags.into();
                }
                if !instances.is_empty() {
                    out["InstanceIds"] = json!(instances);
                }
                out
            }
            Kind::StepFunctions => {
                json!({ "stateMachineArn": self.target, "name": format!("afterglow-{key}"),
                    "input": json!({ "incident": i.id, "rule": simple(&i.rule), "parameters": parameters }).to_string() })
            }
        }
    }

    /// Sends a request; what came back, or why it did not work.
    ///
    /// # Errors
    /// A sentence about what went wrong.
    pub async fn send(&self, request: &Json, now: i64) -> Result<String, String> {
        let (service, operation) = match self.kind {
            Kind::Webhook => ("", ""),
            Kind::SsmAutomation => ("ssm", "AmazonSSM.StartAutomationExecution"),
            Kind::SsmCommand { .. } => ("ssm", "AmazonSSM.SendCommand"),
            Kind::StepFunctions => ("states", "AWSStepFunctions.StartExecution"),
        };
        let body = request.to_string();
        let (url, mut headers) = match &self.kind {
            Kind::Webhook => {
                let key = request.get("key").and_then(Json::as_str).unwrap_or_default().to_owned();
                let headers =
                    vec![("content-type".to_owned(), "application/json".to_owned()), ("idempotency-key".into(), key)];
                (self.target.clone(), headers)
            }
            Kind::StepFunctions => (self.address(service), aws("application/x-amz-json-1.0", operation)),
            _ => (self.address(service), aws("application/x-amz-json-1.1", operation)),
        };
        if !service.is_empty() {
            let profile = (!self.profile.is_empty()).then_some(self.profile.as_str());
            let signer = Signer::open(&self.region, profile, service).await.map_err(|e| e.to_string())?;
            let given: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(now.unsigned_abs());
            let signed = signer.sign("POST", &url, &given, body.as_bytes(), time).await.map_err(|e| e.to_string())?;
            headers.extend(signed);
        }
        let client = reqwest::Client::builder().timeout(self.timeout).redirect(reqwest::redirect::Policy::none());
        let mut post = client.build().map_err(|e| e.to_string())?.post(url).body(body);
        for (name, value) in headers {
            post = post.header(name, value);
        }
        // The address may hold a secret: it is not repeated.
        let answer = post.send().await.map_err(|e| e.without_url().to_string())?;
        let status = answer.status();
        let text = afterglow_history::answer::text(answer).await;
        let text: String = super::mask::plain(&text).chars().take(500).collect();
        if status.is_success() { Ok(text) } else { Err(format!("HTTP status {}: {text}", status.as_u16())) }
    }

    fn address(&self, service: &str) -> String {
        if self.endpoint.is_empty() {
            let china = if self.region.starts_with("cn-") { ".cn" } else { "" };
            format!("https://{service}.{}.amazonaws.com{china}/", self.region)
        } else {
            format!("{}/", self.endpoint.trim_end_matches('/'))
        }
    }
}

fn aws(content: &str, operation: &str) -> Vec<(String, String)> {
    vec![("content-type".into(), content.into()), ("x-amz-target".into(), operation.into())]
}

/// What a log says, so that no shell and no template makes more of it than a word.
fn simple(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._:-/".contains(c) { c } else { '_' };
    text.chars().take(200).map(plain).collect()
}

/// 32 hexadecimal digits in the form that some services want.
fn uuid(key: &str) -> String {
    let part = |from: usize, to: usize| key.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// Runs a proposal that somebody approved: to its end, or as a dry run.
///
/// # Errors
/// If the ledger cannot be written.
pub async fn run(
    ledger: &Ledger,
    action: &Action,
    id: i64,
    request: &Json,
    by: &str,
    comment: &str,
    now: fn() -> i64,
) -> Result<Decided, LedgerError> {
    let decided = ledger.decide(id, by, comment, true, action.per_hour, now()).await?;
    if decided == Decided::Done {
        let outcome =
            if action.dry_run { Ok("dry run: nothing was sent".to_owned()) } else { action.send(request, now()).await };
        ledger.end_run(id, &outcome, now()).await?;
    }
    Ok(decided)
}

/// Proposes actions for what fires since a time, and runs those that need nobody; gives how many were proposed.
///
/// # Errors
/// If the ledger cannot be read or written.
pub async fn propose(ledger: &Ledger, actions: &[Action], since: i64, now: fn() -> i64) -> Result<usize, LedgerError> {
    let everything = afterglow_history::viewer::Viewer::everything();
    let mut proposed = 0;
    for action in actions {
        for rule in &action.rules {
            for id in ledger.without_action(rule, &action.name, since).await? {
                let Some(incident) = ledger.incident(&everything, id).await? else { continue };
                let request = action.request(&incident);
                let Some(run_id) = ledger.propose(id, &action.name, action.dry_run, &request, now()).await? else {
                    continue;
                };
                proposed += 1;
                if action.is_automatic(&incident.rule)
                    && run(ledger, action, run_id, &request, AUTOMATIC, "", now).await? == Decided::TooOften
                {
                    ledger
                        .note(
                            id,
                            now(),
                            "action",
                            &format!(
                                "{} waits for approval: it ran {} times within the hour",
                                action.name, action.per_hour
                            ),
                        )
                        .await?;
                }
            }
        }
    }
    Ok(proposed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Labels, Origin, State};

    fn incident(app_name: &str) -> Incident {
        Incident {
            id: 7,
            fingerprint: "f".into(),
            state: State::Firing,
            rule: "gc-pressure".into(),
            severity: "warning".into(),
            cluster: "c".into(),
            app_id: "app-1".into(),
            attempt_id: String::new(),
            app_name: app_name.into(),
            owner: String::new(),
            summary: "$(reboot)".into(),
            labels: Labels::new(),
            annotations: Labels::new(),
            finding: None,
            origin: Origin::Findings,
            started_at: 1,
            due_at: 1,
            fired_at: Some(1),
            resolved_at: None,
            last_seen_at: 1,
            count: 1,
            acknowledged_by: None,
            assigned_to: None,
            inhibited_by: None,
        }
    }

    fn action(kind: Kind) -> Action {
        let parameters = [("job".to_owned(), "{app_name} of {cluster}{nothing}{".to_owned())].into();
        Action {
            name: "restart".into(),
            kind,
            target: "T".into(),
            parameters,
            rules: vec!["*".into()],
            automatic: vec!["gc-pressure".into()],
            dry_run: true,
            per_hour: 1,
            region: "eu-central-1".into(),
            profile: String::new(),
            endpoint: String::new(),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn what_a_log_says_is_a_word_and_no_command() {
        let bad = incident("x; rm -rf / $(id) {app_id} \"'`\n");
        let request = action(Kind::SsmCommand { targets: vec!["tag:role=master".into(), "i-1".into()] }).request(&bad);
        assert_eq!(request["Parameters"]["job"][0], "x__rm_-rf_/___id___app_id______ of c{nothing}{");
        assert_eq!(request["Targets"], json!([{ "Key": "tag:role", "Values": ["master"] }]));
        assert_eq!(request["InstanceIds"], json!(["i-1"]));
        let token = action(Kind::SsmAutomation).request(&bad)["ClientToken"].as_str().unwrap().to_owned();
        assert_eq!(token, action(Kind::SsmAutomation).request(&incident("other"))["ClientToken"]);
        assert_eq!(token.len(), 36);
        let machine = action(Kind::StepFunctions).request(&incident("load"));
        assert!(machine["name"].as_str().unwrap().len() <= 80);
        let hook = Action { target: "https://me:word@hooks.example/T0/secret?x=1".into(), ..action(Kind::Webhook) };
        assert_eq!(hook.shown_target(), "https://hooks.example/…");
        assert_eq!(action(Kind::Webhook).address("ssm"), "https://ssm.eu-central-1.amazonaws.com/");
    }
}
