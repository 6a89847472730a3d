//! Whose turn it is among streams: none waits for another, and what comes wakes its reader.

use std::sync::atomic::AtomicUsize;

use super::*;

/// Counts the steps of each view; the slow view's last until they are let go.
struct Stepped {
    steps: [AtomicUsize; 2],
    slow: crate::model::Id,
    let_go: std::sync::atomic::AtomicBool,
    came: tokio::sync::watch::Sender<u64>,
}

impl StreamStep for Stepped {
    fn step(&self, view: &View) -> Result<Step, Trouble> {
        let is_slow = view.id == self.slow;
        self.steps[usize::from(!is_slow)].fetch_add(1, Ordering::SeqCst);
        if is_slow {
            until(|| self.let_go.load(Ordering::SeqCst));
        }
        Ok(Step::default())
    }

    fn changed(&self, _: &View) -> Option<tokio::sync::watch::Receiver<u64>> {
        Some(self.came.subscribe())
    }
}

#[test]
fn a_slow_stream_holds_up_no_other_and_what_comes_wakes_its_reader() {
    let bench = Bench::new(vec![view("slow"), view("quick")]);
    let jobs = Arc::new(bench.open());
    let stop = tokio_util::sync::CancellationToken::new();
    let stepped = Arc::new(Stepped {
        steps: Default::default(),
        slow: bench.views[0].id,
        let_go: false.into(),
        came: tokio::sync::watch::Sender::new(0),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // So long that only what comes makes a step after the first.
    let turns = Turns::new(&bench.views, Duration::from_secs(3_600), Some(runtime.handle().clone())).at_once();
    let turns = Arc::new(turns);
    let step: Arc<dyn StreamStep> = stepped.clone();
    let threads = stream_job::spawn(&jobs, &turns, &step, &stop).unwrap();
    let quick = || stepped.steps[1].load(Ordering::SeqCst);
    until(|| quick() > 0 && stepped.came.receiver_count() > 0);
    for number in 1..=3 {
        let before = quick();
        stepped.came.send(number).unwrap();
        until(|| quick() > before);
    }
    turns.ring(bench.views[0].id);
    assert_eq!(stepped.steps[0].load(Ordering::SeqCst), 1, "a view is in one thread at a time");
    stepped.let_go.store(true, Ordering::SeqCst);
    until(|| stepped.steps[0].load(Ordering::SeqCst) > 1);
    stop.cancel();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
