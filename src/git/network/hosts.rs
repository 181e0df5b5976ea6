//! Limits the number of concurrent repos per host.
//!
//! As many as there are workers, until the host is overloaded (429, 503) or drops connections: then
//! half as many, and one more after each round without problems, as in TCP.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All hosts of a run.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    hosts: Mutex<HashMap<String, Host>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Host {
    in_flight: usize,
    /// None as long as there were no problems.
    most: Option<usize>,
    fine: usize,
    /// How often `most` was halved: of many concurrent refusals, only one counts.
    halved: usize,
}

/// A slot of a host, released when dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    shared: &'a Shared,
    host: &'a str,
    halved: usize,
}

impl Hosts {
    /// Waits for a slot, or until Ctrl-C.
    pub(super) fn enter<'a>(&'a self, host: &'a str, interrupt: &AtomicBool) -> Place<'a> {
        let mut hosts = self.0.lock();
        loop {
            let state = hosts.entry(host.to_owned()).or_default();
            let is_free = state.most.is_none_or(|most| state.in_flight < most);
            if is_free || interrupt.load(Ordering::Relaxed) {
                state.in_flight += 1;
                return Place {
                    shared: &self.0,
                    host,
                    halved: state.halved,
                };
            }
            // Ctrl-C doesn't wake up waiting threads.
            let tick = Duration::from_millis(100);
            let waited = self.0.changed.wait_timeout(hosts, tick);
            hosts = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// The request succeeded.
    pub(super) fn went_well(&self) {
        let mut hosts = self.shared.lock();
        if let Some(state) = hosts.get_mut(self.host)
            && let Some(most) = state.most
        {
            state.fine += 1;
            if state.fine >= most {
                state.most = Some(most + 1);
                state.fine = 0;
            }
        }
    }

    /// The host is overloaded.
    pub(super) fn was_too_much(&self) {
        let mut hosts = self.shared.lock();
        if let Some(state) = hosts.get_mut(self.host)
            && state.halved == self.halved
        {
            let most = state.most.unwrap_or(state.in_flight).min(state.in_flight);
            state.most = Some((most / 2).max(1));
            state.fine = 0;
            state.halved += 1;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.shared.lock().get_mut(self.host) {
            state.in_flight -= 1;
        }
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(hosts: &Hosts) -> Option<usize> {
        hosts.0.lock().get("forge").and_then(|host| host.most)
    }

    #[test]
    fn trouble_halves_the_number_once_and_success_raises_it_again() {
        let (hosts, never) = (Hosts::default(), AtomicBool::new(false));
        let places: Vec<_> = (0..8).map(|_| hosts.enter("forge", &never)).collect();
        for place in &places {
            place.was_too_much();
        }
        assert_eq!(
            most(&hosts),
            Some(4),
            "eight refusals of one moment are one"
        );
        drop(places);
        let place = hosts.enter("forge", &never);
        for _ in 0..4 {
            place.went_well();
        }
        assert_eq!(most(&hosts), Some(5));
        place.was_too_much();
        assert_eq!(most(&hosts), Some(1), "never none");
    }

    #[test]
    fn who_finds_no_place_waits_for_one() {
        let (hosts, never) = (Hosts::default(), AtomicBool::new(false));
        let first = hosts.enter("forge", &never);
        first.was_too_much();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| drop(hosts.enter("forge", &never)));
            drop(hosts.enter("other", &never));
            assert!(!second.is_finished());
            drop(first);
        });
    }
}
