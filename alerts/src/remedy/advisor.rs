//! Asks for advice: within budgets, with patience and an end, and checks what comes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::answer::{Answer, check};
use super::bedrock::{Bedrock, ModelError, Reply, Tokens};
use super::breaker::{Breaker, Patience};
use super::budget::{Budgets, Spent, TokenPrices};
use super::case::{Case, Link};
use super::prompt::Prompt;
use crate::deliver::backoff::Backoff;
use crate::ledger::{Asking, Ledger, LedgerError, Settled};
use crate::settings::millis;

/// How much is asked, and how long.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Of one request.
    pub timeout: Duration,
    /// From the incident to the advice, with all tries.
    pub deadline: Duration,
    pub backoff: Backoff,
    pub patience: Patience,
    pub budgets: Budgets,
    pub prices: TokenPrices,
    /// How long an answer serves for cases that are alike.
    pub reuse: Duration,
}

/// Advice, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Advice {
    Given {
        answer: Answer,
        /// When it was first given, epoch milliseconds, if it was for a case that was alike.
        reused_from: Option<i64>,
    },
    None {
        reason: Reason,
        why: String,
    },
}

/// Why there is none, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A budget has no room.
    Budget,
    /// The service failed often and is left alone.
    Breaker,
    /// It was refused, or every try failed.
    Failed,
    /// No time was left for another try.
    Deadline,
    /// There was an answer, and nothing of it rests on the case.
    Ungrounded,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Reason::Budget => "budget",
            Reason::Breaker => "breaker",
            Reason::Failed => "failed",
            Reason::Deadline => "deadline",
            Reason::Ungrounded => "ungrounded",
        }
    }
}

/// Asks one model.
pub struct Advisor {
    bedrock: Bedrock,
    ledger: Ledger,
    settings: Settings,
    breaker: Mutex<Breaker>,
    /// The present, epoch milliseconds.
    now: fn() -> i64,
}

/// Less time than this is not worth a request.
const LEAST: Duration = Duration::from_millis(200);

/// A try that failed, and whether there is another.
enum Failed {
    ForNow(String),
    ForGood(Reason, String),
}

impl Advisor {
    pub fn new(bedrock: Bedrock, ledger: Ledger, settings: Settings, now: fn() -> i64) -> Self {
        if settings.prices.of(Tokens::default()).is_some() {
            ledger.counted.priced();
        }
        Advisor { bedrock, ledger, settings, breaker: Mutex::default(), now }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Id of the model.
    pub fn model(&self) -> &str {
        &self.bedrock.model().id
    }

    /// Whether Bedrock is asked at this moment (`closed`, `open`, or `half-open`: the next request tries), and epoch milliseconds until which not.
    pub fn stands(&self) -> (&'static str, Option<i64>) {
        let until = self.breaker().open_until();
        let state = match until {
            None => "closed",
            Some(until) if (self.now)() < until => "open",
            Some(_) => "half-open",
        };
        (state, until)
    }

    /// Advice for a case, within the deadline from now on.
    ///
    /// # Errors
    /// If the ledger cannot be read or written: without it nothing is asked.
    pub async fn advise(&self, incident: Option<i64>, case: &Case) -> Result<Advice, LedgerError> {
        let end = Instant::now() + self.settings.deadline;
        let fingerprint = case.fingerprint();
        if let Some(found) = self.reused(&fingerprint, case).await? {
            return Ok(found);
        }
        let prompt = Prompt::new(case);
        let mut failed = 0;
        loop {
            let why = match self.once(incident, case, &fingerprint, &prompt, end).await? {
                Ok(answer) => return Ok(Advice::Given { answer, reused_from: None }),
                Err(Failed::ForGood(reason, why)) => return Ok(Advice::None { reason, why }),
                Err(Failed::ForNow(why)) => why,
            };
            failed += 1;
            let wait = self.settings.backoff.wait(failed, fastrand::f64());
            let left = end.saturating_duration_since(Instant::now());
            if !self.settings.backoff.goes_on(failed) {
                let why = format!("{why}; given up after {failed} tries");
                return Ok(Advice::None { reason: Reason::Failed, why });
            }
            if left < wait + LEAST {
                let why = format!("{why}; no time is left for another try");
                return Ok(Advice::None { reason: Reason::Deadline, why });
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn reused(&self, fingerprint: &str, case: &Case) -> Result<Option<Advice>, LedgerError> {
        let since = (self.now)() - millis(self.settings.reuse);
        let Some((at, answer)) = self.ledger.answered(fingerprint, self.model(), since).await? else { return Ok(None) };
        let checked = check(&answer, case).filter(|a| !a.is_empty());
        Ok(checked.map(|answer| Advice::Given { answer, reused_from: Some(at) }))
    }

    async fn once(
        &self,
        incident: Option<i64>,
        case: &Case,
        fingerprint: &str,
        prompt: &Prompt,
        end: Instant,
    ) -> Result<Result<Answer, Failed>, LedgerError> {
        let now = (self.now)();
        if !self.breaker().may_ask(now) {
            let why = "Bedrock failed several times in a row and is left alone for a while";
            return Ok(Err(Failed::ForGood(Reason::Breaker, why.into())));
        }
        let given = self.settings.timeout.min(end.saturating_duration_since(Instant::now()));
        let most = self.most(prompt, given);
        let asking =
            Asking { incident, fingerprint, model: self.model(), system: &prompt.system, prompt: &prompt.user, most };
        let aside = self.ledger.set_aside(&asking, &self.settings.budgets, now).await;
        let (call, time) = match aside {
            Ok(Ok(call)) => call,
            Ok(Err(why)) => {
                self.breaker().undecided();
                self.ledger.counted.called("over_budget");
                return Ok(Err(Failed::ForGood(Reason::Budget, why)));
            }
            Err(e) => {
                self.breaker().undecided();
                return Err(e);
            }
        };
        let begun = Instant::now();
        let timeout = Duration::from_millis(u64::try_from(time).unwrap_or(0));
        let asked = self.bedrock.ask(prompt, timeout).await;
        let took = millis(begun.elapsed());
        let checked = match asked {
            Ok(Reply { answer, tokens }) => match check(&answer, case) {
                Some(checked) => Ok((answer, checked, tokens)),
                None => Err(ModelError::Malformed { what: "another form".into(), tokens }),
            },
            Err(e) => Err(e),
        };
        self.learn(&checked);
        let settled = self.settled(&checked, most, took);
        self.count(&settled);
        self.ledger.settle(call, &settled).await?;
        Ok(match checked {
            Ok((_, answer, _)) if answer.is_empty() => {
                let why = "nothing of the model's answer could be backed by the evidence";
                Err(Failed::ForGood(Reason::Ungrounded, why.into()))
            }
            Ok((_, answer, _)) => Ok(answer),
            Err(e) if e.may_pass() => Err(Failed::ForNow(e.to_string())),
            Err(e) => Err(Failed::ForGood(Reason::Failed, e.to_string())),
        })
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn<T>(&self, asked: &Result<T, ModelError>) {
        let mut breaker = self.breaker();
        match asked {
            Err(e) if e.of_service() => breaker.failed((self.now)(), self.settings.patience),
            _ => breaker.worked(),
        }
        self.ledger.counted.breaker(breaker.open_until().is_some());
    }

    fn count(&self, settled: &Settled) {
        let counted = &self.ledger.counted;
        counted.called(settled.outcome);
        if let Some(t) = settled.tokens {
            counted.took(t.input.max(0).unsigned_abs(), t.output.max(0).unsigned_abs(), self.settings.prices.of(t));
        }
        counted.dropped(settled.dropped.max(0).unsigned_abs());
    }

    /// What a request takes at most.
    fn most(&self, prompt: &Prompt, time: Duration) -> Spent {
        let tokens = Tokens { input: prompt.tokens(), output: self.bedrock.model().max_tokens.into() };
        Spent {
            tokens: tokens.input.saturating_add(tokens.output),
            money: self.settings.prices.of(tokens).unwrap_or(0.0),
            time: millis(time),
        }
    }

    fn settled(&self, asked: &Result<(Json, Answer, Option<Tokens>), ModelError>, most: Spent, took: i64) -> Settled {
        let tokens = match asked {
            Ok((_, _, tokens)) => *tokens,
            Err(e) => e.tokens(),
        };
        // What was turned down costs nothing. What was not heard of may have been worked on.
        let free = matches!(asked, Err(ModelError::Throttled(_) | ModelError::Refused(_) | ModelError::Unavailable(_)));
        let spent = match tokens {
            Some(t) => Spent {
                tokens: t.input.saturating_add(t.output),
                money: self.settings.prices.of(t).unwrap_or(0.0),
                time: took,
            },
            None if free => Spent { time: took, ..Spent::default() },
            None => Spent { time: took, ..most },
        };
        Settled {
            outcome: asked.as_ref().map_or_else(ModelError::name, |_| "answered"),
            answer: asked.as_ref().ok().map(|(answer, _, _)| answer.to_string()),
            error: asked.as_ref().err().map(ToString::to_string),
            tokens,
            spent,
            dropped: asked.as_ref().map_or(0, |(_, a, _)| a.dropped.values().map(|n| i64::from(*n)).sum()),
        }
    }
}

/// What an answer cites, for those who read it.
pub fn cited(answer: &Answer, case: &Case) -> Json {
    let claims = answer.cause.iter().chain(&answer.steps).flat_map(|c| &c.cites);
    let ids: std::collections::BTreeSet<&String> =
        claims.chain(answer.settings.iter().flat_map(|s| &s.cites)).collect();
    let evidence = case.evidence.iter().filter(|e| ids.contains(&e.id));
    let passages = case.passages.iter().filter(|p| ids.contains(&p.id));
    evidence
        .map(|e| {
            let mut told = json!({ "id": e.id, "name": e.name, "value": e.value });
            match &e.link {
                Some(Link::At { path, pointer }) => {
                    told["path"] = path.as_str().into();
                    told["pointer"] = pointer.as_str().into();
                }
                Some(Link::From(path)) => told["computed_from"] = path.as_str().into(),
                None => {}
            }
            told
        })
        .chain(passages.map(|p| json!({ "id": p.id, "title": p.title, "from": p.from, "text": p.text })))
        .collect()
}

/// An answer as text, for messages.
pub fn text(answer: &Answer) -> String {
    let cites = |ids: &[String]| format!(" [{}]", ids.join(", "));
    let mut out: Vec<String> = answer.cause.iter().map(|c| format!("{}{}", c.text, cites(&c.cites))).collect();
    out.extend(answer.steps.iter().enumerate().map(|(i, s)| format!("{}. {}{}", i + 1, s.text, cites(&s.cites))));
    out.extend(answer.settings.iter().map(|s| {
        let now = s.current.as_deref().unwrap_or("not set");
        format!("{} = {} (now {now}): {}{}", s.key, s.suggested, s.why, cites(&s.cites))
    }));
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::answer::Claim;
    use super::super::case::tests::mask;
    use super::*;

    #[test]
    fn citations_lead_where_the_evidence_is_from() {
        let finding = json!({ "evidence": [
            { "name": "longest", "value": 5, "unit": "ms", "path": "/p/stages/1/0", "pointer": "/x" },
            { "name": "share", "value": 0.5, "unit": "share", "computed_from": "/p/stages/1/0" },
            { "name": "of an older release", "value": 1, "unit": "count" } ] });
        let case = Case::of_finding(&finding, "3.5.1", &[], &mask());
        let cites = ["e1", "e2", "e3"].map(str::to_owned).to_vec();
        let answer = Answer { cause: Some(Claim { text: "x".into(), cites }), ..Answer::default() };
        assert_eq!(
            cited(&answer, &case),
            json!([
                { "id": "e1", "name": "longest", "value": "5 ms (5 ms)", "path": "/p/stages/1/0", "pointer": "/x" },
                { "id": "e2", "name": "share", "value": "50.0 %", "computed_from": "/p/stages/1/0" },
                { "id": "e3", "name": "of an older release", "value": "1" },
            ])
        );
        assert!(!case.told().to_string().contains("/p/stages"), "addresses are for people");
    }
}
