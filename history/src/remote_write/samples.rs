//! Samples off a page of metrics, and which of them are sent.

use std::collections::BTreeMap;

/// One value of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

/// Which names are sent: those that a pattern fits, but for those that one fits which begins with `!`. `*` stands for any text.
#[derive(Debug, Clone, Default)]
pub struct Wanted(Vec<String>);

impl Wanted {
    pub fn new(patterns: &[String]) -> Self {
        Wanted(patterns.to_vec())
    }

    fn has(&self, name: &str) -> bool {
        let fits = |unwanted: bool| {
            let of_kind = self.0.iter().filter(move |p| p.starts_with('!') == unwanted);
            of_kind.map(|p| p.trim_start_matches('!')).any(|p| fit(p, name))
        };
        fits(false) && !fits(true)
    }
}

fn fit(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => {
            let Some(name) = name.strip_prefix(start) else { return false };
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|end| fit(rest, end)))
        }
    }
}

/// The wanted samples of a page, each with `labels` that it has not itself.
pub fn samples(page: &str, wanted: &Wanted, labels: &BTreeMap<String, String>) -> Vec<Sample> {
    let lines = page.lines().filter(|l| !l.starts_with('#'));
    let mut all: Vec<Sample> = lines.filter_map(sample).filter(|s| wanted.has(&s.name)).collect();
    for sample in &mut all {
        let more = labels.iter().filter(|(name, _)| !sample.labels.iter().any(|(n, _)| n == *name));
        let more: Vec<_> = more.map(|(n, v)| (n.clone(), v.clone())).collect();
        sample.labels.extend(more);
    }
    all
}

/// `name{label="value",…} number`, as we write it.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.trim_start_matches(',').split_once("=\"")?;
            let (value, after) = unquoted(after)?;
            labels.push((label.to_owned(), value));
            rest = after;
        }
        rest = &rest[1..];
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// A text up to its closing quote, and what follows that.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_pages_say() {
        let page = "# HELP a A.\n# TYPE a gauge\na 1.5\nb_total{x=\"1,}\",y=\"a\\\"b\\\\c\\nd\"} 3\n\
                    h_bucket{le=\"+Inf\"} 7\nn NaN\n# EOF\n";
        let all = samples(page, &Wanted::new(&["*".into(), "!*_bucket".into(), "!n".into()]), &BTreeMap::new());
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            Sample { name: "a".into(), labels: vec![], value: 1.5 },
            Sample { name: "b_total".into(), labels: vec![label("x", "1,}"), label("y", "a\"b\\c\nd")], value: 3.0 },
        ];
        assert_eq!(all, expected);
        let labels = BTreeMap::from([label("x", "ours"), label("instance", "i")]);
        let b = &samples(page, &Wanted::new(&["b*".into()]), &labels)[0];
        assert_eq!(b.labels[0], label("x", "1,}"));
        assert_eq!(b.labels[2], label("instance", "i"));
    }

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("afterglow_*", "afterglow_x", true),
            ("afterglow_*", "process_x", false),
            ("*_total", "a_total", true),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXbY", false),
            ("a", "a", true),
            ("a", "ab", false),
        ] {
            assert_eq!(fit(pattern, name), fits, "{pattern} {name}");
        }
    }
}
