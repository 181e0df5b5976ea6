//! `files.SERVICE.env-keys`: a service's env file, compared with the repo's example.

use super::OfService;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Fix, Outcome, Remedy, Status, one_line, quoted};
use crate::doctor::setting::Setting;
use crate::dotenv;
use crate::workspace::Service;

/// The env file has the keys of its example.
pub struct EnvKeys {
    file: OfService,
    /// Relative to the workspace: `api/.env.example`.
    example: String,
    /// Variables that the service gets from elsewhere.
    given: Vec<String>,
}

impl EnvKeys {
    /// The check of one file of a service.
    pub fn of(file: OfService, service: &Service) -> Self {
        EnvKeys {
            example: format!("{}.example", file.path),
            file,
            given: service.environment.keys().cloned().collect(),
        }
    }
}

/// An env file and its example.
pub enum Seen {
    /// The repo has no example for it.
    NoExample,
    /// The example exists, but the file doesn't.
    Missing,
    /// Keys that are only in the example.
    Lacks(Vec<String>),
}

impl Check for EnvKeys {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "files.SERVICE.env-keys",
        in_order: "the service's env file has every key of the example next to it (`.env.example`), or the manifest sets it",
        otherwise: &[(Status::Warn, "the file or keys are missing")],
        fixed_by: "copying them; `--fix` creates a missing file",
    };

    fn about(&self) -> About {
        let OfService { name, path, needs } = &self.file;
        About::new(
            format!("files.{name}.env-keys"),
            format!("`{path}` has the keys of its example"),
        )
        .needs([needs])
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        let Some(example) = machine.read(&self.example)? else {
            return Ok(Seen::NoExample);
        };
        let Some(text) = machine.read(&self.file.path)? else {
            return Ok(Seen::Missing);
        };
        let set: Vec<&str> = dotenv::variables(&text).collect();
        let mut lacking: Vec<String> = Vec::new();
        for key in dotenv::variables(&example) {
            let is_given = set.contains(&key) || self.given.iter().any(|given| given == key);
            if !is_given && !lacking.iter().any(|named| named == key) {
                lacking.push(key.to_owned());
            }
        }
        Ok(Seen::Lacks(lacking))
    }

    fn judge(&self, seen: Seen, setting: &Setting) -> Outcome {
        let (file, example) = (&self.file.path, &self.example);
        match seen {
            Seen::NoExample => Outcome::pass(format!("there is no `{example}`")),
            Seen::Missing => Outcome::warn(
                format!("`{file}` is missing, but `{example}` exists"),
                Remedy::run(format!(
                    "cp -n {} {}",
                    setting.typed(example),
                    setting.typed(file)
                )),
            )
            .fixed_by(Fix::Create {
                file: file.clone(),
                from: example.clone(),
            }),
            Seen::Lacks(keys) if keys.is_empty() => {
                Outcome::pass(format!("`{file}` has the keys of its example"))
            }
            Seen::Lacks(keys) => {
                let pattern = keys.join("|");
                Outcome::warn(
                    format!("`{file}` lacks {} of `{example}`", one_line(&quoted(&keys))),
                    Remedy::run(format!(
                        "{{ echo; grep -E '^ *(export )?({pattern})=' {}; }} >> {}",
                        setting.typed(example),
                        setting.typed(file)
                    ))
                    .and_note("then set your values"),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::files::tests::of_api;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn missing_keys_are_copied_from_the_example() {
        let check = EnvKeys {
            file: of_api("api/.env"),
            example: "api/.env.example".to_owned(),
            given: Vec::new(),
        };
        let seen = [
            Seen::NoExample,
            Seen::Missing,
            Seen::Lacks(Vec::new()),
            Seen::Lacks(vec!["A".to_owned(), "B".to_owned()]),
        ];
        insta::assert_snapshot!(examples(&check, seen), @r"
        pass     files.api.env-keys  there is no `api/.env.example`
        warn     files.api.env-keys  `api/.env` is missing, but `api/.env.example` exists
                 $ cp -n ../api/.env.example ../api/.env
        pass     files.api.env-keys  `api/.env` has the keys of its example
        warn     files.api.env-keys  `api/.env` lacks `A`, `B` of `api/.env.example`
                 $ { echo; grep -E '^ *(export )?(A|B)=' ../api/.env.example; } >> ../api/.env
                 then set your values
        ");
    }
}
