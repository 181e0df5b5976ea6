//! Formats the differences of a compose file per service, with their effects on containers.

use super::style;
use crate::compose::drift::{Change, Difference, Side};
use crate::compose::effect::{Effect, Effects};

/// Returns the effect of a difference; `None` if it doesn't affect a service.
pub(crate) fn effect_of<'a>(difference: &Difference, effects: &'a Effects) -> Option<&'a Effect> {
    effects.get(difference.part.strip_prefix("services.")?)
}

/// Returns human-readable differences: a heading per service, then its lines. Effects on services
/// whose part of the file is unchanged come last.
pub(crate) fn text(differences: &[Difference], effects: &Effects) -> String {
    let (old, new, heading, dim) = (style::FAIL, style::PASS, style::STRONG, style::DIM);
    let mut text = Vec::new();
    for difference in differences {
        let what = match difference.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
        };
        let effect = effect_of(difference, effects)
            .map(|effect| format!("; {effect}"))
            .unwrap_or_default();
        text.push(format!(
            "{heading}{}{heading:#}: {what}{effect}",
            difference.part
        ));
        for (side, line) in &difference.lines {
            let line = style::unmarked(line);
            text.push(match side {
                Side::Old => format!("{old}-{line}{old:#}"),
                Side::New => format!("{new}+{line}{new:#}"),
                Side::Both => format!("{dim} {line}{dim:#}"),
            });
        }
        text.push(String::new());
    }
    let differs = |service: &str| {
        let mut parts = differences.iter().map(|difference| &difference.part);
        parts.any(|part| part.strip_prefix("services.") == Some(service))
    };
    for (service, effect) in effects.iter().filter(|(service, _)| !differs(service)) {
        let why = match effect {
            // Their text already includes what they depend on.
            Effect::Restarted(_) | Effect::DependsOnCompose(_) => "",
            _ => "other values in .env; ",
        };
        text.push(format!(
            "{heading}services.{service}{heading:#}: {why}{effect}"
        ));
    }
    text.join("\n")
}
