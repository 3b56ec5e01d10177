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
            Part::Value => value.map(|v| v.to_string()).unwrap_or_default(),
            Part::Label(name) => labels.get(name).cloned().unwrap_or_default(),
        };
        self.0.iter().map(part).collect()
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
        assert_eq!(Template::parse("{{ value }}").unwrap().fill(&labels, None), "");
    }
}
