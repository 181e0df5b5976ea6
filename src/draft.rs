//! Formats what was detected in repos as manifest tables, the way a user would write them.
//!
//! `init` writes a whole manifest, `add` one or two tables. Pure: [`FoundRepo`]s in, text out. The
//! caller must check that the text is a valid manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::stack::Runnable;
use crate::workspace::{Workspace, syntax, volume};

/// A clone in the workspace, or a repo that is only known by its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRepo {
    /// The path of the clone, relative to the workspace, with `/` separators; `None` if it is not
    /// cloned.
    pub path: Option<String>,
    /// The URL to clone it from, as returned by [`portable_url`].
    pub url: String,
    /// The branch to follow, if it is not the remote's default.
    pub branch: Option<String>,
    /// The services that it can run as.
    pub runnables: Vec<Runnable>,
}

/// Names and host ports that are already in use.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    repos: BTreeSet<String>,
    services: BTreeSet<String>,
    ports: BTreeSet<u16>,
}

impl Taken {
    /// Returns the names and ports that a manifest uses.
    pub fn by(workspace: &Workspace) -> Self {
        let ports = workspace.services.iter().flat_map(|it| &it.ports);
        Taken {
            repos: workspace.repos.iter().map(|it| key(&it.name)).collect(),
            services: workspace.services.iter().map(|it| key(&it.name)).collect(),
            ports: ports.filter_map(|port| port.published).collect(),
        }
    }

    /// Returns the container's port or the next free one; ports below 1024, which only root may
    /// open on many hosts, are mapped to 8000 and above: 8080 for 80.
    fn port(&mut self, container: u16) -> u16 {
        let first = if container < 1024 {
            8000 + container
        } else {
            container
        };
        let free = (first..=u16::MAX).find(|port| !self.ports.contains(port));
        let port = free.unwrap_or(first);
        self.ports.insert(port);
        port
    }
}

/// Names that differ only by `-` and `_` result in the same Compose variables.
fn key(name: &str) -> String {
    name.replace('_', "-")
}

fn unused(taken: &mut BTreeSet<String>, wanted: &str) -> String {
    let fixed = syntax::fixed_name(wanted).unwrap_or_else(|| "repo".to_owned());
    let mut name = fixed.clone();
    let mut number = 2;
    while !taken.insert(key(&name)) {
        name = format!("{fixed}-{number}");
        number += 1;
    }
    name
}

/// Returns a new manifest with these repos, or a commented example if there are none. `project` is
/// the name of its Compose project: without one, folders of the same name would share a project.
pub fn manifest(project: &str, found: &[FoundRepo]) -> String {
    if found.is_empty() {
        let template = include_str!("../templates/workspace.toml");
        return template.replace("\"project\"", &quoted(project));
    }
    let mut taken = Taken::default();
    let names: Vec<String> = found
        .iter()
        .map(|repo| unused(&mut taken.repos, &repo_name(repo)))
        .collect();
    let named = || names.iter().zip(found);
    let repos_dir = common_folder(found);
    let base_url = common_base(named());
    let branch = common_branch(found);
    let mut writer = Writer::default();
    writer.text.push_str(HEADER);
    writer.header("workspace");
    writer.line("name", &quoted(project), "Compose project name");
    if let Some(folder) = repos_dir {
        writer.line("repos_dir", &quoted(folder), "where the repos are cloned");
    }
    if base_url.is_some() || branch.is_some() {
        writer.header("git");
        if let Some(base) = base_url {
            writer.line("base_url", &quoted(base), "a repo's name is appended");
        }
        if let Some(branch) = branch {
            writer.line("branch", &quoted(branch), "default for all repos");
        }
    }
    writer.text.push('\n');
    let defaults = Defaults {
        repos_dir: repos_dir.unwrap_or_default(),
        base_url,
        branch,
    };
    for (name, repo) in named() {
        writer.repo(name, repo, &defaults);
    }
    for (name, repo) in named() {
        writer.services(name, &repo.runnables, &mut taken);
    }
    format!("{}\n{FOOTER}", writer.text.trim_end())
}

const HEADER: &str = "\
# The git repositories of this workspace, and the services that run from them. After a change,
# run `fitout generate`, review the difference and commit it. `fitout schema` knows every key.
";

const FOOTER: &str = "
# Backing services take two lines. A service reads them from a reference such as `${db.url}`:
# environment = { DATABASE_URL = \"${db.url}\" } and depends_on = [\"db\"].
# [services.db]
# preset = \"postgres\"              # or redis, mailpit
";

/// Defaults that the tables of a manifest don't have to repeat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults<'a> {
    /// `[workspace] repos_dir`; empty for the workspace's own folder.
    pub repos_dir: &'a str,
    /// `[git] base_url`.
    pub base_url: Option<&'a str>,
    /// `[git] branch`.
    pub branch: Option<&'a str>,
}

/// Returns the name and the `[repos.NAME]` table of another repo.
pub fn repo_table(repo: &FoundRepo, defaults: &Defaults<'_>, taken: &Taken) -> (String, String) {
    let name = unused(&mut taken.repos.clone(), &repo_name(repo));
    let mut writer = Writer::default();
    writer.repo(&name, repo, defaults);
    (name, writer.text)
}

/// Returns the `[services.NAME]` tables of another repo; if there is only one, it can be given a
/// `name`.
pub fn service_tables(
    name: Option<&str>,
    repo: &str,
    runnables: &[Runnable],
    taken: &Taken,
) -> String {
    let mut writer = Writer::default();
    let mut taken = taken.clone();
    match (name, runnables) {
        // A name given by the user is not corrected: the parser reports what is wrong with it.
        (Some(name), [only]) => writer.service(name, repo, only, &mut taken),
        _ => writer.services(repo, runnables, &mut taken),
    }
    writer.text
}

/// Returns the last component of a repo's URL, otherwise its folder.
fn repo_name(repo: &FoundRepo) -> String {
    split_url(&repo.url)
        .map(|(_, name)| name)
        .or(repo.path.as_deref())
        .unwrap_or_default()
        .to_owned()
}

/// Returns the folder that contains all clones, if it is not the workspace itself.
fn common_folder(found: &[FoundRepo]) -> Option<&str> {
    let mut folders = found.iter().filter_map(|repo| {
        let path = repo.path.as_deref()?;
        Some(path.rsplit_once('/').map_or("", |(folder, _)| folder))
    });
    let first = folders.next()?;
    (!first.is_empty() && folders.all(|folder| folder == first)).then_some(first)
}

/// Returns the common prefix of most repos' URLs, if at least two share one.
fn common_base<'a>(named: impl Iterator<Item = (&'a String, &'a FoundRepo)>) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, repo) in named {
        if let Some((base, tail)) = split_url(&repo.url)
            && tail == name
            && can_be_joined(&repo.url)
        {
            *counts.entry(base).or_default() += 1;
        }
    }
    let (base, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count > 1).then_some(base)
}

/// Returns a branch that several repos follow, if it is the remote's default in none of them.
fn common_branch(found: &[FoundRepo]) -> Option<&str> {
    let first = found.first()?.branch.as_deref()?;
    let all = found
        .iter()
        .all(|repo| repo.branch.as_deref() == Some(first));
    (all && found.len() > 1).then_some(first)
}

/// Splits a URL into `base_url` and the repo's name, without `.git`.
fn split_url(url: &str) -> Option<(&str, &str)> {
    let url = url.trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    let at = url.rfind(['/', ':'])? + 1;
    (at < url.len()).then(|| url.split_at(at))
}

/// Whether the URL works without `.git`: over ssh, where `git-upload-pack` tries both, and on known
/// hosts; `git http-backend` and folders may need it.
fn can_be_joined(url: &str) -> bool {
    const FORGES: [&str; 7] = [
        "github",
        "gitlab",
        "bitbucket",
        "codeberg",
        "gitea",
        "forgejo",
        "sr.ht",
    ];
    if url.trim_end_matches('/').strip_suffix(".git").is_none() {
        return true;
    }
    match url.split_once("://") {
        Some(("https" | "http", rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            FORGES.iter().any(|forge| host.contains(forge))
        }
        Some((scheme, _)) => scheme.ends_with("ssh"),
        None => url.contains(':'),
    }
}

/// Returns the URL for a file that is shared with a team: without password and token; nearby
/// folders on this machine become relative to the workspace.
pub fn portable_url(url: &str, workspace: &str) -> String {
    if let Some((scheme @ ("http" | "https"), rest)) = url.split_once("://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        return format!("{scheme}://{host}/{path}");
    }
    let path = url.strip_prefix("file://").unwrap_or(url);
    if !path.starts_with('/') {
        return url.to_owned();
    }
    let path = volume::clean(path);
    let parent = workspace.rsplit_once('/').map_or("", |(parent, _)| parent);
    match path
        .strip_prefix(parent)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        Some(rest) if !parent.is_empty() => format!("../{rest}"),
        _ => path,
    }
}

/// Comments are aligned, as in `workspace.example.toml`.
const COMMENT_COLUMN: usize = 35;

#[derive(Default)]
struct Writer {
    text: String,
    /// Comments that were already written; repeating them would be noise.
    said: BTreeSet<String>,
}

impl Writer {
    fn header(&mut self, name: &str) {
        let _ = writeln!(self.text, "\n[{name}]");
    }

    fn line(&mut self, key: &str, value: &str, comment: &str) {
        let line = format!("{key} = {value}");
        if comment.is_empty() || !self.said.insert(comment.to_owned()) {
            let _ = writeln!(self.text, "{line}");
        } else if line.len() + 2 > COMMENT_COLUMN {
            let _ = writeln!(self.text, "{line}  # {comment}");
        } else {
            let _ = writeln!(self.text, "{line:COMMENT_COLUMN$}# {comment}");
        }
    }

    fn repo(&mut self, name: &str, repo: &FoundRepo, defaults: &Defaults<'_>) {
        let joined = defaults.base_url.is_some_and(|base| {
            split_url(&repo.url) == Some((base, name)) && can_be_joined(&repo.url)
        });
        let _ = writeln!(self.text, "[repos.{name}]");
        if !joined {
            self.line("url", &quoted(&repo.url), "");
        }
        if let Some(path) = &repo.path {
            let inside = path.strip_prefix(defaults.repos_dir);
            let inside = inside.and_then(|rest| rest.strip_prefix('/'));
            let path = inside.unwrap_or(path);
            if path != name {
                self.line("path", &quoted(path), "the folder of the clone");
            }
        }
        if let Some(branch) = repo.branch.as_deref()
            && repo.branch.as_deref() != defaults.branch
        {
            self.line("branch", &quoted(branch), "not the remote's default branch");
        }
        self.text.push('\n');
    }

    fn services(&mut self, repo: &str, runnables: &[Runnable], taken: &mut Taken) {
        for runnable in runnables {
            let name = match runnable.context.as_str() {
                context if !context.is_empty() && runnables.len() > 1 => {
                    format!("{repo}-{}", context.replace('/', "-"))
                }
                _ => repo.to_owned(),
            };
            let name = unused(&mut taken.services, &name);
            if !self.text.is_empty() && !self.text.ends_with("\n\n") {
                self.text.push('\n');
            }
            self.service(&name, repo, runnable, taken);
        }
    }

    fn service(&mut self, name: &str, repo: &str, runnable: &Runnable, taken: &mut Taken) {
        if let Some(stack) = &runnable.stack {
            let _ = writeln!(self.text, "# {}", stack.describe());
        }
        if runnable.dockerfile.is_none() {
            let place = syntax::join(&runnable.context, "Dockerfile.dev");
            let _ = writeln!(
                self.text,
                "# The repo has no `{place}` yet, which this service needs."
            );
        }
        let _ = writeln!(self.text, "[services.{name}]");
        self.line("repo", &quoted(repo), "");
        if !runnable.context.is_empty() {
            self.line(
                "context",
                &quoted(&runnable.context),
                "a folder of the repo",
            );
        }
        if let Some(dockerfile) = &runnable.dockerfile {
            if dockerfile.path != "Dockerfile.dev" {
                let comment = if dockerfile.is_for_development {
                    ""
                } else {
                    "for production: changes need a rebuild"
                };
                self.line("dockerfile", &quoted(&dockerfile.path), comment);
            }
            if let Some(target) = &dockerfile.target {
                self.line("target", &quoted(target), "a stage of the Dockerfile");
            }
        }
        if runnable.takes_account {
            let numbers = "{ UID = \"${host.uid}\", GID = \"${host.gid}\" }";
            self.line("build_args", numbers, "you own the files that it writes");
        }
        if let Some(mount) = &runnable.mount {
            let comment = "mounts the source: changes need no rebuild";
            self.line("mount", &quoted(mount), comment);
            let keep = runnable.stack.iter().flat_map(|stack| &stack.keep);
            let keep: Vec<String> = keep
                .map(|folder| quoted(&format!("{}/{folder}", mount.trim_end_matches('/'))))
                .collect();
            if !keep.is_empty() {
                let keep = format!("[{}]", keep.join(", "));
                self.line("keep", &keep, "not hidden by the mount");
            }
        }
        if let Some(port) = runnable.port {
            let ports = format!("[\"{}:{port}\"]", taken.port(port));
            self.line("ports", &ports, "host:container, on 127.0.0.1");
        }
        if runnable.has_env_file {
            self.line("env_file", "[\".env\"]", "in the repo; optional");
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_the_team_has_no_secret_and_no_folder_of_this_machine() {
        for (url, expected) in [
            ("git@host:acme/api.git", "git@host:acme/api.git"),
            ("ssh://git@host:22/acme/api", "ssh://git@host:22/acme/api"),
            ("https://user:pw@host/acme/api", "https://host/acme/api"),
            (
                "https://token@host:8443/api.git",
                "https://host:8443/api.git",
            ),
            ("/company/remotes/api.git", "../remotes/api.git"),
            ("file:///company/ws/../remotes/api", "../remotes/api"),
            ("/elsewhere/./api.git", "/elsewhere/api.git"),
            ("/companyx/api.git", "/companyx/api.git"),
            ("../remotes/api.git", "../remotes/api.git"),
        ] {
            assert_eq!(portable_url(url, "/company/ws"), expected, "{url}");
        }
    }

    #[test]
    fn only_an_address_that_works_without_its_git_is_joined() {
        for (url, expected) in [
            ("git@host:acme/api.git", true),
            ("ssh://host/acme/api.git", true),
            ("https://gitlab.acme.example/team/api.git", true),
            ("https://git.acme.example/team/api", true),
            ("https://git.acme.example/team/api.git", false),
            ("../remotes/api.git", false),
            ("git://host/api.git", false),
        ] {
            assert_eq!(can_be_joined(url), expected, "{url}");
        }
    }

    #[test]
    fn a_port_is_used_once_and_never_one_of_roots() {
        let mut taken = Taken::default();
        let ports = [3000, 3000, 80, 8080, 443].map(|port| taken.port(port));
        assert_eq!(ports, [3000, 3001, 8080, 8081, 8443]);
    }

    #[test]
    fn names_are_fixed_and_used_once() {
        let mut taken = BTreeSet::new();
        let names = ["My.App", "my_app", "my-app", "---"].map(|name| unused(&mut taken, name));
        assert_eq!(names, ["my-app", "my_app-2", "my-app-3", "repo"]);
    }
}
