//! Progress of clones and fetches, and the gate for their CPU work.
//!
//! Waiting for servers is cheap, so many repos are processed in parallel. Resolving deltas and
//! writing files is not, so only as many as there are cores do that at a time. gix has no hook
//! between the two, but it reports its steps to a progress tree: [`Watch`] waits for its turn at
//! the node for "Resolving".

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};

use gix::progress::{Id, MessageLevel, Step, StepShared, Unit};

use crate::host::resources;

/// The phase of a repo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the server.
    Connecting,
    /// Receiving objects.
    Receiving,
    /// Resolving deltas.
    Resolving,
    /// Writing files.
    CheckingOut,
}

/// The progress of one repo; written by its worker, read by the code that draws.
#[derive(Debug, Default)]
pub struct Meter {
    phase: AtomicU8,
    /// Incremented whenever gix or the server reports something.
    beats: AtomicUsize,
    bytes: StepShared,
    done: Mutex<StepShared>,
    total: AtomicUsize,
    words: Mutex<Words>,
}

/// Messages from a server, separated from its progress. gix provides each piece without its line
/// ending and, for a piece with a number after a colon, only the part before the colon.
#[derive(Debug, Default)]
struct Words {
    lines: Vec<String>,
    /// Whether the last piece belongs to a message.
    has_last: bool,
}

impl Words {
    fn hear(&mut self, text: &str) {
        /// The last ones matter: a server reports errors at the end.
        const MOST_LINES: usize = 6;
        const MOST_CHARACTERS: usize = 300;
        self.has_last = false;
        for line in text.split(['\n', '\r']).map(str::trim) {
            self.has_last = !line.is_empty() && !is_progress(line);
            if self.has_last {
                if self.lines.len() == MOST_LINES {
                    self.lines.remove(0);
                }
                let line = line.chars().take(MOST_CHARACTERS).collect();
                self.lines.push(line);
            }
        }
    }

    /// The last piece is followed by a number, so it is only the beginning of a sentence.
    fn has_number(&mut self) {
        if let Some(last) = self.lines.last_mut().filter(|_| self.has_last) {
            last.push('…');
        }
        self.has_last = false;
    }
}

/// Whether it is (part of) a progress line of git: the server sends them in pieces.
fn is_progress(line: &str) -> bool {
    const TITLES: [&str; 6] = [
        "Enumerating objects",
        "Counting objects",
        "Compressing objects",
        "Finding sources",
        "Getting sizes",
        "Total ",
    ];
    let is_word = |part: &&str| part.chars().filter(|c| c.is_alphabetic()).count() > 1;
    let is_sentence = line.split_whitespace().filter(is_word).count() > 1;
    !is_sentence
        || line.ends_with(", done.")
        || line.contains("% (")
        || TITLES
            .iter()
            .any(|title| title.contains(line) || line.starts_with(title))
}

/// A snapshot of a [`Meter`].
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The phase.
    pub phase: Phase,
    /// Bytes received so far.
    pub bytes: usize,
    /// Steps done in this phase.
    pub done: usize,
    /// Steps of this phase, 0 if unknown.
    pub total: usize,
}

impl Meter {
    /// Returns a snapshot.
    pub fn read(&self) -> Reading {
        let phase = match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Connecting,
            1 => Phase::Receiving,
            2 => Phase::Resolving,
            _ => Phase::CheckingOut,
        };
        Reading {
            phase,
            bytes: self.bytes.load(Ordering::Relaxed),
            done: lock(&self.done).load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
        }
    }

    /// Returns a value that changes as long as there is progress.
    pub(super) fn pulse(&self) -> (usize, usize, usize) {
        let reading = self.read();
        (
            self.beats.load(Ordering::Relaxed),
            reading.bytes,
            reading.done,
        )
    }

    /// Returns the server's messages since the last call.
    pub(super) fn take_words(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.words)).lines
    }

    fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, phase: Phase, counter: &StepShared) {
        *lock(&self.done) = Arc::clone(counter);
        self.total.store(0, Ordering::Relaxed);
        let number = match phase {
            Phase::Connecting => 0,
            Phase::Receiving => 1,
            Phase::Resolving => 2,
            Phase::CheckingOut => 3,
        };
        self.phase.store(number, Ordering::Relaxed);
    }
}

/// Admits as many at a time as there are cores, the biggest first.
#[derive(Debug)]
pub struct Gate {
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    free: usize,
    waiting: Vec<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    size: usize,
    thread: Thread,
    may_pass: Arc<AtomicBool>,
}

impl Gate {
    /// A gate with room for `places`.
    pub fn new(places: usize) -> Arc<Self> {
        Arc::new(Gate {
            line: Mutex::new(Line {
                free: places,
                waiting: Vec::new(),
            }),
        })
    }

    /// Waits for a place. Of the waiting repos, the one with the biggest `size` comes first: a big
    /// one at the end would keep one core busy and the others idle.
    pub fn pass(self: &Arc<Self>, size: usize) -> Pass {
        let mut line = lock(&self.line);
        if line.free > 0 {
            line.free -= 1;
            return Pass(Arc::clone(self));
        }
        let may_pass = Arc::new(AtomicBool::new(false));
        line.waiting.push(Waiter {
            size,
            thread: thread::current(),
            may_pass: Arc::clone(&may_pass),
        });
        drop(line);
        while !may_pass.load(Ordering::Acquire) {
            thread::park();
        }
        Pass(Arc::clone(self))
    }
}

/// Returns the number of threads for this many objects or files of one repo. The gate limits the
/// repos to the cores; but at the end of a run the biggest one is alone, and should use all of
/// them.
pub(super) fn threads_for(count: usize) -> usize {
    /// Fewer would be done before a second thread has started.
    const MANY: usize = 2_000;
    match count {
        0..MANY => 1,
        _ => resources::cores(),
    }
}

/// A place behind the gate, passed on when dropped.
#[derive(Debug)]
pub struct Pass(Arc<Gate>);

impl Drop for Pass {
    fn drop(&mut self) {
        let mut line = lock(&self.0.line);
        let sizes = line.waiting.iter().map(|waiter| waiter.size).enumerate();
        match sizes.max_by_key(|&(_, size)| size) {
            // Only one thread is woken: with many small repos, waking the others would cost more
            // than their work.
            Some((next, _)) => {
                let next = line.waiting.swap_remove(next);
                next.may_pass.store(true, Ordering::Release);
                next.thread.unpark();
            }
            None => line.free += 1,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A node of gix's progress tree that updates a [`Meter`] and waits at the [`Gate`].
#[derive(Debug)]
pub(super) struct Watch {
    meter: Arc<Meter>,
    gate: Arc<Gate>,
    role: Role,
    counter: StepShared,
    /// The number of objects in the pack, shared by all nodes of one fetch: its size at the gate.
    objects: Arc<AtomicUsize>,
    _pass: Option<Pass>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Bytes,
    Phase(Phase),
    /// Messages of the server besides the pack.
    Words,
    Nothing,
}

// The ids of gix's progress nodes; documented as stable.
const READ_PACK_BYTES: Id = *b"BWRB";
const INDEX_OBJECTS: Id = *b"IWIO";
const RESOLVE_OBJECTS: Id = *b"IWRO";
const WORDS: Id = *b"FERP";
/// Of the files that a checkout writes.
pub(super) const CHECKOUT_FILES: Id = *b"CLCF";

impl Watch {
    pub(super) fn new(meter: &Arc<Meter>, gate: &Arc<Gate>) -> Self {
        Watch {
            meter: Arc::clone(meter),
            gate: Arc::clone(gate),
            role: Role::Nothing,
            counter: StepShared::default(),
            objects: Arc::default(),
            _pass: None,
        }
    }

    /// Objects of the pack that was received.
    pub(super) fn objects(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.objects)
    }

    fn child(&self, id: Id) -> Watch {
        self.meter.beat();
        let role = match id {
            READ_PACK_BYTES => Role::Bytes,
            INDEX_OBJECTS => Role::Phase(Phase::Receiving),
            RESOLVE_OBJECTS => Role::Phase(Phase::Resolving),
            CHECKOUT_FILES => Role::Phase(Phase::CheckingOut),
            WORDS => Role::Words,
            _ => Role::Nothing,
        };
        let counter = match role {
            Role::Bytes => Arc::clone(&self.meter.bytes),
            Role::Phase(_) | Role::Words | Role::Nothing => StepShared::default(),
        };
        if let Role::Phase(phase) = role {
            self.meter.enter(phase, &counter);
        }
        let pass = (role == Role::Phase(Phase::Resolving))
            .then(|| self.gate.pass(self.objects.load(Ordering::Relaxed)));
        Watch {
            meter: Arc::clone(&self.meter),
            gate: Arc::clone(&self.gate),
            role,
            counter,
            objects: Arc::clone(&self.objects),
            _pass: pass,
        }
    }
}

impl gix::Count for Watch {
    fn set(&self, step: Step) {
        self.meter.beat();
        self.counter.store(step, Ordering::Relaxed);
    }

    fn step(&self) -> Step {
        self.counter.load(Ordering::Relaxed)
    }

    fn inc_by(&self, step: Step) {
        self.meter.beat();
        self.counter.fetch_add(step, Ordering::Relaxed);
    }

    fn counter(&self) -> StepShared {
        Arc::clone(&self.counter)
    }
}

impl gix::Progress for Watch {
    fn init(&mut self, max: Option<Step>, _unit: Option<Unit>) {
        self.meter.beat();
        match self.role {
            Role::Phase(phase) => {
                self.meter.total.store(max.unwrap_or(0), Ordering::Relaxed);
                if phase == Phase::Receiving {
                    self.objects.store(max.unwrap_or(0), Ordering::Relaxed);
                }
            }
            Role::Words => lock(&self.meter.words).has_number(),
            Role::Bytes | Role::Nothing => {}
        }
    }

    fn set_name(&mut self, name: String) {
        self.meter.beat();
        if self.role == Role::Words {
            lock(&self.meter.words).hear(&name);
        }
    }

    fn name(&self) -> Option<String> {
        None
    }

    fn id(&self) -> Id {
        gix::progress::UNKNOWN
    }

    fn message(&self, _level: MessageLevel, message: String) {
        self.meter.beat();
        if self.role == Role::Words {
            lock(&self.meter.words).hear(&message);
        }
    }
}

impl gix::NestedProgress for Watch {
    type SubProgress = Watch;

    fn add_child(&mut self, _name: impl Into<String>) -> Watch {
        self.child(gix::progress::UNKNOWN)
    }

    fn add_child_with_id(&mut self, _name: impl Into<String>, id: Id) -> Watch {
        self.child(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn what_a_server_says_for_people_is_told_from_its_progress() {
        use gix::protocol::RemoteProgress;
        let meter = Arc::new(Meter::default());
        let watch = Watch::new(&meter, &Gate::new(1));
        let mut remote = watch.child(WORDS);
        // gix cuts the line end off.
        for (is_error, text) in [
            (false, "Enumerating objects: 12, done."),
            (false, "Counting ob"),
            (false, "jects:  50% (6/12)\rCounting objects: 100% (1"),
            (false, "2/12), done."),
            (false, "/3)"),
            (false, "archived on Monday: ask platform@example.com"),
            (false, "has moved: see https://git.example:8443/2"),
            (false, "Total 12 (delta 0), reused 0 (delta 0)"),
            (false, "one line\nand another"),
            (true, "aborting due to possible corruption"),
        ] {
            RemoteProgress::translate_to_progress(is_error, text.as_bytes(), &mut remote);
        }
        let expected = [
            "archived on Monday: ask platform@example.com",
            "has moved…",
            "one line",
            "and another",
            "aborting due to possible corruption",
        ];
        assert_eq!(meter.take_words(), expected);
        assert!(meter.take_words().is_empty());
    }

    #[test]
    fn of_those_who_wait_at_the_gate_the_biggest_comes_first() {
        let gate = Gate::new(1);
        let first = gate.pass(1);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for size in [2, 9, 5] {
                let (gate, sender) = (&gate, sender.clone());
                scope.spawn(move || {
                    let _pass = gate.pass(size);
                    sender.send(size).unwrap();
                });
            }
            while lock(&gate.line).waiting.len() < 3 {
                thread::yield_now();
            }
            drop(first);
        });
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [9, 5, 2]);
    }
}
