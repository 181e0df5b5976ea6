//! Recognizes Dockerfiles and their purpose by name.
//!
//! A single list of words for `lint`, and for `init` and `add`, which select one for development.

/// For development: parts of a Dockerfile's name, and names of stages.
const DEVELOPMENT: [&str; 4] = ["dev", "develop", "development", "local"];

/// For testing: neither development nor production.
const TRIAL: [&str; 4] = ["test", "tests", "ci", "debug"];

/// The purpose of a Dockerfile, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Development.
    Development,
    /// Running tests, or debugging.
    Trial,
    /// Everything else: the name doesn't rule out production.
    Production,
}

/// Returns `None` if it is not the name of a Dockerfile: `Dockerfile`, `Dockerfile.dev` and
/// `dev.Dockerfile` are, in upper or lower case.
pub fn use_of(path: &str) -> Option<Use> {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let is_dockerfile =
        name == "dockerfile" || name.starts_with("dockerfile.") || name.ends_with(".dockerfile");
    if !is_dockerfile || name.ends_with(".dockerignore") {
        return None;
    }
    let has = |words: &[&str]| {
        name.split(['.', '-', '_'])
            .any(|part| words.contains(&part))
    };
    Some(if has(&TRIAL) {
        Use::Trial
    } else if has(&DEVELOPMENT) {
        Use::Development
    } else {
        Use::Production
    })
}

/// Whether a stage with that lower-case name is for development.
pub fn is_development_stage(stage: &str) -> bool {
    DEVELOPMENT.contains(&stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_dockerfile_is_for() {
        let cases = [
            ("Dockerfile", Some(Use::Production)),
            ("dockerfile", Some(Use::Production)),
            ("docker/Dockerfile.prod", Some(Use::Production)),
            ("api.Dockerfile", Some(Use::Production)),
            ("Dockerfile.device", Some(Use::Production)),
            ("Dockerfile.dev", Some(Use::Development)),
            ("Dockerfile.debug", Some(Use::Trial)),
            ("dev.dockerfile", Some(Use::Development)),
            ("local/Dockerfile", Some(Use::Production)),
            ("Dockerfile.web-test", Some(Use::Trial)),
            ("Dockerfile.dev-ci", Some(Use::Trial)),
            ("Dockerfile.dev.dockerignore", None),
            ("docker-compose.yml", None),
            ("Dockerfiles", None),
        ];
        for (name, expected) in cases {
            assert_eq!(use_of(name), expected, "{name}");
        }
    }
}
