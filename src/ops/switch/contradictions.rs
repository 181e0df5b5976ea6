//! Finds variables that override the choice: set in the shell, or in `.env` outside of fitout's
//! block.

use crate::doctor::machine;
use crate::doctor::variables::Origin;
use crate::doctor::variables::Variables;
use crate::error::{Failure, ResultExt as _};
use crate::ops::Opened;
use crate::ui::Ui;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{RunsOn, Service, Source};

/// Warns about each, and how to remove it.
pub(crate) fn warn(
    ui: &Ui,
    opened: &Opened,
    services: &[&Service],
    place: RunsOn,
) -> Result<(), Failure> {
    let variables = machine::variables(&opened.root).context("can't read `.env`")?;
    for service in services {
        for (name, origin) in found(service, place, &variables) {
            let (set, remedy) = match origin {
                Origin::Shell => ("in the shell", format!("unset {name}")),
                Origin::EnvFile => (
                    "in .env, outside of fitout's block",
                    format!("remove `{name}` from .env, then run `fitout generate`"),
                ),
            };
            ui.warn(format_args!(
                "`{name}` is set {set}, and overrides this choice for `{}`",
                service.name
            ));
            ui.hint(remedy);
        }
    }
    Ok(())
}

fn found(service: &Service, place: RunsOn, variables: &Variables) -> Vec<(String, Origin)> {
    let prefix = variable_prefix(&service.name);
    let mut found = Vec::new();
    let containers = format!("{prefix}_CONTAINERS");
    if let Some((count, origin)) = variables.get_filled(&containers)
        && (count == "0") != (place == RunsOn::Host)
    {
        found.push((containers, origin));
    }
    if let (RunsOn::Container, Source::Preset(preset)) = (place, &service.source) {
        let in_container = [
            (format!("{prefix}_HOST"), service.name.clone()),
            (format!("{prefix}_PORT"), preset.port.to_string()),
        ];
        for (name, own) in in_container {
            if let Some((value, origin)) = variables.get_filled(&name)
                && value != own
            {
                found.push((name, origin));
            }
        }
    }
    found
}
