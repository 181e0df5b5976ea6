//! Adds to a service what the file of its preset says.

use indexmap::IndexMap;

use super::{Facts, Problems};
use crate::manifest::model::ServiceTable;
use crate::workspace::preset::Definition;
use crate::workspace::syntax;
use crate::workspace::{
    Command, Config, Healthcheck, Scalar, Service, Volume, VolumeSource, volume,
};

/// Adds what the preset's file says: environment, health check, volume, databases and init script.
/// What the manifest sets itself stays.
pub(super) fn add(
    service: &mut Service,
    preset: &'static Definition,
    facts: &Facts<'_>,
    table: &ServiceTable,
    problems: &mut Problems,
) {
    let fill = |text: &str| facts.fill_own(text);
    let mut environment: IndexMap<String, Option<Scalar>> = preset
        .environment
        .iter()
        .map(|(name, value)| (name.clone(), Some(Scalar::Text(fill(value)))))
        .collect();
    environment.extend(std::mem::take(&mut service.environment));
    service.environment = environment;
    if table.healthcheck.is_none() {
        let healthcheck = &preset.healthcheck;
        service.healthcheck = Some(Healthcheck {
            test: healthcheck.test.iter().map(|part| fill(part)).collect(),
            interval: Some(healthcheck.interval.clone()),
            timeout: Some(healthcheck.timeout.clone()),
            retries: Some(healthcheck.retries),
            start_period: Some(healthcheck.start_period.clone()),
            start_interval: None,
            disable: false,
        });
    }
    if service.command.is_none() {
        service.command = preset.command.clone().map(Command::Arguments);
    }
    if let Some(target) = &preset.volume
        && !service
            .volumes
            .iter()
            .any(|own| volume::clean(&own.target) == *target)
    {
        service.volumes.push(Volume {
            source: VolumeSource::Named(format!("{}-data", service.name)),
            target: target.clone(),
            read_only: false,
        });
    }
    let Some(init) = &preset.init else { return };
    if let (Some(create), Some(others)) = (&init.create_database, table.databases.get(1..))
        && !others.is_empty()
    {
        let statements: Vec<String> = others
            .iter()
            .map(|database| create.replace("{database}", &database.value) + "\n")
            .collect();
        service.configs.push(Config {
            name: format!("{}-databases", service.name),
            target: format!("{}/10-databases.sql", init.folder),
            content: statements.concat(),
        });
    }
    if let Some(script) = &table.init {
        let key = format!("services.{}.init", service.name);
        let Some(path) = problems.valid(script, &key, syntax::relative_path(&script.value)) else {
            return;
        };
        let script_name = path.rsplit('/').next().unwrap_or_default().to_owned();
        service.volumes.push(Volume {
            source: VolumeSource::Path(path),
            // After the databases, before nothing: scripts run in the order of their names.
            target: format!("{}/50-{script_name}", init.folder),
            read_only: true,
        });
    }
}
