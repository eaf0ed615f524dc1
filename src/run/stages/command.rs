//! A program as a stage: JSON in on standard input, JSON out on standard output.
//!
//! It is told what it is (`stage`, `round`), where the run is (`run_folder`, absolute), and is given what the stage
//! requires (`artefacts`, by name). It answers one JSON value: of a stage that makes one thing, the thing; of one that
//! makes several, an object with each of them. No shell is involved, and its environment has no keys: of ours
//! it gets `PATH`, `HOME`, `LANG` and `TMPDIR`.
//!
//! On Unix it leads a process group: when it is stopped, whatever it has started is stopped with it. What it leaves
//! running behind an answer is stopped too where that still holds its output open; nobody waits for it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// What a program may write at most, in bytes.
const MOST: u64 = 64 * 1024 * 1024;

/// How much of what it complains about is shown, in characters.
const SHOWN: usize = 400;

/// How long the output of a program that has ended is read: what it said is there, and more is said by others.
const BRIEFLY: Duration = Duration::from_millis(200);

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
    let mut command_line = Command::new(&program);
    command_line
        .args(&command[1..])
        .current_dir(folder)
        .env_clear()
        .envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command_line.process_group(0);
    let mut child = command_line.spawn().map_err(failed)?;
    // Dropped before the child is: while that is not awaited, its number is nobody else's.
    let mut group = Group::of(&child);
    let limit = Duration::from_secs_f64(seconds);
    let said = tokio::time::timeout(limit, talk(&mut child, &input.to_string()))
        .await
        .map_err(|_| CommandError::Timeout { program: program.clone(), seconds })?
        .map_err(failed)?;
    if said.whole {
        group.let_go();
    }
    let wrong = |reason: String| CommandError::Answer { program: program.clone(), reason };
    // Before its status: a program whose answer is no longer read ends by that.
    if said.out.len() as u64 > MOST {
        return Err(wrong("there is more".to_owned()));
    }
    if !said.status.success() {
        let (status, said) = (said.status.to_string(), end_of(&said.complaints));
        return Err(CommandError::Failed { program, status, said });
    }
    serde_json::from_slice(&said.out).map_err(|error| wrong(error.to_string()))
}

/// A program and whatever it has started; stopped when dropped.
#[derive(Debug)]
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: number.and_then(rustix::process::Pid::from_raw) }
    }

    /// Elsewhere only the program itself is stopped, with its handle.
    #[cfg(not(unix))]
    fn of(_: &Child) -> Self {
        Self {}
    }

    /// Leaves it alone: it has ended, and nobody of it speaks any more.
    fn let_go(&mut self) {
        #[cfg(unix)]
        {
            self.leader = None;
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // A group that is gone already is what is wanted.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// What a program said.
struct Said {
    status: ExitStatus,
    out: Vec<u8>,
    complaints: Vec<u8>,
    /// Whether its output was read to the end; not where somebody that it left behind keeps it open.
    whole: bool,
}

/// Everything that a program reads and says, until it ends.
async fn talk(child: &mut Child, text: &str) -> std::io::Result<Said> {
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
    let (status, whole) = {
        let mut talking = std::pin::pin!(async {
            let ((), read, complained) = tokio::join!(write, read, complain);
            read.and(complained)
        });
        tokio::select! {
            said = &mut talking => {
                said?;
                (child.wait().await?, true)
            }
            status = child.wait() => {
                let status = status?;
                match tokio::time::timeout(BRIEFLY, talking).await {
                    Ok(said) => said.map(|()| (status, true))?,
                    Err(_) => (status, false),
                }
            }
        }
    };
    Ok(Said { status, out, complaints, whole })
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

    /// Whether a process is there and has not ended.
    #[cfg(target_os = "linux")]
    fn lives(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_a_stopped_program_has_started_is_stopped_with_it() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pid");
        let script = format!("sleep 777 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let command = ["sh".to_owned(), "-c".to_owned(), script];
        let input = json!({});
        {
            let mut running = std::pin::pin!(run(&command, Path::new("."), 600.0, &input));
            let began = async {
                while !file.exists() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                _ = &mut running => panic!("it ended by itself"),
                () = began => {}
            }
            assert!(lives(&std::fs::read_to_string(&file).unwrap()));
            // Dropped here, as by Ctrl-C, and as by its time limit.
        }
        let pid = std::fs::read_to_string(&file).unwrap();
        while lives(&pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_program_that_leaves_somebody_behind_has_answered_all_the_same() {
        assert_eq!(shell("sleep 777 & echo 7", 60.0).await.unwrap(), json!(7));
    }

    #[tokio::test]
    async fn a_program_that_never_stops_talking_is_told_how_much_is_taken() {
        let endless = shell("yes", 60.0).await.unwrap_err().to_string();
        assert!(endless.contains("no JSON value of at most 64 MB: there is more"), "{endless}");
    }

    #[tokio::test]
    async fn a_program_gets_no_keys_of_ours() {
        let seen = shell("env | cut -d= -f1 | grep -c CARGO | sed 's/.*/&/'", 20.0).await.unwrap();
        assert_eq!(seen, json!(0), "cargo's variables are set in every test");
    }
}
