//! `dockerignore`: the whole build context is copied, and what no image should hold is in it.

use super::super::breadth::Breadth;
use super::super::finding::{Finding, Rule};
use super::super::fix::Fix;
use super::super::install::{self, Stack};
use super::super::parse::Keyword;
use super::super::shell;
use super::Unit;

/// What has to be left out: a line for the ignore file, and a path that it has to leave out.
struct Unwanted {
    line: &'static str,
    probe: &'static str,
    stack: Option<Stack>,
}

const UNWANTED: [Unwanted; 8] = [
    Unwanted {
        line: ".git",
        probe: ".git/config",
        stack: None,
    },
    Unwanted {
        line: ".env",
        probe: ".env",
        stack: None,
    },
    Unwanted {
        line: "node_modules",
        probe: "node_modules/a/package.json",
        stack: Some(Stack::Node),
    },
    Unwanted {
        line: ".venv",
        probe: ".venv/bin/python",
        stack: Some(Stack::Python),
    },
    Unwanted {
        line: "vendor/bundle",
        probe: "vendor/bundle/a",
        stack: Some(Stack::Ruby),
    },
    Unwanted {
        line: "target",
        probe: "target/release/a",
        stack: Some(Stack::Rust),
    },
    Unwanted {
        line: "**/bin\n**/obj",
        probe: "obj/project.assets.json",
        stack: Some(Stack::Dotnet),
    },
    Unwanted {
        line: "vendor",
        probe: "vendor/autoload.php",
        stack: Some(Stack::Php),
    },
];

pub(super) fn check(unit: &Unit<'_>) -> Option<Finding> {
    let whole = unit.stages.all.iter().find_map(|stage| {
        stage.body.iter().find_map(|instruction| {
            if instruction.keyword == Keyword::Run {
                return None;
            }
            unit.taken_from_context(stage, instruction)
                .into_iter()
                .find(|taken| taken.breadth == Breadth::Everything)
        })
    })?;
    let stacks = stacks(unit);
    let missing: Vec<&str> = UNWANTED
        .iter()
        .filter(|unwanted| unwanted.stack.is_none_or(|stack| stacks.contains(&stack)))
        .filter(|unwanted| {
            // What a pattern takes back is wanted.
            !unit.ignore_file.excludes(unwanted.probe)
                && !unit.ignore_file.takes_back(unwanted.probe)
        })
        .flat_map(|unwanted| unwanted.line.split('\n'))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let path = &unit.context.ignore_path;
    let named: Vec<String> = missing.iter().map(|line| format!("`{line}`")).collect();
    let message = if unit.context.ignore_text.is_some() {
        format!(
            "the whole build context is copied, and `{path}` does not exclude {}",
            named.join(", ")
        )
    } else {
        format!("the whole build context is copied, and there is no `{path}`")
    };
    let lines = missing.into_iter().map(str::to_owned).collect();
    Some(
        Finding::new(Rule::Dockerignore, whole.word.span, message)
            .fix(Some(Fix::IgnoreFile(lines))),
    )
}

/// The stacks whose packages the file installs.
fn stacks(unit: &Unit<'_>) -> Vec<Stack> {
    let instructions = unit.stages.all.iter().flat_map(|stage| stage.body);
    instructions
        .filter(|instruction| instruction.keyword == Keyword::Run)
        .flat_map(shell::commands)
        .filter_map(|command| install::step(&command))
        .map(|(stack, _)| stack)
        .collect()
}
