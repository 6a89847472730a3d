//! Connections: taken in within a bound, watched, and closed when nothing comes of them.
//!
//! A connection holds a file descriptor, and jobs need those to read and write. Where there are as many connections as
//! may be, one on which nothing goes on makes room. With TLS all of that is watched below the encryption, so that it
//! holds from the first byte of a handshake. What is asked on them is none of this room's business.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::bodies::Peer;
use super::tls::{self, Tls};

/// How often a connection is looked at at least.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Pause after a connection could not be taken in.
const PAUSE: Duration = Duration::from_millis(50);
/// How often at most it is logged that connections could not be taken in.
const LOG_EVERY: Duration = Duration::from_secs(60);
/// What a connection is told for which there is no room.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How many connections there may be, and of one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at the same time.
    pub at_once: usize,
    /// How long one may be silent before its first request.
    pub silent: Duration,
    /// How long the head of a request, or a handshake, may take from its first byte.
    pub head: Duration,
    /// How long one is kept between two requests.
    pub idle: Duration,
    /// How long nothing may be taken of an answer that waits to be read.
    pub unread: Duration,
}

impl Limits {
    /// The bounds of a process that may have so many file descriptors: half of them are for work.
    pub(super) fn of(descriptors: u64) -> Self {
        let half = usize::try_from(descriptors / 2).unwrap_or(usize::MAX);
        Self {
            at_once: half.clamp(16, 4_096),
            silent: Duration::from_secs(30),
            head: Duration::from_secs(20),
            // Longer than clients keep theirs, so that none is closed under a request.
            idle: Duration::from_secs(120),
            unread: Duration::from_secs(60),
        }
    }

    fn least(&self) -> Duration {
        self.silent.min(self.head).min(self.idle).min(self.unread)
    }
}

/// Serves `router` on what `listener` takes in, behind `tls` where there is such, until `shutdown`; then it waits for
/// the requests under way. What is still open when the future is dropped is closed.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
    shutdown: CancellationToken,
) {
    let (lines, tasks, end) = (Lines::new(limits), TaskTracker::new(), CancellationToken::new());
    let _end = end.clone().drop_guard();
    let mut last_logged: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let problem = match accepted {
            Ok((stream, address)) => match lines.enter(address.ip()) {
                Some(entered) => {
                    let (router, tls, tokens) = (router.clone(), tls.clone(), (shutdown.clone(), end.clone()));
                    tasks.spawn(follow(stream, entered, router, limits, tls, tokens));
                    continue;
                }
                None => {
                    if tls.is_none() {
                        // What does not fit into the socket at once is not worth waiting for.
                        let _ = stream.try_write(NO_ROOM);
                    }
                    format!("all {} connections are in use", limits.at_once)
                }
            },
            // The other side gave up before it was taken in.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
                continue;
            }
            Err(error) => {
                lines.make_room();
                sleep(PAUSE).await;
                error.to_string()
            }
        };
        if last_logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            tracing::warn!(problem, "a connection was not taken in");
            last_logged = Some(Instant::now());
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// Serves one connection until it ends, nothing comes of it any more, or it has to make room.
async fn follow(
    stream: TcpStream,
    entered: Entered,
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
    (shutdown, end): (CancellationToken, CancellationToken),
) {
    let line = &entered.line;
    let conversation = async {
        let link = Watched { stream, line: Arc::clone(line) };
        let Some(tls) = tls else { return converse(link, line, router, &shutdown).await };
        let greeted = tokio::select! {
            greeted = greet(link, &tls) => greeted,
            () = shutdown.cancelled() => return,
        };
        match greeted {
            Ok(Some(link)) => {
                // A client may open a connection ahead of its first request, with TLS as without.
                line.turn(Phase::Silent);
                converse(link, line, router, &shutdown).await;
            }
            Ok(None) => {}
            Err(error) => tracing::trace!(%error, "a handshake failed"),
        }
    };
    tokio::select! {
        () = conversation => {}
        () = given_up(line, limits, &end) => {}
    }
}

/// The encrypted link; none where the other side speaks plain HTTP, and was told.
async fn greet(link: Watched, tls: &Tls) -> io::Result<Option<TlsStream<Watched>>> {
    let mut first = [0];
    let seen = link.stream.peek(&mut first).await?;
    if seen > 0 && tls::is_plain(first[0]) {
        tls::send_off(link).await?;
        return Ok(None);
    }
    tls.shake_hands(link).await.map(Some)
}

/// Answers what is asked on a link, until it ends.
async fn converse(
    link: impl AsyncRead + AsyncWrite + Unpin,
    line: &Arc<Line>,
    router: Router,
    shutdown: &CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let busy = Busy::begin(line);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(line.peer));
        let answer = router.clone().oneshot(request);
        async move { answer.await.map(|response| response.map(|body| Answer { body, _busy: busy })) }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(link), service));
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%error, "a connection ended");
                }
                return;
            }
            () = shutdown.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Waits until a connection has to end: it makes room, nothing came of it for too long, or all are to end.
async fn given_up(line: &Line, limits: Limits, end: &CancellationToken) {
    loop {
        tokio::select! {
            () = line.cut.cancelled() => return,
            () = end.cancelled() => return,
            () = sleep_until(line.next_look(limits)) => {
                if line.is_overdue(limits, Instant::now()) {
                    return;
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Silent,
    /// The head of a request is on its way, or a handshake.
    Head,
    /// A request is worked on, or its answer is being sent.
    Busy,
    Idle,
}

#[derive(Clone, Copy)]
struct State {
    phase: Phase,
    since: Instant,
    /// Since when an answer waits to be read.
    unread: Option<Instant>,
}

/// One connection, as it is watched.
struct Line {
    peer: IpAddr,
    cut: CancellationToken,
    state: Mutex<State>,
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, phase: Phase) {
        let mut state = self.state();
        (state.phase, state.since) = (phase, Instant::now());
    }

    fn heard(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Silent | Phase::Idle) {
            (state.phase, state.since) = (Phase::Head, Instant::now());
        }
    }

    /// Whether bytes were taken by the other side, or have to wait.
    fn sent(&self, taken: bool) {
        let mut state = self.state();
        state.unread = if taken { None } else { state.unread.or_else(|| Some(Instant::now())) };
    }

    fn due(&self, limits: Limits) -> Option<Instant> {
        let state = *self.state();
        let phase = match state.phase {
            Phase::Silent => Some(limits.silent),
            Phase::Head => Some(limits.head),
            Phase::Idle => Some(limits.idle),
            Phase::Busy => None,
        };
        let phase = phase.map(|limit| state.since + limit);
        let unread = state.unread.map(|since| since + limits.unread);
        phase.into_iter().chain(unread).min()
    }

    fn next_look(&self, limits: Limits) -> Instant {
        // What it does meanwhile may bring its end nearer, but not by more than that.
        let look = Instant::now() + limits.least().div_f32(4.0).min(LOOK_EVERY);
        self.due(limits).map_or(look, |due| due.min(look))
    }

    fn is_overdue(&self, limits: Limits, now: Instant) -> bool {
        self.due(limits).is_some_and(|due| due <= now)
    }
}

/// While a request is under way.
struct Busy(Arc<Line>);

impl Busy {
    fn begin(line: &Arc<Line>) -> Self {
        line.turn(Phase::Busy);
        Self(Arc::clone(line))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.turn(Phase::Idle);
    }
}

/// An answer, whose connection is busy until it is sent.
struct Answer {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct Watched {
    stream: TcpStream,
    line: Arc<Line>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.line.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.line.sent(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.line.sent(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The connections there are. Clones share them.
#[derive(Clone)]
struct Lines {
    at_once: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    next: u64,
    lines: BTreeMap<u64, Arc<Line>>,
}

/// A connection among the others, until it is dropped.
struct Entered {
    number: u64,
    line: Arc<Line>,
    open: Arc<Mutex<Open>>,
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lines {
    fn new(limits: Limits) -> Self {
        Self { at_once: limits.at_once, open: Arc::default() }
    }

    /// Takes one more in, in the place of one on which nothing goes on where there are too many; nothing when all are
    /// busy.
    fn enter(&self, peer: IpAddr) -> Option<Entered> {
        let mut open = lock(&self.open);
        if open.lines.len() >= self.at_once && !open.make_room() {
            return None;
        }
        let state = State { phase: Phase::Silent, since: Instant::now(), unread: None };
        let line = Arc::new(Line { peer, cut: CancellationToken::new(), state: Mutex::new(state) });
        let number = open.next;
        open.next += 1;
        open.lines.insert(number, Arc::clone(&line));
        Some(Entered { number, line, open: Arc::clone(&self.open) })
    }

    /// Closes a connection on which nothing goes on.
    fn make_room(&self) {
        lock(&self.open).make_room();
    }
}

impl Open {
    /// Closes one on which nothing goes on: of the address that has the most of them, the one that was quiet longest.
    fn make_room(&mut self) -> bool {
        let quiet = self.lines.iter().filter_map(|(number, line)| {
            let state = *line.state();
            (state.phase != Phase::Busy).then_some((*number, line.peer, state.since))
        });
        let quiet: Vec<_> = quiet.collect();
        let mut of_peer: HashMap<IpAddr, usize> = HashMap::new();
        quiet.iter().for_each(|(_, peer, _)| *of_peer.entry(*peer).or_default() += 1);
        let most = quiet.iter().max_by_key(|(number, peer, since)| {
            (of_peer.get(peer).copied(), std::cmp::Reverse(*since), std::cmp::Reverse(*number))
        });
        let Some(line) = most.and_then(|(number, ..)| self.lines.remove(number)) else { return false };
        line.cut.cancel();
        true
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        lock(&self.open).lines.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";

    fn limits() -> Limits {
        Limits { at_once: 4, ..Limits::of(1_024) }
    }

    async fn server(limits: Limits) -> (SocketAddr, CancellationToken) {
        server_behind(None, limits).await
    }

    async fn server_behind(tls: Option<Tls>, limits: Limits) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let long = || async { Body::from(vec![b'x'; 64 << 20]) };
        let router = Router::new()
            .route("/hello", get(|| async { "hello" }))
            .route("/long", get(long))
            .route("/echo", post(|body: Bytes| async { body }));
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listener, router, limits, tls, shutdown.clone()));
        (address, shutdown)
    }

    /// Reads until the answer ends with that.
    async fn until(stream: &mut TcpStream, end: &str) -> String {
        let (mut read, mut piece) = (Vec::new(), [0; 4_096]);
        while !read.ends_with(end.as_bytes()) {
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "closed after {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&piece[..count]);
        }
        String::from_utf8(read).unwrap()
    }

    /// Waits until the other side has closed it.
    async fn closed(stream: &mut TcpStream) {
        let mut piece = [0; 4_096];
        while stream.read(&mut piece).await.is_ok_and(|count| count > 0) {}
    }

    #[tokio::test]
    async fn idle_connections_make_room_and_busy_ones_stay() {
        let (address, _shutdown) = server(limits()).await;
        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nha").await.unwrap();
        let mut kept = TcpStream::connect(address).await.unwrap();
        kept.write_all(HELLO).await.unwrap();
        until(&mut kept, "hello").await;
        let mut idle = Vec::new();
        for _ in 0..20 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        closed(&mut kept).await;
        let mut new = TcpStream::connect(address).await.unwrap();
        new.write_all(HELLO).await.unwrap();
        until(&mut new, "hello").await;
        busy.write_all(b"lf").await.unwrap();
        assert!(until(&mut busy, "half").await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn one_too_many_is_told_so_where_all_are_busy() {
        let (address, _shutdown) = server(limits()).await;
        let mut busy = Vec::new();
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream
                .write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
                .await
                .unwrap();
            // It is busy once the server asks for the body.
            until(&mut stream, "100 Continue\r\n\r\n").await;
            busy.push(stream);
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 503"));
        for stream in &mut busy {
            stream.write_all(b"done").await.unwrap();
            until(stream, "done").await;
        }
    }

    #[tokio::test]
    async fn what_is_silent_slow_idle_or_unread_for_long_is_closed() {
        let soon = Duration::from_millis(50);
        let never = Duration::from_secs(3_600);
        let patient = Limits { silent: never, head: never, idle: never, unread: never, at_once: 4 };
        let silent = Limits { silent: soon, ..patient };
        let head = Limits { head: soon, ..patient };
        let idle = Limits { idle: soon, ..patient };
        let unread = Limits { unread: soon, ..patient };
        for (limits, sends) in [
            (silent, &b""[..]),
            (head, b"GET /hello HTTP/1.1\r\nx-slow: "),
            (idle, HELLO),
            (unread, b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n"),
        ] {
            let (address, _shutdown) = server(limits).await;
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sends).await.unwrap();
            if limits.unread == soon {
                // Nothing is read until the server has given up, which writing to it tells.
                while stream.write_all(b"x").await.is_ok() {
                    sleep(soon / 10).await;
                }
            }
            closed(&mut stream).await;
        }
    }

    #[tokio::test]
    async fn requests_in_a_row_are_answered_in_their_order() {
        let (address, shutdown) = server(limits()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let many: Vec<u8> = HELLO.repeat(3);
        stream.write_all(&many).await.unwrap();
        stream.write_all(b"HEAD /hello HTTP/1.1\r\nhost: x\r\n\r\nOPTIONS /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut read = String::new();
        stream.read_to_string(&mut read).await.unwrap();
        assert_eq!(read.matches("HTTP/1.1 200").count(), 4, "{read}");
        assert_eq!((read.matches("hello").count(), read.matches("HTTP/1.1 405").count()), (3, 1), "{read}");
        shutdown.cancel();
    }

    #[tokio::test]
    async fn heads_without_measure_are_refused() {
        let (address, _shutdown) = server(limits()).await;
        let headers = format!("GET /hello HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(100_000));
        let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(1 << 20));
        for (request, refusal) in [(headers, "HTTP/1.1 431"), (path, "HTTP/1.1 4")] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // It may be closed before all was sent.
            let _ = stream.write_all(request.as_bytes()).await;
            let mut read = [0; 12];
            if stream.read_exact(&mut read).await.is_ok() {
                assert!(String::from_utf8_lossy(&read).starts_with(refusal), "{}", String::from_utf8_lossy(&read));
            }
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(HELLO).await.unwrap();
        until(&mut stream, "hello").await;
    }

    #[test]
    fn the_address_with_the_most_quiet_connections_gives_way() {
        let lines = Lines { at_once: 4, open: Arc::default() };
        let peer = |number| IpAddr::V4(Ipv4Addr::new(10, 0, 0, number));
        let one = lines.enter(peer(1)).unwrap();
        let crowd: Vec<_> = (0..3).map(|_| lines.enter(peer(2)).unwrap()).collect();
        crowd[0].line.turn(Phase::Busy);
        let _new = lines.enter(peer(3)).unwrap();
        assert!(crowd[1].line.cut.is_cancelled() && !one.line.cut.is_cancelled());
        assert!(!crowd[0].line.cut.is_cancelled());
    }

    #[test]
    fn half_of_the_descriptors_are_left_for_work() {
        assert_eq!(Limits::of(1_024).at_once, 512);
        assert_eq!((Limits::of(65_536).at_once, Limits::of(8).at_once), (4_096, 16));
    }
}
