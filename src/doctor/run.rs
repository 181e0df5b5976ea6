//! Runs checks: in parallel, each with its own timeout, and only if their prerequisites pass.
//!
//! Handles threads and timeouts, but not the observations of checks: their types are erased here.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::check::{About, Check, Checked, Page};
use super::machine::Machine;
use super::outcome::{Fault, Outcome, Status};
use super::setting::Setting;

/// The timeout of a check.
pub const LIMIT: Duration = Duration::from_secs(5);

/// The number of concurrent checks. They mostly wait for other programs.
const AT_ONCE: usize = 32;

/// A check of any type. Its observation is private to it.
pub struct AnyCheck {
    /// Returns its description.
    pub about: About,
    /// Its row in docs/doctor.md.
    pub page: &'static Page,
    patience: Option<Duration>,
    check: Arc<dyn Examine>,
}

impl AnyCheck {
    /// This is the only place where the type of a check is erased.
    pub fn of<C: Check>(check: C) -> Self {
        AnyCheck {
            about: check.about(),
            page: C::PAGE,
            patience: check.patience(),
            check: Arc::new(check),
        }
    }
}

/// Observes and judges in one step, so that the observation's type is not visible outside of the
/// check.
trait Examine: Send + Sync {
    fn examine(&self, machine: &Machine, setting: &Setting) -> Outcome;
}

impl<C: Check> Examine for C {
    fn examine(&self, machine: &Machine, setting: &Setting) -> Outcome {
        match self.look(machine) {
            Ok(seen) => self.judge(seen, setting),
            Err(fault) => fault.into(),
        }
    }
}

/// What checks need, shared by all threads.
#[derive(Clone)]
pub struct Ground {
    /// The machine.
    pub machine: Arc<Machine>,
    /// The setting for remedies.
    pub setting: Arc<Setting>,
}

/// Runs all checks. The result is in the order of the checks.
///
/// A check that doesn't finish within `limit` is abandoned in its thread.
pub fn run(checks: Vec<AnyCheck>, limit: Duration, ground: &Ground) -> Vec<Checked> {
    let mut outcomes: HashMap<String, Outcome> = HashMap::new();
    let mut waiting: Vec<&AnyCheck> = checks.iter().collect();
    let mut under_way: Vec<(&AnyCheck, Instant)> = Vec::new();
    let (sender, receiver) = mpsc::channel();
    let ids: Vec<&str> = checks.iter().map(|check| check.about.id.as_str()).collect();
    loop {
        let before = outcomes.len();
        let mut later = Vec::new();
        for check in waiting {
            match readiness(check, &ids, &outcomes) {
                Readiness::Skip(because) => {
                    outcomes.insert(check.about.id.clone(), Outcome::skipped(because));
                }
                Readiness::Ready if under_way.len() < AT_ONCE => {
                    start(check, ground.clone(), sender.clone());
                    under_way.push((check, Instant::now() + limit_of(check, limit)));
                }
                Readiness::Ready | Readiness::Wait => later.push(check),
            }
        }
        waiting = later;
        if under_way.is_empty() {
            if outcomes.len() > before {
                continue;
            }
            break;
        }
        let deadline = under_way.iter().map(|(_, deadline)| *deadline).min();
        let patience = deadline.map_or(limit, |at| at.saturating_duration_since(Instant::now()));
        let (id, outcome) = match receiver.recv_timeout(patience) {
            Ok(answer) => answer,
            Err(_) => match under_way.iter().find(|(_, at)| *at <= Instant::now()) {
                Some((check, _)) => {
                    let limit = limit_of(check, limit);
                    (check.about.id.clone(), Fault::TimedOut(limit).into())
                }
                None => continue,
            },
        };
        // The result of an abandoned check comes too late.
        if let Some(index) = under_way.iter().position(|(check, _)| check.about.id == id) {
            under_way.swap_remove(index);
            outcomes.insert(id, outcome);
        }
    }
    checks
        .into_iter()
        .map(|check| {
            let outcome = outcomes
                .remove(&check.about.id)
                .unwrap_or_else(|| Outcome::unknown("its prerequisites depend on each other"));
            Checked {
                check: check.about,
                outcome,
            }
        })
        .collect()
}

fn limit_of(check: &AnyCheck, usual: Duration) -> Duration {
    check.patience.unwrap_or(usual)
}

enum Readiness {
    Ready,
    Wait,
    Skip(String),
}

/// A prerequisite that is not among the checks counts as passed, and so does one without a verdict.
fn readiness(check: &AnyCheck, ids: &[&str], outcomes: &HashMap<String, Outcome>) -> Readiness {
    let mut readiness = Readiness::Ready;
    for need in check
        .about
        .needs
        .iter()
        .filter(|need| ids.contains(&need.as_str()))
    {
        match outcomes.get(need) {
            None => readiness = Readiness::Wait,
            Some(outcome) => match (outcome.status, &outcome.because) {
                (Status::Fail, _) => return Readiness::Skip(need.clone()),
                (Status::Skipped, because) => {
                    return Readiness::Skip(because.clone().unwrap_or_else(|| need.clone()));
                }
                _ => {}
            },
        }
    }
    readiness
}

fn start(check: &AnyCheck, ground: Ground, sender: mpsc::Sender<(String, Outcome)>) {
    let id = check.about.id.clone();
    let check = Arc::clone(&check.check);
    thread::spawn(move || {
        let examine = || check.examine(&ground.machine, &ground.setting);
        let outcome = catch_unwind(AssertUnwindSafe(examine))
            .unwrap_or_else(|panic| Fault::Crashed(words_of(panic.as_ref())).into());
        // Nobody is listening any more if the run has abandoned this check.
        let _ = sender.send((id, outcome));
    });
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::doctor::outcome::Remedy;
    use crate::doctor::system::System;

    /// A check that does what the order says.
    struct Ordered {
        about: About,
        order: &'static str,
    }

    impl Check for Ordered {
        type Seen = bool;

        const PAGE: &'static Page = &Page {
            id: "",
            in_order: "",
            otherwise: &[],
            fixed_by: "",
        };

        fn about(&self) -> About {
            self.about.clone()
        }

        fn look(&self, _: &Machine) -> Result<bool, Fault> {
            match self.order {
                "panic" => panic!("oh no"),
                "hang" => loop {
                    thread::park();
                },
                order => Ok(order == "good"),
            }
        }

        fn judge(&self, is_good: bool, _: &Setting) -> Outcome {
            if is_good {
                Outcome::pass("good")
            } else {
                Outcome::fail("bad", Remedy::default())
            }
        }
    }

    /// A check of that id, which does what the order says: `good`, `bad`, `panic` or `hang`.
    pub fn check(id: &str, order: &'static str, needs: &[&str]) -> AnyCheck {
        let about = About {
            id: id.to_owned(),
            ..About::new("tools", "").needs(needs.iter().copied())
        };
        AnyCheck::of(Ordered { about, order })
    }

    fn verdicts(checks: Vec<AnyCheck>, limit: Duration) -> Vec<(String, String)> {
        let ground = Ground {
            machine: Arc::new(Machine::bare(std::path::PathBuf::new())),
            setting: Arc::new(Setting {
                system: System::new("linux", "", ""),
                workspace: String::new(),
            }),
        };
        run(checks, limit, &ground)
            .into_iter()
            .map(|checked| {
                let status = checked.outcome.status.name();
                let because = checked.outcome.because.unwrap_or_default();
                (
                    checked.check.id,
                    format!("{status} {because}").trim().to_owned(),
                )
            })
            .collect()
    }

    fn expect(verdicts: &[(String, String)], expected: &[(&str, &str)]) {
        let verdicts: Vec<(&str, &str)> = verdicts
            .iter()
            .map(|(id, verdict)| (id.as_str(), verdict.as_str()))
            .collect();
        assert_eq!(verdicts, expected);
    }

    const AMPLE: Duration = Duration::from_secs(60);

    #[test]
    fn a_skipped_check_names_the_one_that_failed_first() {
        let checks = vec![
            check("valid", "good", &["compose", "file"]),
            check("compose", "good", &["client"]),
            check("client", "bad", &[]),
            check("file", "good", &[]),
        ];
        expect(
            &verdicts(checks, AMPLE),
            &[
                ("valid", "skipped client"),
                ("compose", "skipped client"),
                ("client", "fail"),
                ("file", "pass"),
            ],
        );
    }

    #[test]
    fn a_probe_that_crashes_or_hangs_is_unknown_and_blocks_nothing() {
        let checks = vec![
            check("crashes", "panic", &[]),
            check("hangs", "hang", &[]),
            check("after", "good", &["crashes", "hangs"]),
        ];
        expect(
            &verdicts(checks, Duration::from_millis(200)),
            &[
                ("crashes", "unknown"),
                ("hangs", "unknown"),
                ("after", "pass"),
            ],
        );
    }

    #[test]
    fn more_checks_than_threads_keep_their_order() {
        let checks: Vec<AnyCheck> = (0..200)
            .map(|number| check(&number.to_string(), "good", &[]))
            .collect();
        let ids: Vec<String> = verdicts(checks, AMPLE)
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        let expected: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn a_circle_or_a_prerequisite_that_is_not_run_stops_nothing() {
        let checks = vec![
            check("a", "good", &["b"]),
            check("b", "good", &["a"]),
            check("c", "good", &["not here"]),
        ];
        expect(
            &verdicts(checks, AMPLE),
            &[("a", "unknown"), ("b", "unknown"), ("c", "pass")],
        );
    }
}
