//! `build-tools-in-image`: the production image holds what only its build needed.

use super::super::finding::{Finding, Rule};
use super::super::install::{self, Kind};
use super::super::parse::{Instruction, Keyword};
use super::super::shell::{self, Command};
use super::super::stages::{Base, Stage};
use super::Unit;

const HELP: &str = "build in a separate stage, and only `COPY --from` the result";

pub(super) fn check(unit: &Unit<'_>) -> Vec<Finding> {
    let root = unit.root();
    if let Some(finding) = kit(root) {
        return vec![finding];
    }
    unit.history()
        .into_iter()
        .filter(|instruction| instruction.keyword == Keyword::Run)
        .filter_map(left_behind)
        .collect()
}

/// The base is a kit for building, and the image is made of it.
fn kit(root: &Stage<'_>) -> Option<Finding> {
    let Base::Image(image) = &root.base else {
        return None;
    };
    is_kit(image).then(|| {
        Finding::new(
            Rule::BuildToolsInImage,
            root.image.span.clone(),
            format!("the production image is based on `{image}`, which is a build image"),
        )
        .help(HELP)
    })
}

/// Images whose purpose is to compile. Those of interpreters (node, python, ruby, php) are not:
/// the program needs them to run.
fn is_kit(image: &str) -> bool {
    let image = image.split('@').next().unwrap_or(image);
    let name = image.rsplit('/').next().unwrap_or(image);
    let (name, tag) = name.split_once(':').unwrap_or((name, ""));
    match name {
        "golang" | "rust" | "gcc" | "maven" | "gradle" => true,
        "sdk" => image.contains("dotnet/"),
        "eclipse-temurin" => !tag.contains("jre"),
        _ => false,
    }
}

/// What a step of the image's history leaves in it.
fn left_behind(run: &Instruction) -> Option<Finding> {
    let commands = shell::commands(run);
    for command in &commands {
        if let Some(package) = tool_package(command)
            && !is_removed(&commands)
        {
            let message = format!("`{package}` remains in the production image");
            let finding = Finding::new(Rule::BuildToolsInImage, command.span.clone(), message);
            return Some(finding.help(HELP));
        }
        if is_build(command) {
            let message = format!(
                "`{}` builds in the stage that becomes the production image, so its tools remain there",
                command.shown()
            );
            let finding = Finding::new(Rule::BuildToolsInImage, command.span.clone(), message);
            return Some(finding.help(HELP));
        }
    }
    None
}

/// The first package of an install that only a build needs.
fn tool_package(command: &Command) -> Option<&str> {
    const TOOLS: [&str; 22] = [
        "build-essential",
        "build-base",
        "alpine-sdk",
        "base-devel",
        "gcc",
        "g++",
        "gcc-c++",
        "clang",
        "make",
        "cmake",
        "autoconf",
        "automake",
        "ninja-build",
        "cargo",
        "rustc",
        "rust",
        "golang",
        "golang-go",
        "maven",
        "gradle",
        "default-jdk",
        "nodejs-dev",
    ];
    let system = install::step(command)
        .is_some_and(|(stack, kind)| (stack, kind) == (install::Stack::System, Kind::Named));
    let is_language = ["docker-php-ext-install", "install-php-extensions", "pecl"];
    if !system || is_language.contains(&command.program()) {
        return None;
    }
    command.arguments().iter().map(String::as_str).find(|word| {
        // `gcc=4:12` and `gcc~=13` are versions of it.
        let name = word.split(['=', '~', '<', '>']).next().unwrap_or(word);
        TOOLS.contains(&name) || name.ends_with("-dev") || name.ends_with("-devel")
    })
}

/// Whether the same step takes packages away again: a later one can't, the layer is written.
fn is_removed(commands: &[Command]) -> bool {
    commands.iter().any(|command| {
        let removes = ["del", "purge", "remove", "autoremove", "erase"];
        let managers = ["apk", "apt-get", "apt", "dnf", "microdnf", "yum"];
        managers.contains(&command.program())
            && command
                .arguments()
                .iter()
                .any(|word| removes.contains(&word.as_str()))
    })
}

/// A command that makes a program from source.
fn is_build(command: &Command) -> bool {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    if let ["npm" | "yarn" | "pnpm" | "bun", rest @ ..] = words.as_slice() {
        let script = rest
            .iter()
            .find(|word| **word != "run" && !word.starts_with('-'));
        return script.is_some_and(|script| *script == "build" || script.starts_with("build:"));
    }
    install::step(command).is_some_and(|(_, kind)| kind == Kind::Build)
}
