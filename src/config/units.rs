//! Durations and sizes as people write them: `90s`, `6h`, `30d`; `512MiB`, `1GB`, `4096`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// The longest time: a hundred years. Sums with it stay far from where numbers end.
const LONGEST: u64 = 36_500 * 86_400_000;
/// The largest size: an exbibyte.
const LARGEST: u64 = 1 << 60;

/// A number with its unit, as far as there are numbers; none if it is none.
fn number(text: &str, units: &[(&str, u64)], bare: Option<u64>) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = text[digits..].trim();
    let factor = if unit.is_empty() { bare? } else { units.iter().find(|(u, _)| u.eq_ignore_ascii_case(unit))?.1 };
    if digits == 0 {
        return None;
    }
    // What has more digits than a number is larger than any.
    let n: u64 = text[..digits].parse().unwrap_or(u64::MAX);
    Some(n.saturating_mul(factor))
}

impl std::str::FromStr for Time {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let ms = number(s, &TIMES, None).ok_or_else(|| {
            format!("`{s}` is no length of time: write a whole number with ms, s, m, h or d, e.g. 30s or 90d")
        })?;
        if ms > LONGEST {
            return Err(format!("`{s}` is longer than a hundred years: write 36500d or less"));
        }
        Ok(Time(Duration::from_millis(ms)))
    }
}

impl std::str::FromStr for Size {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let bytes = number(s, &SIZES, Some(1)).ok_or_else(|| {
            format!("`{s}` is no size: write a whole number of bytes, or with KiB, MiB, GiB, TiB, KB, MB, GB, TB")
        })?;
        if bytes > LARGEST {
            return Err(format!("`{s}` is larger than an exbibyte: write 1048576TiB or less"));
        }
        Ok(Size(bytes))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let unit = TIMES.iter().rev().find(|(_, n)| ms >= *n && ms.is_multiple_of(*n)).unwrap_or(&TIMES[0]);
        write!(f, "{}{}", ms / unit.1, unit.0)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = SIZES[5..].iter().rev().find(|(_, n)| self.0 >= *n && self.0.is_multiple_of(*n));
        match unit {
            Some((name, n)) => write!(f, "{}{name}", self.0 / n),
            None => write!(f, "{}", self.0),
        }
    }
}

macro_rules! text_serde {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Given { Number(u64), Text(String) }
                let text = match Given::deserialize(d)? {
                    Given::Number(n) => n.to_string(),
                    Given::Text(t) => t,
                };
                text.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
text_serde!(Time, Size);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_people_write() {
        for (text, ms) in [("250ms", 250), ("5s", 5000), ("6h", 21_600_000), ("90d", 7_776_000_000)] {
            let t: Time = text.parse().unwrap();
            assert_eq!((t.0.as_millis(), t.to_string().as_str()), (ms, text));
        }
        for (text, bytes, shown) in
            [("1GiB", 1 << 30, "1GiB"), ("512 mib", 512 << 20, "512MiB"), ("1000", 1000, "1000")]
        {
            let s: Size = text.parse().unwrap();
            assert_eq!((s.0, s.to_string().as_str()), (bytes, shown));
        }
        assert!("5".parse::<Time>().unwrap_err().contains("30s or 90d"));
        for none in ["5 parsecs", "", "d", "-1d"] {
            assert!(none.parse::<Time>().is_err() && none.parse::<Size>().is_err(), "{none}");
        }
        // Where 64 bits end, and behind it.
        for long in ["36501d", "200000000000d", "18446744073709551615d", "99999999999999999999999999s"] {
            assert!(long.parse::<Time>().unwrap_err().contains("36500d or less"), "{long}");
        }
        assert_eq!("36500d".parse::<Time>().unwrap().to_string(), "36500d");
        for large in ["1048577TiB", "9999999999999999999TB", "99999999999999999999999999"] {
            assert!(large.parse::<Size>().unwrap_err().contains("1048576TiB or less"), "{large}");
        }
    }
}
