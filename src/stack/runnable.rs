//! Which services a repo can be run as: one for each folder with a Dockerfile, or else its stack's.

use super::detect::{Stack, detect};
use super::files::{DEPTH, ENV_EXAMPLES, Files, depth, folder_of, name_of};
use super::image::Image;
use crate::dockerfile::name::{self, Use};
use crate::workspace::syntax::{container_path, join, relative_path};

/// A folder that only holds Dockerfiles: the source that they need is above it.
const DOCKERFILE_FOLDERS: [&str; 4] = ["docker", ".docker", "dockerfiles", "deploy"];

/// One service that a repo can be run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runnable {
    /// The folder in the repo; empty for the repo's own.
    pub context: String,
    /// What it is built from; `None` where there is no Dockerfile yet.
    pub dockerfile: Option<Dockerfile>,
    /// What it is written in, where that is known.
    pub stack: Option<Stack>,
    /// Where its source belongs in the container.
    pub mount: Option<String>,
    /// The container's port.
    pub port: Option<u16>,
    /// Whether it has variables of its own in `.env`.
    pub has_env_file: bool,
    /// Whether its Dockerfile takes the numbers of the developer's account: `ARG UID` and `ARG GID`.
    pub takes_account: bool,
}

impl Runnable {
    /// A service of which nothing is known but that there should be one.
    pub fn unknown() -> Self {
        runnable("", &Files::default(), Some("Dockerfile.dev"))
    }
}

/// A Dockerfile of a repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// As seen from the service's folder.
    pub path: String,
    /// The stage for development, where it has one.
    pub target: Option<String>,
    /// Whether it is made for development, so that the source may be mounted over what it copied.
    pub is_for_development: bool,
}

/// The services of a repo, the one of its own folder first. What is in a folder that a manifest can't
/// name is none.
pub fn runnables(files: &Files) -> Vec<Runnable> {
    let mut folders = files.folders();
    folders.retain(|folder| relative_path(folder).is_ok());
    let has_own = best_dockerfile(files).is_some();
    let built: Vec<Runnable> = folders
        .iter()
        .filter(|folder| depth(folder) <= DEPTH && !is_for_dockerfiles_only(folder))
        .filter_map(|folder| {
            let below = files.below(folder);
            let path = best_dockerfile(&below)?;
            let runnable = runnable(folder, &below, Some(&path));
            // Beside the repo's own one, a Dockerfile of some folder may be for tests or tools.
            let counts = folder.is_empty() || !has_own || runnable.stack.is_some();
            counts.then_some(runnable)
        })
        .collect();
    if !built.is_empty() {
        return built;
    }
    // A repo without a Dockerfile: its own stack, or else those one folder down, as in
    // `frontend` and `backend`. Whatever says not that it is a service may be a library.
    let serving = |folder: &str| {
        let below = files.below(folder);
        let serves = detect(&below).first().is_some_and(|stack| stack.serves);
        serves.then(|| runnable(folder, &below, None))
    };
    if let Some(own) = serving("") {
        return vec![own];
    }
    let one_down = folders.iter().filter(|folder| depth(folder) == 1);
    one_down.filter_map(|folder| serving(folder)).collect()
}

fn runnable(folder: &str, files: &Files, dockerfile: Option<&str>) -> Runnable {
    let stack = detect(files).into_iter().next();
    let text = dockerfile.and_then(|path| files.text(path));
    let stages = text.map(Image::stages).unwrap_or_default();
    // One that names its own folder is built from the repo's: Visual Studio writes such ones.
    let is_built_from_above =
        !folder.is_empty() && text.is_some_and(|text| text.contains(&format!("{folder}/")));
    let (context, above) = if is_built_from_above {
        ("", folder)
    } else {
        (folder, "")
    };
    let dev_stage = stages.iter().find(|image| {
        let name = image.stage.as_deref().unwrap_or_default();
        name::is_development_stage(name)
    });
    let image = dev_stage.or(stages.last());
    let dockerfile = dockerfile.map(|path| Dockerfile {
        path: join(above, path),
        // The last stage is what is built without a target.
        target: dev_stage
            .filter(|dev| Some(*dev) != stages.last())
            .and_then(|dev| dev.stage.clone()),
        is_for_development: dev_stage.is_some() || is_for_development(path),
    });
    let mount = match &dockerfile {
        Some(dockerfile) if dockerfile.is_for_development => image
            .and_then(|image| image.workdir.clone())
            .filter(|folder| container_path(folder).is_ok()),
        // A mount over a production image would hide what was built in there.
        Some(_) => None,
        None => Some("/app".to_owned()),
    };
    let exposed = image.and_then(|image| image.ports.first().copied());
    let port = exposed
        .or_else(|| files.port_of_env_example())
        .or(stack.as_ref().filter(|it| it.serves).map(|it| it.port));
    Runnable {
        context: context.to_owned(),
        dockerfile,
        mount,
        port,
        has_env_file: ENV_EXAMPLES.iter().any(|name| files.has(name)),
        takes_account: text.is_some_and(|text| {
            let takes = |argument: &str| text.lines().any(|line| line.starts_with(argument));
            takes("ARG UID") && takes("ARG GID")
        }),
        stack,
    }
}

fn is_for_dockerfiles_only(folder: &str) -> bool {
    DOCKERFILE_FOLDERS.contains(&name_of(folder))
}

/// The Dockerfile of a folder that suits development best. One in `docker/` counts as the folder's.
fn best_dockerfile(files: &Files) -> Option<String> {
    let paths = files.paths().filter(|path| {
        let folder = folder_of(path);
        name::use_of(path).is_some() && (folder.is_empty() || DOCKERFILE_FOLDERS.contains(&folder))
    });
    // `Dockerfile.test` and the like are for something else.
    let candidates = paths.filter(|path| is_for_development(path) || name_of(path) == "Dockerfile");
    candidates
        .filter(|path| relative_path(path).is_ok())
        .min_by_key(|path| {
            let is_other_name = *path != "Dockerfile.dev";
            (
                !is_for_development(path),
                is_other_name,
                depth(folder_of(path)),
            )
        })
        .map(str::to_owned)
}

fn is_for_development(path: &str) -> bool {
    name::use_of(path) == Some(Use::Development)
}
