//! `tools.memory`: the memory for containers.

use super::{GIB, gigabytes};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// With less, a database gets killed when a compiler is running.
const ROOMY: u64 = 2 * GIB;

/// There is enough memory for containers.
pub struct ForContainers;

/// In bytes.
pub struct Seen {
    total: u64,
    /// The available memory, if known.
    available: Option<u64>,
}

impl Check for ForContainers {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "tools.memory",
        in_order: "the machine has 2 GiB of memory",
        otherwise: &[(Status::Warn, "less")],
        fixed_by: "more memory for the engine, or fewer services",
    };

    fn about(&self) -> About {
        About::new("tools.memory", "there is memory for containers")
    }

    /// The memory of this machine if its kernel reports it, otherwise that of the engine's virtual
    /// machine.
    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        if let Some(memory) = machine.memory() {
            return Ok(Seen {
                total: memory.total,
                available: Some(memory.available),
            });
        }
        match machine.engine() {
            Ok(engine) => Ok(Seen {
                total: engine.memory,
                available: None,
            }),
            Err(_) => Err(Fault::Blocked("only the engine could report it".to_owned())),
        }
    }

    fn judge(&self, Seen { total, available }: Seen, _: &Setting) -> Outcome {
        let available = available
            .map(|bytes| format!(", {} free", gigabytes(bytes)))
            .unwrap_or_default();
        let found = format!("{} of memory{available}", gigabytes(total));
        if total < ROOMY {
            Outcome::warn(
                format!("only {found}"),
                Remedy::note("give the engine more memory, or start fewer services"),
            )
        } else {
            Outcome::pass(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn little_is_a_warning() {
        let seen = [(GIB, None), (16 * GIB, Some(9 * GIB))];
        let seen = seen.map(|(total, available)| Seen { total, available });
        insta::assert_snapshot!(examples(&ForContainers, seen), @r"
        warn     tools.memory  only 1.0 GiB of memory
                 give the engine more memory, or start fewer services
        pass     tools.memory  16.0 GiB of memory, 9.0 GiB free
        ");
    }
}
