//! `data.SERVICE.databases`: a running server has the databases of the manifest, for the login of its services.

use super::{Answer, ask, not_running, refused};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, quoted};
use crate::doctor::setting::Setting;
use crate::doctor::variables::Variables;
use crate::shell;
use crate::workspace::preset::Definition;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{Preset, Service};

/// The server has every database.
pub struct Databases {
    /// The service that they belong to.
    service: String,
    /// Their names.
    wanted: Vec<String>,
    /// The `sh` command line that lists existing databases.
    list: String,
    /// Arguments of the client before a statement.
    statement: Vec<String>,
    /// The statement that creates one; `{database}` is its name.
    create: String,
}

impl Databases {
    /// Returns the check of a service whose server can be queried.
    pub fn of(
        service: &Service,
        preset: &Preset,
        definition: &Definition,
        variables: &Variables,
    ) -> Option<Self> {
        let data = definition.data.as_ref()?;
        let create = definition.init.as_ref()?.create_database.clone()?;
        let first = variables.get_filled(&format!("{}_DATABASE", variable_prefix(&service.name)));
        let first = first.map(|(name, _)| name.to_owned());
        let mut wanted: Vec<String> = first
            .or_else(|| preset.database.clone())
            .into_iter()
            .collect();
        wanted.extend(preset.databases.iter().skip(1).cloned());
        Some(Databases {
            service: service.name.clone(),
            wanted,
            list: data.list.clone(),
            statement: data.statement.clone(),
            create,
        })
    }
}

impl Check for Databases {
    /// The server's databases.
    type Seen = Answer<Vec<String>>;

    const PAGE: &'static Page = &Page {
        id: "data.SERVICE.databases",
        in_order: "the running server accepts its services' login and has every database in `databases` (postgres, mysql, mariadb)",
        otherwise: &[
            (
                Status::Fail,
                "a database is missing, or the password or user has changed since the volume was created",
            ),
            (Status::Skipped, "it is not running"),
        ],
        fixed_by: "`fitout db SERVICE -- …` with the statement that creates it; the old value",
    };

    fn about(&self) -> About {
        let name = &self.service;
        About::new(
            format!("data.{name}.databases"),
            format!("`{name}` has the manifest's databases"),
        )
        .needs(["tools.engine"])
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        Ok(match ask(machine, &self.service, &self.list)? {
            Answer::NotRunning => Answer::NotRunning,
            Answer::Refused(words) => Answer::Refused(words),
            Answer::Given(answer) => {
                let names = answer.lines().map(str::trim).map(str::to_owned);
                Answer::Given(names.collect())
            }
        })
    }

    fn judge(&self, seen: Self::Seen, setting: &Setting) -> Outcome {
        let Databases {
            service, wanted, ..
        } = self;
        let found = match seen {
            Answer::NotRunning => return not_running(service),
            Answer::Refused(words) => return refused(service, &words, setting),
            Answer::Given(found) => found,
        };
        let missing: Vec<&String> = wanted.iter().filter(|name| !found.contains(name)).collect();
        if missing.is_empty() {
            return Outcome::pass(wanted.join(", "));
        }
        let mut remedy = Remedy::default();
        for name in &missing {
            let statement = self.create.replace("{database}", name);
            let arguments = self.statement.iter().chain([&statement]);
            let arguments: Vec<_> = arguments.map(|word| shell::word(word)).collect();
            remedy = remedy.and_run(format!("fitout db {service} -- {}", arguments.join(" ")));
        }
        Outcome::fail(
            format!(
                "the volume of `{service}` was created without the database {}",
                quoted(&missing)
            ),
            remedy,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::data::tests::db;
    use crate::doctor::checks::tests::examples;
    use crate::workspace::Source;

    #[test]
    fn a_missing_database_comes_with_the_statement_that_makes_it() {
        let service = db("postgres", "databases = [\"app\", \"more\"]");
        let Source::Preset(preset) = &service.source else {
            panic!("{service:?}");
        };
        let definition = preset.definition().unwrap();
        let check = Databases::of(&service, preset, definition, &Variables::default());
        let has = |names: &[&str]| {
            let names = names.iter().map(ToString::to_string);
            Answer::Given(names.collect())
        };
        let seen = [
            Answer::NotRunning,
            Answer::Refused("password authentication failed".to_owned()),
            has(&["postgres", "app"]),
            has(&["postgres", "app", "more"]),
        ];
        insta::assert_snapshot!(examples(&check.unwrap(), seen), @r#"
        skipped  data.db.databases  `db` is not running
        fail     data.db.databases  `db` doesn't accept the login of its services: password authentication failed
                 $ fitout sh db
                 user and password are still those from when the volume was created: restore them (`DB_PASSWORD` in `../.env`, or the manifest), or change them in the server
        fail     data.db.databases  the volume of `db` was created without the database `more`
                 $ fitout db db -- -d postgres -c 'CREATE DATABASE "more";'
        pass     data.db.databases  app, more
        "#);
    }
}
