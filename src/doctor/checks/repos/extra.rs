//! `repos.extra`: clones in the workspace that are not in the manifest.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, one_line};
use crate::doctor::setting::Setting;

/// The manifest lists every clone.
pub struct Extra;

impl Check for Extra {
    /// The path and the remote of each other clone.
    type Seen = Vec<(String, Option<String>)>;

    const PAGE: &'static Page = &Page {
        id: "repos.extra",
        in_order: "the manifest lists every clone",
        otherwise: &[(Status::Info, "a clone that isn't in the manifest")],
        fixed_by: "`fitout add`",
    };

    fn about(&self) -> About {
        About::new("repos.extra", "the manifest lists every clone")
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        Ok(machine.unnamed_clones())
    }

    /// An additional clone is not a problem.
    fn judge(&self, clones: Self::Seen, _: &Setting) -> Outcome {
        if clones.is_empty() {
            return Outcome::pass("every clone is in the manifest");
        }
        let named: Vec<String> = clones
            .iter()
            .map(|(path, url)| match url {
                Some(url) => format!("`{path}` ({url})"),
                None => format!("`{path}`"),
            })
            .collect();
        let verb = if named.len() == 1 { "is" } else { "are" };
        Outcome {
            remedy: Remedy::note("`fitout add` adds it; fitout never removes a clone"),
            ..Outcome::info(format!(
                "{} {verb} not in the manifest",
                one_line(&named.join(", "))
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn each_is_named_with_its_url() {
        let old = "https://git.example/old".to_owned();
        let seen = [
            Vec::new(),
            vec![("old".to_owned(), Some(old)), ("mine".to_owned(), None)],
        ];
        insta::assert_snapshot!(examples(&Extra, seen), @r"
        pass     repos.extra  every clone is in the manifest
        info     repos.extra  `old` (https://git.example/old), `mine` are not in the manifest
                 `fitout add` adds it; fitout never removes a clone
        ");
    }
}
