//! The Dockerfiles of a stack, filled in with what was found in a repo.
//!
//! The texts are in `templates/stacks/NAME` (`Dockerfile.dev`, `Dockerfile`, `dockerignore`), and
//! what they have in common in `templates/dockerfiles`. docs/dockerfiles.md says why they are as
//! they are.

mod facts;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use super::FILES;
use super::detect::Stack;
use super::files::{Files, folder_of};
use facts::{Facts, Run};

/// The Dockerfiles of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfiles {
    /// `Dockerfile.dev`
    pub development: String,
    /// `Dockerfile`
    pub production: String,
    /// `.dockerignore`
    pub ignore: String,
    /// What the user has to fill in in `Dockerfile.dev`.
    pub missing_in_development: Vec<String>,
    /// What the user has to fill in in `Dockerfile`.
    pub missing_in_production: Vec<String>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

const LISTENING: &str = include_str!("../../templates/dockerfiles/listening");
const DEVELOPER: &str = include_str!("../../templates/dockerfiles/developer");
const UNKNOWN: &str = include_str!("../../templates/dockerfiles/unknown");
const IGNORE: &str = include_str!("../../templates/dockerfiles/dockerignore");

/// What to write for a folder of this stack.
pub fn dockerfiles(files: &Files, stack: &Stack) -> Dockerfiles {
    let facts = Facts::of(files, stack);
    let listening = |grace: &str| render(LISTENING, &context! { port => stack.port, grace });
    let folders: Vec<String> = stack
        .keep
        .iter()
        .map(|folder| format!("/app/{folder}"))
        .chain(facts.own_folders.iter().map(|folder| (*folder).to_owned()))
        .collect();
    let shared = context! {
        about => stack.describe(),
        port => stack.port,
        manager => stack.package_manager,
        framework => stack.framework,
        manifests => copies(&facts.manifests),
        ..Value::from(Serde(&facts.values))
    };
    let development = context! {
        developer => render(DEVELOPER, &context! { folders }),
        listening => listening("60s"),
        dev => cmd(facts.dev.as_ref()),
        reload => matches!(facts.dev, Some(Run::Again { .. })),
        ..shared.clone()
    };
    let start = stack.start.clone().map(Run::Once);
    let production = context! {
        listening => listening("30s"),
        start => cmd(start.as_ref()),
        ..shared
    };
    Dockerfiles {
        development: render(template(stack.name, "Dockerfile.dev"), &development) + "\n",
        production: render(template(stack.name, "Dockerfile"), &production) + "\n",
        ignore: format!("{IGNORE}{}", template(stack.name, "dockerignore")),
        missing_in_development: facts.missing_in_development,
        missing_in_production: facts.missing_in_production,
        notes: facts.notes,
    }
}

/// The last line of a Dockerfile; where there is nothing to run, one that says so and fails.
fn cmd(run: Option<&Run>) -> String {
    match run {
        Some(Run::Once(command)) => {
            let words: Vec<&str> = command.split_whitespace().collect();
            format!("CMD {}", list(&words))
        }
        Some(Run::Again { files, command }) => {
            // entr ends when a file is added, to be given it with the others.
            let script = format!("while sleep 1; do find {files} | entr -d -n -r {command}; done");
            format!("CMD {}", list(&["sh", "-c", &script]))
        }
        None => UNKNOWN.trim_end().to_owned(),
    }
}

/// The exec form: `["npm", "run", "dev"]`.
fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| serde_json::Value::from(*word).to_string())
        .collect();
    format!("[{}]", quoted.join(", "))
}

/// The arguments of COPY: files of one folder go into that folder.
fn copies(manifests: &[String]) -> Vec<String> {
    let mut copies: Vec<(String, Vec<&str>)> = Vec::new();
    for path in manifests {
        // Of a folder, COPY takes what is in it.
        let target = match path.strip_suffix('/') {
            Some(folder) => folder,
            None => folder_of(path),
        };
        let target = format!("./{target}");
        let target = if target.ends_with('/') {
            target
        } else {
            format!("{target}/")
        };
        match copies.iter_mut().find(|(known, _)| *known == target) {
            Some((_, paths)) => paths.push(path),
            None => copies.push((target, vec![path])),
        }
    }
    copies
        .into_iter()
        .map(|(target, paths)| format!("{} {target}", paths.join(" ")))
        .collect()
}

fn template(stack: &str, name: &str) -> &'static str {
    let file = FILES.get_file(format!("{stack}/{name}"));
    // What is compiled in can't be missing at a user's: a test renders all of them.
    file.and_then(include_dir::File::contents_utf8)
        .unwrap_or_else(|| panic!("templates/stacks/{stack}/{name} is missing"))
}

fn render(template: &str, values: &Value) -> String {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    let rendered = syntax.and_then(|syntax| {
        environment.set_syntax(syntax);
        environment.render_str(template, values)
    });
    let text = match rendered {
        Ok(text) => text,
        Err(error) => panic!("a template of a Dockerfile: {error:#}"),
    };
    // What was left out has left blank lines.
    let mut tidy = String::new();
    for line in text.lines() {
        if !(line.is_empty() && (tidy.is_empty() || tidy.ends_with("\n\n"))) {
            tidy.push_str(line.trim_end());
            tidy.push('\n');
        }
    }
    tidy.truncate(tidy.trim_end().len());
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_copied_to_where_they_are() {
        let manifests = ["pom.xml", "api/pom.xml", "mvnw", "gradle/", "api/a.b"];
        let manifests = manifests.map(str::to_owned);
        assert_eq!(
            copies(&manifests),
            [
                "pom.xml mvnw ./",
                "api/pom.xml api/a.b ./api/",
                "gradle/ ./gradle/"
            ]
        );
    }
}
