//! `dev-server-in-production`: the production image starts what is made for development.

use super::super::finding::{Finding, Rule};
use super::super::parse::{Instruction, Keyword};
use super::super::shell::{self, Command};
use super::Unit;

pub(super) fn check(unit: &Unit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((instruction, shown)) = started(unit) {
        let message = format!("the production image starts a development server: `{shown}`");
        findings.push(
            Finding::new(
                Rule::DevServerInProduction,
                instruction.head.clone(),
                message,
            )
            .help("start a production server, or a build of the program"),
        );
    }
    findings.extend(settings(unit));
    findings
}

/// What the container starts: ENTRYPOINT with CMD as its arguments, or one of them.
fn started<'u>(unit: &Unit<'u>) -> Option<(&'u Instruction, String)> {
    let (entrypoint, cmd) = (unit.last(Keyword::Entrypoint), unit.last(Keyword::Cmd));
    let mut candidates: Vec<(&Instruction, Vec<Command>)> = [cmd, entrypoint]
        .into_iter()
        .flatten()
        .map(|instruction| (instruction, shell::commands(instruction)))
        .collect();
    if let (Some(entrypoint), Some(cmd)) = (entrypoint, cmd)
        && let (Some(program), Some(arguments)) = (&entrypoint.exec, &cmd.exec)
    {
        let words = program.iter().chain(arguments);
        let whole = Command {
            words: words.map(|word| word.text.clone()).collect(),
            span: cmd.head.clone(),
        };
        candidates.push((cmd, vec![whole]));
    }
    candidates.into_iter().find_map(|(instruction, commands)| {
        let command = commands.into_iter().find(is_dev_server)?;
        Some((instruction, command.shown()))
    })
}

pub(super) fn is_dev_server(command: &Command) -> bool {
    let arguments: Vec<&str> = command.arguments().iter().map(String::as_str).collect();
    let has = |word: &str| arguments.contains(&word);
    let first = arguments
        .iter()
        .find(|word| !word.starts_with('-'))
        .copied();
    match command.program() {
        "npm" | "yarn" | "pnpm" | "bun" => arguments
            .iter()
            .find(|word| !word.starts_with('-') && **word != "run")
            .is_some_and(|script| {
                *script == "dev"
                    || script.starts_with("dev:")
                    || script.ends_with(":dev")
                    || *script == "watch"
            }),
        "npx" | "bunx" => {
            let rest: Vec<String> = arguments
                .iter()
                .skip_while(|word| word.starts_with('-'))
                .map(|word| (*word).to_owned())
                .collect();
            !rest.is_empty()
                && is_dev_server(&Command {
                    words: rest,
                    span: command.span.clone(),
                })
        }
        "nodemon" | "ts-node-dev" | "webpack-dev-server" | "air" | "cargo-watch" | "reflex" => true,
        "vite" => !has("build") && !has("preview"),
        "next" | "nuxt" | "astro" | "remix" | "gatsby" => {
            first == Some("dev") || first == Some("develop")
        }
        "ng" | "webpack" => has("serve"),
        "node" => has("--watch"),
        "flask" => has("run"),
        "fastapi" => first == Some("dev"),
        "uvicorn" | "gunicorn" | "hypercorn" => has("--reload"),
        "python" | "python3" => {
            has("runserver")
                || arguments
                    .windows(2)
                    .any(|pair| pair == ["-m", "http.server"])
        }
        "manage.py" => has("runserver"),
        "php" => has("-S") || (has("artisan") && has("serve")),
        "symfony" => has("server:start") || has("serve"),
        "go" => first == Some("run"),
        "cargo" | "dotnet" => first == Some("run") || first == Some("watch"),
        "mvn" | "mvnw" => has("spring-boot:run"),
        "gradle" | "gradlew" => has("bootRun"),
        _ => false,
    }
}

/// Variables that switch a framework to development.
const SETTINGS: [&str; 7] = [
    "NODE_ENV",
    "RAILS_ENV",
    "RACK_ENV",
    "FLASK_ENV",
    "APP_ENV",
    "ASPNETCORE_ENVIRONMENT",
    "DOTNET_ENVIRONMENT",
];

fn settings(unit: &Unit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in SETTINGS {
        let last = unit
            .history()
            .into_iter()
            .filter(|instruction| instruction.keyword == Keyword::Env)
            .flat_map(Instruction::pairs)
            .rfind(|pair| pair.name.text == name);
        let Some(pair) = last else { continue };
        let value = unit.built.variables.get(name).map_or("", String::as_str);
        if ["development", "dev", "local"].contains(&value.to_ascii_lowercase().as_str()) {
            let message = format!("the production image sets `{name}={value}`");
            let finding = Finding::new(Rule::DevServerInProduction, pair.name.span, message);
            findings.push(finding.help("set it in the service's environment, or to production"));
        }
    }
    findings
}
