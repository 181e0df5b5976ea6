//! Volumes of the project that no file of it names any more: a service was taken out of the manifest, or
//! renamed, and its data stayed.

use crate::doctor::check::{Outcome, Remedy};
use crate::shell;

/// Small, and on most machines; whoever has another one takes that.
const IMAGE: &str = "busybox";

/// The verdict on the names of such volumes.
pub(super) fn judge(volumes: &[String]) -> Outcome {
    let Some(first) = volumes.first() else {
        return Outcome::pass("none is");
    };
    let names: Vec<String> = volumes.iter().map(|name| format!("`{name}`")).collect();
    let is = if volumes.len() == 1 { "is" } else { "are" };
    let words = volumes.iter().map(|name| shell::word(name));
    let words: Vec<_> = words.collect();
    Outcome::warn(
        format!(
            "{} {is} of this project, and in none of its files: a service that is gone or renamed left data behind",
            names.join(", ")
        ),
        Remedy::run(format!(
            "docker run --rm --network none -v {}:/data:ro {IMAGE} ls -la /data",
            shell::word(first)
        ))
        .and_note(format!(
            "shows what is in it; name the volume in workspace.toml to use it again, or remove what nobody \
             needs: `docker volume rm {}`",
            words.join(" ")
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn each_volume_is_named_with_how_to_look_into_it_and_how_to_remove_it() {
        assert_eq!(judge(&[]).status, Status::Pass);
        let outcome = judge(&["x_old-data".to_owned(), "x_b".to_owned()]);
        assert_eq!(outcome.status, Status::Warn);
        assert!(outcome.found.starts_with("`x_old-data`, `x_b` are of"));
        assert!(outcome.remedy.run[0].contains("-v x_old-data:/data:ro"));
        let note = outcome.remedy.note.unwrap();
        assert!(
            note.ends_with("`docker volume rm x_old-data x_b`"),
            "{note}"
        );
    }
}
