//! A program as a stage: JSON in on standard input, JSON out on standard output.
//!
//! It is told what it is (`stage`, `round`), where the run is (`run_folder`), and is given what the stage requires
//! (`artefacts`, by name). It answers one JSON object: of a stage that makes one thing, the thing; of one that
//! makes several, an object with each of them. No shell is involved, and its environment has no keys: of ours
//! it gets `PATH`, `HOME`, `LANG` and `TMPDIR`.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// What a program may write at most, in bytes.
const MOST: u64 = 64 * 1024 * 1024;

/// How much of what it complains about is shown, in characters.
const SHOWN: usize = 400;

/// The variables that it gets of ours.
const KEPT: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// A program that did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// It cannot be started or spoken to.
    #[error("`{program}` cannot be run; is it on PATH of the run, or a path relative to the study's folder?")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It took too long.
    #[error("`{program}` did not end within {seconds} s and was stopped; raise the stage's `timeout`")]
    Timeout {
        /// The program.
        program: String,
        /// The limit.
        seconds: f64,
    },
    /// It failed.
    #[error("`{program}` ended with {status}: {said}")]
    Failed {
        /// The program.
        program: String,
        /// How.
        status: String,
        /// The end of its complaints.
        said: String,
    },
    /// It did not answer JSON, or more of it than is taken.
    #[error("`{program}` answered no JSON value of at most 64 MB: {reason}")]
    Answer {
        /// The program.
        program: String,
        /// What is wrong.
        reason: String,
    },
}

/// Runs a program with `input` and answers what it says.
///
/// # Errors
/// [`CommandError`].
pub async fn run(
    command: &[String],
    folder: &std::path::Path,
    seconds: f64,
    input: &Value,
) -> Result<Value, CommandError> {
    let program = command.first().cloned().unwrap_or_default();
    let failed = |source| CommandError::Start { program: program.clone(), source };
    let mut child = Command::new(&program)
        .args(&command[1..])
        .current_dir(folder)
        .env_clear()
        .envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let limit = Duration::from_secs_f64(seconds);
    let (status, out, complaints) = tokio::time::timeout(limit, talk(&mut child, &input.to_string()))
        .await
        .map_err(|_| CommandError::Timeout { program: program.clone(), seconds })?
        .map_err(failed)?;
    if !status.success() {
        return Err(CommandError::Failed { program, status: status.to_string(), said: end_of(&complaints) });
    }
    let wrong = |reason: String| CommandError::Answer { program: program.clone(), reason };
    if out.len() as u64 > MOST {
        return Err(wrong("there is more".to_owned()));
    }
    serde_json::from_slice(&out).map_err(|error| wrong(error.to_string()))
}

/// Everything that a program reads and says, until it ends: its status, its answer, its complaints.
async fn talk(child: &mut Child, text: &str) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut out, mut complaints) = (Vec::new(), Vec::new());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input may still answer.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
    };
    let read = async {
        match stdout {
            Some(stdout) => stdout.take(MOST + 1).read_to_end(&mut out).await.map(drop),
            None => Ok(()),
        }
    };
    let complain = async {
        match stderr {
            Some(stderr) => stderr.take(MOST).read_to_end(&mut complaints).await.map(drop),
            None => Ok(()),
        }
    };
    let ((), read, complained) = tokio::join!(write, read, complain);
    read.and(complained)?;
    Ok((child.wait().await?, out, complaints))
}

fn end_of(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    let skip = text.chars().count().saturating_sub(SHOWN);
    text.chars().skip(skip).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    async fn shell(script: &str, seconds: f64) -> Result<Value, CommandError> {
        let command = ["sh".to_owned(), "-c".to_owned(), script.to_owned()];
        run(&command, Path::new("."), seconds, &json!({"artefacts": {"x": 1}})).await
    }

    #[tokio::test]
    async fn json_goes_in_and_comes_out() {
        assert_eq!(shell("cat", 20.0).await.unwrap(), json!({"artefacts": {"x": 1}}));
        assert_eq!(shell("echo 7", 20.0).await.unwrap(), json!(7));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said() {
        let failed = shell("echo bad >&2; exit 3", 20.0).await.unwrap_err().to_string();
        assert!(failed.contains("exit status: 3") && failed.contains("bad"), "{failed}");
        let prose = shell("echo hello", 20.0).await.unwrap_err().to_string();
        assert!(prose.contains("answered no JSON"), "{prose}");
        let slow = shell("sleep 60", 0.05).await.unwrap_err().to_string();
        assert!(slow.contains("did not end within 0.05 s"), "{slow}");
        let nobody = run(&["no-such-program".to_owned()], Path::new("."), 1.0, &json!(1)).await;
        assert!(nobody.unwrap_err().to_string().contains("`no-such-program` cannot be run"));
    }

    #[tokio::test]
    async fn a_program_gets_no_keys_of_ours() {
        let seen = shell("env | cut -d= -f1 | grep -c CARGO | sed 's/.*/&/'", 20.0).await.unwrap();
        assert_eq!(seen, json!(0), "cargo's variables are set in every test");
    }
}
