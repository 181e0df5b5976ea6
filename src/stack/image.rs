//! What a Dockerfile says of the container that it makes: its folder, its ports, its stages.
//!
//! Takes from it only what the manifest asks for; whether the file is any good is not judged here.

use crate::dockerfile::parse::{self, Keyword};
use crate::dockerfile::stages::{Stage, Stages};
use crate::dockerfile::variables::{Variables, expand};

/// One stage of a Dockerfile, with what it has from the stages that it is built on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// `AS name`, in lower case.
    pub stage: Option<String>,
    /// The last `WORKDIR`, absolute; `None` where it needs a variable that has no value here.
    pub workdir: Option<String>,
    /// The TCP ports of `EXPOSE`, in order.
    pub ports: Vec<u16>,
}

impl Image {
    /// The stages of a Dockerfile, in order.
    pub fn stages(text: &str) -> Vec<Image> {
        let file = parse::parse(text);
        let stages = Stages::of(&file, &Variables::new());
        stages
            .all
            .iter()
            .map(|stage| image(&stages, stage))
            .collect()
    }
}

fn image(stages: &Stages<'_>, stage: &Stage<'_>) -> Image {
    let mut image = Image {
        stage: stage.name.clone(),
        ..Image::default()
    };
    let history = stages.history(stage).into_iter();
    for instruction in history.filter(|instruction| !instruction.onbuild) {
        let words = instruction.words();
        let values = words
            .iter()
            .map(|word| expand(&word.text, &stage.variables));
        match instruction.keyword {
            Keyword::Workdir => {
                let folder = values
                    .collect::<Option<Vec<_>>>()
                    .map(|words| words.join(" "));
                image.workdir = folder.map(|folder| below(image.workdir.as_deref(), &folder));
            }
            Keyword::Expose => image
                .ports
                .extend(values.flatten().filter_map(|value| port(&value))),
            _ => {}
        }
    }
    image
}

/// A folder as seen from the one before; both begin at the root.
fn below(before: Option<&str>, folder: &str) -> String {
    match before {
        _ if folder.starts_with('/') => folder.to_owned(),
        Some(before) => format!("{}/{folder}", before.trim_end_matches('/')),
        None => format!("/{folder}"),
    }
}

fn port(text: &str) -> Option<u16> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let port = port.parse().ok()?;
    (port > 0 && protocol == "tcp").then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str) -> (Option<String>, Vec<u16>) {
        let image = Image::stages(text).pop().unwrap_or_default();
        (image.workdir, image.ports)
    }

    #[test]
    fn the_folder_and_the_ports_are_those_of_the_last_stage() {
        for (text, workdir, ports) in [
            (
                "FROM a\nWORKDIR /app\nEXPOSE 3000",
                Some("/app"),
                vec![3000],
            ),
            (
                "from a\nworkdir /srv\nworkdir web",
                Some("/srv/web"),
                vec![],
            ),
            (
                "ARG V=1\nFROM a:$V AS base\nWORKDIR /app\nFROM base\nEXPOSE 80 0 53/udp 443/tcp",
                Some("/app"),
                vec![80, 443],
            ),
            (
                "FROM a AS build\nWORKDIR /src\nFROM b\nEXPOSE 80",
                None,
                vec![80],
            ),
            (
                "FROM a\nENV HOME_DIR=/opt/app \\\n  # a comment\n  PORT=\"4000\"\nWORKDIR $HOME_DIR/web\nEXPOSE ${PORT} ${OTHER:-5000}",
                Some("/opt/app/web"),
                vec![4000, 5000],
            ),
            ("FROM a\nWORKDIR $UNKNOWN\nEXPOSE $UNKNOWN", None, vec![]),
            (
                "FROM a\nRUN <<EOF\nWORKDIR /no\nEOF\nWORKDIR /yes",
                Some("/yes"),
                vec![],
            ),
            ("", None, vec![]),
        ] {
            assert_eq!(last(text), (workdir.map(str::to_owned), ports), "{text}");
        }
    }
}
