//! What an embedder's cosines mean: between which of them lie "unrelated" and "the same in other
//! words".
//!
//! Every embedder has its own scale: unrelated phrases have a cosine near 0.1 in one and near 0.5 in
//! another. A ruler of phrase pairs (`data/ruler.json`, written for this project) is embedded once;
//! the middle cosine of its unrelated pairs becomes 0 and that of its rewordings becomes 1.

use std::sync::LazyLock;

use crate::embed::{EmbedError, Embedder};

/// Where rewordings stand between unrelated (0) and equal (1). Chosen on SynthPAI (dev, traits only):
/// ARI .63, .64, .61, .60 at .6, .75, .9 and 1.
const REWORDED: f32 = 0.75;

/// Pairs of phrases that mean the same; phrases of different pairs do not.
static PAIRS: LazyLock<Vec<(String, String)>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../data/ruler.json")).unwrap_or_default());

/// The scale of an embedder's cosines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ruler {
    floor: f32,
    ceiling: f32,
}

impl Ruler {
    /// The phrases that [`Self::measure`] embeds.
    pub(super) fn texts() -> impl Iterator<Item = &'static str> {
        PAIRS.iter().flat_map(|(one, other)| [one.as_str(), other.as_str()])
    }

    /// Embeds the phrases and takes the medians.
    pub(crate) fn measure(embedder: &dyn Embedder) -> Result<Self, EmbedError> {
        let texts: Vec<&str> = Self::texts().collect();
        let similarities = embedder.embed(&texts)?.similarities();
        let (mut same, mut different) = (Vec::new(), Vec::new());
        for one in 0..texts.len() {
            for other in 0..one {
                let cosine = similarities.get(one, other);
                if one / 2 == other / 2 { same.push(cosine) } else { different.push(cosine) }
            }
        }
        // Where nearly everything is alike, what is left of the scale is still wide enough to read.
        let floor = median(&mut different).min(0.9);
        // An embedder that cannot tell rewordings from the rest still orders phrases somehow.
        let ceiling = median(&mut same).clamp(floor + 0.05, 0.99);
        Ok(Self { floor, ceiling })
    }

    /// A cosine on the scale from unrelated (0) to reworded (1), clamped.
    pub(super) fn read(self, cosine: f32) -> f32 {
        ((cosine - self.floor) / (self.ceiling - self.floor)).clamp(0.0, 1.0)
    }

    /// The same, but telling reworded (¾) from equal (1): linear between them.
    pub(crate) fn grade(self, cosine: f32) -> f32 {
        if cosine < self.ceiling {
            return REWORDED * self.read(cosine);
        }
        (REWORDED + (1.0 - REWORDED) * (cosine - self.ceiling) / (1.0 - self.ceiling)).min(1.0)
    }
}

fn median(values: &mut [f32]) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{HashingEmbedder, StaticEmbedder};

    #[derive(Debug)]
    struct Flat;

    impl Embedder for Flat {
        fn name(&self) -> &'static str {
            "flat"
        }

        fn dimension(&self) -> usize {
            1
        }

        fn embed(&self, texts: &[&str]) -> Result<crate::embed::FeatureMatrix, EmbedError> {
            Ok(crate::embed::FeatureMatrix::finished(vec![1.0; texts.len()], 1))
        }
    }

    #[test]
    fn an_embedder_to_which_all_is_alike_has_a_scale_too() {
        let ruler = Ruler::measure(&Flat).expect("embeds");
        assert!(ruler.floor < ruler.ceiling && ruler.ceiling < 1.0, "{ruler:?}");
        assert!((ruler.grade(1.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_shipped_ruler_tells_rewordings_from_the_rest() {
        assert!(PAIRS.len() >= 24);
        let ruler = Ruler::measure(&StaticEmbedder::embedded().expect("shipped")).expect("embeds");
        assert!(ruler.ceiling - ruler.floor > 0.3, "{ruler:?}");
        assert!((ruler.read(ruler.floor)).abs() < 1e-6 && (ruler.read(1.0) - 1.0).abs() < 1e-6);
        // Spelling alone sees less of it.
        let spelling = Ruler::measure(&HashingEmbedder::default()).expect("embeds");
        assert!(spelling.ceiling - spelling.floor < ruler.ceiling - ruler.floor, "{spelling:?}");
    }
}
