//! `no-healthcheck`: neither the image nor the manifest says how to find out whether it works.

use super::super::finding::{Finding, Rule};
use super::super::parse::Keyword;
use super::Unit;

pub(super) fn check(unit: &Unit<'_>) -> Option<Finding> {
    let has_one = unit.build.has_healthcheck || unit.last(Keyword::Healthcheck).is_some();
    if has_one || unit.only_carries_files() {
        return None;
    }
    Some(
        Finding::new(
            Rule::NoHealthcheck,
            unit.built.image.span.clone(),
            "this service has no health check",
        )
        .help("add `healthcheck` to the service in workspace.toml, or a `HEALTHCHECK` here"),
    )
}
