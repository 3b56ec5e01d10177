//! `alerts prompt` and `alerts advise`: what a model is told about the findings of logs, and what it says.

use std::process::ExitCode;
use std::sync::Arc;

use afterglow_alerts::ledger::{self, Ledger};
use afterglow_alerts::remedy::advisor::{Advice, Advisor, cited, text};
use afterglow_alerts::remedy::bedrock::{Bedrock, sdk};
use afterglow_alerts::remedy::case::{Case, PASSAGES};
use afterglow_alerts::remedy::knowledge::Knowledge;
use afterglow_alerts::remedy::mask::Mask;
use afterglow_alerts::remedy::prompt::{Prompt, schema};
use afterglow_alerts::remedy::retrieve::Retriever;
use afterglow_alerts::report::told;
use afterglow_history::redact::Redactor;
use serde_json::{Value as Json, json};

use super::{fail, findings, folders, now};
use crate::config::Config;
use crate::terminal::{self, complain, say};

/// A case, and whose.
struct About {
    app_id: String,
    rule: &'static str,
    place: String,
    case: Case,
}

/// Prints what would be sent.
pub async fn prompt(config: Config, logs: Vec<String>, rule: Option<String>) -> ExitCode {
    let about = match cases(&config, &logs, rule.as_deref(), None).await {
        Ok(about) => about,
        Err(e) => return fail(&e),
    };
    for a in &about {
        let Prompt { system, user } = Prompt::new(&a.case);
        let r = &config.remediation;
        let asked = json!({ "application": a.app_id, "rule": a.rule, "where": a.place, "model": r.model,
            "system": system, "message": user, "answer_schema": schema() });
        terminal::json(&asked.to_string());
    }
    if about.is_empty() {
        complain!("nothing found: nothing would be asked");
    }
    ExitCode::SUCCESS
}

/// Asks, and prints what is left of the answers.
pub async fn run(config: Config, logs: Vec<String>, rule: Option<String>, as_json: bool) -> ExitCode {
    match advised(&config, &logs, rule.as_deref()).await {
        Ok(all) if as_json => {
            let all: Vec<Json> = all.iter().map(|(a, advice)| shown(a, advice)).collect();
            terminal::json(&serde_json::to_string_pretty(&all).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(all) => {
            for (a, advice) in &all {
                say!("{} {} at {}", a.app_id, a.rule, a.place);
                match advice {
                    Advice::Given { answer, .. } => {
                        text(answer).lines().for_each(|l| say!("  {l}"));
                        answer.dropped.iter().for_each(|(why, n)| say!("  left out: {n} claims ({why})"));
                    }
                    Advice::None { why, .. } => say!("  no advice: {why}"),
                }
            }
            ExitCode::SUCCESS
        }
        Err(e) => fail(&e),
    }
}

async fn advised(config: &Config, logs: &[String], rule: Option<&str>) -> Result<Vec<(About, Advice)>, String> {
    let (_, dir) = folders(config)?;
    std::fs::create_dir_all(&dir)
        .map_err(|e| format!("store: {}: {e}: name a folder that can be written", dir.display()))?;
    let file = dir.join(ledger::FILE);
    let ledger = Ledger::open(&file).await.map_err(|e| e.to_string())?;
    let advisor = advisor(config, ledger.clone()).await;
    let mut out = Vec::new();
    for a in cases(config, logs, rule, Some(&ledger)).await? {
        let advice = advisor.advise(None, &a.case).await.map_err(|e| e.to_string())?;
        out.push((a, advice));
    }
    ledger.close().await;
    Ok(out)
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Who asks the model that the settings name.
pub async fn advisor(config: &Config, ledger: Ledger) -> Advisor {
    let r = &config.remediation;
    let bedrock = Bedrock::new(&sdk(&r.region, &r.profile).await, r.model(), given(&r.endpoint_url).as_deref());
    Advisor::new(bedrock, ledger, r.settings(), now)
}

/// What masks all that a model is told.
pub fn mask(config: &Config) -> Result<Arc<Mask>, String> {
    let redactor = Redactor::new(&config.redaction.regex).map_err(|e| format!("redaction.regex: {e}"))?;
    let mask = Mask::new(Arc::new(redactor), config.remediation.allowed()).map_err(|e| e.to_string())?;
    Ok(Arc::new(mask))
}

/// The knowledge base that the settings name, with what the ledger has. Without a ledger nothing is sent anywhere.
pub async fn knowledge(config: &Config, mask: Arc<Mask>, ledger: Option<&Ledger>) -> Result<Knowledge, String> {
    let r = &config.remediation;
    let knowledge = Knowledge::open(&r.runbooks, &r.runbooks_options, mask).await.map_err(|e| e.to_string())?;
    let remote = match ledger.filter(|_| !r.knowledge_base.is_empty()) {
        Some(ledger) => {
            let endpoint = given(&r.knowledge_base_endpoint_url);
            Some(Retriever::new(
                &sdk(&r.region, &r.profile).await,
                &r.knowledge_base,
                endpoint.as_deref(),
                ledger.counted.clone(),
            ))
        }
        None => None,
    };
    let knowledge = knowledge.with(remote);
    let outcomes = match ledger {
        Some(ledger) => ledger.outcomes(None, None, 1_000).await.map_err(|e| e.to_string())?,
        None => Vec::new(),
    };
    knowledge.refresh(&outcomes).await.map_err(|e| e.to_string())?;
    Ok(knowledge)
}

async fn cases(
    config: &Config,
    logs: &[String],
    rule: Option<&str>,
    ledger: Option<&Ledger>,
) -> Result<Vec<About>, String> {
    let mask = mask(config)?;
    let knowledge = knowledge(config, mask.clone(), ledger).await?;
    let (problems, judged, config) = findings::findings(config.clone(), logs).await?;
    problems.iter().for_each(|p| complain!("{p}"));
    let mut out = Vec::new();
    for j in &judged {
        // The severest of a rule and a kind of place stands for all of them, as it does for an incident.
        let mut seen = std::collections::BTreeSet::new();
        for f in j.judgement.findings.iter().filter(|f| rule.is_none_or(|r| f.rule == r)) {
            if !seen.insert((f.rule, f.place.kind())) {
                continue;
            }
            let finding =
                serde_json::to_value(told(&j.subject, f, &config.cost.prices())).map_err(|e| e.to_string())?;
            let case = Case::of_finding(&finding, &j.version, &j.properties, &mask);
            let found = knowledge.find(f.rule, &case.question(), PASSAGES).await.map_err(|e| e.to_string())?;
            let (app_id, place) = (j.subject.app_id.clone(), f.place.to_string());
            out.push(About { app_id, rule: f.rule, place, case: case.passages(found) });
        }
    }
    Ok(out)
}

fn shown(a: &About, advice: &Advice) -> Json {
    let about = json!({ "app_id": a.app_id, "rule": a.rule, "where": a.place });
    let (answer, sources, reused, why) = match advice {
        Advice::Given { answer, reused_from } => {
            (json!(answer), cited(answer, &a.case), json!(reused_from), Json::Null)
        }
        Advice::None { why, .. } => (Json::Null, Json::Null, Json::Null, json!(why)),
    };
    json!({ "about": about, "answer": answer, "cited": sources, "reused_from": reused, "why": why })
}
