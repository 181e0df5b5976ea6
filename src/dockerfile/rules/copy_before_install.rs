//! `copy-before-install`: a step that brings in packages comes after source was copied.

use std::collections::HashMap;
use std::ops::Range;

use super::super::breadth::Breadth;
use super::super::finding::{Finding, Rule};
use super::super::fix::{Edit, Fix, line_break, whole_lines};
use super::super::install::{self, Kind, Stack};
use super::super::parse::{Instruction, Keyword};
use super::super::shell::{self, Command};
use super::super::stages::{Base, Stage, mount_option};
use super::Unit;

pub(super) fn check(unit: &Unit<'_>) -> Vec<Finding> {
    let mut ends: HashMap<usize, State<'_>> = HashMap::new();
    let mut findings = Vec::new();
    for stage in &unit.stages.all {
        // A stage starts where an earlier one has ended.
        let start = match stage.base {
            Base::Stage(parent) => ends.get(&parent).cloned(),
            _ => None,
        };
        let mut state = start.unwrap_or_default();
        findings.extend(check_stage(unit, stage, &mut state));
        ends.insert(stage.index, state);
    }
    findings
}

/// What is known at a place in a stage, of all that led there.
#[derive(Clone, Default)]
struct State<'u> {
    cause: Option<Cause<'u>>,
    /// Whose packages are there; each once.
    resolved: Vec<Stack>,
}

/// What has brought source into a stage.
#[derive(Clone)]
struct Cause<'u> {
    instruction: &'u Instruction,
    span: Range<usize>,
    breadth: Breadth,
}

/// Follows a stage from what it starts from to its end.
fn check_stage<'u>(unit: &Unit<'_>, stage: &Stage<'u>, state: &mut State<'u>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let body = stage.body.iter();
    for instruction in body.filter(|instruction| !instruction.onbuild) {
        let broad = unit
            .taken_from_context(stage, instruction)
            .into_iter()
            .find(|taken| taken.breadth != Breadth::Narrow)
            .map(|taken| Cause {
                instruction,
                span: taken.word.span,
                breadth: taken.breadth,
            });
        if instruction.keyword != Keyword::Run {
            state.cause = state.cause.take().or(broad);
            continue;
        }
        // A bind mount spoils the cache of its own step only.
        let here = state.cause.clone().or(broad);
        let late = late_step(instruction, here.is_some(), &mut state.resolved);
        if let (Some((command, kind)), Some(here)) = (late, here) {
            findings.push(finding(unit, stage, instruction, &command, kind, &here));
        }
    }
    findings
}

/// The first command of a RUN that brings in packages although the source is there.
fn late_step(
    run: &Instruction,
    source_is_there: bool,
    resolved: &mut Vec<Stack>,
) -> Option<(Command, Kind)> {
    let keeps_downloads = run
        .flags
        .iter()
        .any(|flag| flag.name == "mount" && mount_option(&flag.value, &["type"]) == Some("cache"));
    let mut late = None;
    for command in shell::commands(run) {
        let Some((stack, kind)) = install::step(&command) else {
            continue;
        };
        if !source_is_there {
            add(resolved, stack);
            continue;
        }
        let is_late = match kind {
            Kind::Dependencies | Kind::Named => true,
            Kind::Project => false,
            Kind::Build => !resolved.contains(&stack) && !keeps_downloads,
        };
        if is_late && kind != Kind::Named {
            // A build behind it has what it needs: one finding is enough.
            add(resolved, stack);
        }
        if is_late && late.is_none() {
            late = Some((command, kind));
        }
    }
    late
}

fn add(resolved: &mut Vec<Stack>, stack: Stack) {
    if !resolved.contains(&stack) {
        resolved.push(stack);
    }
}

fn finding(
    unit: &Unit<'_>,
    stage: &Stage<'_>,
    run: &Instruction,
    command: &Command,
    kind: Kind,
    cause: &Cause<'_>,
) -> Finding {
    let what = match kind {
        Kind::Build => "downloads its dependencies again",
        _ => "runs again",
    };
    let help = match kind {
        Kind::Named => "move this step before the COPY, which it doesn't need",
        Kind::Build => {
            "copy the manifests, download the dependencies in a separate step, and then copy the source"
        }
        _ => "copy only the manifests and lock files before this step, and the source after it",
    };
    let brings = match cause.breadth {
        Breadth::Everything => "the whole build context is copied here",
        _ => "source is copied here",
    };
    Finding::new(
        Rule::CopyBeforeInstall,
        command.span.clone(),
        format!(
            "`{}` {what} with each change of the source",
            command.shown()
        ),
    )
    .related(cause.span.clone(), brings)
    .help(help)
    .fix(mechanical(unit, stage, run, cause))
}

/// The change that moves the step in front of the COPY, where that surely does the same: the two
/// stand together, and the step runs nothing but package managers that read manifests at the top.
fn mechanical(
    unit: &Unit<'_>,
    stage: &Stage<'_>,
    run: &Instruction,
    cause: &Cause<'_>,
) -> Option<Fix> {
    let copy = cause.instruction;
    let at = stage
        .body
        .iter()
        .position(|instruction| instruction.span == copy.span)?;
    let follows = stage
        .body
        .get(at + 1)
        .is_some_and(|next| next.span == run.span);
    let words = copy.words();
    let [_, destination] = words.as_slice() else {
        return None;
    };
    let is_plain = copy.keyword == Keyword::Copy
        && copy.exec.is_none()
        && cause.breadth == Breadth::Everything
        && run.flags.is_empty()
        && run.heredocs.is_empty()
        && !destination.text.contains(char::is_whitespace);
    if !follows || !is_plain {
        return None;
    }
    let needed = needed_files(unit, run)?;
    let line_break = line_break(unit.source);
    let copy_lines = whole_lines(unit.source, &copy.span);
    // With the comments in front of it, which may be meant for a linter.
    let between = &unit.source[copy_lines.end..];
    let blank = between.len() - between.trim_start_matches(['\r', '\n', ' ', '\t']).len();
    let moved_start = whole_lines(
        unit.source,
        &(copy_lines.end + blank..copy_lines.end + blank),
    )
    .start;
    let moved = moved_start..whole_lines(unit.source, &run.span).end;
    let mut text = String::new();
    if !needed.is_empty() {
        let flags: Vec<&str> = copy
            .flags
            .iter()
            .map(|flag| &unit.source[flag.span.clone()])
            .collect();
        let folder = match destination.text.as_str() {
            "." => "./".to_owned(),
            path if path.ends_with('/') => path.to_owned(),
            path => format!("{path}/"),
        };
        let words = [&["COPY"], flags.as_slice()].concat().join(" ");
        text = format!("{words} {} {folder}{line_break}", needed.join(" "));
    }
    text.push_str(unit.source[moved.clone()].trim_end_matches(['\r', '\n']));
    text.push_str(line_break);
    let place = above_comments(unit.source, copy_lines.start);
    Some(Fix::Dockerfile(vec![
        Edit {
            span: place..place,
            text,
        },
        Edit {
            span: moved,
            text: String::new(),
        },
    ]))
}

/// Where the comments begin that stand directly above a line.
fn above_comments(source: &str, line_start: usize) -> usize {
    let mut start = line_start;
    for line in source[..line_start].split_inclusive('\n').rev() {
        if !line.trim_start().starts_with('#') {
            break;
        }
        start -= line.len();
    }
    start
}

/// The manifests that a RUN reads; `None` where it may read more than them.
fn needed_files(unit: &Unit<'_>, run: &Instruction) -> Option<Vec<String>> {
    let mut needed: Vec<String> = Vec::new();
    for command in shell::commands(run) {
        match install::step(&command) {
            Some((_, Kind::Named)) => {
                let paths = command.arguments().iter();
                if paths.into_iter().any(|word| word.starts_with(['.', '/'])) {
                    return None;
                }
            }
            Some((stack, Kind::Dependencies)) => {
                for file in manifests(unit, stack, &command)? {
                    if !needed.contains(&file) {
                        needed.push(file);
                    }
                }
            }
            None if is_housekeeping(&command) => {}
            _ => return None,
        }
    }
    Some(needed)
}

/// Commands that stand beside an install and read nothing of the project.
fn is_housekeeping(command: &Command) -> bool {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    matches!(
        words.as_slice(),
        ["set", ..]
            | ["apt-get" | "apt", "update" | "clean" | "autoremove", ..]
            | ["npm" | "yarn", "cache", "clean", ..]
            | ["pnpm", "store", "prune"]
            | ["corepack", "enable", ..]
    ) || (words.first() == Some(&"rm")
        && words.iter().skip(1).all(|word| {
            word.starts_with('-')
                || word.starts_with("/var/")
                || word.starts_with("/tmp/")
                || word.starts_with("/root/.")
        }))
}

/// The files at the top of the context that a package manager reads, where it surely reads no
/// others: a manifest may run scripts, or name a folder of the project as a dependency.
fn manifests(unit: &Unit<'_>, stack: Stack, command: &Command) -> Option<Vec<String>> {
    let present =
        |name: &str| unit.context.manifests.contains_key(name) && !unit.ignore_file.excludes(name);
    let (required, optional, unsafe_words): (Vec<String>, &[&str], &[&str]) = match stack {
        Stack::Node => (
            vec!["package.json".to_owned()],
            &[
                "package-lock.json",
                "npm-shrinkwrap.json",
                "yarn.lock",
                "pnpm-lock.yaml",
                "bun.lock",
                "bun.lockb",
                ".npmrc",
                ".yarnrc",
                ".yarnrc.yml",
                "bunfig.toml",
            ],
            &[
                "\"workspaces\"",
                "\"preinstall\"",
                "\"install\"",
                "\"postinstall\"",
                "\"prepare\"",
                "\"file:",
                "\"link:",
                "\"portal:",
                "\"patch:",
                "yarnPath",
            ],
        ),
        Stack::Python => (
            requirement_files(command)?,
            &[],
            &["-e", "-r", "-c", "./", "file:", "--find-links"],
        ),
        Stack::Ruby => (
            vec!["Gemfile".to_owned()],
            &["Gemfile.lock", ".ruby-version"],
            &["gemspec", "path:", "path ", "eval_gemfile", ":path"],
        ),
        Stack::Go => (vec!["go.mod".to_owned()], &["go.sum"], &["=> ./", "=> ../"]),
        _ => return None,
    };
    let moves = ["--prefix", "-C", "--dir", "--cwd", "--gemfile"];
    let is_elsewhere = command
        .words
        .iter()
        .any(|word| moves.iter().any(|option| word.starts_with(option)));
    // A workspace's packages are folders of the project.
    if is_elsewhere || present("pnpm-workspace.yaml") || present("go.work") {
        return None;
    }
    if !required.iter().all(|name| present(name)) {
        return None;
    }
    let optional = optional.iter().map(|name| (*name).to_owned());
    let files: Vec<String> = required
        .into_iter()
        .chain(optional.filter(|name| present(name)))
        .collect();
    let is_unsafe = files
        .iter()
        // Lock files repeat words of manifests that are not this project's.
        .filter(|name| !name.contains("lock") && !name.contains("shrinkwrap"))
        .any(|name| {
            let text = &unit.context.manifests[name];
            unsafe_words.iter().any(|word| text.contains(word))
        });
    (!is_unsafe).then_some(files)
}

/// The files behind `-r`, at the top of the context.
fn requirement_files(command: &Command) -> Option<Vec<String>> {
    let mut files = Vec::new();
    let mut words = command.arguments().iter();
    while let Some(word) = words.next() {
        if word == "-r" || word == "--requirement" {
            let file = words.next()?.trim_start_matches("./");
            if file.contains('/') {
                return None;
            }
            files.push(file.to_owned());
        } else if word == "-c" || word.starts_with("-r") || word.starts_with("--requirement") {
            return None;
        }
    }
    (!files.is_empty()).then_some(files)
}
