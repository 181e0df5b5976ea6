//! Which version of a stack a repo asks for.

use super::{Definition, Files, Reading, VersionSource};

/// The version that the repo names, cut to the numbers that matter: `20`, `3.12`.
pub(super) fn find(stack: &Definition, files: &Files) -> Option<String> {
    stack.versions.iter().find_map(|source| {
        let text = files.text(files.find(&source.file)?)?;
        number(&value(text, source)?, stack.version_parts)
    })
}

/// The version as the tag of an image: the one that the repo names, or else the usual one. Where the
/// tags have more parts than the name of a line has, the repo may name them, too.
pub(super) fn tag(stack: &Definition, files: &Files) -> String {
    let found = find(stack, files).unwrap_or_else(|| stack.version.clone());
    let Some(minor) = stack.minors.get(&found) else {
        return found;
    };
    let exact = stack.versions.iter().find_map(|source| {
        let value = value(files.text(files.find(&source.file)?)?, source)?;
        let value = value.trim().trim_start_matches('v');
        let is_one_version = value.chars().all(|c| c.is_ascii_digit() || c == '.');
        Some(number(value, 2).filter(|_| is_one_version))
    });
    exact.flatten().unwrap_or_else(|| minor.clone())
}

fn value(text: &str, source: &VersionSource) -> Option<String> {
    let key = source.key.as_str();
    match source.read {
        Reading::Line => Some(text.lines().next()?.to_owned()),
        Reading::After => text.lines().find_map(|line| {
            let rest = line.trim().strip_prefix(key)?;
            rest.starts_with(char::is_whitespace)
                .then(|| rest.trim().to_owned())
        }),
        Reading::Between => {
            let rest = text.split_once(key)?.1;
            Some(rest.lines().next()?.to_owned())
        }
        Reading::Json => {
            let value: serde_json::Value = serde_json::from_str(text).ok()?;
            let value = value.pointer(&format!("/{}", key.replace('.', "/")))?;
            Some(value.as_str()?.to_owned())
        }
        Reading::Toml => {
            let table: toml::Table = toml::from_str(text).ok()?;
            Some(at(&table, key)?.as_str()?.to_owned())
        }
        Reading::Element => {
            let rest = text.split_once(&format!("<{key}>"))?.1;
            Some(rest.split_once('<')?.0.to_owned())
        }
    }
}

/// The value at a path of keys, joined with `.`.
pub(super) fn at<'t>(table: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    match path.split_once('.') {
        Some((key, rest)) => at(table.get(key)?.as_table()?, rest),
        None => table.get(path),
    }
}

/// The first number in a version, a range or a name (`>=3.9,<4`, `net8.0`, `temurin-21.0.2`), cut to
/// so many parts; of a range, that is its lower end. `None` where there are too few: such an image
/// would change under one's feet.
pub(super) fn number(text: &str, parts: usize) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let mut numbers: Vec<&str> = rest[..end]
        .split('.')
        .filter(|part| !part.is_empty())
        .collect();
    // Java called its versions 1.6, 1.7 and 1.8 before it called them 9.
    if parts == 1 && numbers.len() > 1 && numbers[0] == "1" {
        numbers.remove(0);
    }
    (numbers.len() >= parts).then(|| numbers[..parts].join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_whatever_people_write() {
        for (text, parts, expected) in [
            ("v20.11.1", 1, Some("20")),
            (">=18 <21", 1, Some("18")),
            ("lts/iron", 1, None),
            ("1.8", 1, Some("8")),
            ("temurin-21.0.2+13", 1, Some("21")),
            (">=3.9,<4", 2, Some("3.9")),
            ("^3.12", 2, Some("3.12")),
            ("3", 2, None),
            ("net8.0", 2, Some("8.0")),
            ("\"~> 3.3.0\"", 2, Some("3.3")),
            ("stable", 2, None),
        ] {
            assert_eq!(number(text, parts).as_deref(), expected, "{text}");
        }
    }
}
