//! The view becomes one file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use sha2::{Digest, Sha256};

use super::view::View;
use crate::embed::EmbedError;

/// The templates, by name.
const TEMPLATES: [(&str, &str); 9] = [
    ("report.html", include_str!("report.html.jinja")),
    ("parts.html", include_str!("parts.html.jinja")),
    ("overview.html", include_str!("overview.html.jinja")),
    ("cards.html", include_str!("cards.html.jinja")),
    ("divergence.html", include_str!("divergence.html.jinja")),
    ("agreement.html", include_str!("agreement.html.jinja")),
    ("map.html", include_str!("map.html.jinja")),
    ("trust.html", include_str!("trust.html.jinja")),
    ("models.html", include_str!("models.html.jinja")),
];
const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// A report that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HtmlError {
    /// The drafts could not be placed on the map.
    #[error("the map of drafts could not be drawn")]
    Map(#[from] EmbedError),
    /// A template that does not fit the result.
    #[error("the report could not be rendered")]
    Template(#[from] minijinja::Error),
}

/// What a policy calls a piece of style or script.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Renders the report. All text is escaped by the templates; drawings and the style and script of this
/// crate are not, being ours.
pub(super) fn render(view: &View) -> Result<String, HtmlError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    let mut page = environment.get_template("report.html")?.render(context! {
        view => Value::from(Serde(view)),
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        style_hash => Value::from_safe_string(hash(STYLE)),
        script_hash => Value::from_safe_string(hash(SCRIPT)),
    })?;
    page.push('\n');
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_what_browsers_expect() {
        // The example of the specification: CSP level 2, section 4.2.5 (`alert('Hello, world.');`).
        assert_eq!(hash("alert('Hello, world.');"), "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }

    #[test]
    fn style_and_script_cannot_end_their_element() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
    }
}
