//! Limits what a server may send before a pack: capabilities and references are kept in memory, and
//! a server could send them endlessly.
//!
//! Every transport reads through [`Limited`]. The limit applies from the first byte until
//! [`Allowance::lift`]; a pack is written to disk, without a limit.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::http::{RemoteFailure, Session};
use crate::git::error::Cause;

/// In MiB. A reference takes 60 to 130 bytes, so this is a million of them; the biggest public
/// repositories list some hundred thousand with protocol 0, which lists all of them.
pub(in crate::git) const LIMIT: u64 = 128;

/// The remaining allowance, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Allowance(Arc<AtomicU64>);

impl Default for Allowance {
    fn default() -> Self {
        Allowance(Arc::new(AtomicU64::new(LIMIT << 20)))
    }
}

impl Allowance {
    /// Starts a conversation.
    pub(super) fn renew(&self) {
        self.0.store(LIMIT << 20, Ordering::Relaxed);
    }

    /// Removes the limit for a pack.
    pub(super) fn lift(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }

    fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn spend(&self, bytes: usize) {
        // Atomically: another thread may lift it in the meantime, which must not be undone.
        let spent = |left| (left != u64::MAX).then(|| u64::saturating_sub(left, bytes as u64));
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
    }
}

/// A reader of a server's data, up to the session's allowance.
#[derive(Debug)]
pub(super) struct Limited<R> {
    from: R,
    session: Session,
}

impl<R> Limited<R> {
    pub(super) fn new(from: R, session: &Session) -> Self {
        let session = session.clone();
        Limited { from, session }
    }

    fn check(&self) -> io::Result<()> {
        if !self.session.allowance().is_used_up() {
            return Ok(());
        }
        let failure = RemoteFailure::new(Cause::Oversized, format!("more than {LIMIT} MiB"));
        self.session.fail(failure.clone());
        Err(io::Error::other(failure))
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let read = self.from.read(buffer)?;
        self.session.allowance().spend(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.from.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.from.consume(amount);
        self.session.allowance().spend(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_threads_read_is_all_counted_and_what_is_lifted_stays_so() {
        const EACH: usize = 1000;
        let allowance = Allowance::default();
        let spend = || (0..EACH).for_each(|_| allowance.spend(1));
        std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(spend));
            for thread in threads {
                thread.join().unwrap();
            }
        });
        let left = allowance.0.load(Ordering::Relaxed);
        assert_eq!(left, (LIMIT << 20) - 4 * EACH as u64);
        std::thread::scope(|scope| {
            scope.spawn(spend);
            allowance.lift();
        });
        assert_eq!(allowance.0.load(Ordering::Relaxed), u64::MAX);
    }

    #[test]
    fn what_is_beyond_the_limit_is_read_only_once_a_pack_comes() {
        let session = Session::default();
        let mut limited = Limited::new(io::repeat(b'x'), &session);
        let read = io::copy(&mut limited, &mut io::sink());
        assert!(read.is_err());
        let cause = session.failure().map(|failure| failure.cause);
        assert_eq!(cause, Some(Cause::Oversized));

        session.allowance().lift();
        let mut pack = (&mut limited).take((LIMIT << 20) + 1);
        let read = io::copy(&mut pack, &mut io::sink()).unwrap();
        assert_eq!(read, (LIMIT << 20) + 1);

        session.allowance().renew();
        let mut next = (&mut limited).take((LIMIT << 20) + 1);
        assert!(io::copy(&mut next, &mut io::sink()).is_err());
    }
}
