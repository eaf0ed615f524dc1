//! Figures as SVG, one kind per file: no style attributes, colours by class, every figure with a title
//! and a description for those who do not see it.

mod bars;
mod forest;
mod heat;
mod latency;
mod reliability;
mod scatter;
mod svg;

pub(super) use bars::{confidence_bar, histogram, stacked};
pub(super) use forest::forest;
pub(super) use heat::heat;
pub(super) use latency::{Box as LatencyBox, duration, latencies};
pub(super) use reliability::reliability;
pub(super) use scatter::{COLOURS, NUMBERED, Point, SHAPES, scatter};
pub(super) use svg::shortened;
