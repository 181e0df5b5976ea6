//! What a Dockerfile says of the container that it makes: its folder, its ports, its stages.
//!
//! Reads only what the manifest asks for; whether the file is any good is not judged here.

use std::collections::HashMap;

use super::files::name_of;

/// One stage of a Dockerfile, with what it has from the stages that it is built on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// `AS name`, in lower case.
    pub stage: Option<String>,
    /// The last `WORKDIR`, absolute; `None` where it needs a variable that has no value here.
    pub workdir: Option<String>,
    /// The TCP ports of `EXPOSE`, in order.
    pub ports: Vec<u16>,
    variables: HashMap<String, String>,
}

/// Whether a file's name is that of a Dockerfile: `Dockerfile`, `Dockerfile.dev`, `dev.Dockerfile`.
pub(super) fn is_dockerfile(path: &str) -> bool {
    let name = name_of(path);
    let is_ignore_file = name.ends_with(".dockerignore");
    !is_ignore_file
        && (name == "Dockerfile"
            || name.starts_with("Dockerfile.")
            || name.ends_with(".Dockerfile")
            || name.ends_with(".dockerfile"))
}

impl Image {
    /// The stages of a Dockerfile, in order.
    pub fn stages(text: &str) -> Vec<Image> {
        let mut stages: Vec<Image> = Vec::new();
        // `ARG`s before the first `FROM` hold for all `FROM`s.
        let mut before = Image::default();
        for line in logical_lines(text) {
            let (keyword, rest) = line
                .split_once(char::is_whitespace)
                .unwrap_or((line.as_str(), ""));
            if keyword.eq_ignore_ascii_case("FROM") {
                let stage = from(rest, &before, &stages);
                stages.push(stage);
            } else {
                stages
                    .last_mut()
                    .unwrap_or(&mut before)
                    .apply(&keyword.to_ascii_uppercase(), rest.trim());
            }
        }
        stages
    }

    fn apply(&mut self, keyword: &str, rest: &str) {
        match keyword {
            "ARG" | "ENV" => {
                for (name, value) in assignments(rest) {
                    if let Some(value) = self.expand(&value) {
                        self.variables.insert(name, value);
                    }
                }
            }
            "WORKDIR" => {
                self.workdir = self.expand(rest.trim_matches('"')).map(|folder| {
                    match (folder.starts_with('/'), &self.workdir) {
                        (true, _) => folder,
                        (false, Some(above)) => format!("{}/{folder}", above.trim_end_matches('/')),
                        (false, None) => format!("/{folder}"),
                    }
                });
            }
            "EXPOSE" => {
                for word in rest.split_whitespace() {
                    let port = self.expand(word).and_then(|word| {
                        let (port, protocol) = word.split_once('/').unwrap_or((&word, "tcp"));
                        port.parse::<u16>().ok().filter(|_| protocol == "tcp")
                    });
                    self.ports.extend(port);
                }
            }
            _ => {}
        }
    }

    /// The text with variables put in: `$NAME`, `${NAME}`, `${NAME:-default}`.
    fn expand(&self, text: &str) -> Option<String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            result.push_str(before);
            let (name, default, remaining) = if let Some(inside) = after.strip_prefix('{') {
                let (inside, remaining) = inside.split_once('}')?;
                let (name, default) = inside
                    .split_once(":-")
                    .map_or((inside, None), |(name, default)| (name, Some(default)));
                (name, default, remaining)
            } else {
                let end = after
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(after.len());
                (&after[..end], None, &after[end..])
            };
            result.push_str(self.variables.get(name).map(String::as_str).or(default)?);
            rest = remaining;
        }
        result.push_str(rest);
        Some(result)
    }
}

/// A new stage: what it is built on, when that is a stage of the same file.
fn from(rest: &str, before: &Image, stages: &[Image]) -> Image {
    let words: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let stage = match words[..] {
        [_, keyword, name, ..] if keyword.eq_ignore_ascii_case("AS") => {
            Some(name.to_ascii_lowercase())
        }
        _ => None,
    };
    let base = words
        .first()
        .and_then(|base| before.expand(base))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let inherited = stages
        .iter()
        .rev()
        .find(|it| it.stage.as_ref() == Some(&base));
    Image {
        stage,
        ..inherited.cloned().unwrap_or_default()
    }
}

/// `A=1 B="two"`, `A 1` (the old form of `ENV`); an `ARG` without a value has none.
fn assignments(text: &str) -> Vec<(String, String)> {
    let unquoted = |value: &str| value.trim_matches(['"', '\'']).to_owned();
    match text.split_once(char::is_whitespace) {
        Some((name, value)) if !name.contains('=') => vec![(name.to_owned(), unquoted(value))],
        _ => text
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), unquoted(value)))
            .collect(),
    }
}

/// Instructions, each on one line: without comments, continuations joined, heredocs left out.
fn logical_lines(text: &str) -> Vec<String> {
    let mut result: Vec<String> = Vec::new();
    let mut open = String::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(part) = line.strip_suffix('\\') {
            open.push_str(part);
            continue;
        }
        open.push_str(line);
        let end = heredoc_end(&open);
        result.push(std::mem::take(&mut open));
        if let Some(end) = end {
            lines.find(|line| *line == end);
        }
    }
    result.extend((!open.is_empty()).then_some(open));
    result
}

fn heredoc_end(line: &str) -> Option<String> {
    let (_, word) = line.split_once("<<")?;
    let word = word.trim_start_matches('-').trim_start_matches(['"', '\'']);
    let end = word
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(word.len());
    (end > 0).then(|| word[..end].to_owned())
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
                "ARG V=1\nFROM a:$V AS base\nWORKDIR /app\nFROM base\nEXPOSE 80 53/udp 443/tcp",
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
