//! Points in a plane: coloured and numbered by group, shaped by model; of many models each has letters.

use super::svg::{Svg, escaped, shortened};

/// Colours, after which they begin again.
pub(in super::super) const COLOURS: usize = 8;
/// Shapes; more models have letters instead.
pub(in super::super) const SHAPES: usize = 6;
/// More groups have no numbers: nobody could read them.
pub(in super::super) const NUMBERED: usize = 24;

/// One point.
#[derive(Clone, Debug)]
pub(in super::super) struct Point {
    pub(in super::super) at: [f64; 2],
    /// Which group, from 0.
    pub(in super::super) group: usize,
    /// Which model, from 0.
    pub(in super::super) model: usize,
    /// What it is.
    pub(in super::super) label: String,
}

/// A map; `models` names the shapes.
pub(in super::super) fn scatter(name: &str, title: &str, points: &[Point], models: &[String]) -> String {
    const WIDE: f64 = 620.0;
    const HIGH: f64 = 380.0;
    const EDGE: f64 = 26.0;
    let legend = 22.0 * models.len().div_ceil(2) as f64 + 12.0;
    let groups = points.iter().map(|point| point.group + 1).max().unwrap_or(0);
    let described = format!("{} drafts in {groups} groups by {} models", points.len(), models.len());
    let mut svg = Svg::new(name, (WIDE, HIGH + legend), title, &described);
    svg.rect("frame", (0.5, 0.5), (WIDE - 1.0, HIGH - 1.0));
    let place = placement(points, (WIDE, HIGH), EDGE);
    for point in points {
        let (x, y) = place(point.at);
        svg.put(format_args!("<g class=\"c{}\">", point.group % COLOURS));
        mark(&mut svg, (point.model, models.len()), (x, y), &point.label);
        svg.put(format_args!("</g>"));
    }
    numbers(&mut svg, points, groups, &place);
    for (number, model) in models.iter().enumerate() {
        let (x, y) = (14.0 + 300.0 * (number % 2) as f64, HIGH + 18.0 + 22.0 * (number / 2) as f64);
        svg.put(format_args!("<g class=\"legend\">"));
        mark(&mut svg, (number, models.len()), (x, y), "");
        svg.put(format_args!("</g>"));
        svg.text("tick", (x + 14.0, y + 4.0), &shortened(model, 38));
    }
    svg.finish()
}

/// From coordinates to the drawing: both axes on one scale, so that distances are not bent.
fn placement(
    points: &[Point],
    (wide, high): (f64, f64),
    edge: f64,
) -> impl Fn([f64; 2]) -> (f64, f64) + use<> {
    let range = |axis: usize| {
        let values = points.iter().map(|point| point.at[axis]);
        values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    };
    let ((left, right), (low, top)) = (range(0), range(1));
    let scale =
        f64::min((wide - 2.0 * edge) / (right - left).max(1e-9), (high - 2.0 * edge) / (top - low).max(1e-9));
    let middle = (f64::midpoint(left, right), f64::midpoint(low, top));
    move |[x, y]| (wide / 2.0 + scale * (x - middle.0), high / 2.0 - scale * (y - middle.1))
}

/// The number of each group beside its middle, where there are few enough to read.
fn numbers(svg: &mut Svg, points: &[Point], groups: usize, place: &impl Fn([f64; 2]) -> (f64, f64)) {
    if groups > NUMBERED {
        return;
    }
    for group in 0..groups {
        let own: Vec<&Point> = points.iter().filter(|point| point.group == group).collect();
        let n = own.len().max(1) as f64;
        let mean = |axis: usize| own.iter().map(|point| point.at[axis]).sum::<f64>() / n;
        let (x, y) = place([mean(0), mean(1)]);
        svg.text("group mid", (x, y - 13.0), &format!("{}", group + 1));
    }
}

/// The letters of a model: A to Z, then AA to ZZ.
fn letters(model: usize) -> String {
    let letter = |place: usize| char::from(b'A' + u8::try_from(place % 26).unwrap_or(0));
    let first = (model >= 26).then(|| letter(model / 26 - 1));
    first.into_iter().chain([letter(model)]).collect()
}

/// A shape around a point, or letters where there are more models than shapes.
fn mark(svg: &mut Svg, (model, models): (usize, usize), (x, y): (f64, f64), label: &str) {
    if models > SHAPES {
        let (letters, y) = (letters(model), y + 4.5);
        svg.put(format_args!(
            "<text class=\"letter mid\" x=\"{x:.1}\" y=\"{y:.1}\"><title>{}</title>{letters}</text>",
            escaped(if label.is_empty() { &letters } else { label })
        ));
        return;
    }
    let path = match model {
        0 => "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
        1 => "m-4.6-4.6h9.2v9.2h-9.2z",
        2 => "m0-6l5.6 9.8h-11.2z",
        3 => "m0-6.4l6.4 6.4l-6.4 6.4l-6.4-6.4z",
        4 => "m0 6l5.6-9.8h-11.2z",
        _ => "m-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
    };
    svg.put(format_args!("<path class=\"pt\" d=\"M{x:.1} {y:.1}{path}\">"));
    if !label.is_empty() {
        svg.put(format_args!("<title>{}</title>", escaped(label)));
    }
    svg.put(format_args!("</path>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_letters_of_its_own() {
        assert_eq!([0, 25, 26, 27, 51, 52].map(letters), ["A", "Z", "AA", "AB", "AZ", "BA"]);
    }

    #[test]
    fn more_models_than_shapes_are_told_apart_by_letters() {
        let names = |n: usize| (0..n).map(|model| format!("m{model}")).collect::<Vec<_>>();
        let points: Vec<Point> = (0..=SHAPES)
            .map(|model| Point { at: [model as f64, 0.0], group: 0, model, label: format!("by m{model}") })
            .collect();
        let few = scatter("map", "t", &points[..SHAPES], &names(SHAPES));
        assert_eq!(few.matches("class=\"pt\"").count(), 2 * SHAPES, "points and legend");
        let many = scatter("map", "t", &points, &names(SHAPES + 1));
        assert!(!many.contains("class=\"pt\""), "{many}");
        assert!(many.contains("<title>by m6</title>G</text>"), "{many}");
    }
}
