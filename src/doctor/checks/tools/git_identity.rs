//! `tools.git-identity`: git finds the user's name and email address for commits.
//!
//! A new machine lacks them, and nobody notices before the first commit is refused, or pushed with an
//! address that git made up. Where identities differ by folder, what counts is what git finds in the clones.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{Machine, Place, Role};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, one_line, quoted};
use crate::doctor::setting::Setting;
use crate::workspace::Repo;

/// git makes nothing up: git-config(1), `user.useConfigOnly`.
const STRICT: &str = "user.useConfigOnly=true";
const A_NAME: &str = "user.name=x";
const AN_EMAIL: &str = "user.email=x@x.example";

/// Commits have a name and an address that the user has set.
pub struct GitIdentity {
    repos: Vec<Repo>,
}

impl GitIdentity {
    /// The one check for all repos; without any, it is about the machine.
    pub fn of(repos: &[&Repo]) -> Self {
        let repos = repos.iter().map(|repo| (*repo).clone());
        GitIdentity {
            repos: repos.collect(),
        }
    }
}

/// Who git takes the user for.
pub enum Seen {
    /// Whom the user has set: `Ann <ann@git.example>`.
    Own(String),
    /// Something is not set.
    Unset(Unset),
    /// git refuses to commit for another reason.
    Refused(String),
}

/// What is not set.
pub struct Unset {
    name: bool,
    email: bool,
    /// What git uses instead; none if it refuses to commit.
    made_up: Option<String>,
    /// The repos in whose clones it is not set; empty if it is set nowhere.
    repos: Vec<String>,
}

impl Check for GitIdentity {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "tools.git-identity",
        in_order: "git finds your name and email address for commits, however you set them",
        otherwise: &[(
            Status::Warn,
            "one of them is not set, or not in some of the clones: git refuses to commit, or makes one up",
        )],
        fixed_by: "`git config --global user.name`, `git config --global user.email`",
    };

    fn about(&self) -> About {
        About::new(
            "tools.git-identity",
            "git knows your name and email address",
        )
        .needs(["tools.git"])
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        // What is set for all repositories needs no look into any.
        let everywhere = ask(machine, Place::Anywhere);
        if let Seen::Own(_) = everywhere {
            return Ok(everywhere);
        }
        let clones = self.repos.iter().filter(|repo| machine.has_clone(repo));
        let clones: Vec<&Repo> = clones.collect();
        let mut lacking = clones.clone();
        lacking.retain(|repo| lacks(machine, Place::Clone(repo)));
        let place = match (lacking.first(), clones.first()) {
            (Some(repo), _) | (None, Some(repo)) => Place::Clone(repo),
            (None, None) => Place::Workspace,
        };
        Ok(match ask(machine, place) {
            Seen::Unset(unset) if lacking.len() < clones.len() => Seen::Unset(Unset {
                repos: lacking.iter().map(|repo| repo.name.clone()).collect(),
                ..unset
            }),
            seen => seen,
        })
    }

    fn judge(&self, seen: Seen, _: &Setting) -> Outcome {
        match seen {
            Seen::Own(identity) => Outcome::pass(format!("you commit as {identity}")),
            Seen::Unset(unset) => unset.outcome(),
            Seen::Refused(words) => Outcome::warn(
                format!("git refuses to commit: {}", one_line(&words)),
                Remedy::run("git var GIT_COMMITTER_IDENT").and_run("git var GIT_AUTHOR_IDENT"),
            ),
        }
    }
}

impl Unset {
    fn outcome(&self) -> Outcome {
        let settings = [
            (self.name, "user.name", "\"Your Name\""),
            (self.email, "user.email", "you@example.com"),
        ];
        let unset = settings.into_iter().filter(|(is_unset, ..)| *is_unset);
        let unset: Vec<(&str, &str)> = unset.map(|(_, key, value)| (key, value)).collect();
        let keys: Vec<String> = unset.iter().map(|(key, _)| format!("`{key}`")).collect();
        let are = if keys.len() == 1 { "is" } else { "are" };
        let place = match self.repos.as_slice() {
            [] => String::new(),
            repos => format!(" in {}", one_line(&quoted(repos))),
        };
        let so = match &self.made_up {
            Some(identity) => format!("git commits as `{identity}`"),
            None => "git refuses to commit".to_owned(),
        };
        let remedy = unset
            .iter()
            .fold(Remedy::default(), |remedy, (key, value)| {
                remedy.and_run(format!("git config --global {key} {value}"))
            });
        Outcome::warn(
            format!("{} {are} not set{place}: {so}", keys.join(" and ")),
            remedy.and_note("with your own name and address; without `--global`, for one clone"),
        )
    }
}

/// Whether git refuses to commit, or makes something up. Most clones take one question.
fn lacks(machine: &Machine, place: Place) -> bool {
    let mut roles = [Role::Committer, Role::Author].into_iter();
    let is_given = roles.all(|role| machine.identity(place, role, &[STRICT]).is_ok());
    let by_variable =
        || machine.shell_variable("EMAIL").is_some() && matches!(ask(machine, place), Seen::Own(_));
    !is_given && !by_variable()
}

/// A commit needs both people.
fn ask(machine: &Machine, place: Place) -> Seen {
    match ask_for(machine, place, Role::Committer) {
        Seen::Own(_) => ask_for(machine, place, Role::Author),
        other => other,
    }
}

fn ask_for(machine: &Machine, place: Place, role: Role) -> Seen {
    let identity = |settings: &[&str]| machine.identity(place, role, settings);
    if let Ok(own) = identity(&[STRICT]) {
        return Seen::Own(own);
    }
    if let Err(words) = identity(&[STRICT, A_NAME, AN_EMAIL]) {
        return Seen::Refused(words);
    }
    // Given the one, git refuses for the lack of the other alone.
    let name = identity(&[STRICT, AN_EMAIL]).is_err();
    let email = identity(&[STRICT, A_NAME]).is_err();
    // This variable is asked last, and not at all with `user.useConfigOnly`.
    let by_variable = machine.shell_variable("EMAIL").is_some_and(|address| {
        let as_it_is = identity(&[A_NAME]);
        as_it_is.is_ok_and(|own| own.ends_with(&format!("<{address}>")))
    });
    let made_up = identity(&[]);
    match (name, email && !by_variable, made_up) {
        (false, false, Ok(own)) => Seen::Own(own),
        (false, false, Err(words)) => Seen::Refused(words),
        (name, email, made_up) => Seen::Unset(Unset {
            name,
            email,
            made_up: made_up.ok(),
            repos: Vec::new(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn what_is_not_set_comes_with_the_commands_that_set_it() {
        let unset = |name, email, made_up: Option<&str>, repos: &[&str]| {
            Seen::Unset(Unset {
                name,
                email,
                made_up: made_up.map(str::to_owned),
                repos: repos.iter().map(ToString::to_string).collect(),
            })
        };
        let seen = [
            Seen::Own("Ann <ann@git.example>".to_owned()),
            unset(true, true, None, &[]),
            unset(false, true, Some("Ann <ann@laptop.lan>"), &[]),
            unset(true, false, None, &["api", "web"]),
            Seen::Refused("bad config line 3 in file /home/ann/.gitconfig".to_owned()),
        ];
        insta::assert_snapshot!(examples(&GitIdentity::of(&[]), seen), @r#"
        pass     tools.git-identity  you commit as Ann <ann@git.example>
        warn     tools.git-identity  `user.name` and `user.email` are not set: git refuses to commit
                 $ git config --global user.name "Your Name"
                 $ git config --global user.email you@example.com
                 with your own name and address; without `--global`, for one clone
        warn     tools.git-identity  `user.email` is not set: git commits as `Ann <ann@laptop.lan>`
                 $ git config --global user.email you@example.com
                 with your own name and address; without `--global`, for one clone
        warn     tools.git-identity  `user.name` is not set in `api`, `web`: git refuses to commit
                 $ git config --global user.name "Your Name"
                 with your own name and address; without `--global`, for one clone
        warn     tools.git-identity  git refuses to commit: bad config line 3 in file /home/ann/.gitconfig
                 $ git var GIT_COMMITTER_IDENT
                 $ git var GIT_AUTHOR_IDENT
        "#);
    }
}
