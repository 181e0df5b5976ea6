//! A listener that sends a random nonce: a client that has received it has reached this machine.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the listener checks for a connection.
const TICK: Duration = Duration::from_millis(10);
/// The timeout for a client that doesn't read.
const PATIENCE: Duration = Duration::from_secs(1);

/// Listens on a free port of all addresses until it is dropped.
pub struct Nonce {
    /// The word.
    pub word: String,
    /// The port.
    pub port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Nonce {
    /// On all addresses: containers of a virtual machine or a rootless engine connect over
    /// loopback, those on a bridge over the bridge. The nonce is all that a client can get.
    pub fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0))
            .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let word = random_word();
        let over = Arc::new(AtomicBool::new(false));
        let thread = {
            let (word, over) = (word.clone(), Arc::clone(&over));
            thread::spawn(move || answer(&listener, &word, &over))
        };
        Ok(Nonce {
            word,
            port,
            over,
            thread: Some(thread),
        })
    }
}

impl Drop for Nonce {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It can't panic, and if it did, there is nothing to do.
            let _ = thread.join();
        }
    }
}

fn answer(listener: &TcpListener, word: &str, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((mut caller, _)) => {
                // A disconnected client is not an error of the listener.
                let _ = caller
                    .set_nonblocking(false)
                    .and_then(|()| caller.set_write_timeout(Some(PATIENCE)))
                    .and_then(|()| writeln!(caller, "{word}"));
            }
            // No connection, or it was aborted.
            Err(_) => thread::sleep(TICK),
        }
    }
}

/// 128 bits from the system's source of randomness, which seeds the standard library's hash maps.
pub fn random_word() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn every_caller_hears_the_word_until_it_is_dropped() {
        let nonce = Nonce::listen().unwrap();
        for _ in 0..3 {
            let mut heard = String::new();
            let mut caller = TcpStream::connect((Ipv4Addr::LOCALHOST, nonce.port)).unwrap();
            caller.read_to_string(&mut heard).unwrap();
            assert_eq!(heard.trim(), nonce.word);
        }
        let port = nonce.port;
        drop(nonce);
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }

    #[test]
    fn no_two_words_are_the_same() {
        assert_ne!(random_word(), random_word());
    }
}
