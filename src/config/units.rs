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

fn number(text: &str, units: &[(&str, u64)], bare: Option<u64>) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let n: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim();
    let factor = if unit.is_empty() { bare? } else { units.iter().find(|(u, _)| u.eq_ignore_ascii_case(unit))?.1 };
    n.checked_mul(factor)
}

impl std::str::FromStr for Time {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        number(s, &TIMES, None).map(|ms| Time(Duration::from_millis(ms))).ok_or_else(|| {
            format!("`{s}` is no length of time: write a whole number with ms, s, m, h or d, e.g. 30s or 90d")
        })
    }
}

impl std::str::FromStr for Size {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        number(s, &SIZES, Some(1)).map(Size).ok_or_else(|| {
            format!("`{s}` is no size: write a whole number of bytes, or with KiB, MiB, GiB, TiB, KB, MB, GB, TB")
        })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis() as u64;
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
        assert!("5 parsecs".parse::<Size>().is_err());
    }
}
