//! `consona calibrate`: from labelled records to a calibration file.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use serde::Serialize;

use super::arguments::CalibrateOptions;
use super::console::Console;
use super::embedder::open;
use super::error::CliError;
use super::exit::Exit;
use super::labelled::Labelled;
use crate::consensus::{Calibration, CalibrationQuality, Calibrator, ConsensusParams, Interval};
use crate::evaluate::{CalibrationPlan, ConsensusTrial, calibrate as fit};
use crate::files::OutputFile;
use crate::report::safe;

/// The answer of `calibrate --json`.
#[derive(Serialize)]
struct Fitted<'a> {
    file: &'a Path,
    #[serde(flatten)]
    calibration: &'a Calibrator,
    /// Whether its calibration error is larger than that of the uncalibrated score, on records that it was not fitted to.
    worse_than_uncalibrated: bool,
}

/// Fits a calibration and writes it.
pub(super) fn calibrate(options: &CalibrateOptions, console: Console) -> Result<Exit, CliError> {
    let embedder = open(&options.settings.embedder, None)?;
    let seed = options.settings.seed;
    let settings = ConsensusParams::new().seed(seed).calibration(Calibration::None).check()?;
    let mut file = OutputFile::create_with_folder(&options.out)?;
    let labelled = Labelled::read(&options.drafts, &options.gold, &options.models, console)?;
    let trial = ConsensusTrial {
        schema: &labelled.schema,
        embedder: embedder.as_ref(),
        settings: &settings,
        records: &labelled.records,
        gold: &labelled.gold,
    };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let plan = CalibrationPlan {
        sizes: options.committee_size.iter().copied().map(NonZeroUsize::get).collect(),
        repeats: options.repeats.get(),
        seed,
        prior: (!options.from_scratch).then(Calibrator::shipped),
        data: name(&options.gold).unwrap_or_default(),
        note: options.note.clone(),
    };
    let calibration = fit(&trial, &labelled.panel, &plan)?;
    let text = serde_json::to_string_pretty(&calibration).map_err(CliError::Json)?;
    let written = writeln!(file, "{text}");
    written.map_err(|source| CliError::Write { path: options.out.clone(), source })?;
    file.commit()?;
    let worse_than_uncalibrated = worse(&calibration).is_some();
    let fitted = Fitted { file: &options.out, calibration: &calibration, worse_than_uncalibrated };
    console.answer(&fitted, || fitted_text(&fitted))?;
    Ok(Exit::Done)
}

fn fitted_text(fitted: &Fitted<'_>) -> String {
    let from = fitted.calibration.provenance();
    let mut text = format!("Fitted to {} labelled values of {} records.\n", from.values, from.records);
    if let Some(quality) = fitted.calibration.quality() {
        text.push_str(&quality_text(quality));
    }
    let path = safe::line(&fitted.file.display().to_string());
    match worse(fitted.calibration) {
        None => text.extend(["Use it: consona consensus … --calibration ", path.as_str(), "\n"]),
        Some([found, before]) => text.extend([
            "On your labels it is less honest than the score without it",
            &format!(" (ECE {found:.3} against {before:.3}): label more, or go on without it.\n"),
            &format!("It is written to {path} all the same.\n"),
        ]),
    }
    text
}

/// The calibration error, and that of the uncalibrated score, where the first is the larger.
fn worse(calibration: &Calibrator) -> Option<[f64; 2]> {
    let quality = calibration.quality()?;
    let (found, before) = (quality.ece.value?, quality.uncalibrated[0]?);
    (found > before).then_some([found, before])
}

fn quality_text(quality: &CalibrationQuality) -> String {
    let rows = [("ECE", quality.ece), ("Brier", quality.brier), ("AUROC", quality.auroc)];
    let rows = rows.into_iter().zip(quality.uncalibrated).map(|((name, found), before)| {
        let Interval { value, low, high } = found;
        let (value, low, high, before) = (figure(value), figure(low), figure(high), figure(before));
        format!("{name:<6} {value}  [{low}, {high}]   before {before}\n")
    });
    format!("On records that it was not fitted to ({}):\n\n{}\n", quality.method, rows.collect::<String>())
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibration_that_measured_worse_is_not_recommended() {
        let mut file = serde_json::to_value(Calibrator::shipped()).expect("JSON");
        let mut told = |ece: f64| {
            file["quality"]["ece"]["value"] = ece.into();
            file["quality"]["uncalibrated"] = serde_json::json!([0.128, 0.2, 0.7]);
            let calibration = serde_json::from_value(file.clone()).expect("a calibration");
            let fitted = Fitted {
                file: Path::new("mine.json"),
                worse_than_uncalibrated: worse(&calibration).is_some(),
                calibration: &calibration,
            };
            (fitted_text(&fitted), fitted.worse_than_uncalibrated)
        };
        let (text, worse) = told(0.194);
        assert!(worse && text.contains("(ECE 0.194 against 0.128)") && !text.contains("Use it:"), "{text}");
        let (text, worse) = told(0.05);
        assert!(!worse && text.ends_with("--calibration mine.json\n"), "{text}");
    }
}
