//! Determines which services start, depending on the request and the enabled profiles.

use super::variables::Variables;
use crate::workspace::{Personal, RunsOn, Service, Workspace};

/// Returns the services that start if these are requested (all if empty): with their dependencies,
/// and without those whose profile is disabled or that run on this machine.
pub fn started<'a>(
    workspace: &'a Workspace,
    personal: &Personal,
    variables: &Variables,
    asked: &[String],
) -> Vec<&'a Service> {
    let chosen = variables.get("COMPOSE_PROFILES");
    let profiles: Vec<&str> = match chosen {
        Some((value, _)) => value.split(',').map(str::trim).collect(),
        None => personal.profiles.iter().map(String::as_str).collect(),
    };
    let is_on = |service: &Service| {
        service.profiles.is_empty()
            || profiles.contains(&"*")
            || service
                .profiles
                .iter()
                .any(|profile| profiles.contains(&profile.as_str()))
    };
    let mut names: Vec<&str> = if asked.is_empty() {
        let on = workspace.services.iter().filter(|service| is_on(service));
        on.map(|service| service.name.as_str()).collect()
    } else {
        asked.iter().map(String::as_str).collect()
    };
    let mut next = 0;
    while let Some(name) = names.get(next) {
        let dependencies = workspace.service(name).map(|service| &service.depends_on);
        for dependency in dependencies.into_iter().flatten() {
            if !names.contains(&dependency.service.as_str()) {
                names.push(&dependency.service);
            }
        }
        next += 1;
    }
    workspace
        .services
        .iter()
        .filter(|service| names.contains(&service.name.as_str()))
        .filter(|service| personal.runs_on(service) == RunsOn::Container)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::{MANIFEST, parse};

    #[test]
    fn services_start_with_what_they_depend_on_and_by_profile() {
        let workspace = parse(MANIFEST);
        let shell = |value: &str| [("COMPOSE_PROFILES".to_owned(), value.to_owned())];
        let none = Variables::default;
        let cases: [(&[&str], Variables, &[&str]); 5] = [
            (&[], none(), &["api", "db"]),
            (&["api"], none(), &["api", "db"]),
            (&["jobs"], none(), &["jobs"]),
            (
                &[],
                Variables::new(shell("x, backend"), ""),
                &["api", "jobs", "db"],
            ),
            (&[], Variables::new(shell("*"), ""), &["api", "jobs", "db"]),
        ];
        for (asked, variables, expected) in cases {
            let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
            let started = started(&workspace, &Personal::default(), &variables, &asked);
            let names: Vec<&str> = started
                .iter()
                .map(|service| service.name.as_str())
                .collect();
            assert_eq!(names, expected, "{asked:?}");
        }
    }
}
