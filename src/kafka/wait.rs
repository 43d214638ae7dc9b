//! Waiting for Kafka without hanging and without silence: retries with a deadline, a line of log at once and then every
//! ten seconds, and closing on a thread of its own so that a broker that went away cannot keep the process.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Error;
use crate::clock;

/// Longest a single request may take before it counts as unanswered.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest a call that retries goes on before it gives the last error back.
pub(super) const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two tries, short against what a broker needs to come back.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Longest a client may take to close before its thread is left behind.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two lines that say the same.
const SAY_INTERVAL: Duration = Duration::from_secs(10);

/// Repeats `attempt` while its error is passing, for at most `total`.
pub(super) fn retry<T>(total: Duration, mut attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let deadline = clock::monotonic() + total;
    loop {
        match attempt() {
            Err(error) if error.is_passing() && clock::monotonic() < deadline => thread::sleep(RETRY_PAUSE),
            other => return other,
        }
    }
}

/// What is left until `deadline`, at least a millisecond, because zero means "for ever" to some calls of librdkafka.
pub(super) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(clock::monotonic()).max(Duration::from_millis(1))
}

/// Says what is waited for: at once, then every ten seconds.
#[derive(Default)]
pub(super) struct Patience {
    /// When the last line was written.
    said: Option<Instant>,
}

impl Patience {
    /// One more try failed for `reason`; `what` names what is waited for and where.
    pub(super) fn say(&mut self, what: &str, reason: &dyn std::fmt::Display) {
        let now = clock::monotonic();
        if self.said.is_none_or(|said| now.duration_since(said) >= SAY_INTERVAL) {
            self.said = Some(now);
            info!(%reason, "waiting for {what}");
        }
    }

    /// The wait is over; said only where it was said that there is one.
    pub(super) fn over(&self, what: &str) {
        if self.said.is_some() {
            info!("{what} is there, going on");
        }
    }
}

/// Drops `client` on a thread of its own and waits for that at most five seconds. Destroying a client of librdkafka
/// talks to brokers and has hung where they were gone; then the thread is left behind and the process goes on to end.
pub(super) fn close<T: Send + 'static>(name: &'static str, client: T) {
    close_within(CLOSE_TIMEOUT, name, client);
}

/// [`close`] with a timeout of its own.
fn close_within<T: Send + 'static>(timeout: Duration, name: &'static str, client: T) {
    let (done, closed) = mpsc::channel();
    let spawned = thread::Builder::new().name(format!("close-{name}")).spawn(move || {
        drop(client);
        let _ = done.send(());
    });
    if spawned.is_ok() && closed.recv_timeout(timeout).is_err() {
        warn!(client = name, "closing takes longer than {timeout:?}, leaving it behind");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passing_errors_are_tried_again() {
        let mut tries = 0;
        let result = retry(Duration::from_secs(5), || {
            tries += 1;
            if tries < 3 { Err(Error::Unavailable("away".into())) } else { Ok(tries) }
        });
        assert_eq!(result, Ok(3));
        let mut tries = 0;
        let result: Result<(), _> = retry(Duration::from_secs(5), || {
            tries += 1;
            Err(Error::Fenced("newer".into()))
        });
        assert_eq!((result, tries), (Err(Error::Fenced("newer".into())), 1));
    }

    #[test]
    fn closing_never_hangs() {
        struct Stuck(mpsc::Receiver<()>);
        impl Drop for Stuck {
            fn drop(&mut self) {
                let _ = self.0.recv();
            }
        }
        let (keep, stuck) = mpsc::channel();
        let started = clock::monotonic();
        close_within(Duration::from_millis(50), "stuck", Stuck(stuck));
        assert!(started.elapsed() < Duration::from_secs(30));
        drop(keep);
    }
}
