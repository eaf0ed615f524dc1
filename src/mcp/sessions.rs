//! Sessions over HTTP: so many at once, and none that nobody uses.

use std::time::Duration;

use futures::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError,
};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};

/// Sessions at once at most.
const MOST: usize = 256;

/// How long a session is kept in which nothing happens. A call that works and tells nothing is nothing, too: a slow model may
/// think for minutes, and what it answers is paid for.
const IDLE: Duration = Duration::from_secs(3600);

/// How long a session waits for its first message.
const FIRST: Duration = Duration::from_secs(10);

/// The sessions of rmcp, of which there are only so many.
#[derive(Debug)]
pub(super) struct Sessions {
    all: LocalSessionManager,
    most: usize,
}

/// Why a session has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionsError {
    /// There are too many.
    #[error("there are {0} sessions, which is the most; end one, or try again later")]
    Full(usize),
    /// As rmcp says.
    #[error(transparent)]
    Local(#[from] LocalSessionManagerError),
}

impl Sessions {
    pub(super) fn new() -> Self {
        let mut all = LocalSessionManager::default();
        all.session_config.keep_alive = Some(IDLE);
        all.session_config.init_timeout = Some(FIRST);
        Self { all, most: MOST }
    }
}

impl SessionManager for Sessions {
    type Error = SessionsError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        if self.all.sessions.read().await.len() >= self.most {
            return Err(SessionsError::Full(self.most));
        }
        Ok(self.all.create_session().await?)
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        Ok(self.all.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        Ok(self.all.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        Ok(self.all.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        Ok(self.all.create_stream(id, message).await?)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        Ok(self.all.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        Ok(self.all.create_standalone_stream(id).await?)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        Ok(self.all.resume(id, last_event_id).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn c10_there_are_only_so_many_sessions_and_an_ended_one_makes_room() {
        let sessions = Sessions { most: 2, ..Sessions::new() };
        let (first, _kept) = sessions.create_session().await.unwrap();
        let _second = sessions.create_session().await.unwrap();
        assert!(matches!(sessions.create_session().await, Err(SessionsError::Full(2))));
        sessions.close_session(&first).await.unwrap();
        assert!(sessions.create_session().await.is_ok());
    }
}
