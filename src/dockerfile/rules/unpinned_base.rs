//! `unpinned-base`: an image without a tag, or with `latest`.

use super::super::finding::{Finding, Rule};
use super::super::parse::{Keyword, Word};
use super::super::stages::{Base, mount_option};
use super::super::variables;
use super::Unit;

pub(super) fn check(unit: &Unit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for stage in &unit.stages.all {
        if let Base::Image(image) = &stage.base {
            findings.extend(finding(&stage.image, image));
        }
        for instruction in stage.body {
            for flag in &instruction.flags {
                let from = match (instruction.keyword, flag.name.as_str()) {
                    (Keyword::Copy, "from") => Some(flag.value.as_str()),
                    (Keyword::Run, "mount") => mount_option(&flag.value, &["from"]),
                    _ => None,
                };
                let Some(from) = from.and_then(|from| variables::expand(from, &stage.variables))
                else {
                    continue;
                };
                // A bare word may be a build context that Compose names; an image in use has a path or a tag.
                let is_image = unit.stages.find(&from).is_none() && from.contains(['/', ':']);
                if is_image {
                    let word = Word {
                        text: flag.value.clone(),
                        span: flag.span.clone(),
                    };
                    findings.extend(finding(&word, &from));
                }
            }
        }
    }
    findings
}

fn finding(word: &Word, image: &str) -> Option<Finding> {
    if image.contains('@') {
        return None;
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    let message = match name.split_once(':') {
        Some((_, tag)) if tag != "latest" => return None,
        Some(_) => format!("`{image}` may be a different image tomorrow: `latest` changes"),
        None => format!("`{image}` has no tag, so Docker uses `latest`"),
    };
    let base = image.strip_suffix(":latest").unwrap_or(image);
    Some(
        Finding::new(Rule::UnpinnedBase, word.span.clone(), message)
            .help(format!("use a version: `{base}:VERSION`")),
    )
}
