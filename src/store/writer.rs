//! One thread writes; what waits while it commits goes into the next commit together.

use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::StoreError;
use super::writing::{Write, apply};

/// At most this many changes share one commit, so that nobody waits long for a large group.
const LARGEST_GROUP: usize = 256;

struct Job {
    write: Write,
    done: oneshot::Sender<Result<i64, StoreError>>,
}

/// The way to the thread that writes. Dropping it waits for the last commit.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    /// The error after which nothing more is accepted.
    failure: Arc<OnceLock<StoreError>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Gives a connection to a thread of its own.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let failure = Arc::new(OnceLock::new());
        let failed = Arc::clone(&failure);
        let thread = std::thread::Builder::new()
            .name("consona-store".to_owned())
            .spawn(move || serve(connection, &queue, &failed))?;
        Ok(Self { jobs: Some(jobs), failure, thread: Some(thread) })
    }

    /// Hands over a change and waits until it is committed.
    ///
    /// The change is committed even when the caller stops waiting.
    pub(super) async fn write(&self, write: Write) -> Result<i64, StoreError> {
        let (done, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(StoreError::Stopped)?;
        jobs.send(Job { write, done }).map_err(|_| self.stopped())?;
        answer.await.map_err(|_| self.stopped())?
    }

    /// Why nothing is written any more: the first error, which says what to do.
    fn stopped(&self) -> StoreError {
        self.failure.get().cloned().unwrap_or(StoreError::Stopped)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has answered its waiters by dropping their channels.
            let _ = thread.join();
        }
    }
}

fn serve(mut connection: Connection, queue: &mpsc::Receiver<Job>, failure: &OnceLock<StoreError>) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        while group.len() < LARGEST_GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let result = commit(&mut connection, &group);
        let failed = result.is_err();
        match result {
            Ok(answers) => {
                for (job, answer) in group.into_iter().zip(answers) {
                    // A caller that no longer waits has its change all the same.
                    let _ = job.done.send(Ok(answer));
                }
            }
            Err(error) => {
                let _ = failure.set(error.clone());
                for job in group {
                    let _ = job.done.send(Err(error.clone()));
                }
            }
        }
        // After a failed write nothing more is accepted: a run must not go on paying for answers
        // that cannot be kept.
        if failed {
            return;
        }
    }
}

/// Makes a group of changes durable, all or none.
fn commit(connection: &mut Connection, group: &[Job]) -> Result<Vec<i64>, StoreError> {
    let doing = "committing";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::database(doing))?;
    let answers: Result<Vec<i64>, StoreError> =
        group.iter().map(|job| apply(&transaction, &job.write)).collect();
    let answers = answers?;
    transaction.commit().map_err(StoreError::database(doing))?;
    Ok(answers)
}
