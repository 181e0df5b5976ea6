//! The blocks of `.env` and `.gitignore`, between two marker lines.
//!
//! Everything outside the block belongs to the user and is preserved byte for byte. Pure: text in,
//! text out.

use indexmap::IndexMap;

use crate::error::{Classified, Kind};
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{Personal, RunsOn, Source, Workspace};

/// The file with this machine's values.
pub const FILE: &str = ".env";
/// The file that keeps clones and `.env` out of the workspace's own repository.
pub const IGNORE_FILE: &str = ".gitignore";

const BEGIN: &str = "# >>> fitout >>>";
const END: &str = "# <<< fitout <<<";

/// The values of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The user's numeric user id.
    pub uid: u32,
    /// The user's numeric group id.
    pub gid: u32,
    /// The address at which containers reach this machine.
    pub host_ip: String,
    /// What `host.docker.internal` maps to.
    pub host_gateway: String,
}

/// A block with only one of its markers: fitout can't tell what belongs to the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} has `{marker}` without its counterpart")]
pub struct BrokenBlock {
    /// Counted from 1.
    pub line: usize,
    /// The marker without a counterpart.
    pub marker: &'static str,
}

impl Classified for BrokenBlock {
    fn kind(&self) -> Kind {
        Kind::Failed
    }
}

/// Returns the text of `.env` with this machine's values in the block. Variables that the user sets
/// outside the block take precedence and are omitted.
pub fn env(
    existing: &str,
    workspace: &Workspace,
    personal: &Personal,
    machine: &Machine,
) -> Result<String, BrokenBlock> {
    let block = Block::find(existing)?;
    let own: Vec<&str> = block.outside(existing).flat_map(variables).collect();
    let mut lines = vec![
        "# Values for this machine. To override one, set it outside of this block.".to_owned(),
    ];
    for (name, value) in values(workspace, personal, machine) {
        if !own.contains(&name.as_str()) {
            lines.push(format!("{name}={}", quoted(&value)));
        }
    }
    Ok(block.replace(existing, &lines))
}

/// Returns the text of `.gitignore` with the block: clones, `.env` and the personal file.
pub fn gitignore(existing: &str, workspace: &Workspace) -> Result<String, BrokenBlock> {
    let block = Block::find(existing)?;
    let mut lines = vec![
        format!("/{FILE}"),
        format!("/{}", crate::manifest::PERSONAL_FILE),
        // Incomplete clones.
        ".fitout-*".to_owned(),
    ];
    // No trailing slash: a clone that is kept elsewhere is a symbolic link here.
    lines.extend(
        workspace
            .repos
            .iter()
            .map(|repo| ignore_pattern(&repo.path)),
    );
    Ok(block.replace(existing, &lines))
}

/// Returns the part of `.env` that is copied to a copy of the workspace: everything outside of the
/// block, without the variables that workspaces must not share. Also returns the names of those.
pub fn carried_over(
    existing: &str,
    workspace: &Workspace,
    personal: &Personal,
) -> Result<(String, Vec<String>), BrokenBlock> {
    let block = Block::find(existing)?;
    let mut own = vec!["COMPOSE_PROJECT_NAME".to_owned()];
    for service in &workspace.services {
        own.extend(service.ports.iter().map(|port| port.variable.clone()));
        if personal.database(service).is_some() {
            own.push(format!("{}_DATABASE", variable_prefix(&service.name)));
        }
    }
    let (mut text, mut left_out) = (String::new(), Vec::new());
    for part in block.outside(existing) {
        let mut quote = None;
        for line in part.split_inclusive('\n') {
            let is_inside = quote.is_some();
            let name = variables(line).next().filter(|_| !is_inside);
            quote = open_quote(line, quote);
            match name {
                Some(name) if own.iter().any(|own| own == name) => left_out.push(name.to_owned()),
                _ => text.push_str(line),
            }
        }
    }
    Ok((text, left_out))
}

/// Returns the lines outside of the block, with line numbers from 1.
pub fn outside(text: &str) -> Result<impl Iterator<Item = (usize, &str)>, BrokenBlock> {
    let block = Block::find(text)?.0.unwrap_or(text.len()..text.len());
    let mut offset = 0;
    let lines = text.split_inclusive('\n').enumerate();
    Ok(lines.filter_map(move |(index, line)| {
        let is_inside = block.contains(&offset);
        offset += line.len();
        (!is_inside).then_some((index + 1, line))
    }))
}

/// Returns the quote that is still open after a line: quoted values can span several lines.
fn open_quote(line: &str, open: Option<char>) -> Option<char> {
    let (quote, rest) = if let Some(quote) = open {
        (quote, line)
    } else {
        let is_comment = line.trim_start().starts_with('#');
        let (_, value) = line.split_once('=').filter(|_| !is_comment)?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        (quote, &value[1..])
    };
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        if character == quote {
            return None;
        }
        if character == '\\' && quote == '"' {
            characters.next();
        }
    }
    Some(quote)
}

/// Returns the variables that a dotenv file sets.
pub fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, _) = line.split_once('=')?;
        let name = name.trim();
        crate::workspace::syntax::variable(name)
            .is_ok()
            .then_some(name)
    })
}

/// Quotes a value so that Compose reads it back unchanged, and it stays on one line: values such as
/// database names are untrusted.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:/@%+[]".contains(c);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\\' | '"' | '$' => quoted.extend(['\\', c]),
            // No valid value contains one, and some parsers end the line there.
            c if c.is_control() => quoted.push(char::REPLACEMENT_CHARACTER),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

fn values(
    workspace: &Workspace,
    personal: &Personal,
    machine: &Machine,
) -> IndexMap<String, String> {
    let host_ip = personal.host_ip.as_ref().unwrap_or(&machine.host_ip);
    let gateway = personal
        .host_gateway
        .as_ref()
        .unwrap_or(&machine.host_gateway);
    let mut values: IndexMap<String, String> = IndexMap::new();
    let mut set = |name: String, value: String| {
        values.insert(name, value);
    };
    set("DOCKER_HOST_IP".to_owned(), host_ip.clone());
    set("DOCKER_HOST_GATEWAY".to_owned(), gateway.clone());
    set("HOST_UID".to_owned(), machine.uid.to_string());
    set("HOST_GID".to_owned(), machine.gid.to_string());
    if let Some(copy) = &personal.copy {
        set("COMPOSE_PROJECT_NAME".to_owned(), copy.project.clone());
    }
    if !personal.profiles.is_empty() {
        set("COMPOSE_PROFILES".to_owned(), personal.profiles.join(","));
    }
    for service in &workspace.services {
        let prefix = variable_prefix(&service.name);
        let runs_on = personal.runs_on(service);
        let is_preset = matches!(service.source, Source::Preset(_));
        if is_preset && runs_on == RunsOn::Host {
            set(format!("{prefix}_HOST"), host_ip.clone());
            set(format!("{prefix}_CONTAINERS"), "0".to_owned());
            set(format!("{prefix}_PULL_POLICY"), "never".to_owned());
        } else if is_preset && service.runs_on == RunsOn::Host {
            set(format!("{prefix}_HOST"), service.name.clone());
            set(format!("{prefix}_CONTAINERS"), "1".to_owned());
            set(format!("{prefix}_PULL_POLICY"), "missing".to_owned());
        }
        if let Some(database) = personal.database(service) {
            set(format!("{prefix}_DATABASE"), database);
        }
        for port in &service.ports {
            if let Some(published) = personal.published(&service.name, port)
                && Some(published) != port.published
            {
                set(port.variable.clone(), published.to_string());
            }
        }
    }
    values
}

/// Returns a gitignore pattern that matches only this path below the repository's root.
pub fn ignore_pattern(path: &str) -> String {
    let mut escaped = String::from("/");
    for c in path.chars() {
        match c {
            '*' | '?' | '[' | '\\' => escaped.extend(['\\', c]),
            // A line break can't be escaped; matching any single character is the closest
            // approximation.
            c if c.is_control() => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    if escaped.ends_with(' ') {
        escaped.insert(escaped.len() - 1, '\\');
    }
    escaped
}

/// Returns the byte range of the block: from the first marker to the end of the last marker's line.
struct Block(Option<std::ops::Range<usize>>);

impl Block {
    fn find(text: &str) -> Result<Self, BrokenBlock> {
        let (mut begin, mut found) = (None, None);
        let mut offset = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let content = line.trim();
            let broken = |marker| {
                Err(BrokenBlock {
                    line: index + 1,
                    marker,
                })
            };
            if content == BEGIN {
                if begin.is_some() || found.is_some() {
                    return broken(BEGIN);
                }
                begin = Some((offset, index + 1));
            } else if content == END {
                let Some((start, _)) = begin.take() else {
                    return broken(END);
                };
                found = Some(start..offset + line.len());
            }
            offset += line.len();
        }
        match begin {
            Some((_, line)) => Err(BrokenBlock {
                line,
                marker: BEGIN,
            }),
            None => Ok(Block(found)),
        }
    }

    fn outside<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> + use<'t> {
        let range = self.0.clone().unwrap_or(text.len()..text.len());
        [&text[..range.start], &text[range.end..]].into_iter()
    }

    /// Replaces the block with the lines, or appends them.
    fn replace(&self, text: &str, lines: &[String]) -> String {
        // After a trailing `\r`, any line break would form a Windows line ending.
        let is_windows = text.contains("\r\n") || text.ends_with('\r');
        let ending = if is_windows { "\r\n" } else { "\n" };
        let mut block = String::new();
        for line in [BEGIN]
            .into_iter()
            .chain(lines.iter().map(String::as_str))
            .chain([END])
        {
            block.push_str(line);
            block.push_str(ending);
        }
        match &self.0 {
            Some(range) => {
                let (before, after) = (&text[..range.start], &text[range.end..]);
                format!("{before}{block}{after}")
            }
            None if text.is_empty() => block,
            None if text.ends_with('\n') => format!("{text}{ending}{block}"),
            None => format!("{text}{ending}{ending}{block}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn machine() -> Machine {
        Machine {
            uid: 501,
            gid: 20,
            host_ip: "172.17.0.1".to_owned(),
            host_gateway: "host-gateway".to_owned(),
        }
    }

    fn nothing() -> Workspace {
        Workspace {
            name: None,
            repos_dir: String::new(),
            repos: Vec::new(),
            services: Vec::new(),
        }
    }

    /// The user's settings for the machine override detected ones.
    #[test]
    fn addresses_of_the_personal_file_stand_in_for_those_of_the_machine() {
        let text = |value: &str| Some(value.to_owned());
        let personal = |host_ip, host_gateway| Personal {
            host_ip,
            host_gateway,
            ..Personal::default()
        };
        for (personal, ip, gateway) in [
            (personal(None, None), "172.17.0.1", "host-gateway"),
            (personal(text("10.0.0.7"), None), "10.0.0.7", "host-gateway"),
            (personal(None, text("10.0.0.8")), "172.17.0.1", "10.0.0.8"),
            (
                personal(text("10.0.0.7"), text("10.0.0.8")),
                "10.0.0.7",
                "10.0.0.8",
            ),
        ] {
            let written = env("", &nothing(), &personal, &machine()).unwrap();
            for line in [
                format!("DOCKER_HOST_IP={ip}"),
                format!("DOCKER_HOST_GATEWAY={gateway}"),
            ] {
                assert!(written.lines().any(|it| it == line), "{line}: {written}");
            }
        }
    }

    fn written(existing: &str) -> String {
        env(existing, &nothing(), &Personal::default(), &machine()).unwrap()
    }

    #[test]
    fn a_new_file_holds_the_block_alone() {
        insta::assert_snapshot!(written(""), @r"
        # >>> fitout >>>
        # Values for this machine. To override one, set it outside of this block.
        DOCKER_HOST_IP=172.17.0.1
        DOCKER_HOST_GATEWAY=host-gateway
        HOST_UID=501
        HOST_GID=20
        # <<< fitout <<<
        ");
    }

    #[test]
    fn what_the_user_wrote_survives_and_wins() {
        for existing in [
            "SECRET=a=b # c",
            "SECRET=1\n\n\n",
            "SECRET=1\r\nexport HOST_UID=7\r\n",
            "é\u{feff}\tx\n= y\n",
            "\n",
            "SECRET=1\r",
        ] {
            let text = written(existing);
            assert!(text.starts_with(existing), "{text}");
            assert_eq!(written(&text), text, "writing again changes nothing");
            let around = format!("{text}AFTER=1");
            assert_eq!(written(&around), around);
        }
        let text = written(" export HOST_UID = 7\nDOCKER_HOST_IP=10.0.0.1\n");
        assert!(!text.contains("HOST_UID=501"));
        assert!(!text.contains("DOCKER_HOST_IP=172"));
        assert!(text.contains("HOST_GID=20"));
    }

    /// Lines as people and other programs write them: marks, variables, comments, odd bytes.
    fn any_text() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            3 => "[A-Z_]{1,6}=[^\\r\\n]{0,12}",
            2 => "\\PC{0,16}",
            1 => "[ \\t]{0,3}(# )?(>>>|<<<) fitout (>>>|<<<)[ \\t]{0,2}",
            1 => "(export )?(HOST_UID|HOST_GID|DOCKER_HOST_IP) ?= ?[0-9a-z.]{0,6}",
            1 => Just(BEGIN.to_owned()),
            1 => Just(END.to_owned()),
        ];
        let ending = prop_oneof![Just("\n"), Just("\r\n"), Just("\n\n"), Just("")];
        let lines = proptest::collection::vec((line, ending), 0..12);
        lines.prop_map(|lines| {
            let texts = lines.into_iter().map(|(line, ending)| line + ending);
            texts.collect()
        })
    }

    /// Every byte outside of the block, found without the code under test.
    fn outside(text: &str) -> String {
        let mut is_inside = false;
        let mut kept = String::new();
        for line in text.split_inclusive('\n') {
            if line.trim() == BEGIN {
                is_inside = true;
            }
            if !is_inside {
                kept.push_str(line);
            }
            if line.trim() == END {
                is_inside = false;
            }
        }
        kept
    }

    proptest! {
        #[test]
        fn every_byte_outside_of_the_block_survives(existing in any_text()) {
            type Write = fn(&str) -> Result<String, BrokenBlock>;
            let writes: [Write; 2] = [
                |text| env(text, &nothing(), &Personal::default(), &machine()),
                |text| gitignore(text, &nothing()),
            ];
            for write in writes {
                // Half a block is refused, and nothing is written.
                let Ok(text) = write(&existing) else { continue };
                let has_block = existing.lines().any(|line| line.trim() == BEGIN);
                if has_block {
                    prop_assert_eq!(outside(&text), outside(&existing));
                } else {
                    // A new block comes after what is there, at most with empty lines between.
                    prop_assert!(text.starts_with(&existing));
                    let rest = outside(&text[existing.len()..]);
                    prop_assert_eq!(rest.trim(), "");
                }
                let again = write(&text);
                prop_assert_eq!(again.as_deref(), Ok(text.as_str()));
            }
        }

        #[test]
        fn a_variable_of_the_user_is_never_set_again(value in "[0-9a-z]{0,8}", export in any::<bool>()) {
            let prefix = if export { "export " } else { "" };
            let text = written(&format!("{prefix}HOST_UID={value}"));
            prop_assert_eq!(text.matches("HOST_UID=").count(), 1);
        }
    }

    #[test]
    fn a_copy_takes_over_what_is_not_its_own() {
        let manifest = "[services.web]\nimage = \"web:1\"\nports = [\"3000:80\"]\n";
        let (table, _) = crate::manifest::decode::manifest(manifest);
        let (workspace, _) = crate::workspace::resolve::workspace(&table);
        let existing =
            written("# mine\nSECRET=a # b\nKEY=\"one\nWEB_PORT_80=not a variable\n\\\"\"\n")
                + "export WEB_PORT_80=3001\nCOMPOSE_PROJECT_NAME=x\nLAST='it''s'\nNEXT=1";
        let carried = carried_over(&existing, &workspace, &Personal::default());
        let left_out = ["WEB_PORT_80", "COMPOSE_PROJECT_NAME"].map(str::to_owned);
        assert_eq!(
            carried,
            Ok((
                "# mine\nSECRET=a # b\nKEY=\"one\nWEB_PORT_80=not a variable\n\\\"\"\n\n\
                 LAST='it''s'\nNEXT=1"
                    .to_owned(),
                left_out.to_vec()
            ))
        );
    }

    #[test]
    fn no_value_and_no_path_begins_a_line_of_its_own() {
        for (value, expected) in [
            ("172.17.0.1", "172.17.0.1"),
            ("host-gateway", "host-gateway"),
            ("a,b", "a,b"),
            ("a\nEVIL=1", "\"a\\nEVIL=1\""),
            ("a\r# <<< fitout <<<", "\"a\\r# <<< fitout <<<\""),
            ("a b", "\"a b\""),
            ("$(id)\"\\", "\"\\$(id)\\\"\\\\\""),
            ("a\u{85}b", "\"a\u{fffd}b\""),
        ] {
            assert_eq!(quoted(value), expected, "{value:?}");
        }
        for (path, expected) in [
            ("web", "/web"),
            ("!web", "/!web"),
            ("#web", "/#web"),
            ("a b  ", "/a b \\ "),
            ("a[1]*?", "/a\\[1]\\*\\?"),
            ("a\nb", "/a?b"),
        ] {
            assert_eq!(ignore_pattern(path), expected, "{path:?}");
        }
    }

    #[test]
    fn half_a_block_is_refused() {
        for (text, line) in [
            (format!("A=1\n{BEGIN}\n"), 2),
            (format!("{END}\n"), 1),
            (format!("{BEGIN}\n{BEGIN}\n{END}\n"), 2),
            (format!("{BEGIN}\n{END}\n{BEGIN}\n{END}\n"), 3),
        ] {
            let result = env(&text, &nothing(), &Personal::default(), &machine());
            assert_eq!(result.map_err(|broken| broken.line), Err(line), "{text}");
        }
    }
}
