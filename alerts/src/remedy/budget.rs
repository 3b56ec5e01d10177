//! What asking may cost: tokens, money and time, a day and an incident. Pure; the ledger keeps what was spent.

use super::bedrock::Tokens;

/// Bounds; none where the operator set none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bounds {
    pub tokens: Option<i64>,
    /// In the currency of the prices.
    pub money: Option<f64>,
    /// Milliseconds that requests took.
    pub time: Option<i64>,
}

/// What was spent, or is set aside for what is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    pub tokens: i64,
    pub money: f64,
    /// Milliseconds.
    pub time: i64,
}

/// Prices of a model for 1,000 tokens. Without them money is not known, and cannot be bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TokenPrices {
    pub input: Option<f64>,
    pub output: Option<f64>,
}

impl TokenPrices {
    /// What tokens cost; none without both prices.
    pub fn of(&self, tokens: Tokens) -> Option<f64> {
        Some((tokens.input as f64 * self.input? + tokens.output as f64 * self.output?) / 1_000.0)
    }
}

/// A day's and an incident's bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Budgets {
    pub day: Bounds,
    pub incident: Bounds,
}

impl Budgets {
    /// Why a request is not made that costs no more than `next`, after so much was spent; none if it may be made.
    pub fn refusal(&self, day: Spent, incident: Spent, next: Spent) -> Option<String> {
        let over = |bounds: &Bounds, spent: Spent, whose: &str| {
            let of = |what: &str| Some(format!("the budget of {what} {whose} is used up"));
            if bounds.tokens.is_some_and(|most| spent.tokens.saturating_add(next.tokens) > most) {
                return of("tokens");
            }
            if bounds.money.is_some_and(|most| spent.money + next.money > most) {
                return of("money");
            }
            // How long it takes is not known before: what is left bounds it.
            if bounds.time.is_some_and(|most| spent.time >= most) {
                return of("time");
            }
            None
        };
        over(&self.incident, incident, "of the incident").or_else(|| over(&self.day, day, "of the day"))
    }

    /// Milliseconds that a request may take by what is left of both.
    pub fn time_left(&self, day: Spent, incident: Spent) -> Option<i64> {
        let left = |bounds: &Bounds, spent: Spent| bounds.time.map(|most| (most - spent.time).max(0));
        [left(&self.day, day), left(&self.incident, incident)].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_asked_that_could_break_a_bound() {
        let budgets = Budgets {
            day: Bounds { tokens: Some(10_000), money: Some(1.0), time: Some(60_000) },
            incident: Bounds { tokens: Some(3_000), money: None, time: Some(20_000) },
        };
        let next = Spent { tokens: 2_000, money: 0.1, time: 0 };
        let none = Spent::default();
        let said = |day, incident| budgets.refusal(day, incident, next);
        assert_eq!(said(none, none), None);
        assert_eq!(said(none, Spent { tokens: 1_000, ..none }), None);
        let gone = |what: &str| Some(format!("the budget of {what} is used up"));
        assert_eq!(said(none, Spent { tokens: 1_001, ..none }), gone("tokens of the incident"));
        assert_eq!(said(Spent { tokens: 8_001, ..none }, none), gone("tokens of the day"));
        assert_eq!(said(Spent { money: 0.95, ..none }, none), gone("money of the day"));
        assert_eq!(said(Spent { time: 60_000, ..none }, none), gone("time of the day"));
        assert_eq!(budgets.time_left(Spent { time: 55_000, ..none }, Spent { time: 1_000, ..none }), Some(5_000));
    }

    #[test]
    fn money_is_known_with_both_prices_only() {
        let tokens = Tokens { input: 2_000, output: 500 };
        let prices = TokenPrices { input: Some(0.00006), output: Some(0.00024) };
        assert!((prices.of(tokens).unwrap() - 0.00024).abs() < 1e-12);
        assert_eq!(TokenPrices { output: None, ..prices }.of(tokens), None);
    }
}
