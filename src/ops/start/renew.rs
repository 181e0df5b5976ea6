//! Renews the kept folders of a service (`keep`, such as `node_modules`) from its new image when
//! the lock file of its dependencies has changed.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::time::Duration;

use anyhow::anyhow;

use crate::compose::renewal;
use crate::docker::Docker;
use crate::error::{Failure, ResultExt as _};
use crate::host::{files, state};
use crate::ops::{Context, Opened};
use crate::workspace::Service;

/// Stopping a container takes ten seconds if it ignores the signal.
const LIMIT: Duration = Duration::from_secs(120);

/// Renews outdated kept folders of the services that start, and remembers the current lock files.
pub(crate) fn renew(
    context: &Context,
    opened: &Opened,
    started: &HashSet<&str>,
) -> Result<(), Failure> {
    let now = fingerprints(opened, started)?;
    if now.is_empty() {
        return Ok(());
    }
    let mut recorded = state::lock_files(&opened.root);
    let outdated: Vec<&Service> = renewal::outdated(&recorded, &now)
        .into_iter()
        .filter_map(|name| opened.workspace.service(name))
        .collect();
    if !outdated.is_empty() {
        renew_services(context, opened, &outdated)?;
    }
    if now
        .iter()
        .any(|(service, print)| recorded.get(service) != Some(print))
    {
        recorded.extend(now);
        state::remember_lock_files(&opened.root, &recorded)?;
    }
    Ok(())
}

fn fingerprints(
    opened: &Opened,
    started: &HashSet<&str>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut prints = BTreeMap::new();
    let services = opened.workspace.services.iter();
    for service in services.filter(|service| started.contains(service.name.as_str())) {
        let mut found = Vec::new();
        for name in renewal::lock_files(service) {
            if let Some(text) = files::read(&opened.root.join(&name))? {
                found.push((name, text));
            }
        }
        if !found.is_empty() {
            let entries = found
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str()));
            prints.insert(service.name.clone(), renewal::fingerprint(entries));
        }
    }
    Ok(prints)
}

fn renew_services(
    context: &Context,
    opened: &Opened,
    outdated: &[&Service],
) -> Result<(), Failure> {
    let docker = Docker::default().limit(LIMIT);
    let mut running = Vec::new();
    let mut kept = Vec::new();
    let states = opened.compose(&docker)?.services();
    for state in states.context("can't get the containers of the services")? {
        let service = outdated
            .iter()
            .find(|service| service.name == state.service);
        let Some(service) = service else { continue };
        running.push(*service);
        let volumes = docker.volumes_of(&state.container);
        let volumes = volumes.context("can't get the volumes of a container")?;
        kept.extend(volumes.into_iter().filter(|volume| {
            let mut folders = service.kept_volumes();
            volume.is_anonymous() && folders.any(|folder| renewal::is_same(folder, &volume.target))
        }));
    }
    running.dedup_by(|left, right| left.name == right.name);
    if running.is_empty() {
        return Ok(());
    }
    for service in &running {
        let folders: Vec<&str> = service.kept_volumes().collect();
        context.ui.say(format_args!(
            "{}: its lock file has changed, renewing {}",
            service.name,
            folders.join(", ")
        ));
    }
    // Build the images first: if that fails, nothing is changed.
    let names = running.iter().map(|service| service.name.as_str());
    let built = opened.compose(&docker)?.arg("build").args(names);
    let status = built.pass_through().context("can't build the services")?;
    if !status.success() {
        return Err(Failure::failed(anyhow!(
            "can't build with the changed lock file; running containers were not changed"
        ))
        .hint("docker compose build"));
    }
    replace_without_kept(opened, &docker, &running)?;
    for volume in kept {
        // A volume that another container uses is kept.
        docker.remove_volume(&volume.name);
    }
    Ok(())
}

/// See [`renewal::without_kept`].
fn replace_without_kept(
    opened: &Opened,
    docker: &Docker,
    services: &[&Service],
) -> Result<(), Failure> {
    let compose = opened.compose(docker)?;
    let config = compose
        .clone()
        .args(["config", "--format", "json"])
        .capture();
    let config = config.context("can't get the project from Compose")?;
    let project: serde_json::Value = serde_json::from_str(&config.stdout)
        .map_err(|_| anyhow!("Compose can't read the project: {}", config.stderr.trim()))?;
    // Only this user may read it: it contains the values of `.env`.
    let mut file =
        tempfile::NamedTempFile::with_suffix(".json").context("can't create a temporary file")?;
    let text = serde_json::to_vec(&renewal::without_kept(project, services))?;
    file.write_all(&text)
        .context("can't write a temporary file")?;
    let created = compose
        .arg("--file")
        .arg(file.path())
        .arg("--project-directory")
        .arg(&opened.root)
        .args(["create", "--no-build"])
        .capture()
        .context("can't replace the containers")?;
    if created.status.success() {
        return Ok(());
    }
    let error = anyhow!("can't replace the containers: {}", created.stderr.trim());
    Err(Failure::failed(error).hint("docker compose up --detach --renew-anon-volumes"))
}
