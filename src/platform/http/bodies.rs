//! Bodies of requests on their way in: bounded in number, in bytes and by the caller's address.
//!
//! Whoever sends slowly holds nothing but a place among the slow ones. When there are too many, the slowest is sent
//! away, so that a body that comes in at once always comes in. Nothing is known of a caller here but the address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Extensions, StatusCode};
use futures::StreamExt;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use crate::wire::status;

/// How long a body is left alone: before that, nothing can be said of its speed.
const YOUNG: Duration = Duration::from_secs(1);

/// The address that a request came from, among its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub IpAddr);

impl Peer {
    /// The peer of a request; one for all where it did not come over a connection.
    pub(super) fn address(extensions: &Extensions) -> IpAddr {
        extensions.get::<Self>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
    }
}

/// The bounds of bodies of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bodies at the same time.
    pub at_once: usize,
    /// Bodies of one address at the same time.
    pub of_one_peer: usize,
    /// Bytes of all bodies that are not whole yet, where they are kept in memory.
    pub bytes: u64,
    /// How long one may take.
    pub patience: Duration,
}

/// Bodies of one kind. Clones share them.
#[derive(Clone)]
pub(super) struct Bodies {
    bounds: Bounds,
    coming: Arc<Mutex<Coming>>,
}

#[derive(Default)]
struct Coming {
    next: u64,
    ways: BTreeMap<u64, Way>,
}

struct Way {
    peer: IpAddr,
    began: Instant,
    bytes: u64,
    cut: CancellationToken,
}

/// One body on its way in.
pub(super) struct Arriving {
    number: u64,
    bounds: Bounds,
    until: Instant,
    cut: CancellationToken,
    coming: Arc<Mutex<Coming>>,
}

fn lock(coming: &Mutex<Coming>) -> MutexGuard<'_, Coming> {
    coming.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bodies {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, coming: Arc::default() }
    }

    /// Takes one more; where there are too many, the slowest goes.
    pub(super) fn enter(&self, peer: IpAddr) -> Arriving {
        let now = Instant::now();
        let mut coming = lock(&self.coming);
        while coming.ways.values().filter(|way| way.peer == peer).count() >= self.bounds.of_one_peer.max(1) {
            coming.cut_slowest(now, |way| way.peer == peer);
        }
        while coming.ways.len() >= self.bounds.at_once.max(1) {
            coming.cut_slowest(now, |_| true);
        }
        let (number, cut) = (coming.next, CancellationToken::new());
        coming.next += 1;
        coming.ways.insert(number, Way { peer, began: now, bytes: 0, cut: cut.clone() });
        let until = now + self.bounds.patience;
        Arriving { number, bounds: self.bounds, until, cut, coming: Arc::clone(&self.coming) }
    }

    /// The whole body.
    ///
    /// # Errors
    /// When it is larger than `limit`, breaks off, takes too long, or has to go.
    pub(super) async fn whole(&self, peer: IpAddr, body: Body, limit: usize) -> Result<Bytes, Fault> {
        let size = body.size_hint();
        if size.exact() == Some(0) {
            return Ok(Bytes::new());
        }
        if size.lower() > limit as u64 {
            return Err(too_large(limit));
        }
        let mut arriving = self.enter(peer);
        let mut pieces = body.into_data_stream();
        let Some(first) = arriving.next(&mut pieces).await? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(too_large(limit));
        }
        let mut whole: Option<Vec<u8>> = None;
        while let Some(piece) = arriving.next(&mut pieces).await? {
            let whole = whole.get_or_insert_with(|| first.to_vec());
            if whole.len() + piece.len() > limit {
                return Err(too_large(limit));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.map_or(first, Bytes::from))
    }
}

impl Arriving {
    /// The next piece; nothing once the body is whole.
    ///
    /// # Errors
    /// When it breaks off, takes too long, or has to go.
    pub(super) async fn next(&mut self, pieces: &mut axum::body::BodyDataStream) -> Result<Option<Bytes>, Fault> {
        let piece = tokio::select! {
            // What is there already is taken first: a body that is whole in time is never sent away.
            biased;
            piece = timeout_at(self.until, pieces.next()) => piece.map_err(|_| self.too_slow())?,
            () = self.cut.cancelled() => return Err(sent_away()),
        };
        let Some(piece) = piece else { return Ok(None) };
        let piece = piece.map_err(|error| Fault::unreadable(&error.to_string(), StatusCode::BAD_REQUEST))?;
        let mut coming = lock(&self.coming);
        match coming.ways.get_mut(&self.number) {
            Some(way) => way.bytes += piece.len() as u64,
            None => return Err(sent_away()),
        }
        while coming.bytes() > self.bounds.bytes && coming.ways.len() > 1 {
            coming.cut_slowest(Instant::now(), |_| true);
        }
        Ok(Some(piece))
    }

    fn too_slow(&self) -> Fault {
        let seconds = self.bounds.patience.as_secs();
        Fault::new(
            status::DEADLINE_EXCEEDED,
            format!("The request was not whole within {seconds} s. Send less at a time, or over a faster link."),
        )
        .with_http(StatusCode::REQUEST_TIMEOUT)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        lock(&self.coming).ways.remove(&self.number);
    }
}

impl Coming {
    fn bytes(&self) -> u64 {
        self.ways.values().map(|way| way.bytes).sum()
    }

    /// Sends the slowest of these away: of those that had some time the one with the fewest bytes a second, else the
    /// oldest.
    fn cut_slowest(&mut self, now: Instant, among: impl Fn(&Way) -> bool) {
        let speed = |way: &Way| {
            let age = now.saturating_duration_since(way.began);
            (age < YOUNG, if age < YOUNG { 0 } else { u128::from(way.bytes) * 1_000_000 / age.as_micros().max(1) })
        };
        let slowest = self.ways.iter().filter(|(_, way)| among(way));
        // Numbers rise with age, so the first of equals is the oldest.
        let slowest = slowest.min_by_key(|(number, way)| (speed(way), **number)).map(|(number, _)| *number);
        if let Some(way) = slowest.and_then(|number| self.ways.remove(&number)) {
            way.cut.cancel();
        }
    }
}

fn sent_away() -> Fault {
    Fault::new(
        status::RESOURCE_EXHAUSTED,
        "The request came in too slowly while too many others did. Try again, with less at a time or over a faster link.",
    )
    .with_http(StatusCode::REQUEST_TIMEOUT)
}

fn too_large(limit: usize) -> Fault {
    let size = if limit >= 1 << 20 { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
    Fault::unreadable(&format!("it is larger than the {size} allowed"), StatusCode::PAYLOAD_TOO_LARGE)
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures::stream;
    use tokio::sync::mpsc;

    use super::*;

    const BOUNDS: Bounds = Bounds { at_once: 4, of_one_peer: 3, bytes: 1_000, patience: Duration::from_secs(20) };

    fn peer(number: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
    }

    /// Makes a body five seconds old, with so many bytes.
    fn age(bodies: &Bodies, arriving: &Arriving, bytes: u64) {
        let mut coming = lock(&bodies.coming);
        let way = coming.ways.get_mut(&arriving.number).unwrap();
        (way.bytes, way.began) = (bytes, way.began - Duration::from_secs(5));
    }

    /// A body that comes as it is sent.
    fn slow() -> (mpsc::UnboundedSender<&'static [u8]>, Body) {
        let (sender, receiver) = mpsc::unbounded_channel::<&'static [u8]>();
        let pieces = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|piece| (Ok::<_, io::Error>(Bytes::from_static(piece)), receiver))
        });
        (sender, Body::from_stream(pieces))
    }

    #[tokio::test]
    async fn half_bodies_never_keep_a_whole_one_out() {
        let bodies = Bodies::new(BOUNDS);
        let mut waiting = Vec::new();
        for number in 0..20 {
            let (sender, body) = slow();
            sender.send(b"half").unwrap();
            let bodies = bodies.clone();
            let task = tokio::spawn(async move { bodies.whole(peer(number), body, 100).await });
            waiting.push((sender, task));
            tokio::task::yield_now().await;
        }
        assert_eq!(bodies.whole(peer(99), Body::from("whole"), 100).await.unwrap(), "whole");
        assert!(lock(&bodies.coming).ways.len() <= 4);
        let mut sent_away = 0;
        for (sender, task) in waiting {
            drop(sender);
            match task.await.unwrap() {
                Ok(body) => assert_eq!(body, "half"),
                Err(fault) => {
                    assert_eq!(fault.code, status::RESOURCE_EXHAUSTED);
                    sent_away += 1;
                }
            }
        }
        assert!(sent_away >= 16, "{sent_away}");
        assert!(lock(&bodies.coming).ways.is_empty());
    }

    #[tokio::test]
    async fn the_slowest_goes_first_and_of_a_crowded_address_its_own() {
        let bodies = Bodies::new(BOUNDS);
        let (quick, slowest, other) = (bodies.enter(peer(1)), bodies.enter(peer(1)), bodies.enter(peer(2)));
        for (arriving, bytes) in [(&quick, 400), (&slowest, 10), (&other, 0)] {
            age(&bodies, arriving, bytes);
        }
        let third = bodies.enter(peer(1));
        let _fourth = bodies.enter(peer(1));
        assert!(slowest.cut.is_cancelled(), "the address has three already");
        assert!(!quick.cut.is_cancelled() && !other.cut.is_cancelled() && !third.cut.is_cancelled());
        let _fifth = bodies.enter(peer(3));
        assert!(other.cut.is_cancelled() && !quick.cut.is_cancelled(), "the slowest of all");
    }

    #[tokio::test]
    async fn bodies_are_bounded_in_size_in_memory_and_in_time() {
        let bodies = Bodies::new(BOUNDS);
        let large = bodies.whole(peer(1), Body::from(vec![0; 101]), 100).await.unwrap_err();
        assert!(large.detail.contains("larger than the 100 bytes"), "{}", large.detail);
        let (sender, body) = slow();
        sender.send(&[0; 60]).unwrap();
        sender.send(&[0; 60]).unwrap();
        assert!(bodies.whole(peer(1), body, 100).await.is_err());
        let (sender, body) = slow();
        sender.send(b"half").unwrap();
        let hasty = Bodies::new(Bounds { patience: Duration::from_millis(5), ..BOUNDS });
        let late = hasty.whole(peer(1), body, 100).await.unwrap_err();
        assert_eq!(late.code, status::DEADLINE_EXCEEDED);
        drop(sender);
        let first = bodies.enter(peer(1));
        age(&bodies, &first, 990);
        assert_eq!(bodies.whole(peer(2), Body::from(vec![0; 50]), 100).await.unwrap().len(), 50);
        assert!(first.cut.is_cancelled(), "all together held too much");
        assert_eq!(bodies.whole(peer(1), Body::empty(), 100).await.unwrap().len(), 0);
    }
}
