//! Resolves `[repos]`: addresses, folders, and what to have checked out.

use std::collections::HashMap;

use super::Problems;
use crate::manifest::model::{Entries, RepoTable};
use crate::manifest::{Diagnostic, Manifest, Spanned};
use crate::workspace::syntax::clone_place;
use crate::workspace::{Checkout, Repo};
use crate::workspace::{address, syntax};

/// The folder that repos are cloned into, and the repos.
pub(super) fn resolve(manifest: &Manifest, problems: &mut Problems) -> (String, Vec<Repo>) {
    let base_url = manifest
        .git
        .base_url
        .as_ref()
        .filter(|url| problems.check(url, "git.base_url", address::check(&url.value)));
    let branch = manifest
        .git
        .branch
        .as_ref()
        .filter(|branch| problems.check(branch, "git.branch", syntax::git_ref(&branch.value)));
    let repos_dir = manifest
        .workspace
        .repos_dir
        .as_ref()
        .and_then(|path| problems.valid(path, "workspace.repos_dir", clone_place(&path.value)))
        .unwrap_or_default();

    let defaults = Defaults {
        base_url,
        branch,
        repos_dir: &repos_dir,
    };
    let Entries(tables) = &manifest.repos;
    let repos: Vec<(&Spanned<String>, Repo)> = tables
        .iter()
        .filter_map(|(name, table)| Some((name, repo(name, table, &defaults, problems)?)))
        .collect();
    check_folders(&repos, problems);
    let repos = repos.into_iter().map(|(_, repo)| repo).collect();
    (repos_dir, repos)
}

struct Defaults<'m> {
    base_url: Option<&'m Spanned<String>>,
    branch: Option<&'m Spanned<String>>,
    repos_dir: &'m str,
}

fn repo(
    name: &Spanned<String>,
    table: &RepoTable,
    defaults: &Defaults<'_>,
    problems: &mut Problems,
) -> Option<Repo> {
    let full = format!("repos.{}", name.value);
    problems
        .check(name, &full, syntax::name(&name.value))
        .then_some(())?;
    let url = url(name, table, defaults, problems);
    let path = match &table.path {
        None => problems.valid(name, &full, clone_place(&name.value))?,
        Some(path) => {
            let name = format!("{full}.path");
            let valid = problems.valid(path, &name, clone_place(&path.value))?;
            if valid.is_empty() {
                problems.push(
                    Diagnostic::new(
                        path.span.clone(),
                        format!("`{name}` is the workspace itself"),
                    )
                    .help("use a folder inside it"),
                );
            }
            valid
        }
    };
    Some(Repo {
        name: name.value.clone(),
        url: url.unwrap_or_default(),
        path: syntax::join(defaults.repos_dir, &path),
        local_path: None,
        checkout: checkout(&full, table, defaults, problems),
        depth: table.depth.as_ref().map(|depth| depth.value),
        submodules: table.submodules,
        skip: false,
    })
}

fn url(
    name: &Spanned<String>,
    table: &RepoTable,
    defaults: &Defaults<'_>,
    problems: &mut Problems,
) -> Option<String> {
    if let Some(url) = &table.url {
        let full = format!("repos.{}.url", name.value);
        problems.check(url, &full, address::check(&url.value));
        return Some(url.value.clone());
    }
    let Some(base) = defaults.base_url else {
        problems.push(
            Diagnostic::new(
                name.span.clone(),
                format!("`repos.{}` has no `url`", name.value),
            )
            .help(
                "add `url`, or set `base_url` under `[git]` for all repos: \
                     `base_url = \"git@github.com:acme/\"`",
            ),
        );
        return None;
    };
    // `git@host:team` and `git@host:team/` mean the same to the person who writes them.
    let slash = if base.value.ends_with(['/', ':']) {
        ""
    } else {
        "/"
    };
    let joined = format!("{}{slash}{}", base.value, name.value);
    let full = format!("repos.{}", name.value);
    problems.check(name, &full, address::check(&joined));
    Some(joined)
}

fn checkout(
    full: &str,
    table: &RepoTable,
    defaults: &Defaults<'_>,
    problems: &mut Problems,
) -> Checkout {
    let given: Vec<(&str, &Spanned<String>)> = [
        ("branch", &table.branch),
        ("tag", &table.tag),
        ("rev", &table.rev),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value.as_ref()?)))
    .collect();
    if let [(first_key, first), (second_key, second), ..] = given[..] {
        problems.push(
            Diagnostic::new(
                second.span.clone(),
                format!("`{full}` has both `{first_key}` and `{second_key}`"),
            )
            .related(first.span.clone(), "the other one")
            .help("keep one of `branch`, `tag` and `rev`"),
        );
    }
    let Some(&(key, value)) = given.first() else {
        return match defaults.branch {
            Some(branch) => Checkout::Branch(branch.value.clone()),
            None => Checkout::RemoteDefault,
        };
    };
    let name = format!("{full}.{key}");
    let text = value.value.clone();
    match key {
        "rev" => {
            problems.check(value, &name, syntax::revision(&text));
            Checkout::Rev(text)
        }
        "tag" => {
            problems.check(value, &name, syntax::git_ref(&text));
            Checkout::Tag(text)
        }
        _ => {
            problems.check(value, &name, syntax::git_ref(&text));
            Checkout::Branch(text)
        }
    }
}

/// Two clones can't share a folder, and one inside another would be a change in it for ever.
fn check_folders(repos: &[(&Spanned<String>, Repo)], problems: &mut Problems) {
    let mut by_path: HashMap<&str, usize> = HashMap::new();
    for (index, (name, repo)) in repos.iter().enumerate() {
        let first = *by_path.entry(&repo.path).or_insert(index);
        if first != index {
            let (other_name, other) = &repos[first];
            let message = format!(
                "`{}` and `{}` are cloned into the same folder: `{}`",
                other.name, repo.name, repo.path
            );
            problems.push(folder_problem(name, other_name, message));
        }
    }
    for (index, (_, inner)) in repos.iter().enumerate() {
        let ends_of_folders = inner.path.match_indices('/').map(|(end, _)| end);
        for outer in ends_of_folders.filter_map(|end| by_path.get(&inner.path[..end])) {
            let (other_name, other) = &repos[index.min(*outer)];
            let (name, repo) = &repos[index.max(*outer)];
            let message = format!(
                "`{}` (`{}`) and `{}` (`{}`) are cloned one inside the other",
                other.name, other.path, repo.name, repo.path
            );
            problems.push(folder_problem(name, other_name, message));
        }
    }
}

fn folder_problem(
    name: &Spanned<String>,
    other_name: &Spanned<String>,
    message: String,
) -> Diagnostic {
    Diagnostic::new(name.span.clone(), message)
        .related(other_name.span.clone(), "the other one")
        .help("set a different `path` for one of them")
}
