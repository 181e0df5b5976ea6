//! How much of a project a COPY copies: everything, source, or only what package managers read.
//!
//! Based on names only: the build context is not read.

/// How much of a project a COPY copies, by the name of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// The whole build context.
    Everything,
    /// A folder or files of source.
    Source,
    /// Manifests, or a single file that is not source.
    Narrow,
}

/// Returns how much a source of COPY, with variables resolved, copies.
pub fn of(path: &str) -> Breadth {
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

/// Whether package managers read a file.
pub fn is_manifest(name: &str) -> bool {
    MANIFESTS.iter().any(|manifest| glob_list(manifest, name))
}

/// Files that package managers read: their manifests, lock files and settings. `*` matches
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

/// Extensions of source files.
const SOURCE_ENDINGS: &[&str] = &[
    "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "vue", "svelte", "py", "rb", "go", "rs", "cs",
    "fs", "vb", "java", "kt", "kts", "scala", "php", "html", "css", "scss",
];

/// Source files that have no extension.
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

/// Whether a pattern in COPY and one in the lists could match the same file: `package*.json` and
/// `package.json`. One of the two may contain a `*`.
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
            assert_eq!(of(path), expected, "{path}");
        }
    }
}
