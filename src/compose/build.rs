//! Converts a workspace to the compose file's model. Only depends on the manifest.

use indexmap::IndexMap;

use super::model::{
    BindMount, BindOptions, Build, ConfigMount, Dependency, Develop, EnvFile, File, Healthcheck,
    InlineConfig, Port, Service, Volume, Watch,
};
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{
    self, Mount, MountMode, Protocol, RunsOn, Scalar, Source, VolumeSource, Workspace,
};

/// Returns the compose file of a workspace.
pub fn file(workspace: &Workspace) -> File {
    let services = workspace.services.iter();
    let configs = services
        .clone()
        .flat_map(|service| &service.configs)
        .map(|config| {
            (
                config.name.clone(),
                InlineConfig {
                    content: config.content.clone(),
                },
            )
        });
    File {
        name: workspace.name.clone(),
        configs: configs.collect(),
        services: services
            .map(|item| (item.name.clone(), service(item)))
            .collect(),
    }
}

fn service(service: &workspace::Service) -> Service {
    let (image, build) = match &service.source {
        Source::Build(build) => (None, Some(self::build(build))),
        Source::Image(image) => (Some(image.clone()), None),
        Source::Preset(preset) => (Some(preset.image.clone()), None),
    };
    let is_preset = matches!(service.source, Source::Preset(_));
    Service {
        image,
        // A process that is not PID 1 doesn't need signal handlers to stop immediately.
        init: build.is_some().then_some(true),
        build,
        pull_policy: is_preset.then(|| pull_policy(service)),
        scale: is_preset.then(|| scale(service)),
        profiles: service.profiles.clone(),
        command: service.command.clone(),
        user: service.user.clone(),
        environment: environment(service),
        env_file: service
            .env_file
            .iter()
            .map(|path| EnvFile {
                path: in_workspace(path),
                required: false,
            })
            .collect(),
        extra_hosts: if is_preset {
            Vec::new()
        } else {
            vec!["host.docker.internal=${DOCKER_HOST_GATEWAY:-host-gateway}".to_owned()]
        },
        ports: service.ports.iter().map(port).collect(),
        volumes: volumes(service),
        configs: service
            .configs
            .iter()
            .map(|config| ConfigMount {
                source: config.name.clone(),
                target: config.target.clone(),
            })
            .collect(),
        depends_on: service.depends_on.iter().map(dependency).collect(),
        healthcheck: service.healthcheck.as_ref().map(healthcheck),
        mem_limit: service.limits.memory.clone(),
        cpus: service.limits.cpus,
        pids_limit: service.limits.pids,
        develop: develop(service),
        raw: service.compose.clone(),
    }
}

/// A preset that runs on the host has no container, and dependents don't wait for it (checked with
/// Compose 2.26 and 2.40).
fn scale(service: &workspace::Service) -> String {
    let default = match service.runs_on {
        RunsOn::Container => 1,
        RunsOn::Host => 0,
    };
    format!(
        "${{{}_CONTAINERS:-{default}}}",
        variable_prefix(&service.name)
    )
}

/// Compose pulls the image even if `scale` is 0 (checked with 2.26 and 2.40). Its default is
/// `missing`, and it doesn't accept an empty value.
fn pull_policy(service: &workspace::Service) -> String {
    let default = match service.runs_on {
        RunsOn::Container => "missing",
        RunsOn::Host => "never",
    };
    format!(
        "${{{}_PULL_POLICY:-{default}}}",
        variable_prefix(&service.name)
    )
}

fn build(build: &workspace::Build) -> Build {
    Build {
        context: in_workspace(&build.context),
        dockerfile: build.dockerfile.clone(),
        target: build.target.clone(),
        args: build.args.clone(),
    }
}

fn environment(service: &workspace::Service) -> IndexMap<String, Option<Scalar>> {
    let mut environment = service.environment.clone();
    for name in &service.required_env {
        let value = format!(
            "${{{name}:?set it in .env, services.{} requires it}}",
            service.name
        );
        environment.insert(name.clone(), Some(Scalar::Text(value)));
    }
    environment
}

fn port(port: &workspace::Port) -> Port {
    Port {
        target: port.target,
        published: port
            .published
            .map(|published| format!("${{{}:-{published}}}", port.variable)),
        host_ip: port.host_ip.clone(),
        protocol: match port.protocol {
            Protocol::Tcp => None,
            Protocol::Udp => Some("udp"),
        },
    }
}

fn volumes(service: &workspace::Service) -> Vec<Volume> {
    let bound = service
        .mounts
        .iter()
        .filter(|mount| mount.mode == MountMode::Bind);
    let sources = bound.map(|mount| bind(&mount.source, &mount.target, false));
    let kept = service
        .kept_volumes()
        .map(|folder| Volume::Short(folder.to_owned()));
    let others = service.volumes.iter().map(|volume| {
        let mode = if volume.read_only { ":ro" } else { "" };
        match &volume.source {
            VolumeSource::Named(name) => Volume::Short(format!("{name}:{}{mode}", volume.target)),
            VolumeSource::Anonymous => Volume::Short(format!("{}{mode}", volume.target)),
            VolumeSource::Path(path) => bind(path, &volume.target, volume.read_only),
        }
    });
    sources.chain(kept).chain(others).collect()
}

fn bind(source: &str, target: &str, read_only: bool) -> Volume {
    Volume::Bind(BindMount {
        kind: "bind",
        source: in_workspace(source),
        target: target.to_owned(),
        read_only,
        bind: BindOptions {
            create_host_path: false,
        },
    })
}

fn dependency(dependency: &workspace::Dependency) -> (String, Dependency) {
    let value = Dependency {
        condition: dependency.condition,
        restart: dependency.restart,
        required: (!dependency.required).then_some(false),
    };
    (dependency.service.clone(), value)
}

fn healthcheck(healthcheck: &workspace::Healthcheck) -> Healthcheck {
    Healthcheck {
        test: healthcheck.test.clone(),
        interval: healthcheck.interval.clone(),
        timeout: healthcheck.timeout.clone(),
        retries: healthcheck.retries,
        start_period: healthcheck.start_period.clone(),
        start_interval: healthcheck.start_interval.clone(),
        disable: healthcheck.disable,
    }
}

fn develop(service: &workspace::Service) -> Option<Develop> {
    let synced = service
        .mounts
        .iter()
        .filter(|mount| mount.mode == MountMode::Sync);
    let rebuilt = service.rebuild_on.iter().map(|path| Watch {
        action: "rebuild",
        path: in_workspace(path),
        target: None,
        ignore: Vec::new(),
    });
    let watch: Vec<Watch> = synced
        .map(|mount| watch(mount, &service.keep))
        .chain(rebuilt)
        .collect();
    (!watch.is_empty()).then_some(Develop { watch })
}

/// Kept folders must not be overwritten by a sync either.
fn watch(mount: &Mount, keep: &[String]) -> Watch {
    let below = |folder: &String| {
        let rest = folder.strip_prefix(mount.target.trim_end_matches('/'))?;
        rest.starts_with('/')
            .then(|| format!("{}/", rest.trim_matches('/')))
    };
    Watch {
        action: "sync",
        path: in_workspace(&mount.source),
        target: Some(mount.target.clone()),
        ignore: keep.iter().filter_map(below).collect(),
    }
}

/// Formats a path relative to the compose file, like Compose.
fn in_workspace(path: &str) -> String {
    if path.is_empty() {
        ".".to_owned()
    } else {
        format!("./{path}")
    }
}
