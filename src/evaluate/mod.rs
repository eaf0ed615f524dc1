//! Results against gold: every figure that the README prints.

mod calibration;
mod compare;
mod consensus;
mod divergence;
mod embedding;
mod flagged;
mod gold;
mod labels;
mod lines;
mod matching;
pub mod metrics;

pub use calibration::{CalibrateError, CalibrationPlan, LEAST_LABELLED_VALUES, calibrate};
pub use compare::{
    Change, Comparison, Difference, Figures, Matched, RunResult, TraitChange, Unmatched, compare_runs,
};
pub(crate) use consensus::wording;
pub use consensus::{Committees, ConsensusReport, ConsensusTrial, Members, Reliability, Scores, SetScores};
pub use divergence::{
    DivergenceReport, PlantedAnswer, PlantedCell, PlantedError, evaluate_divergence, read_planted,
};
pub use embedding::{
    EmbeddingEvaluationError, EmbeddingReport, SentencePair, evaluate_embedding, read_sentence_pairs,
};
pub use flagged::FlagScores;
pub use gold::{GoldCell, GoldError, read_gold};
pub use labels::{
    LabelFile, LabelFileError, LabelKind, LabelReport, LabelledTask, MethodScores, evaluate_labels,
    read_label_file,
};
pub use matching::{
    MatchingError, MatchingReport, PersonaDocument, RewordedLine, RewordedPersona, RewordingReport,
    evaluate_matching, evaluate_rewordings, read_documents, read_rewordings,
};
