//! How much a server may say before a pack: what it can do and which references it has is all kept in
//! memory, and a server could send it without end.
//!
//! Every transport reads through [`Limited`]. The limit is there from the first byte until
//! [`Allowance::lift`]; a pack goes to the disk, and has none.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::http::{RemoteFailure, Session};
use crate::git::error::Cause;

/// In MiB. A reference takes 60 to 130 bytes on the way, so this is a million of them; the biggest public
/// repositories list some hundred thousand where the server knows only protocol 0, which lists all.
pub(in crate::git) const LIMIT: u64 = 128;

/// What may still come, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Allowance(Arc<AtomicU64>);

impl Default for Allowance {
    fn default() -> Self {
        Allowance(Arc::new(AtomicU64::new(LIMIT << 20)))
    }
}

impl Allowance {
    /// A conversation begins.
    pub(super) fn renew(&self) {
        self.0.store(LIMIT << 20, Ordering::Relaxed);
    }

    /// A pack comes.
    pub(super) fn lift(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }

    fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn spend(&self, bytes: usize) {
        // In one step: another thread may lift it meanwhile, and that has to stay.
        let spent = |left| (left != u64::MAX).then(|| u64::saturating_sub(left, bytes as u64));
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
    }
}

/// What comes from a server in a session, as far as its allowance goes.
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
