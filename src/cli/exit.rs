//! What the exit code says.

use std::process::ExitCode;

/// Exit codes, as `--help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The work is done.
    Done,
    /// The machine failed: a full disk, a missing permission.
    Failed,
    /// The command was not understood.
    Usage,
    /// An input cannot be used.
    Input,
    /// Too few models answered.
    TooFewModels,
    /// A gate waits for an approval.
    WaitingForApproval,
    /// Work is left; the same command goes on with it.
    Outstanding,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::TooFewModels => 4,
            Self::WaitingForApproval => 5,
            Self::Outstanding => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table under `--help`.
pub(super) const TABLE: &str = "\
Exit codes:
  0  done
  1  the machine failed (disk full, no permission)
  2  the command was not understood
  3  an input cannot be used
  4  too few models answered
  5  waiting for an approval
  6  work is outstanding; the same command goes on with it";
