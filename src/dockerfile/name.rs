//! What the name of a file says: whether it is a Dockerfile, and what for.
//!
//! One list of words for everybody who asks: `lint`, and `init` and `add`, which choose one to develop with.

/// For work on the source: parts of a Dockerfile's name, and names of its stages.
const DEVELOPMENT: [&str; 4] = ["dev", "develop", "development", "local"];

/// For trying something out: neither work on the source nor production.
const TRIAL: [&str; 4] = ["test", "tests", "ci", "debug"];

/// What a Dockerfile is for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Work on the source.
    Development,
    /// Running tests, or looking for a mistake.
    Trial,
    /// Everything else: the name does not say that it is not for production.
    Production,
}

/// `None` where the name is not that of a Dockerfile: `Dockerfile`, `Dockerfile.dev` and
/// `dev.Dockerfile` are, in any case of letters.
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

/// Whether a stage of that name, in lower case, is for development.
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
