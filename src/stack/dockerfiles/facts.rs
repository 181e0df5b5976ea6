//! What the templates of each stack ask for, from the files of a repo.

use serde_json::{Map, Value, json};

use crate::stack::detect::{self, Stack};
use crate::stack::files::{Files, folder_of, name_of};
use crate::stack::{start, version};

/// A command of a container.
pub(super) enum Run {
    /// It watches its files itself, or need not.
    Once(String),
    /// It is started again when a file changes.
    Again {
        /// The arguments of `find`.
        files: &'static str,
        command: String,
    },
}

/// What is known beside the [`Stack`].
#[derive(Default)]
pub(super) struct Facts {
    /// Files and folders that the package manager reads.
    pub manifests: Vec<String>,
    /// Runs it while it is developed.
    pub dev: Option<Run>,
    /// Folders outside of the source that belong to the developer.
    pub own_folders: Vec<&'static str>,
    /// What the stack's own templates ask for.
    pub values: Map<String, Value>,
    pub missing_in_development: Vec<String>,
    pub missing_in_production: Vec<String>,
    pub notes: Vec<String>,
}

impl Facts {
    pub(super) fn of(files: &Files, stack: &Stack) -> Self {
        let definition = stack.definition();
        let manager = definition
            .package_managers
            .iter()
            .find(|manager| manager.name == stack.package_manager);
        let has_lock = manager.is_some_and(|it| it.files.iter().any(|file| files.has(file)));
        let mut facts = Facts {
            manifests: manifests(files, &definition.manifests),
            dev: stack.dev.clone().map(Run::Once),
            ..Facts::default()
        };
        facts.set("tag", version::tag(definition, files));
        facts.set("has_lock", has_lock);
        match stack.name {
            "node" => facts.node(files, stack, has_lock),
            "python" => facts.python(files, stack),
            "ruby" => facts.ruby(files, stack),
            "go" => facts.go(files, stack),
            "rust" => facts.rust(files),
            "dotnet" => facts.dotnet(files, stack),
            "java" => facts.java(files, stack),
            "php" => facts.php(files),
            _ => {}
        }
        if facts.dev.is_none() {
            facts
                .missing_in_development
                .push("the start command".to_owned());
        }
        let is_site = facts.values.contains_key("site");
        if stack.start.is_none() && !is_site && facts.missing_in_production.is_empty() {
            facts
                .missing_in_production
                .push("the start command".to_owned());
        }
        facts
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Has the program started again when a file of that kind changes.
    fn run_again(&mut self, files: &'static str) {
        self.dev = match self.dev.take() {
            Some(Run::Once(command)) => Some(Run::Again { files, command }),
            other => other,
        };
    }

    fn node(&mut self, files: &Files, stack: &Stack, has_lock: bool) {
        let package: Value = files
            .text("package.json")
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let named = package["packageManager"].as_str().unwrap_or_default();
        let named = named.split('+').next().unwrap_or_default();
        let is_pnpm = named.starts_with("pnpm@");
        self.set("manager_package", if is_pnpm { named } else { "pnpm@10" });
        let has_berry = files.has(".yarnrc.yml")
            || (named.starts_with("yarn@") && !named.starts_with("yarn@1"));
        self.set("has_berry", has_berry);
        if stack.package_manager == "yarn" && has_berry && named.is_empty() {
            self.notes.push(
                "`package.json` has no `packageManager`, so Corepack uses Yarn 1; to add it: `yarn set version stable`"
                    .to_owned(),
            );
        }
        if !has_lock {
            self.notes
                .push("there is no lock file: each build uses the latest versions".to_owned());
        }
        let has_build = package["scripts"]["build"].is_string();
        self.set("has_build", has_build);
        let run = format!("{} run", stack.package_manager);
        self.set("build", format!("{run} build"));
        let framework = stack.framework_definition();
        if let Some(site) = framework.and_then(|it| it.site.as_ref())
            && stack.start.is_none()
        {
            self.set("site", site.as_str());
            if !has_build {
                self.missing_in_production
                    .push("the build command".to_owned());
            }
        }
        let needs_build = stack.start.as_ref().is_some_and(|start| {
            let made = ["dist", "build/", ".output", "next start"];
            made.iter().any(|made| start.contains(made))
        });
        if needs_build && !has_build {
            self.missing_in_production
                .push("the build command: `package.json` has no `build` script".to_owned());
        }
        self.dev = node_dev(files, stack, &run);
    }

    fn python(&mut self, files: &Files, stack: &Stack) {
        let main = detect::main(stack.definition(), files);
        // All that is installed is on the PATH of the image.
        let strip = |command: String| {
            let run = [&format!("{} run ", stack.package_manager), ""];
            let rest = run.iter().find_map(|run| command.strip_prefix(*run));
            rest.unwrap_or(&command).to_owned()
        };
        self.dev = match (stack.dev.clone(), main) {
            (Some(command), _) => Some(Run::Once(strip(command))),
            (None, Some(main)) => Some(Run::Again {
                files: "-name '*.py' -not -path './.venv/*'",
                command: format!("python {main}"),
            }),
            (None, None) => None,
        };
        self.own_folders.push("/opt/venv");
        self.set("has_src", main.is_some_and(|main| main.starts_with("src/")));
        let first = [
            "requirements.txt",
            "requirements/production.txt",
            "requirements/prod.txt",
            "requirements/base.txt",
        ];
        let more = [
            "requirements-dev.txt",
            "requirements_dev.txt",
            "dev-requirements.txt",
            "requirements/dev.txt",
            "requirements/development.txt",
            "requirements/local.txt",
        ];
        let present = |names: &[&'static str]| names.iter().copied().find(|name| files.has(name));
        let requirements: Vec<&str> = present(&first).into_iter().chain(present(&more)).collect();
        let has_project = files.has("pyproject.toml") || files.has("setup.py");
        let is_pip = stack.package_manager == "pip";
        self.set("requirements", json!(requirements));
        self.set("has_project", has_project);
        if is_pip && requirements.is_empty() && !has_project {
            let missing = "the step that installs its dependencies: there is no `requirements.txt`";
            self.missing_in_development.push(missing.to_owned());
            self.missing_in_production.push(missing.to_owned());
        }
        if stack.start.is_none() {
            let missing = match stack.framework {
                Some("Flask" | "Django") => {
                    "the start command: neither gunicorn nor uvicorn is a dependency, or its application was not found"
                }
                Some("FastAPI") => {
                    "the start command: uvicorn is not a dependency, or its application was not found"
                }
                _ => "the start command",
            };
            self.missing_in_production.push(missing.to_owned());
        }
    }

    fn ruby(&mut self, files: &Files, stack: &Stack) {
        let is_rails = stack.framework == Some("Rails");
        if !is_rails {
            self.run_again("-name '*.r[bu]'");
        }
        let has_assets = files
            .paths()
            .any(|path| path.starts_with("app/assets/") || path.starts_with("app/javascript/"));
        self.set("has_assets", is_rails && has_assets);
        if is_rails && files.has("package.json") {
            self.notes.push(
                "there is a `package.json`: if assets are built with Node.js, both images need it"
                    .to_owned(),
            );
        }
    }

    fn go(&mut self, files: &Files, stack: &Stack) {
        let main = detect::main(stack.definition(), files);
        let folder = match main.map(folder_of) {
            Some("") | None => ".".to_owned(),
            Some(folder) => format!("./{folder}"),
        };
        self.set("folder", folder);
        self.run_again("-name '*.go' -not -path './vendor/*'");
    }

    fn rust(&mut self, files: &Files) {
        let binary = start::binary(files);
        if binary.is_none() {
            self.missing_in_production
                .push("the name of its program, instead of `PROGRAM`".to_owned());
        }
        self.set("binary", binary.unwrap_or_else(|| "PROGRAM".to_owned()));
        let text = files.text("Cargo.toml").unwrap_or_default();
        self.set("is_workspace", text.contains("[workspace"));
        if self.dev.is_none() {
            self.dev = Some(Run::Once("cargo run".to_owned()));
        }
        self.run_again("-name '*.rs' -not -path './target/*'");
    }

    fn dotnet(&mut self, files: &Files, stack: &Stack) {
        let project = start::project(files);
        self.set(
            "project",
            project.map(|path| format!(" {path}")).unwrap_or_default(),
        );
        let is_web = stack.framework.is_some();
        self.set("runtime", if is_web { "aspnet" } else { "runtime" });
        let tag = version::tag(stack.definition(), files);
        let major: u32 = tag
            .split('.')
            .next()
            .and_then(|it| it.parse().ok())
            .unwrap_or(8);
        self.set("has_app_user", major >= 8);
        if let Some(Run::Once(command)) = &self.dev
            && let Some(project) = project
        {
            let with_project = command.replace(" run ", &format!(" run --project {project} "));
            self.dev = Some(Run::Once(with_project));
        }
    }

    fn java(&mut self, files: &Files, stack: &Stack) {
        let tag = version::tag(stack.definition(), files);
        let is_maven = stack.package_manager == "maven";
        let tool = if files.has("gradlew") {
            "./gradlew"
        } else {
            "gradle"
        };
        let kit = if is_maven {
            format!("maven:3.9-eclipse-temurin-{tag}")
        } else if tool == "gradle" {
            format!("gradle:9.7-jdk{tag}")
        } else {
            format!("eclipse-temurin:{tag}-jdk")
        };
        self.set("kit", kit);
        self.set("tool", tool);
        let modules = files
            .paths()
            .filter(|path| name_of(path) == "pom.xml")
            .count();
        self.set("has_modules", modules > 1);
        let output = match (is_maven, stack.framework) {
            (true, _) => "target",
            (false, Some("Spring Boot")) => "build/libs",
            (false, _) => "build",
        };
        self.set("output", output);
        if modules > 1 && stack.start.is_some() {
            self.missing_in_production
                .push("the module of the service, in `COPY --from=build`".to_owned());
        }
        if !is_maven {
            self.own_folders.push("/tmp/gradle");
            self.dev = self.dev.take().map(|run| match run {
                Run::Once(command) => Run::Once(command.replacen("gradle", tool, 1)),
                again @ Run::Again { .. } => again,
            });
        }
        match stack.framework {
            // Watches itself, and listens on localhost without this.
            Some("Quarkus") => {
                if let Some(Run::Once(command)) = &mut self.dev {
                    command.push_str(" -Dquarkus.http.host=0.0.0.0");
                }
            }
            _ => self.run_again("-path '*/src/*' -type f"),
        }
    }

    fn php(&mut self, files: &Files) {
        let composer: Value = files
            .text("composer.json")
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let required = composer["require"].as_object();
        let extensions: Vec<&str> = required
            .into_iter()
            .flat_map(Map::keys)
            .filter_map(|name| name.strip_prefix("ext-"))
            .filter(|name| !BUILT_IN.contains(name))
            .collect();
        self.set("extensions", extensions.join(" "));
        if extensions.is_empty() {
            self.notes.push(
                "`composer.json` requires no `ext-…`: add the extension for the database there, such as `ext-pdo_pgsql`"
                    .to_owned(),
            );
        }
    }
}

/// Extensions of the official images: `docker run --rm php:8.4-cli php -m`.
const BUILT_IN: [&str; 30] = [
    "ctype",
    "curl",
    "date",
    "dom",
    "fileinfo",
    "filter",
    "hash",
    "iconv",
    "json",
    "libxml",
    "mbstring",
    "mysqlnd",
    "openssl",
    "pcre",
    "pdo",
    "pdo_sqlite",
    "phar",
    "posix",
    "random",
    "readline",
    "reflection",
    "session",
    "simplexml",
    "sodium",
    "spl",
    "sqlite3",
    "tokenizer",
    "xml",
    "xmlreader",
    "xmlwriter",
];

/// The script for development, so that it reloads and can be reached from outside.
fn node_dev(files: &Files, stack: &Stack, run: &str) -> Option<Run> {
    let scripts = stack.definition().scripts.as_ref()?;
    let script = start::script(files.text(&scripts.file)?, &scripts.dev);
    let Some((name, line)) = script else {
        let by_npm = files
            .has("server.js")
            .then(|| "node --watch server.js".to_owned());
        return by_npm.map(Run::Once);
    };
    let watches = line.contains("--watch");
    if let Some(arguments) = line.strip_prefix("node ")
        && !watches
        && start::is_plain(&line)
    {
        // https://nodejs.org/api/cli.html#--watch, from 18.11 on.
        return Some(Run::Once(format!("node --watch {arguments}")));
    }
    let listen = stack
        .framework_definition()
        .and_then(|it| it.listen.as_ref());
    let option = listen.filter(|listen| {
        line.split_whitespace().next() == Some(&listen.program)
            && start::is_plain(&line)
            && !line.contains("--host")
    });
    let command = match option {
        Some(listen) if stack.package_manager == "npm" => {
            format!("{run} {name} -- {}", listen.option)
        }
        Some(listen) => format!("{run} {name} {}", listen.option),
        None => format!("{run} {name}"),
    };
    Some(Run::Once(command))
}

/// What of a repo the package manager reads; a folder has `/` at its end.
fn manifests(files: &Files, patterns: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for pattern in patterns {
        if pattern.ends_with('/') {
            if files.paths().any(|path| path.starts_with(pattern.as_str())) {
                found.push(pattern.clone());
            }
            continue;
        }
        let paths = files.all(pattern).map(str::to_owned);
        found.extend(paths);
    }
    found
}
