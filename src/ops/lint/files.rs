//! Finds the Dockerfiles of the workspace, their purpose, and their build context.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::dockerfile::file::{Build, Context, File, Purpose};
use crate::dockerfile::finding::{Finding, Rule};
use crate::dockerfile::name::{self, Use};
use crate::dockerfile::variables::Variables;
use crate::dockerfile::{breadth, ignore_file};
use crate::error::{Failure, ResultExt as _};
use crate::host::files as disk;
use crate::ops::Opened;
use crate::workspace::{self, Repo, Scalar, Service, Source, syntax};

/// An existing Dockerfile.
pub(crate) struct Found {
    /// With its text; invalid UTF-8 is replaced.
    pub(super) file: File,
    /// Why it can't be decoded as text.
    pub(super) invalid: Option<Finding>,
}

/// A Dockerfile that may exist: its path, build context and build settings.
struct Candidate {
    path: String,
    context: String,
    builds: Vec<Build>,
}

/// Returns the Dockerfiles of these services, or of all repos, in the manifest's order, and why
/// others were skipped.
pub(crate) fn find(
    opened: &Opened,
    services: &[String],
    production_only: bool,
) -> Result<(Vec<Found>, Vec<String>), Failure> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut skipped = Vec::new();
    for repo in opened.personal.repos(&opened.workspace) {
        let built = built_from(opened, &repo);
        let wanted: Vec<(&Service, &workspace::Build)> = built
            .iter()
            .copied()
            .filter(|(service, _)| services.is_empty() || services.contains(&service.name))
            .collect();
        if repo.skip || (wanted.is_empty() && !services.is_empty()) {
            continue;
        }
        if !opened.root.join(&repo.path).is_dir() {
            skipped.push(format!("{}: `{}` is not cloned", repo.name, repo.path));
            continue;
        }
        for (service, build) in &wanted {
            let path = syntax::join(&build.context, &build.dockerfile);
            if !opened.root.join(&path).is_file() {
                skipped.push(format!("{}: there is no `{path}`", service.name));
                continue;
            }
            add(
                &mut candidates,
                &path,
                &build.context,
                of_service(service, build),
            );
        }
        let mut folders: Vec<&str> = wanted
            .iter()
            .map(|(_, build)| build.context.as_str())
            .collect();
        if services.is_empty() {
            folders.push(&repo.path);
        }
        folders.dedup();
        for folder in folders {
            beside(opened, folder, &built, &mut candidates)?;
        }
    }
    if production_only {
        for candidate in &mut candidates {
            candidate
                .builds
                .retain(|build| build.purpose == Purpose::Production);
        }
        candidates.retain(|candidate| !candidate.builds.is_empty());
    }
    let found = candidates
        .into_iter()
        .map(|candidate| read(&opened.root, candidate))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((found, skipped))
}

fn built_from<'o>(opened: &'o Opened, repo: &Repo) -> Vec<(&'o Service, &'o workspace::Build)> {
    let services = opened.workspace.services.iter();
    services
        .filter_map(|service| match &service.source {
            Source::Build(build) if build.repo == repo.name => Some((service, build)),
            _ => None,
        })
        .collect()
}

/// Returns how a service builds its Dockerfile. If it sets a target in a file that is not for
/// development only, the last stage is for production.
fn of_service(service: &Service, build: &workspace::Build) -> Vec<Build> {
    let has_healthcheck = has_healthcheck(service);
    let development = Build {
        purpose: Purpose::Development,
        target: build.target.clone(),
        build_args: build_args(build),
        has_healthcheck,
    };
    let serves_both = build.target.is_some()
        && purpose_of(&build.dockerfile).is_some_and(|purpose| purpose == Purpose::Production);
    let production = serves_both.then(|| Build {
        purpose: Purpose::Production,
        target: None,
        build_args: Variables::new(),
        has_healthcheck,
    });
    [development].into_iter().chain(production).collect()
}

fn has_healthcheck(service: &Service) -> bool {
    service.healthcheck.is_some() || service.compose.contains_key("healthcheck")
}

/// Returns the known build arguments: those without Compose variables.
fn build_args(build: &workspace::Build) -> Variables {
    let values = build.args.iter().filter_map(|(name, value)| {
        let text = match value.as_ref()? {
            Scalar::Text(text) if text.contains('$') => return None,
            Scalar::Text(text) => text.clone(),
            Scalar::Integer(number) => number.to_string(),
            Scalar::Float(number) => number.to_string(),
            Scalar::Bool(value) => value.to_string(),
        };
        Some((name.clone(), text))
    });
    values.collect()
}

/// Returns the other Dockerfiles in a folder.
fn beside(
    opened: &Opened,
    folder: &str,
    built: &[(&Service, &workspace::Build)],
    candidates: &mut Vec<Candidate>,
) -> Result<(), Failure> {
    let place = opened.root.join(folder);
    let entries = match fs::read_dir(&place) {
        Ok(entries) => entries,
        // A missing build context is reported by doctor.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let context = format!("can't read `{}`", place.display());
            return Err(Failure::from(error).context(context));
        }
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    for name in names {
        let Some(purpose) = purpose_of(&name) else {
            continue;
        };
        let path = syntax::join(folder, &name);
        let is_a_services_own = built
            .iter()
            .any(|(_, build)| syntax::join(&build.context, &build.dockerfile) == path);
        if is_a_services_own {
            continue;
        }
        let has_healthcheck = built
            .iter()
            .any(|(service, build)| build.context == folder && has_healthcheck(service));
        let build = Build {
            purpose,
            target: None,
            build_args: Variables::new(),
            has_healthcheck,
        };
        add(candidates, &path, folder, vec![build]);
    }
    Ok(())
}

fn add(candidates: &mut Vec<Candidate>, path: &str, context: &str, builds: Vec<Build>) {
    let known = candidates
        .iter()
        .position(|candidate| candidate.path == path);
    let index = known.unwrap_or_else(|| {
        candidates.push(Candidate {
            path: path.to_owned(),
            context: context.to_owned(),
            builds: Vec::new(),
        });
        candidates.len() - 1
    });
    let candidate = &mut candidates[index];
    for build in builds {
        if !candidate.builds.contains(&build) {
            candidate.builds.push(build);
        }
    }
}

/// Returns the purpose of a Dockerfile by its name; `None` if it is not a Dockerfile's name.
fn purpose_of(path: &str) -> Option<Purpose> {
    name::use_of(path).map(|it| match it {
        Use::Development | Use::Trial => Purpose::Development,
        Use::Production => Purpose::Production,
    })
}

fn read(root: &Path, candidate: Candidate) -> Result<Found, Failure> {
    let place = root.join(&candidate.path);
    let bytes = disk::read_bytes(&place, disk::LONGEST)
        .with_context(|| format!("can't read `{}`", candidate.path))?;
    let (source, invalid) = match String::from_utf8(bytes) {
        Ok(source) => (source, None),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let source = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let finding = Finding::new(Rule::Syntax, at..at + 1, "this is not UTF-8 text")
                .help("save the file as UTF-8");
            (source, Some(finding))
        }
    };
    Ok(Found {
        file: File {
            context: context(root, &candidate)?,
            path: candidate.path,
            source,
            builds: candidate.builds,
        },
        invalid,
    })
}

/// Returns what Docker would use of the build context: the ignore file, and the package manifests.
fn context(root: &Path, candidate: &Candidate) -> Result<Context, Failure> {
    let mut ignore_path = format!("{}.dockerignore", candidate.path);
    let mut ignore_text = disk::read(&root.join(&ignore_path))?;
    if ignore_text.is_none() {
        ignore_path = syntax::join(&candidate.context, ignore_file::NAME);
        ignore_text = disk::read(&root.join(&ignore_path))?;
    }
    Ok(Context {
        ignore_path,
        ignore_text,
        manifests: manifests(&root.join(&candidate.context)),
        folder: candidate.context.clone(),
    })
}

/// Manifests larger than this are not written by people, and not used for fixes.
const LARGEST_MANIFEST: u64 = 16 << 20;

/// They are only read to offer a fix; if one can't be read, no fix is offered.
fn manifests(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let bytes = breadth::is_manifest(&name)
                .then(|| disk::read_bytes(&entry.path(), LARGEST_MANIFEST).ok())??;
            Some((name, String::from_utf8(bytes).ok()?))
        })
        .collect()
}
