//! Queries of the console and the tables it saves: each runs beside everything else, several at a time.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::message::{Problem, RequestId, Table, Update};
use super::super::table::{FileFormat, save};
use super::super::transport::blocking;
use super::super::{query as course, tail};
use super::Task;
use super::work::{Done, not_connected};
use crate::model::QueryProgress;
use crate::wire::queries::Query;

/// How long the task stays for its queries to be cancelled once it was told to end.
const FAREWELL: Duration = Duration::from_millis(300);

impl Task {
    /// Starts a query; its progress goes straight to the console, its end by way of the outbox.
    pub(super) fn start_query(&mut self, request: RequestId, query: Query<PathBuf>) {
        let cancel = CancellationToken::new();
        self.queries.insert(request, cancel.clone());
        let known = self.api.clone().zip(self.deployment.clone());
        let updates = self.updates.clone();
        self.work.spawn(async move {
            let begun = Instant::now();
            let answer = match known {
                Some((api, deployment)) => {
                    let tell = |progress| tell(&updates, request, progress);
                    course::run(&api, deployment.own_api.as_deref(), &query, &cancel, &tell).await
                }
                None => Err(not_connected()),
            };
            let answer = answer.map_err(Problem::from);
            Done::Reply(Some(Box::new(Update::QueryDone { request, answer, took: begun.elapsed() })))
        });
    }

    /// Asks a query to stop. One that has ended already is not known any more.
    pub(super) fn cancel_query(&self, request: RequestId) {
        if let Some(cancel) = self.queries.get(&request) {
            cancel.cancel();
        }
    }

    /// Writes a table into a file.
    pub(super) fn save_table(&mut self, request: RequestId, table: Table, path: PathBuf, replace: bool) {
        self.work.spawn(async move {
            let answer = write(table, path, replace).await;
            Done::Reply(Some(Box::new(Update::TableSaved { request, answer })))
        });
    }

    /// Cancels every query and stays a moment, so that the deployment hears of it.
    pub(super) async fn part(&mut self) {
        self.queries.values().for_each(CancellationToken::cancel);
        let heard = async {
            while !self.queries.is_empty() {
                match self.work.join_next().await {
                    Some(Ok(Done::Reply(Some(update)))) => {
                        if let Update::QueryDone { request, .. } = *update {
                            self.queries.remove(&request);
                        }
                    }
                    Some(_) => {}
                    None => return,
                }
            }
        };
        // What has not been heard by then is dropped by the deployment after a minute without questions.
        let _ = tokio::time::timeout(FAREWELL, heard).await;
    }
}

/// Progress is told while there is room for it; a console that is slow misses some.
fn tell(updates: &mpsc::Sender<Update>, request: RequestId, progress: QueryProgress) {
    if updates.capacity() > tail::RESERVE {
        let _ = updates.try_send(Update::QueryProgress { request, progress });
    }
}

async fn write(Table(table): Table, path: PathBuf, replace: bool) -> Result<(PathBuf, u64), Problem> {
    let format = FileFormat::of(&path)?;
    let target = path.clone();
    let saved = blocking(move || save(&table, &target, format, replace)).await;
    let bytes = saved.map_err(Problem::from)??;
    Ok((path, bytes))
}
