//! What the ends of reads mean: for what they read, and for the connection.
//!
//! The connection stands or falls with the probe. Another read that fails is that read's own trouble, told as such, and
//! makes the probe due unless something else was answered meanwhile; until the probe is back its failure is not told,
//! so that one trouble is not told twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::api::{Api, Deployment, Listing, Table};
use super::super::clock;
use super::super::error::{Error, Kind};
use super::super::message::{Connection, Failing, Part, Problem, Update};
use super::Task;
use super::link::{self, Link};
use super::poll::Poll;
use super::work::{Answer, Early};
use crate::model::FeatureView;

/// How many times as long as a read took the next one is put off at least, so that large answers do not fill the link.
const REST: u32 = 5;

impl Task {
    /// The deployment said something.
    fn alive(&mut self) {
        if self.link.is_down() {
            // Back again: everything is asked for anew.
            self.polls.hurry(&Poll::ALL);
            self.link = Link::Live;
        }
        self.heard = Some(Instant::now());
        if !self.look_whether_slow() {
            self.link = Link::Live;
            self.outbox.push(Update::Connection(Connection::Live));
        }
    }

    /// Notices an overdue request; true while there is one. The probe is asked for then, so that a deployment that is
    /// away is known as such before long.
    pub(super) fn look_whether_slow(&mut self) -> bool {
        let overdue = self.polls.oldest().filter(|since| *since + self.pace.slow <= Instant::now());
        let (Some(since), false) = (overdue, self.link.is_down()) else { return false };
        if self.link != Link::Slow {
            self.link = Link::Slow;
            self.outbox.push(Update::Connection(Connection::Slow { since: clock::when(since) }));
            self.polls.want(Poll::Deployment);
        }
        true
    }

    pub(super) fn answered(&mut self, poll: Poll, answer: Answer, sent: Instant) {
        self.alive();
        let wait = self.interval(poll).map(|interval| interval.max(sent.elapsed() * REST));
        self.polls.schedule(poll, wait);
        if let Some(part) = poll.part() {
            self.well(part);
        }
        match answer {
            Answer::Deployment(deployment) => self.learn(deployment),
            Answer::Workspaces(workspaces) => {
                self.workspaces.clone_from(&workspaces);
                self.outbox.push_changed(Update::Workspaces(workspaces));
            }
            Answer::Views { workspace, views } => self.show_views(workspace, views),
            Answer::Jobs(listing) => self.show_jobs(listing),
            Answer::OfView(fact) => {
                if let Some(view) = &self.view {
                    self.outbox.push_changed(fact.update(view.generation));
                }
            }
        }
    }

    /// Shows the jobs where they are others now, and tells whether what the status table says of them is missing. A
    /// table that fails is left alone for a while; the list is not.
    fn show_jobs(&mut self, listing: Listing) {
        match listing.table {
            Table::Resting => {}
            Table::Read => {
                self.table_rests = None;
                self.well(Part::Reasons);
            }
            Table::Failed(error) if self.is_lacking(Part::Reasons, &error) => {
                self.table_rests = Some(Instant::now() + self.pace.forbidden);
                self.over(Part::Reasons);
            }
            Table::Failed(error) => {
                let failures = self.troubles.failed(Part::Reasons);
                let wait = self.rest(&error, self.pace.jobs, failures);
                self.table_rests = Some(Instant::now() + wait);
                self.tell_failing(Part::Reasons, error.problem, wait);
            }
        }
        let (Some(view), Some((jobs, mark))) = (&self.view, listing.news) else { return };
        self.listed = Some(mark);
        self.outbox.push_changed(Update::Jobs { generation: view.generation, jobs: Arc::new(jobs) });
    }

    /// Shows the first jobs of a list that is still to come.
    pub(super) fn show_early(&mut self, Early { stamp, jobs, total }: Early) {
        let (Some(view), None, true) = (&self.view, self.listed, self.polls.is_running(Poll::Jobs, stamp)) else {
            return;
        };
        self.outbox.push(Update::JobsAhead { generation: view.generation, jobs: Arc::new(jobs), total });
    }

    fn learn(&mut self, deployment: Deployment) {
        self.deployment = Some(deployment);
        self.tell_deployment();
        self.open_tail();
        // The deployment is there: what failed is the trouble of those reads alone.
        for (poll, error) in self.polls.doubts() {
            self.fails(poll, error);
        }
    }

    /// Tells what the deployment is and serves, where that is new.
    pub(super) fn tell_deployment(&mut self) {
        let (Some(api), Some(deployment)) = (&self.api, &self.deployment) else { return };
        let url = api.endpoint().url.to_string();
        let (notices, serves) = (deployment.notices.clone(), api.serves());
        self.outbox.push_changed(Update::Deployment { url, notices, serves });
    }

    fn show_views(&mut self, workspace: String, views: Vec<FeatureView>) {
        for view in &views {
            let place = (workspace.clone(), view.name.clone());
            if view.is_stream {
                self.streams.insert(place.clone());
            } else {
                self.streams.remove(&place);
            }
            self.ids.insert(place, view.id);
        }
        if let Some((generation, _)) = self.wanted {
            self.outbox.push_changed(Update::FeatureViews { generation, workspace, views: Arc::new(views) });
        }
    }

    pub(super) fn failed(&mut self, poll: Poll, error: Error, sent: Instant) {
        if poll == Poll::Deployment {
            self.go_down(error);
            return;
        }
        let lacking = poll.part().filter(|part| self.is_lacking(*part, &error));
        match error.kind {
            Kind::Unreachable | Kind::Refused | Kind::Foreign if self.heard.is_none_or(|heard| heard <= sent) => {
                self.polls.doubt(poll, error);
                self.polls.want(Poll::Deployment);
            }
            Kind::Unreachable | Kind::Refused | Kind::Foreign => self.fails(poll, error),
            _ => {
                self.alive();
                match lacking {
                    // What was wrong with it before is so no more: what the deployment serves tells instead.
                    Some(part) => {
                        self.polls.schedule(poll, Some(self.pace.forbidden));
                        self.over(part);
                    }
                    None => self.fails(poll, error),
                }
            }
        }
    }

    /// Whether a part is not to be had and never was since it is looked at: then there is nothing on the screen that
    /// gets old, and what the deployment serves says the rest. Another call on the way to it may be what the deployment
    /// lacks.
    fn is_lacking(&self, part: Part, error: &Error) -> bool {
        match error.kind {
            Kind::Unimplemented => self.api.as_ref().map(Api::serves).is_some_and(|serves| serves.lacks(part)),
            Kind::Forbidden => !self.troubles.has_worked(part),
            _ => false,
        }
    }

    /// How long a read that failed so many times in a row is left alone.
    fn rest(&self, error: &Error, interval: Duration, failures: u32) -> Duration {
        match error.kind {
            // A right does not come back in a moment.
            Kind::Forbidden => self.pace.forbidden,
            _ => link::grown((interval, self.pace.failing.max(interval)), failures).max(error.granted_wait()),
        }
    }

    /// The read alone is in trouble: it is tried again, less and less often.
    fn fails(&mut self, poll: Poll, error: Error) {
        let (Some(part), Some(interval)) = (poll.part(), self.interval(poll)) else { return };
        let failures = self.troubles.failed(part);
        let wait = self.rest(&error, interval, failures);
        self.polls.schedule(poll, Some(wait));
        self.tell_failing(part, error.problem, wait);
    }

    /// It went well.
    fn well(&mut self, part: Part) {
        if self.troubles.worked(part) {
            self.tell_reading(part, None);
        }
    }

    /// There is nothing to it, so that it does not fail either.
    fn over(&mut self, part: Part) {
        if self.troubles.over(part) {
            self.tell_reading(part, None);
        }
    }

    fn tell_failing(&mut self, part: Part, problem: Problem, wait: Duration) {
        let failing = self.troubles.failing(part, problem, clock::after(wait));
        self.tell_reading(part, failing);
    }

    fn tell_reading(&mut self, part: Part, failing: Option<Failing>) {
        let generation = match part {
            Part::Workspaces | Part::Views => self.wanted.as_ref().map(|(generation, _)| *generation),
            _ => self.view.as_ref().map(|view| view.generation),
        };
        if let Some(generation) = generation {
            self.outbox.push(Update::Reading { generation, part, failing });
        }
    }

    fn go_down(&mut self, error: Error) {
        self.polls.cancel(&Poll::ALL);
        let connection = self.link.go_down(&self.pace, error);
        self.outbox.push(Update::Connection(connection));
    }

    fn interval(&self, poll: Poll) -> Option<Duration> {
        let interval = match poll {
            // Asked once a connection, and when another read fails.
            Poll::Deployment => return None,
            Poll::Workspaces => self.pace.workspaces,
            Poll::Views => self.pace.views,
            Poll::Jobs | Poll::Stream => self.pace.jobs,
            Poll::Freshness | Poll::Summary => self.pace.details,
        };
        let interval = if self.focused { interval } else { interval * 4 };
        Some(interval.mul_f64(1.0 + 0.1 * link::jitter()))
    }
}
