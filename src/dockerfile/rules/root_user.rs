//! `root-user`: the production image runs as root.

use super::super::finding::{Finding, Rule};
use super::super::parse::{Instruction, Keyword};
use super::super::shell;
use super::super::stages::Base;
use super::super::variables;
use super::Unit;

pub(super) fn check(unit: &Unit<'_>) -> Option<Finding> {
    if unit.only_carries_files() || drops_rights(unit) {
        return None;
    }
    let help = "add a `USER` after the last step that needs root";
    if let Some(user) = unit.last(Keyword::User) {
        let name = variables::expand(user.arguments.text(), &unit.built.variables)?;
        let account = name.split(':').next().unwrap_or_default();
        let is_root = matches!(account, "root" | "0");
        return is_root.then(|| {
            Finding::new(
                Rule::RootUser,
                user.head.clone(),
                "the production image runs as root",
            )
            .help(help)
        });
    }
    let root = unit.root();
    let known = match &root.base {
        Base::Image(image) => !runs_without_root(image),
        Base::Scratch => true,
        _ => false,
    };
    known.then(|| {
        Finding::new(
            Rule::RootUser,
            unit.built.image.span.clone(),
            "the production image runs as root: no `USER` is set",
        )
        .help(help)
    })
}

/// Images that are made to run without root: their names say so. Chainguard's images do unless a
/// tag says otherwise (edu.chainguard.dev, "How to use Chainguard Containers").
fn runs_without_root(image: &str) -> bool {
    let words = ["nonroot", "unprivileged", "rootless"];
    words.iter().any(|word| image.contains(word)) || image.starts_with("cgr.dev/chainguard")
}

/// An entry point that starts as root to prepare something, and then gives its rights away.
fn drops_rights(unit: &Unit<'_>) -> bool {
    let programs = ["gosu", "su-exec", "setpriv", "runuser", "chroot"];
    let names = |instruction: &Instruction| {
        shell::commands(instruction).iter().any(|command| {
            command
                .words
                .iter()
                .any(|word| programs.contains(&word.rsplit('/').next().unwrap_or(word)))
        })
    };
    [Keyword::Entrypoint, Keyword::Cmd]
        .into_iter()
        .filter_map(|keyword| unit.last(keyword))
        .any(names)
}
