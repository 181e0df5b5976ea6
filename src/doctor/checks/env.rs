//! `env.VARIABLE`: the variables that services require (`required_env`).

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, quoted};
use crate::doctor::required::required;
use crate::doctor::setting::Setting;
use crate::doctor::variables::Origin;
use crate::workspace::Workspace;

/// The variable is set.
pub struct Variable {
    name: String,
    services: Vec<String>,
}

impl Variable {
    /// One check for each variable.
    pub fn each(workspace: &Workspace) -> Vec<Self> {
        let required = required(workspace).into_iter();
        let checks = required.map(|(name, services)| Variable {
            name: name.to_owned(),
            services: services.into_iter().map(str::to_owned).collect(),
        });
        checks.collect()
    }
}

impl Check for Variable {
    /// Where it is set, in Compose's order of precedence; none if it is not set, or empty.
    type Seen = Option<Origin>;

    const PAGE: &'static Page = &Page {
        id: "env.VARIABLE",
        in_order: "the shell or `.env` sets a variable in `required_env`",
        otherwise: &[(Status::Fail, "neither does")],
        fixed_by: "a line in `.env`",
    };

    fn about(&self) -> About {
        let name = &self.name;
        About::new(
            format!("env.{name}"),
            format!("`{name}` is set, for {}", quoted(&self.services)),
        )
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        let filled = machine.variables().get_filled(&self.name);
        Ok(filled.map(|(_, origin)| origin))
    }

    fn judge(&self, origin: Self::Seen, setting: &Setting) -> Outcome {
        let name = &self.name;
        match origin {
            Some(Origin::Shell) => Outcome::pass("set in the shell"),
            Some(Origin::EnvFile) => Outcome::pass("set in `.env`"),
            None => Outcome::fail(
                format!("`{name}` is not set"),
                Remedy::note(format!(
                    "add the line `{name}=…` to `{}`, with your value",
                    setting.shown(".env")
                )),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn the_shell_and_the_file_can_set_it() {
        let check = Variable {
            name: "KEY".to_owned(),
            services: vec!["api".to_owned()],
        };
        let seen = [None, Some(Origin::Shell), Some(Origin::EnvFile)];
        insta::assert_snapshot!(examples(&check, seen), @r"
        fail     env.KEY  `KEY` is not set
                 add the line `KEY=…` to `../.env`, with your value
        pass     env.KEY  set in the shell
        pass     env.KEY  set in `.env`
        ");
    }
}
