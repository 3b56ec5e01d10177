//! What lists share: which part of them is shown, and in which order; and how numbers are written.

use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::query::Query;

/// A part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    pub offset: usize,
    pub length: usize,
}

impl Slice {
    /// `offset` and `length` of a request.
    pub fn of(query: &Query, length: usize) -> Result<Slice, ApiError> {
        // Databases and arithmetic take no more.
        let limit = |n: usize| n.min(i32::MAX as usize);
        Ok(Slice { offset: limit(query.value("offset", 0)?), length: limit(query.value("length", length)?) })
    }

    pub fn cut<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.offset).take(self.length).collect()
    }
}

/// The column that `sort` names, and whether descending; `default` without it.
pub fn sort<T>(query: &Query, default: &str, column: impl Fn(&str) -> Option<T>) -> Result<(T, bool), ApiError> {
    let wanted = query.first("sort").filter(|s| !s.is_empty()).unwrap_or(default);
    let (name, descending) = wanted.strip_prefix('-').map_or((wanted, false), |name| (name, true));
    let column = column(name).ok_or_else(|| ApiError::parameter(format!("sort={wanted}: there is no such column")))?;
    Ok((column, descending))
}

/// Puts rows in the order of a key; equal ones stay as they are.
pub fn order<T, K: Ord>(rows: &mut [T], descending: bool, key: impl Fn(&T) -> K) {
    if descending {
        rows.sort_by_cached_key(|r| std::cmp::Reverse(key(r)));
    } else {
        rows.sort_by_cached_key(key);
    }
}

/// A number, without a fraction where it has none.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Number {
    Whole(i64),
    Fraction(f64),
}

impl Number {
    pub fn of(v: f64) -> Self {
        // Up to here every whole number is exact.
        if v.fract() == 0.0 && v.abs() < 9e15 { Number::Whole(v as i64) } else { Number::Fraction(v) }
    }
}
