//! What the package managers of each stack do: which command installs, and from which files.
//!
//! docs/lint.md lists the commands; the lists here are the ones that it is checked against.

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

/// What a command needs in order to bring in packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Manifests and lock files.
    Dependencies,
    /// Nothing of the build context: the packages are named on the command line.
    Named,
    /// The project's own source: it installs the project itself, too.
    Project,
    /// The project's own source: it compiles, and downloads what is not there yet.
    Build,
}

/// What a command installs, if it does.
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

/// The first word that is no option. Options in front of the subcommand that take a value are
/// known for the few programs where that is usual.
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

/// What stands behind the subcommand and is no option.
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
        // Pipenv installs what the Pipfile names, never the project.
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

/// Files that package managers read: their manifests, lock files and settings. A `*` stands for
/// anything.
const MANIFESTS: &[&str] = &[
    // Node
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    "bun.lock",
    "bun.lockb",
    "bunfig.toml",
    "lerna.json",
    "nx.json",
    "turbo.json",
    "deno.lock",
    // Python
    "requirements*.txt",
    "requirements*.in",
    "constraints*.txt",
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "poetry.toml",
    "pdm.lock",
    "Pipfile",
    "Pipfile.lock",
    "setup.py",
    "setup.cfg",
    "environment.yml",
    "environment.yaml",
    ".python-version",
    // Ruby
    "Gemfile",
    "Gemfile.lock",
    "*.gemspec",
    ".ruby-version",
    // Go
    "go.mod",
    "go.sum",
    "go.work",
    "go.work.sum",
    // Rust
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
    "recipe.json",
    // .NET
    "*.csproj",
    "*.fsproj",
    "*.vbproj",
    "*.sln",
    "*.slnx",
    "packages.lock.json",
    "NuGet.config",
    "nuget.config",
    "NuGet.Config",
    "global.json",
    "Directory.*.props",
    "Directory.*.targets",
    // Java
    "pom.xml",
    "mvnw",
    "mvnw.cmd",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "settings.gradle.kts",
    "gradle.properties",
    "gradlew",
    "gradlew.bat",
    "libs.versions.toml",
    // PHP
    "composer.json",
    "composer.lock",
    "symfony.lock",
    // All
    ".tool-versions",
    ".nvmrc",
];

/// Folders that package managers read.
const MANIFEST_FOLDERS: &[&str] = &[
    ".yarn",
    "patches",
    "requirements",
    ".mvn",
    "gradle",
    ".cargo",
    "prisma",
    "vendor",
];

/// Endings of files that hold a program's source.
const SOURCE_ENDINGS: &[&str] = &[
    "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "vue", "svelte", "py", "rb", "go", "rs", "cs",
    "fs", "vb", "java", "kt", "kts", "scala", "php", "html", "css", "scss",
];

/// How much of a project a COPY brings in, judged by the name of what it copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// The whole build context.
    Everything,
    /// A folder or files of source.
    Source,
    /// Manifests, or a single file that is no source.
    Narrow,
}

/// What a source of COPY, its variables resolved, brings in.
pub fn breadth(path: &str) -> Breadth {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let Some(last) = parts.last() else {
        return Breadth::Everything;
    };
    if parts.iter().all(|part| matches!(*part, "*" | "**")) {
        return Breadth::Everything;
    }
    let is_manifest = MANIFESTS.iter().any(|manifest| globs_meet(last, manifest));
    let in_manifest_folder = MANIFEST_FOLDERS.contains(&parts[0]);
    if is_manifest || in_manifest_folder {
        return Breadth::Narrow;
    }
    let hidden = last.starts_with('.');
    match last.rsplit_once('.') {
        // `vite.config.ts` is read by tools and changes as rarely as a manifest.
        Some((stem, _)) if stem.ends_with(".config") => Breadth::Narrow,
        Some((_, ending)) if SOURCE_ENDINGS.contains(&ending) => Breadth::Source,
        Some((stem, _)) if !stem.is_empty() || hidden => Breadth::Narrow,
        _ if is_single_file(last) => Breadth::Narrow,
        _ => Breadth::Source,
    }
}

/// Files that have no ending, by custom.
fn is_single_file(name: &str) -> bool {
    let files = [
        "Makefile",
        "Rakefile",
        "Procfile",
        "LICENSE",
        "VERSION",
        "Caddyfile",
        "config.ru",
    ];
    files.contains(&name) || name.contains("entrypoint") || name.contains("Dockerfile")
}

/// Whether a pattern of COPY and one of the lists could mean the same file: `package*.json` meets
/// `package.json`. One of the two may have a `*`.
fn globs_meet(left: &str, right: &str) -> bool {
    glob(left, right) || glob(right, left)
}

fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        // `*.json` is any file of that kind, not a manifest.
        Some(("", _)) if name.contains('*') => pattern == name,
        Some((before, behind)) => {
            let Some(rest) = name.strip_prefix(before) else {
                return false;
            };
            let named_enough = !before.is_empty() || behind.len() > ".json".len();
            named_enough
                && (0..=rest.len())
                    .filter(|at| rest.is_char_boundary(*at))
                    .any(|at| glob(behind, &rest[at..]))
        }
    }
}

/// Whether a file is one that package managers read.
pub fn is_manifest(name: &str) -> bool {
    MANIFESTS.iter().any(|manifest| glob_list(manifest, name))
}

fn glob_list(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, behind)) => {
            name.len() >= before.len() + behind.len()
                && name.starts_with(before)
                && name.ends_with(behind)
        }
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

    #[test]
    fn a_copy_is_as_broad_as_what_it_names() {
        use Breadth::{Everything, Narrow, Source};
        let cases = [
            (".", Everything),
            ("./", Everything),
            ("/", Everything),
            ("*", Everything),
            ("./*", Everything),
            ("src", Source),
            ("src/", Source),
            ("app/main.py", Source),
            ("*.py", Source),
            ("server.js", Source),
            ("packages", Source),
            ("package.json", Narrow),
            ("package*.json", Narrow),
            ("package-lock.json*", Narrow),
            ("*.json", Narrow),
            ("yarn.lock", Narrow),
            ("src/Api/Api.csproj", Narrow),
            ("*.csproj", Narrow),
            ("*/*.csproj", Narrow),
            ("requirements/base.txt", Narrow),
            ("requirements-dev.txt", Narrow),
            ("Gemfile*", Narrow),
            ("setup.py", Narrow),
            ("vite.config.ts", Narrow),
            (".npmrc", Narrow),
            ("docker-entrypoint.sh", Narrow),
            ("gradle", Narrow),
            ("build.gradle.kts", Narrow),
            ("entrypoint", Narrow),
        ];
        for (path, expected) in cases {
            assert_eq!(breadth(path), expected, "{path}");
        }
    }
}
