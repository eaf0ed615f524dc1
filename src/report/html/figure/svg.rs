//! The few words of SVG that the figures need.

use std::fmt::{Arguments, Write};

/// A drawing that is being made.
#[derive(Debug)]
pub(super) struct Svg {
    text: String,
}

/// Text made harmless for SVG inside HTML: the five characters that could end a text or an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

impl Svg {
    /// A drawing of some size in user units. `name` is unique in the report and ours, never data.
    pub(super) fn new(name: &str, (width, height): (f64, f64), title: &str, description: &str) -> Self {
        let mut svg = Self { text: String::new() };
        svg.put(format_args!(
            "<svg class=\"figure\" role=\"img\" aria-labelledby=\"{name}-t {name}-d\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\">"
        ));
        let (title, description) = (escaped(title), escaped(description));
        svg.put(format_args!(
            "<title id=\"{name}-t\">{title}</title><desc id=\"{name}-d\">{description}</desc>"
        ));
        svg
    }

    /// Adds markup of our own making.
    pub(super) fn put(&mut self, markup: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(markup);
    }

    /// A line.
    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// A box by its corner, width and height.
    pub(super) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        ));
    }

    /// Words; `class` says how they are anchored and coloured.
    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), words: &str) {
        let words = escaped(words);
        self.put(format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>"));
    }

    /// The whole drawing.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }
}

/// A label of at most so many characters.
pub(in super::super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_no_markup() {
        let mut svg = Svg::new("x", (10.0, 10.0), "</title><script>", "\" onload='1'");
        svg.text("a", (1.0, 2.0), "</text><image href=x>&");
        let drawn = svg.finish();
        assert!(
            !drawn.contains("<script") && !drawn.contains("<image") && !drawn.contains("onload='"),
            "{drawn}"
        );
        assert_eq!(drawn.matches('<').count(), 8, "svg, title, desc and text open and close: {drawn}");
    }

    #[test]
    fn long_labels_are_cut_by_characters() {
        assert_eq!(shortened("äöüß", 4), "äöüß");
        assert_eq!(shortened("äöüßx", 4), "äöü…");
    }
}
