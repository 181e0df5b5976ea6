//! The package managers of each stack: which commands install, and what they need.
//!
//! docs/lint.md lists the commands, and is checked against these lists.

use super::shell::Command;

/// A language's tools, or the operating system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stack {
    /// npm, yarn, pnpm, bun
    Node,
    /// pip, uv, poetry, pipenv, pdm, conda
    Python,
    /// bundler, gem
    Ruby,
    /// go
    Go,
    /// cargo
    Rust,
    /// dotnet
    Dotnet,
    /// maven, gradle
    Java,
    /// composer
    Php,
    /// apt, apk, dnf, …
    System,
}

/// What a command needs to install packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Manifests and lock files.
    Dependencies,
    /// Nothing from the build context: the packages are on the command line.
    Named,
    /// The project's own source: it also installs the project itself.
    Project,
    /// The project's own source: it compiles, and downloads missing dependencies.
    Build,
}

/// Returns what a command installs, if anything.
pub fn step(command: &Command) -> Option<(Stack, Kind)> {
    let arguments = command.arguments();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = command.program();
    let kind = match program {
        "npm" => (Stack::Node, npm(&words)?),
        "yarn" => (Stack::Node, yarn(&words)?),
        "pnpm" | "bun" => (Stack::Node, pnpm(&words)?),
        "pip" | "pip3" => (Stack::Python, pip(&words)?),
        "python" | "python3" if words.starts_with(&["-m", "pip"]) => {
            (Stack::Python, pip(&words[2..])?)
        }
        "uv" if words.first() == Some(&"pip") => (Stack::Python, pip(&words[1..])?),
        "uv" | "poetry" | "pdm" | "pipenv" => (Stack::Python, python_project(program, &words)?),
        "conda" | "mamba" | "micromamba" => (Stack::Python, conda(&words)?),
        "bundle" | "bundler" => (Stack::Ruby, bundle(&words)?),
        "gem" => (Stack::Ruby, sub(&words, &["install"], Kind::Named)?),
        "go" => (Stack::Go, go(&words)?),
        "cargo" => (Stack::Rust, cargo(&words)?),
        "dotnet" => (Stack::Dotnet, dotnet(&words)?),
        "mvn" | "mvnw" => (Stack::Java, maven(&words)?),
        "gradle" | "gradlew" => (Stack::Java, gradle(&words)?),
        "composer" | "composer.phar" => (Stack::Php, composer(&words)?),
        "docker-php-ext-install" | "install-php-extensions" => (Stack::System, Kind::Named),
        "pecl" => (Stack::System, sub(&words, &["install"], Kind::Named)?),
        "apt-get" | "apt" | "aptitude" | "dnf" | "microdnf" | "yum" | "zypper" => {
            let kind = sub(
                &words,
                &["install", "upgrade", "dist-upgrade", "in"],
                Kind::Named,
            )?;
            (Stack::System, kind)
        }
        "apk" => (Stack::System, sub(&words, &["add"], Kind::Named)?),
        "pacman" => {
            let is_sync = words.first().is_some_and(|word| word.starts_with("-S"));
            is_sync.then_some((Stack::System, Kind::Named))?
        }
        _ => return None,
    };
    Some(kind)
}

/// Returns the first word that is not an option. Options with a value before the subcommand are
/// known for the few programs that commonly use them.
fn subcommand<'w>(words: &[&'w str]) -> Option<&'w str> {
    const WITH_VALUE: [&str; 8] = [
        "--prefix",
        "-C",
        "--dir",
        "--cwd",
        "-f",
        "--file",
        "-p",
        "--working-dir",
    ];
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(word) {
            words.next();
        } else if !word.starts_with('-') && !word.starts_with('+') {
            return Some(word);
        }
    }
    None
}

/// Returns the arguments after the subcommand that are not options.
fn names<'w>(words: &[&'w str], subcommand: &str) -> Vec<&'w str> {
    let behind = words.iter().skip_while(|word| **word != subcommand).skip(1);
    behind
        .copied()
        .filter(|word| !word.starts_with('-') && !is_redirection(word))
        .collect()
}

fn is_redirection(word: &str) -> bool {
    word.trim_start_matches(|character: char| character.is_ascii_digit())
        .starts_with(['>', '<', '&'])
}

fn has(words: &[&str], option: &str) -> bool {
    words
        .iter()
        .any(|word| *word == option || word.starts_with(&format!("{option}=")))
}

fn sub(words: &[&str], subcommands: &[&str], kind: Kind) -> Option<Kind> {
    subcommands.contains(&subcommand(words)?).then_some(kind)
}

fn npm(words: &[&str]) -> Option<Kind> {
    let name = subcommand(words)?;
    match name {
        "ci" | "clean-install" | "install-clean" => Some(Kind::Dependencies),
        "install" | "i" | "add" => {
            let is_global = has(words, "-g") || has(words, "--global");
            let has_names = !names(words, name).is_empty();
            Some(if is_global || has_names {
                Kind::Named
            } else {
                Kind::Dependencies
            })
        }
        _ => None,
    }
}

fn yarn(words: &[&str]) -> Option<Kind> {
    match subcommand(words) {
        None if has(words, "--version") || has(words, "-v") => None,
        None | Some("install") => Some(Kind::Dependencies),
        Some("add" | "global" | "dlx") => Some(Kind::Named),
        Some("workspaces") if words.contains(&"focus") => Some(Kind::Dependencies),
        Some(_) => None,
    }
}

fn pnpm(words: &[&str]) -> Option<Kind> {
    let name = subcommand(words)?;
    match name {
        "fetch" => Some(Kind::Dependencies),
        "install" | "i" | "ci" if names(words, name).is_empty() => Some(Kind::Dependencies),
        "install" | "i" | "add" => Some(Kind::Named),
        _ => None,
    }
}

fn pip(words: &[&str]) -> Option<Kind> {
    let name = subcommand(words)?;
    if name == "sync" {
        return Some(Kind::Dependencies);
    }
    if name != "install" {
        return None;
    }
    let is_path = |word: &&str| word.starts_with(['.', '/']) || word.starts_with("file:");
    let names = names(words, name);
    let mut files = words
        .iter()
        .zip(words.iter().skip(1))
        .filter(|(option, _)| ["-r", "--requirement", "-c", "--constraint"].contains(option))
        .map(|(_, file)| *file);
    let is_project = has(words, "-e")
        || has(words, "--editable")
        || names
            .iter()
            .any(|name| is_path(name) && !files.clone().any(|file| file == *name));
    if is_project {
        Some(Kind::Project)
    } else if files.next().is_some() || words.iter().any(|word| is_requirement_option(word)) {
        Some(Kind::Dependencies)
    } else {
        Some(Kind::Named)
    }
}

/// `-rrequirements.txt`, `--requirement=requirements.txt`
fn is_requirement_option(word: &str) -> bool {
    word.starts_with("--requirement=") || (word.starts_with("-r") && word.len() > 2)
}

fn python_project(program: &str, words: &[&str]) -> Option<Kind> {
    let without_project: &[&str] = match program {
        "uv" => &[
            "--no-install-project",
            "--no-install-workspace",
            "--no-install-local",
        ],
        "poetry" => &["--no-root"],
        "pdm" => &["--no-self"],
        // Pipenv installs the packages in the Pipfile, never the project.
        _ => &["pipenv"],
    };
    match (program, subcommand(words)?) {
        ("pipenv", "install" | "sync") => Some(Kind::Dependencies),
        ("uv", "sync") | ("poetry" | "pdm", "install" | "sync") => {
            let only_dependencies = without_project.iter().any(|option| has(words, option));
            Some(if only_dependencies {
                Kind::Dependencies
            } else {
                Kind::Project
            })
        }
        ("uv", "add" | "tool") | ("poetry" | "pdm", "add") => Some(Kind::Named),
        _ => None,
    }
}

fn conda(words: &[&str]) -> Option<Kind> {
    let from_file = has(words, "-f") || has(words, "--file");
    match words.first().copied()? {
        "env" | "install" | "create" | "update" if from_file => Some(Kind::Dependencies),
        "install" | "create" | "update" => Some(Kind::Named),
        _ => None,
    }
}

fn bundle(words: &[&str]) -> Option<Kind> {
    match subcommand(words) {
        None if has(words, "--version") => None,
        None | Some("install") => Some(Kind::Dependencies),
        Some(_) => None,
    }
}

fn go(words: &[&str]) -> Option<Kind> {
    if has(words, "-mod=vendor") || words.contains(&"-mod=vendor") {
        return None;
    }
    match (words.first().copied()?, words.get(1).copied()) {
        ("mod", Some("download")) => Some(Kind::Dependencies),
        ("get", _) => Some(Kind::Named),
        ("install", _) if words.iter().any(|word| word.contains('@')) => Some(Kind::Named),
        ("build" | "install" | "test" | "vet" | "run", _) => Some(Kind::Build),
        _ => None,
    }
}

fn cargo(words: &[&str]) -> Option<Kind> {
    if has(words, "--offline") {
        return None;
    }
    match subcommand(words)? {
        "fetch" | "vendor" => Some(Kind::Dependencies),
        "chef" if words.contains(&"cook") => Some(Kind::Dependencies),
        "install" if !has(words, "--path") => Some(Kind::Named),
        "binstall" => Some(Kind::Named),
        "build" | "b" | "test" | "check" | "run" | "install" => Some(Kind::Build),
        _ => None,
    }
}

fn dotnet(words: &[&str]) -> Option<Kind> {
    match subcommand(words)? {
        "restore" => Some(Kind::Dependencies),
        "tool" => (words.get(1) == Some(&"install")).then_some(Kind::Named),
        "build" | "publish" | "test" | "pack" => {
            (!has(words, "--no-restore") && !has(words, "--no-build")).then_some(Kind::Build)
        }
        _ => None,
    }
}

fn maven(words: &[&str]) -> Option<Kind> {
    if has(words, "-o") || has(words, "--offline") {
        return None;
    }
    let is_goal = |word: &&&str| !word.starts_with('-');
    if words.iter().any(|word| word.starts_with("dependency:")) {
        return Some(Kind::Dependencies);
    }
    let builds = ["compile", "test", "package", "verify", "install", "deploy"];
    words
        .iter()
        .filter(is_goal)
        .any(|word| builds.contains(word) || word.starts_with("spring-boot:"))
        .then_some(Kind::Build)
}

fn gradle(words: &[&str]) -> Option<Kind> {
    if has(words, "--offline") {
        return None;
    }
    let mut tasks = words.iter().filter(|word| !word.starts_with('-'));
    let first = tasks.next()?.rsplit(':').next().unwrap_or_default();
    let resolves = [
        "dependencies",
        "buildEnvironment",
        "resolveDependencies",
        "downloadDependencies",
    ];
    match first {
        task if resolves.contains(&task) => Some(Kind::Dependencies),
        "wrapper" | "help" | "tasks" | "clean" if tasks.next().is_none() => None,
        _ => Some(Kind::Build),
    }
}

fn composer(words: &[&str]) -> Option<Kind> {
    match subcommand(words)? {
        "install" | "i" | "update" => {
            // Without these two, it runs the project's scripts and reads its classes.
            let only_dependencies = has(words, "--no-autoloader") && has(words, "--no-scripts");
            Some(if only_dependencies {
                Kind::Dependencies
            } else {
                Kind::Project
            })
        }
        "require" | "global" => Some(Kind::Named),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_install_what_they_install() {
        use Kind::{Build, Dependencies, Named, Project};
        use Stack::{Dotnet, Go, Java, Node, Php, Python, Ruby, Rust, System};
        let cases = [
            ("npm ci", Some((Node, Dependencies))),
            ("npm --prefix web ci --omit=dev", Some((Node, Dependencies))),
            (
                "npm install --no-audit 2>/dev/null",
                Some((Node, Dependencies)),
            ),
            ("npm install -g pnpm", Some((Node, Named))),
            ("npm i express", Some((Node, Named))),
            ("npm run build", None),
            ("yarn", Some((Node, Dependencies))),
            ("yarn --frozen-lockfile", Some((Node, Dependencies))),
            ("yarn build", None),
            ("pnpm i --frozen-lockfile", Some((Node, Dependencies))),
            ("pnpm fetch", Some((Node, Dependencies))),
            (
                "pip install -r requirements.txt",
                Some((Python, Dependencies)),
            ),
            (
                "pip install --no-cache-dir -r ./requirements.txt",
                Some((Python, Dependencies)),
            ),
            (
                "python3 -m pip install -rdev.txt",
                Some((Python, Dependencies)),
            ),
            ("pip install .", Some((Python, Project))),
            ("pip install -e .[dev]", Some((Python, Project))),
            ("pip install flask", Some((Python, Named))),
            ("uv sync --locked", Some((Python, Project))),
            (
                "uv sync --locked --no-install-project",
                Some((Python, Dependencies)),
            ),
            ("uv pip install -r r.txt", Some((Python, Dependencies))),
            ("poetry install --no-root", Some((Python, Dependencies))),
            ("poetry install", Some((Python, Project))),
            ("pipenv sync", Some((Python, Dependencies))),
            ("bundle install --jobs 4", Some((Ruby, Dependencies))),
            ("bundle exec rake", None),
            ("gem install bundler", Some((Ruby, Named))),
            ("go mod download", Some((Go, Dependencies))),
            ("go build ./...", Some((Go, Build))),
            ("go build -mod=vendor ./...", None),
            ("go install x/y@latest", Some((Go, Named))),
            ("cargo fetch --locked", Some((Rust, Dependencies))),
            ("cargo chef cook --release", Some((Rust, Dependencies))),
            ("cargo chef prepare", None),
            ("cargo build --release", Some((Rust, Build))),
            ("cargo install cargo-chef", Some((Rust, Named))),
            ("dotnet restore", Some((Dotnet, Dependencies))),
            ("dotnet publish -c Release", Some((Dotnet, Build))),
            ("dotnet publish --no-restore", None),
            (
                "./mvnw -B dependency:go-offline",
                Some((Java, Dependencies)),
            ),
            ("mvn -q package -DskipTests", Some((Java, Build))),
            ("mvn -o package", None),
            ("./gradlew dependencies", Some((Java, Dependencies))),
            ("gradle bootJar --no-daemon", Some((Java, Build))),
            ("composer install --no-dev", Some((Php, Project))),
            (
                "composer install --no-scripts --no-autoloader",
                Some((Php, Dependencies)),
            ),
            ("apt-get -y install curl", Some((System, Named))),
            ("apt-get update", None),
            ("apk add --no-cache curl", Some((System, Named))),
            ("echo npm ci", None),
        ];
        for (text, expected) in cases {
            let command = Command {
                words: text.split(' ').map(str::to_owned).collect(),
                span: 0..0,
            };
            assert_eq!(step(&command), expected, "{text}");
        }
    }
}
