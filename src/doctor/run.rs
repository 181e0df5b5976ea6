//! Runs checks: in parallel, each with a limit of its own, and only when what they need is in order.
//!
//! Knows threads and time, and nothing of what a probe does.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::check::{Check, Checked, Outcome, Probe, Status};
use super::finding::{Fault, Finding};

/// How long one probe may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// Probes under way at once. They wait for other programs more than they compute.
const AT_ONCE: usize = 32;

/// Looks at the machine: one call a probe, from many threads.
pub type Prober = Arc<dyn Fn(&Probe) -> Result<Finding, Fault> + Send + Sync>;

/// Runs all checks and judges what they find. The result is in the order of the checks.
///
/// A probe that does not come back within `limit` is left behind in its thread.
pub fn run(
    checks: Vec<Check>,
    limit: Duration,
    prober: &Prober,
    judge: impl Fn(&Check, Result<Finding, Fault>) -> Outcome,
) -> Vec<Checked> {
    let mut outcomes: HashMap<String, Outcome> = HashMap::new();
    let mut waiting: Vec<&Check> = checks.iter().collect();
    let mut under_way: Vec<(&Check, Instant)> = Vec::new();
    let (sender, receiver) = mpsc::channel();
    let ids: Vec<&str> = checks.iter().map(|check| check.id.as_str()).collect();
    loop {
        let before = outcomes.len();
        let mut later = Vec::new();
        for check in waiting {
            match readiness(check, &ids, &outcomes) {
                Readiness::Skip(because) => {
                    outcomes.insert(check.id.clone(), Outcome::skipped(because));
                }
                Readiness::Ready if under_way.len() < AT_ONCE => {
                    start(check, Arc::clone(prober), sender.clone());
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
        let (id, observed) = match receiver.recv_timeout(patience) {
            Ok(answer) => answer,
            Err(_) => match under_way.iter().find(|(_, at)| *at <= Instant::now()) {
                Some((check, _)) => {
                    let limit = limit_of(check, limit);
                    (check.id.clone(), Err(Fault::TimedOut(limit)))
                }
                None => continue,
            },
        };
        // The answer of a probe that was given up comes too late.
        if let Some(index) = under_way.iter().position(|(check, _)| check.id == id) {
            let (check, _) = under_way.swap_remove(index);
            outcomes.insert(id, judge(check, observed));
        }
    }
    checks
        .into_iter()
        .map(|check| {
            let outcome = outcomes
                .remove(&check.id)
                .unwrap_or_else(|| Outcome::unknown("its prerequisites need each other"));
            Checked { check, outcome }
        })
        .collect()
}

fn limit_of(check: &Check, usual: Duration) -> Duration {
    check.probe.patience().unwrap_or(usual)
}

enum Readiness {
    Ready,
    Wait,
    Skip(String),
}

/// A prerequisite that is not among the checks counts as met, and one without a verdict does not
/// stand in the way.
fn readiness(check: &Check, ids: &[&str], outcomes: &HashMap<String, Outcome>) -> Readiness {
    let mut readiness = Readiness::Ready;
    for need in check
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

type Answer = (String, Result<Finding, Fault>);

fn start(check: &Check, prober: Prober, sender: mpsc::Sender<Answer>) {
    let Check { id, probe, .. } = check.clone();
    thread::spawn(move || {
        let observed = catch_unwind(AssertUnwindSafe(|| prober(&probe)))
            .unwrap_or_else(|panic| Err(Fault::Crashed(words_of(panic.as_ref()))));
        // Nobody listens any more once the run has given this probe up.
        let _ = sender.send((id, observed));
    });
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Group;

    /// A check whose probe is a file name, which the test's prober takes for an order.
    fn check(id: &str, order: &str, needs: &[&str]) -> Check {
        Check {
            id: id.to_owned(),
            group: Group::Tools,
            subject: String::new(),
            needs: needs.iter().map(ToString::to_string).collect(),
            probe: Probe::File(order.to_owned()),
        }
    }

    fn verdicts(checks: Vec<Check>, limit: Duration) -> Vec<(String, String)> {
        let prober: Prober = Arc::new(|probe| match probe {
            Probe::File(order) if order == "panic" => panic!("oh no"),
            Probe::File(order) if order == "hang" => loop {
                thread::park();
            },
            Probe::File(order) => Ok(Finding::Tracked(order == "bad")),
            _ => unreachable!(),
        });
        let judge = |_: &Check, observed: Result<Finding, Fault>| match observed {
            Ok(Finding::Tracked(true)) => {
                Outcome::fail("bad", crate::doctor::check::Remedy::default())
            }
            Ok(_) => Outcome::pass("good"),
            Err(fault) => Outcome::unknown(format!("{fault:?}")),
        };
        run(checks, limit, &prober, judge)
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
        let checks: Vec<Check> = (0..200)
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
