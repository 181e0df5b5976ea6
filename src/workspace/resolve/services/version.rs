//! Which image a preset's service runs, and of which version that is: its data, its health check and its
//! client may depend on it.

use super::Problems;
use crate::manifest::model::ServiceTable;
use crate::manifest::{Diagnostic, Spanned};
use crate::workspace::image::{self, Name, Version};
use crate::workspace::interpolation;
use crate::workspace::preset::Definition;

/// The image, and where the manifest says it: in `compose`, which is merged last, or else in `image`,
/// or else in `tag`. What the preset's own file says stands where `preset` does.
pub(super) fn image(table: &ServiceTable, preset: &Definition) -> Spanned<String> {
    let merged = table.compose.as_ref();
    let own = |tag: &str| format!("{}:{tag}", preset.image);
    let tagged = || Some(table.tag.clone()?.map(|tag| own(&tag)));
    merged
        .and_then(|compose| compose.value.text("image"))
        .or_else(|| table.image.clone())
        .or_else(tagged)
        .unwrap_or_else(|| Spanned {
            value: own(&preset.tag),
            span: table
                .preset
                .as_ref()
                .map(|preset| preset.span.clone())
                .unwrap_or_default(),
        })
}

/// The version of the image that a preset's service runs: what `version` says, or else what the tag
/// does. Without either, the preset must be the same in all versions.
pub(super) fn of(
    full: &str,
    table: &ServiceTable,
    preset: &Definition,
    problems: &mut Problems,
) -> Option<Version> {
    if let (Some(image), Some(tag)) = (&table.image, &table.tag) {
        problems.push(
            Diagnostic::new(
                tag.span.clone(),
                format!("`{full}` has both `image` and `tag`"),
            )
            .related(image.span.clone(), "the other one")
            .help("put the tag into `image`, or remove `image` to use the preset's own"),
        );
    }
    let image = image(table, preset);
    // A variable may have another value on one machine; the file is made for the default.
    let name = interpolation::fill(&image.value, &|_| None);
    let name = Name::parse(&name);
    let is_built = table
        .compose
        .as_ref()
        .is_some_and(|compose| compose.value.keys.contains_key("build"));
    let is_own = name.is_in(&preset.image) && !is_built;
    let told = name
        .tag
        .filter(|_| !is_built)
        .and_then(|tag| image::version(tag, &preset.version_prefixes));
    let is_known = |version: &Version| {
        let oldest = preset.oldest.as_ref();
        oldest.is_none_or(|oldest| !version.is_before(oldest))
    };
    let declared = table.version.as_ref().and_then(|version| {
        let parsed = version.value.parse::<Version>();
        if let Err(problem) = &parsed {
            problems.push(
                Diagnostic::new(
                    version.span.clone(),
                    format!("`{full}.version`: `{}` {problem}", version.value),
                )
                .help("write `version = \"16\"`"),
            );
        }
        Some((parsed.ok()?, version.span.clone()))
    });
    if let (true, Some(told), Some((declared, span))) = (is_own, &told, &declared)
        && told.major() != declared.major()
    {
        problems.push(
            Diagnostic::new(
                span.clone(),
                format!(
                    "`{full}.version` is {declared}, and `{}` is {told}",
                    image.value
                ),
            )
            .related(image.span.clone(), "the image")
            .help("remove `version`: the tag contains it"),
        );
    }
    // Of another image the number may be its own version, and not that of the program in it.
    let told = told.filter(|told| is_own || is_known(told));
    let (version, span) = match declared {
        Some((version, span)) => (Some(version), span),
        None => (told, image.span.clone()),
    };
    let preset_name = table.preset.as_ref().map(|preset| preset.value.as_str());
    let preset_name = preset_name.unwrap_or_default();
    match &version {
        Some(version) if !is_known(version) => {
            let oldest = preset.oldest.as_ref().map(ToString::to_string);
            problems.push(
                Diagnostic::new(
                    span,
                    format!(
                        "`{full}`: the preset `{preset_name}` supports versions from {} on, but this is {version}",
                        oldest.unwrap_or_default()
                    ),
                )
                .help("define it as a service with `image` instead of `preset`"),
            );
        }
        // What a broken `version` would have said is not reported on top.
        None if preset.depends_on_version() && table.version.is_none() => {
            let what = if is_built {
                "the built image".to_owned()
            } else {
                format!("`{}`", image.value)
            };
            let example = image::version(&preset.tag, &[]).map(|version| version.major());
            problems.push(
                Diagnostic::new(
                    span,
                    format!("`{full}`: the version of `{preset_name}` is not known from {what}"),
                )
                .help(format!(
                    "its data folder or health check depends on that; add `version = \"{}\"`",
                    example.unwrap_or_default()
                )),
            );
        }
        _ => {}
    }
    version
}
