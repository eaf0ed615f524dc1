//! Simulated drafts with a known truth: what several models write about one record.
//!
//! K true personas on a sphere share a topic direction; some are near-duplicates of another. Every
//! session reports each with some probability, in an order of its own and with noise of its own, and
//! adds hallucinated personas. Same construction as the Python reference of the project.

use consona::embed::FeatureMatrix;
use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_xoshiro::Xoshiro256Plus;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Sessions, one per model.
    pub(crate) sessions: usize,
    /// True personas.
    pub(crate) personas: usize,
    /// Length of the noise of a draft; ±30 % by session.
    pub(crate) noise: f64,
    /// Share of personas that are near-duplicates of another one, and the cosine of such a pair.
    pub(crate) near: (f64, f64),
    /// Probability that a session reports a persona.
    pub(crate) reported: f64,
    /// Mean number of hallucinated personas of a session.
    pub(crate) hallucinated: f64,
    /// Probability that a session says a reported persona twice, in nearly the same words.
    pub(crate) twice: f64,
    /// Whether the first session splits its first persona in two different halves.
    pub(crate) split: bool,
}

pub(crate) const BASE: Scenario = Scenario {
    name: "base 5x8",
    sessions: 5,
    personas: 8,
    noise: 0.75,
    near: (0.2, 0.8),
    reported: 0.8,
    hallucinated: 1.0,
    twice: 0.0,
    split: false,
};
pub(crate) const NEAR: Scenario = Scenario { name: "near 5x8", near: (0.5, 0.85), ..BASE };
pub(crate) const NOISY: Scenario = Scenario { name: "noisy 5x8", noise: 1.1, ..BASE };
pub(crate) const NOISY_NEAR: Scenario =
    Scenario { name: "noisy near 5x8", noise: 0.95, near: (0.4, 0.8), ..BASE };
pub(crate) const NOISY_WIDE: Scenario =
    Scenario { name: "noisy 10x20", sessions: 10, personas: 20, noise: 1.1, ..BASE };
pub(crate) const SPARSE: Scenario =
    Scenario { name: "sparse 3x6", sessions: 3, personas: 6, reported: 0.6, hallucinated: 2.0, ..BASE };
pub(crate) const WIDE: Scenario = Scenario { name: "wide 10x20", sessions: 10, personas: 20, ..BASE };
pub(crate) const TWICE: Scenario = Scenario { name: "twice 5x8", twice: 0.15, ..BASE };
pub(crate) const SPLIT: Scenario = Scenario { name: "split 5x8", split: true, ..BASE };
pub(crate) const TEXTBOOK: Scenario = Scenario {
    name: "textbook 3x3",
    sessions: 3,
    personas: 3,
    near: (0.0, 0.8),
    reported: 1.0,
    hallucinated: 0.3,
    ..BASE
};

/// Components of every draft.
pub(crate) const DIMENSION: usize = 256;

/// One record's drafts.
#[derive(Clone, Debug)]
pub(crate) struct Simulated {
    pub(crate) rows: FeatureMatrix,
    pub(crate) sessions: Vec<usize>,
    /// The persona behind each draft; every hallucination is one of its own.
    pub(crate) truth: Vec<usize>,
}

/// A standard normal vector over √d, so that its length is about 1 (Box and Muller 1958).
fn direction(random: &mut Xoshiro256Plus) -> Array1<f64> {
    let scale = 1.0 / (DIMENSION as f64).sqrt();
    Array1::from_shape_simple_fn(DIMENSION, || {
        let radius = (-2.0 * (1.0 - random.r#gen::<f64>()).ln()).sqrt();
        scale * radius * (std::f64::consts::TAU * random.r#gen::<f64>()).cos()
    })
}

fn unit(vector: Array1<f64>) -> Array1<f64> {
    let length = vector.dot(&vector).sqrt();
    vector / length
}

/// Knuth's method, fine for small means.
fn poisson(random: &mut Xoshiro256Plus, mean: f64) -> usize {
    let (least, mut product, mut count) = ((-mean).exp(), random.r#gen::<f64>(), 0);
    while product > least {
        product *= random.r#gen::<f64>();
        count += 1;
    }
    count
}

/// How strongly all personas of a record share its topic.
const TOPIC: f64 = 0.8;

impl Scenario {
    fn personas(&self, topic: &Array1<f64>, random: &mut Xoshiro256Plus) -> Vec<Array1<f64>> {
        let mut personas: Vec<Array1<f64>> = Vec::new();
        for index in 0..self.personas {
            let fresh = unit(unit(direction(random)) + TOPIC * topic);
            personas.push(if index > 0 && random.r#gen::<f64>() < self.near.0 {
                let other = &personas[random.gen_range(0..index)];
                let away = unit(direction(random));
                let away = unit(&away - &(away.dot(other) * other));
                self.near.1 * other + (1.0 - self.near.1 * self.near.1).sqrt() * away
            } else {
                fresh
            });
        }
        personas
    }

    /// One record. The same seed gives the same record.
    pub(crate) fn record(&self, seed: u64) -> Simulated {
        let random = &mut Xoshiro256Plus::seed_from_u64(seed);
        let topic = unit(direction(random));
        let personas = self.personas(&topic, random);
        let (mut drafts, mut sessions, mut truth) = (Vec::new(), Vec::new(), Vec::new());
        let mut unheard = self.personas;
        for session in 0..self.sessions {
            let noise = self.noise * random.gen_range(0.7..1.3);
            let mut order: Vec<usize> = (0..self.personas).collect();
            order.shuffle(random);
            let mut split = self.split && session == 0;
            for persona in order {
                if random.r#gen::<f64>() >= self.reported {
                    continue;
                }
                let draft = unit(&personas[persona] + &(noise * direction(random)));
                if random.r#gen::<f64>() < self.twice {
                    drafts.push(unit(&draft + &(0.15 * direction(random))));
                    truth.push(persona);
                } else if split {
                    drafts.push(unit(&personas[persona] + &(noise * direction(random))));
                    truth.push(persona);
                    split = false;
                }
                drafts.push(draft);
                truth.push(persona);
            }
            for _ in 0..poisson(random, self.hallucinated) {
                drafts.push(unit(unit(direction(random)) + TOPIC * &topic));
                truth.push(unheard);
                unheard += 1;
            }
            sessions.resize(drafts.len(), session);
        }
        if drafts.is_empty() {
            drafts.push(topic);
            truth.push(0);
            sessions.push(0);
        }
        #[expect(clippy::cast_possible_truncation, reason = "embeddings are f32")]
        let rows =
            Array2::from_shape_fn((drafts.len(), DIMENSION), |(row, column)| drafts[row][column] as f32);
        Simulated { rows: FeatureMatrix::normalise(rows).expect("drafts have a direction"), sessions, truth }
    }

    /// `n` records.
    pub(crate) fn records(&self, n: u64) -> Vec<Simulated> {
        (0..n).map(|seed| self.record(1000 + seed)).collect()
    }
}
