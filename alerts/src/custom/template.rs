//! Texts with places for what an evaluation gave: `{{ value }}` and `{{ labels.NAME }}`; `$` before either is taken, as
//! Prometheus's rules have it.

use super::Labels;

/// A text with places in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value,
    Label(String),
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{{{{` without `}}}}`: close it")]
    Open,
    #[error("`{{{{ {0} }}}}` means nothing: write {{{{ value }}}} or {{{{ labels.NAME }}}}")]
    Unknown(String),
}

impl Template {
    /// # Errors
    /// If a place is not closed, or is neither the value nor a label.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, behind) = after.split_once("}}").ok_or(TemplateError::Open)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let name = inside.trim().trim_start_matches('$');
            parts.push(match name.split_once('.') {
                None if name == "value" => Part::Value,
                Some(("labels", label)) if !label.is_empty() => Part::Label(label.to_owned()),
                _ => return Err(TemplateError::Unknown(inside.trim().to_owned())),
            });
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template(parts))
    }

    /// The text with values in its places; a label that is not there is empty.
    pub fn fill(&self, labels: &Labels, value: Option<f64>) -> String {
        let part = |p: &Part| match p {
            Part::Text(text) => text.clone(),
            Part::Value => value.map(number).unwrap_or_default(),
            Part::Label(name) => labels.get(name).cloned().unwrap_or_default(),
        };
        self.0.iter().map(part).collect()
    }
}

/// As people write it: to a hundredth where it matters, whole where it is large.
fn number(value: f64) -> String {
    match value.abs() {
        ..0.1 => value.to_string(),
        ..1_000.0 => ((value * 100.0).round() / 100.0).to_string(),
        _ => value.round().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let labels: Labels = [("app_name".to_owned(), "load".to_owned())].into();
        let filled = |text: &str| Template::parse(text).map(|t| t.fill(&labels, Some(2.5)));
        assert_eq!(filled("{{ labels.app_name }} is {{value}} late"), Ok("load is 2.5 late".into()));
        assert_eq!(filled("{{ $labels.app_name }}{{ $labels.none }}: {{ $value }}"), Ok("load: 2.5".into()));
        assert_eq!(filled("no places {here}"), Ok("no places {here}".into()));
        assert_eq!(filled("{{ value"), Err(TemplateError::Open));
        assert_eq!(filled("{{ query \"x\" }}"), Err(TemplateError::Unknown("query \"x\"".into())));
        let value = Template::parse("{{ value }}").unwrap();
        let told = |v: f64| value.fill(&labels, Some(v));
        assert_eq!(
            [told(0.00125), told(-2.504), told(496.0362), told(123_456.7), told(0.0)],
            ["0.00125", "-2.5", "496.04", "123457", "0"]
        );
        assert_eq!(value.fill(&labels, None), "");
    }
}
