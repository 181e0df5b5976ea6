//! `running.SERVICE`: the state of a service's containers, if it is running.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, one_line};
use crate::doctor::setting::Setting;
use crate::running::{self, Condition, ServiceState};
use crate::workspace::Service;

/// The service is healthy.
pub struct Running {
    service: String,
    /// Variables that Compose requires to read the file.
    made_up: Vec<String>,
}

impl Running {
    /// The check of a service that runs in a container.
    pub fn of(service: &Service, made_up: &[String]) -> Self {
        Running {
            service: service.name.clone(),
            made_up: made_up.to_vec(),
        }
    }
}

/// The containers of a service.
pub struct Seen {
    /// The condition of the worst of them.
    condition: Condition,
    /// Its state for display: `running, healthy`.
    state: String,
    /// The last output of its health check, if it is unhealthy.
    health: Option<String>,
}

impl Check for Running {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "running.SERVICE",
        in_order: "its container is healthy",
        otherwise: &[
            (Status::Fail, "unhealthy, restarting, exited with an error"),
            (Status::Info, "not started, still starting"),
        ],
        fixed_by: "`docker compose logs`",
    };

    fn about(&self) -> About {
        let name = &self.service;
        About::new(
            format!("running.{name}"),
            format!("`{name}` is healthy, if it is running"),
        )
        .needs(["tools.engine", "tools.compose", "compose.present"])
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        let services = machine.services(&self.made_up)?.iter();
        let own = services.filter(|state| state.service == self.service);
        let own: Vec<&ServiceState> = own.collect();
        let unhealthy = own.iter().find(|state| state.health == "unhealthy");
        let row = running::of_service(&self.service, &own);
        Ok(Seen {
            condition: row.condition,
            state: row.state,
            health: unhealthy.and_then(|state| machine.health_output(&state.container)),
        })
    }

    fn judge(&self, seen: Seen, _: &Setting) -> Outcome {
        let state = seen.state;
        match seen.condition {
            Condition::Ready | Condition::Done => Outcome::pass(state),
            Condition::Starting | Condition::Stopped | Condition::OnHost => Outcome::info(state),
            Condition::Broken => {
                let said = match &seen.health {
                    Some(words) => format!(": {}", one_line(words)),
                    None => String::new(),
                };
                let service = &self.service;
                Outcome::fail(
                    format!("`{service}` is {state}{said}"),
                    Remedy::run(format!("docker compose logs --tail 50 {service}"))
                        .and_run(format!("docker compose up -d --force-recreate {service}")),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn only_what_is_broken_is_a_failure() {
        let running = |condition, state: &str, health: Option<&str>| Seen {
            condition,
            state: state.to_owned(),
            health: health.map(str::to_owned),
        };
        let seen = [
            running(Condition::Ready, "running, healthy", None),
            running(Condition::Done, "exited (0)", None),
            running(Condition::Starting, "running, starting", None),
            running(Condition::Stopped, "not started", None),
            running(Condition::Broken, "running, unhealthy", Some("nc: refused")),
            running(Condition::Broken, "exited (1)", None),
        ];
        let check = Running {
            service: "api".to_owned(),
            made_up: Vec::new(),
        };
        insta::assert_snapshot!(examples(&check, seen), @r"
        pass     running.api  running, healthy
        pass     running.api  exited (0)
        info     running.api  running, starting
        info     running.api  not started
        fail     running.api  `api` is running, unhealthy: nc: refused
                 $ docker compose logs --tail 50 api
                 $ docker compose up -d --force-recreate api
        fail     running.api  `api` is exited (1)
                 $ docker compose logs --tail 50 api
                 $ docker compose up -d --force-recreate api
        ");
    }
}
