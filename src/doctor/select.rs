//! Which checks to run: `--only` and `--skip`.

use std::collections::HashMap;

use super::check::About;
use super::run::AnyCheck;
use crate::manifest::report::closest;

/// Selects checks by ids and groups: `tools`, `repos.api`, `repos.*.branch`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only report these; all if empty.
    pub only: Vec<String>,
    /// Skip these.
    pub skip: Vec<String>,
}

impl Selection {
    /// Returns the patterns that match no check.
    pub fn unmatched<'a>(&'a self, checks: &[AnyCheck]) -> Vec<&'a str> {
        self.only
            .iter()
            .chain(&self.skip)
            .filter(|pattern| !checks.iter().any(|check| matches(pattern, &check.about.id)))
            .map(String::as_str)
            .collect()
    }

    /// Whether this check is selected.
    pub fn wants(&self, check: &About) -> bool {
        (self.only.is_empty() || is_in(&self.only, check)) && !is_in(&self.skip, check)
    }

    /// Returns the checks to run: selected ones and their prerequisites, except skipped ones.
    pub fn apply(&self, mut checks: Vec<AnyCheck>) -> Vec<AnyCheck> {
        let chosen = self.chosen(&checks);
        let mut chosen = chosen.into_iter();
        checks.retain(|_| chosen.next().unwrap_or_default());
        checks
    }

    /// Returns for each check whether to run it. Each is visited once, however many need it.
    fn chosen(&self, checks: &[AnyCheck]) -> Vec<bool> {
        let ids = checks.iter().enumerate();
        let place: HashMap<&str, usize> = ids
            .map(|(at, check)| (check.about.id.as_str(), at))
            .collect();
        let mut chosen: Vec<bool> = checks
            .iter()
            .map(|check| self.wants(&check.about))
            .collect();
        let mut to_follow: Vec<usize> = (0..checks.len()).filter(|&at| chosen[at]).collect();
        while let Some(at) = to_follow.pop() {
            let needed = checks[at].about.needs.iter();
            for &needed in needed.filter_map(|id| place.get(id.as_str())) {
                if !chosen[needed] && !is_in(&self.skip, &checks[needed].about) {
                    chosen[needed] = true;
                    to_follow.push(needed);
                }
            }
        }
        chosen
    }
}

fn is_in(patterns: &[String], check: &About) -> bool {
    patterns.iter().any(|pattern| matches(pattern, &check.id))
}

/// Returns the id or group that the user most likely meant.
pub fn meant<'a>(pattern: &str, checks: impl Iterator<Item = &'a About>) -> Option<&'a str> {
    let names = checks.flat_map(|check| [check.id.as_str(), check.group.name()]);
    closest(pattern, names)
}

/// Compares part by part; a pattern with fewer parts than the id matches everything below it.
fn matches(pattern: &str, id: &str) -> bool {
    let mut parts = id.split('.');
    pattern.split('.').all(|wanted| {
        parts
            .next()
            .is_some_and(|part| wanted == "*" || wanted == part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::run::tests;

    fn check(id: &str, needs: &[&str]) -> AnyCheck {
        tests::check(id, "good", needs)
    }

    #[test]
    fn a_pattern_matches_part_by_part() {
        let cases = [
            ("tools", "tools.git", true),
            ("tools.git", "tools.git", true),
            ("tool", "tools.git", false),
            ("repos.*.branch", "repos.api.branch", true),
            ("repos.*.branch", "repos.api.cloned", false),
            ("repos.api", "repos.api-v2.branch", false),
            ("tools.git.more", "tools.git", false),
        ];
        for (pattern, id, expected) in cases {
            assert_eq!(matches(pattern, id), expected, "{pattern} {id}");
        }
    }

    #[test]
    fn what_is_needed_runs_too_unless_it_is_left_out() {
        let checks = || {
            vec![
                check("a.1", &[]),
                check("a.2", &["a.1"]),
                check("b.1", &["a.2"]),
                check("c.1", &[]),
            ]
        };
        let ids = |only: &[&str], skip: &[&str]| -> Vec<String> {
            let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
            let selection = Selection {
                only: own(only),
                skip: own(skip),
            };
            let checks = selection.apply(checks());
            checks.into_iter().map(|check| check.about.id).collect()
        };
        assert_eq!(ids(&[], &[]), ["a.1", "a.2", "b.1", "c.1"]);
        assert_eq!(ids(&["b"], &[]), ["a.1", "a.2", "b.1"]);
        assert_eq!(ids(&["b"], &["a.2"]), ["b.1"]);
        assert_eq!(ids(&[], &["a"]), ["b.1", "c.1"]);
    }
}
