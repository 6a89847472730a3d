//! A deployment that is not ours: a real HTTP server on loopback that answers from a script and does any [`Fault`] on
//! demand.
//!
//! It is there for the tests of [`crate::faults`], and for people who want to see the console meet a fault: see
//! [`control`]. It shares no code with the platform.

pub(crate) mod control;
pub(crate) mod fault;
pub(crate) mod http;
pub(crate) mod script;
pub(crate) mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fvtop::client::endpoint::{ApiKey, Endpoint, parse_url};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use fault::Fault;
pub(crate) use script::Style;

use crate::support::KEY;
use http::ENDLESS;
use script::{Reply, Script};

/// Pause between two records of the stream.
const BEAT: Duration = Duration::from_millis(200);

/// A fault that is to be done.
struct Planned {
    fault: Fault,
    /// The call; without one, all calls.
    call: Option<String>,
    /// How often yet; without a number, until it is cleared.
    left: Option<u32>,
}

struct State {
    script: Script,
    planned: Vec<Planned>,
    /// Every call that came, and when.
    calls: Vec<(Instant, String)>,
}

impl State {
    /// Whether a fault waits for this call.
    fn fails(&self, call: &str) -> bool {
        let fits =
            |planned: &Planned| planned.left != Some(0) && planned.call.as_deref().is_none_or(|name| name == call);
        self.planned.iter().any(fits)
    }

    /// The fault for this call, newest first.
    fn fault(&mut self, call: &str) -> Option<Fault> {
        let fits = |planned: &&mut Planned| planned.call.as_deref().is_none_or(|name| name == call);
        let planned = self.planned.iter_mut().rev().filter(|planned| planned.left != Some(0)).find(fits)?;
        planned.left = planned.left.map(|left| left - 1);
        Some(planned.fault.clone())
    }
}

/// A scripted deployment; it ends when it is dropped.
pub(crate) struct Deployment {
    runtime: Option<Runtime>,
    state: Arc<Mutex<State>>,
    listening: Mutex<Option<AbortHandle>>,
    port: u16,
    /// The address to give to a console.
    pub url: String,
}

impl Deployment {
    /// Starts one on a free port.
    pub(crate) fn start(style: Style) -> Self {
        Self::start_at(style, 0)
    }

    /// Starts one on that port; 0 for a free one.
    pub(crate) fn start_at(style: Style, port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://localhost:{port}/api");
        let script = Script { style, world: world::World::new(), url: url.clone() };
        let state = Arc::new(Mutex::new(State { script, planned: Vec::new(), calls: Vec::new() }));
        let deployment = Self { runtime: Some(runtime), state, listening: Mutex::new(None), port, url };
        deployment.listen(listener);
        deployment
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, listener: TcpListener) {
        let task = self.runtime().spawn(accept(listener, Arc::clone(&self.state))).abort_handle();
        *self.listening.lock().unwrap() = Some(task);
    }

    /// Does that fault to every call from now on.
    pub(crate) fn fail(&self, fault: Fault) {
        self.plan(fault, None, None);
    }

    /// Does that fault to one call from now on, or so many times.
    pub(crate) fn fail_call(&self, call: &str, fault: Fault, times: Option<u32>) {
        self.plan(fault, Some(call.to_owned()), times);
    }

    /// Plans a fault; without a call, for all calls.
    pub(crate) fn plan(&self, fault: Fault, call: Option<String>, left: Option<u32>) {
        self.state().planned.push(Planned { fault, call, left });
    }

    /// Does no fault any more, and listens.
    pub(crate) fn heal(&self) {
        self.state().planned.clear();
        if self.listening.lock().unwrap().is_none() {
            let again = || self.runtime().block_on(TcpListener::bind(("127.0.0.1", self.port))).ok();
            self.listen(crate::support::wait_for("the port again", crate::support::GUARD, again));
        }
    }

    /// Listens no more, and breaks off every connection: nobody is at home.
    pub(crate) fn leave(&self) {
        if let Some(task) = self.listening.lock().unwrap().take() {
            task.abort();
        }
    }

    /// How often that call came.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.state().calls.iter().filter(|(_, name)| name == call).count()
    }

    /// When which call came, oldest first.
    pub(crate) fn calls(&self) -> Vec<(Instant, String)> {
        self.state().calls.clone()
    }

    /// Address and key for a client in this process.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(parse_url(&self.url).unwrap(), ApiKey::new(KEY).unwrap(), None)
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Takes connections; all of them end with it.
async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            connections.spawn(converse(BufReader::new(stream), Arc::clone(&state)));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of one connection.
async fn converse(mut stream: BufReader<TcpStream>, state: Arc<Mutex<State>>) {
    while let Some(request) = http::read(&mut stream).await {
        let name = script::name(&request);
        let (reply, fault) = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.calls.push((Instant::now(), name.clone()));
            let fault = state.fault(&name);
            (state.script.answer(&name, &request), fault)
        };
        let is_proxy = request.path.ends_with(fvtop::wire::proxy::PATH);
        let goes_on = match (reply, fault) {
            (Reply::Whole(good), Some(fault)) => fault::answer(&mut stream, fault, good, is_proxy).await,
            (Reply::Whole(good), None) => stream.get_mut().write_all(&good.bytes()).await.is_ok(),
            (Reply::Tail, Some(fault)) => {
                let good = http::Answer::new(200, "application/x-ndjson", format!("{}\n", world::record(0)));
                fault::answer(&mut stream, fault, good, false).await
            }
            (Reply::Tail, None) => tail(stream.get_mut(), &state).await,
        };
        if !goes_on {
            return;
        }
    }
}

/// Sends records until nobody listens, or until a fault waits for whoever opens the stream again.
async fn tail(stream: &mut TcpStream, state: &Mutex<State>) -> bool {
    let columns = "{\"@columns\":[\"card_id\",\"sum_amount\",\"count_amount\"]}\n";
    let mut text = [ENDLESS, columns.as_bytes()].concat();
    for number in 0.. {
        text.extend_from_slice(
            format!("{}\n{{\"@progress\":{{\"events\":{}}}}}\n", world::record(number), number * 9).as_bytes(),
        );
        let fails = state.lock().unwrap_or_else(PoisonError::into_inner).fails(script::TAIL);
        if fails || stream.write_all(&text).await.is_err() {
            break;
        }
        text.clear();
        tokio::time::sleep(BEAT).await;
    }
    false
}
