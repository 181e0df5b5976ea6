//! The variables that services require (`required_env`), and which of them are not set.

use super::variables::Variables;
use crate::workspace::Workspace;

/// Returns required variables that are not set. Compose refuses to read the file without them, so
/// calls that need the file but not the values use placeholders.
pub fn unset(workspace: &Workspace, variables: &Variables) -> Vec<String> {
    required(workspace)
        .into_iter()
        .filter(|(variable, _)| variables.get_filled(variable).is_none())
        .map(|(variable, _)| variable.to_owned())
        .collect()
}

/// Returns each variable once, with the services that require it.
pub fn required(workspace: &Workspace) -> Vec<(&str, Vec<&str>)> {
    let mut required: Vec<(&str, Vec<&str>)> = Vec::new();
    for service in &workspace.services {
        for variable in &service.required_env {
            match required.iter_mut().find(|(name, _)| name == variable) {
                Some((_, services)) => services.push(&service.name),
                None => required.push((variable, vec![&service.name])),
            }
        }
    }
    required
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::{MANIFEST, parse};

    #[test]
    fn values_are_made_up_only_for_what_nobody_sets() {
        let variables = Variables::new([], "KEY=1\nTOKEN=\n");
        assert_eq!(unset(&parse(MANIFEST), &variables), ["TOKEN"]);
    }
}
