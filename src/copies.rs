//! The properties of a copy of a workspace: its Compose project name, its ports, and the databases
//! that it uses on this machine's server.
//!
//! Pure: names and ports that are in use are passed in.

use crate::workspace::syntax::fixed_name;

/// Names of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Its Compose project.
    pub project: String,
    /// The suffix of its databases on this machine's server, without the leading `_`.
    pub database_suffix: String,
}

/// The original workspace.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// The name of its folder.
    pub folder: &'a str,
    /// Its Compose project.
    pub project: &'a str,
}

/// Returns the names of a copy in a folder called `folder`. For a copy of `vera`, `vera-2` gives
/// the project `vera-2` with databases `…_2`, and `hotfix` gives `vera-hotfix` and `…_hotfix`. If
/// the folder's name is not usable (`vera` in another place, or no characters that are allowed in a
/// project name), it is numbered, with the first number from 2 on for which `is_taken` returns
/// false.
pub fn names(original: Original, folder: &str, is_taken: impl Fn(&str) -> bool) -> Names {
    let fixed = |text: &str| fixed_name(text).unwrap_or_default();
    let folder = fixed(folder);
    let beginnings = [fixed(original.folder), original.project.to_owned()];
    let rest = beginnings
        .iter()
        .filter(|beginning| !beginning.is_empty())
        .find_map(|beginning| folder.strip_prefix(beginning.as_str()))
        .map_or_else(|| folder.clone(), fixed);
    let word = if rest.is_empty() {
        let numbers = 2..=u32::MAX;
        let mut words = numbers.map(|number| number.to_string());
        words
            .find(|word| !is_taken(&project(original, word)))
            .unwrap_or_default()
    } else {
        rest
    };
    Names {
        project: project(original, &word),
        database_suffix: word.replace('-', "_"),
    }
}

/// Returns the names of a copy with a project name given by the user.
pub fn named(original: Original, project: &str) -> Names {
    let rest = project.strip_prefix(original.project).unwrap_or(project);
    let word = fixed_name(rest).unwrap_or_else(|| project.to_owned());
    Names {
        project: project.to_owned(),
        database_suffix: word.replace('-', "_"),
    }
}

fn project(original: Original, word: &str) -> String {
    format!("{}-{word}", original.project)
}

/// Ports below this one are for the system's own services, and a rootless engine can't bind them
/// (Linux, `net.ipv4.ip_unprivileged_port_start`).
const FIRST_OF_USERS: u16 = 1024;

/// The port offsets to try, in order: numbers that are easy to add in one's head.
fn offsets() -> impl Iterator<Item = u16> {
    let hundreds = (1..10).map(|hundreds| hundreds * 100);
    let thousands = (1..=64).map(|thousands| thousands * 1000);
    hundreds.chain(thousands)
}

/// Returns the first offset that moves each of `ports` to a free port; none if there is no such
/// offset. Offsets of other copies are skipped, even if the manifest has no ports yet.
pub fn free_offset(
    ports: &[u16],
    offsets_of_others: &[u16],
    mut is_taken: impl FnMut(u16) -> bool,
) -> Option<u16> {
    offsets()
        .filter(|offset| !offsets_of_others.contains(offset))
        .find(|offset| taken_with(*offset, ports, &mut is_taken).is_none())
}

/// Returns the first of `ports` that `offset` would move to a port that is in use or doesn't exist.
pub fn taken_with(
    offset: u16,
    ports: &[u16],
    mut is_taken: impl FnMut(u16) -> bool,
) -> Option<u16> {
    let is_free = |port: u16| {
        let moved = port.checked_add(offset);
        moved.is_some_and(|moved| moved >= FIRST_OF_USERS && !is_taken(moved))
    };
    let mut is_free = is_free;
    ports.iter().copied().find(|port| !is_free(*port))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_follow_the_folder_and_are_names_that_compose_takes() {
        let vera = ("vera", "vera");
        let demo = ("services", "fitout-demo");
        for ((folder, project), copy, expected) in [
            (vera, "vera-2", ("vera-2", "2")),
            (vera, "vera_2", ("vera-2", "2")),
            (vera, "vera2", ("vera-2", "2")),
            (vera, "Vera 2.0", ("vera-2-0", "2_0")),
            (vera, "hotfix", ("vera-hotfix", "hotfix")),
            (vera, "PR #17", ("vera-pr--17", "pr__17")),
            // The same name in another place, and a name of which nothing is left.
            (vera, "vera", ("vera-3", "3")),
            (vera, "日本", ("vera-3", "3")),
            (demo, "services-2", ("fitout-demo-2", "2")),
            (demo, "fitout-demo-b", ("fitout-demo-b", "b")),
        ] {
            let names = names(Original { folder, project }, copy, |name| name == "vera-2");
            let (project, database_suffix) = expected;
            assert_eq!(names.project, project, "{copy}");
            assert_eq!(names.database_suffix, database_suffix, "{copy}");
            assert!(crate::workspace::syntax::name(&names.project).is_ok());
        }
    }

    #[test]
    fn a_name_that_was_given_is_taken_as_it_is() {
        let original = Original {
            folder: "vera",
            project: "vera",
        };
        for (project, suffix) in [("vera-2", "2"), ("other", "other"), ("vera", "vera")] {
            let names = named(original, project);
            assert_eq!(
                (names.project.as_str(), names.database_suffix.as_str()),
                (project, suffix)
            );
        }
    }

    #[test]
    fn the_first_hundreds_come_first_and_system_ports_are_left_alone() {
        let taken = |port| port == 3100;
        assert_eq!(free_offset(&[3000, 5432], &[], taken), Some(200));
        assert_eq!(free_offset(&[3000, 5432], &[200], taken), Some(300));
        assert_eq!(free_offset(&[80], &[], |_| false), Some(1000));
        assert_eq!(free_offset(&[65_500], &[], |_| false), None);
        assert_eq!(free_offset(&[], &[100], |_| true), Some(200));
        assert_eq!(free_offset(&[3000], &[], |_| true), None);
    }

    proptest! {
        #[test]
        fn copies_never_share_a_port(
            ports in proptest::collection::btree_set(1_u16.., 0..12),
            foreign in proptest::collection::btree_set(1_u16.., 0..400),
            copies in 1_usize..6,
        ) {
            let ports: Vec<u16> = ports.into_iter().collect();
            let mut taken: BTreeSet<u16> = foreign;
            taken.extend(&ports);
            let mut offsets = Vec::new();
            for _ in 0..copies {
                let found = free_offset(&ports, &offsets, |port| taken.contains(&port));
                let Some(offset) = found else { break };
                prop_assert!(!offsets.contains(&offset));
                for port in &ports {
                    let moved = port.checked_add(offset);
                    prop_assert!(moved.is_some(), "{port} + {offset}");
                    // False where it was in the set already.
                    prop_assert!(taken.insert(moved.unwrap_or_default()), "{port} + {offset}");
                }
                offsets.push(offset);
            }
        }
    }
}
