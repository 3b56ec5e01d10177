//! Settings of findings, and what computing costs.

use std::time::Duration;

use afterglow_alerts::report::Prices;
use afterglow_alerts::rules::Limits;
use serde::{Deserialize, Serialize};

use super::units::Time;

/// What must be at stake before waste is worth a word: one of the times, and the share.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Findings {
    /// Of an application's duration.
    pub min_wall: Time,
    /// Of the time of cores.
    pub min_cores: Time,
    /// Of the application's duration, or of all its cores' time: 0.01 is a hundredth.
    pub min_share: f64,
}

impl Default for Findings {
    fn default() -> Self {
        let Limits { wall, cores, share } = Limits::default();
        let time = |ms: i64| Time(Duration::from_millis(ms.unsigned_abs()));
        Findings { min_wall: time(wall), min_cores: time(cores), min_share: share }
    }
}

impl Findings {
    pub fn limits(&self) -> Limits {
        let ms = |t: Time| i64::try_from(t.0.as_millis()).unwrap_or(i64::MAX);
        Limits { wall: ms(self.min_wall), cores: ms(self.min_cores), share: self.min_share }
    }

    pub fn problems(&self) -> Vec<String> {
        let bad = !(0.0..=1.0).contains(&self.min_share);
        let say = || format!("findings.min_share: {} is no share: write a number from 0 to 1", self.min_share);
        bad.then(say).into_iter().collect()
    }
}

/// What computing costs you. Without prices, findings tell no money.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cost {
    /// Price of a core for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_hour: Option<f64>,
    /// Price of a gibibyte of memory for an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gib_hour: Option<f64>,
    pub currency: String,
}

impl Default for Cost {
    fn default() -> Self {
        Cost { core_hour: None, gib_hour: None, currency: "USD".into() }
    }
}

impl Cost {
    pub fn prices(&self) -> Prices {
        Prices { core_hour: self.core_hour, gib_hour: self.gib_hour, currency: self.currency.clone() }
    }

    pub fn problems(&self) -> Vec<String> {
        let prices = [("cost.core_hour", self.core_hour), ("cost.gib_hour", self.gib_hour)];
        let bad = |(key, price): (&str, Option<f64>)| {
            let price = price.filter(|p| !(p.is_finite() && *p >= 0.0))?;
            Some(format!("{key}: {price} is no price: write what an hour costs, as 0.045"))
        };
        prices.into_iter().filter_map(bad).collect()
    }
}
