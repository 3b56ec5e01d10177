//! Settings of the operator's own actions.

use std::collections::BTreeMap;
use std::time::Duration;

use afterglow_alerts::remedy::actions::{Action, Kind};
use serde::{Deserialize, Serialize};

use super::units::Time;

/// Something that may be done about incidents of some rules.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionConfig {
    pub name: String,
    /// `webhook`, `ssm-automation`, `ssm-command` or `step-functions`.
    pub kind: String,
    /// URL, name of the document, or ARN of the state machine.
    pub target: String,
    pub parameters: BTreeMap<String, String>,
    /// Of a command: instance ids, or `tag:NAME=VALUE`.
    pub targets: Vec<String>,
    /// Rules whose incidents propose it; `*` for all.
    pub rules: Vec<String>,
    /// Rules for which it needs nobody's approval.
    pub automatic: Vec<String>,
    /// Nothing is sent, only written down what would be.
    pub dry_run: bool,
    /// Runs that begin within an hour at most.
    pub per_hour: u32,
    pub region: String,
    /// A profile of the AWS SDKs; empty: what they find.
    pub profile: String,
    /// Stands over the service's own address.
    pub endpoint_url: String,
    pub timeout: Time,
}

impl Default for ActionConfig {
    fn default() -> Self {
        ActionConfig {
            name: String::new(),
            kind: String::new(),
            target: String::new(),
            parameters: BTreeMap::new(),
            targets: Vec::new(),
            rules: Vec::new(),
            automatic: Vec::new(),
            dry_run: true,
            per_hour: 3,
            region: String::new(),
            profile: String::new(),
            endpoint_url: String::new(),
            timeout: Time(Duration::from_secs(30)),
        }
    }
}

impl ActionConfig {
    /// None if its kind is none.
    pub fn action(&self) -> Option<Action> {
        let kind = match self.kind.as_str() {
            "webhook" => Kind::Webhook,
            "ssm-automation" => Kind::SsmAutomation,
            "ssm-command" => Kind::SsmCommand { targets: self.targets.clone() },
            "step-functions" => Kind::StepFunctions,
            _ => return None,
        };
        Some(Action {
            name: self.name.clone(),
            kind,
            target: self.target.clone(),
            parameters: self.parameters.clone(),
            rules: self.rules.clone(),
            automatic: self.automatic.clone(),
            dry_run: self.dry_run,
            per_hour: self.per_hour,
            region: self.region.clone(),
            profile: self.profile.clone(),
            endpoint: self.endpoint_url.clone(),
            timeout: self.timeout.0,
        })
    }

    pub fn problems(&self, i: usize) -> Vec<String> {
        let mut out = Vec::new();
        let mut say = |key: &str, what: &str| out.push(format!("action[{i}].{key}: {what}"));
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.name.is_empty() || !self.name.chars().all(plain) {
            say("name", "give it a name of letters, digits, dots and dashes");
        }
        let aws = self.kind != "webhook";
        if self.action().is_none() {
            say("kind", "write webhook, ssm-automation, ssm-command or step-functions");
        } else if aws && self.region.is_empty() {
            say("region", "empty: name the region of AWS");
        }
        if self.target.is_empty() {
            say("target", "empty: name a URL, a document or a state machine");
        } else if !aws && !["http://", "https://"].iter().any(|s| self.target.starts_with(s)) {
            say("target", "is no address: write https://HOST/PATH");
        }
        if self.kind == "ssm-command" && self.targets.is_empty() {
            say("targets", "empty: name instance ids, or tag:NAME=VALUE");
        }
        if self.rules.is_empty() {
            say("rules", "empty: name the rules whose incidents propose it, or * for all");
        }
        if self.automatic.iter().any(|r| r == "*") {
            say("automatic", "`*` is too much to run unseen: name each rule");
        }
        if self.automatic.iter().any(|r| !self.rules.contains(r) && !self.rules.iter().any(|all| all == "*")) {
            say("automatic", "names a rule that is not among action.rules: add it there");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said() {
        let good = "name = \"a\"\nkind = \"webhook\"\ntarget = \"https://h/x\"\nrules = [\"gc-pressure\"]\n";
        let problems = |text: &str| toml::from_str::<ActionConfig>(text).unwrap().problems(0);
        assert_eq!(problems(good), [""; 0]);
        for (from, to, said) in [
            ("\"a\"", "\"a b\"", "action[0].name"),
            ("webhook", "shell", "action[0].kind"),
            ("webhook", "step-functions", "action[0].region"),
            ("https://h/x", "h/x", "action[0].target"),
            ("[\"gc-pressure\"]", "[]", "action[0].rules"),
            ("rules", "automatic = [\"*\"]\nrules", "action[0].automatic"),
        ] {
            let all = problems(&good.replace(from, to));
            assert!(!all.is_empty() && all[0].contains(said), "{to}: {all:?}");
        }
    }
}
