//! `.dockerignore`: the files that Docker excludes from a build context.
//!
//! Implements moby/patternmatcher: patterns are cleaned like in Go's `filepath.Clean`, the last
//! match wins, `!` re-includes, `**` matches across folders, and everything in an excluded folder
//! is excluded.

/// The file's usual name. `Dockerfile.dev.dockerignore` next to `Dockerfile.dev` takes precedence.
pub const NAME: &str = ".dockerignore";

/// The patterns of a `.dockerignore`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IgnoreFile {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    parts: Vec<String>,
    takes_back: bool,
}

impl IgnoreFile {
    /// Reads the file's text (moby/patternmatcher, `ignorefile.ReadAll`).
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let patterns = text
            .lines()
            // A `#` after spaces is a pattern: Docker only checks the first column.
            .filter(|line| !line.starts_with('#'))
            .map(str::trim)
            .filter_map(|line| {
                let (takes_back, pattern) = match line.strip_prefix('!') {
                    Some(pattern) => (true, pattern.trim()),
                    None => (false, line),
                };
                let parts = clean(pattern);
                (!parts.is_empty()).then_some(Pattern { parts, takes_back })
            })
            .collect();
        IgnoreFile { patterns }
    }

    /// Whether a path in the context, with `/` separators, is excluded.
    pub fn excludes(&self, path: &str) -> bool {
        self.last_match(path)
            .is_some_and(|pattern| !pattern.takes_back)
    }

    /// Whether a pattern with `!` explicitly re-includes this path.
    pub fn takes_back(&self, path: &str) -> bool {
        self.last_match(path)
            .is_some_and(|pattern| pattern.takes_back)
    }

    /// Returns the re-included paths if everything else is excluded: `*`, then `!package.json`.
    pub fn allow_list(&self) -> Option<Vec<String>> {
        // Only a pattern for everything matches this name.
        let everything = "\u{1}/\u{1}";
        self.excludes(everything).then(|| {
            let taken_back = self.patterns.iter().filter(|pattern| pattern.takes_back);
            taken_back.map(|pattern| pattern.parts.join("/")).collect()
        })
    }

    fn last_match(&self, path: &str) -> Option<&Pattern> {
        let path = clean(path);
        self.patterns.iter().rev().find(|pattern| {
            // A pattern that matches a folder matches everything in it.
            (1..=path.len()).any(|end| matches(&pattern.parts, &path[..end]))
        })
    }
}

/// `./a//b/../c/` becomes `a/c`, and a leading `/` is ignored.
fn clean(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

fn matches(pattern: &[String], path: &[String]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            // At the end, `**` must match something.
            let least = usize::from(rest.is_empty());
            (least..=path.len()).any(|skip| matches(rest, &path[skip..]))
        }
        Some((first, rest)) => path.split_first().is_some_and(|(part, others)| {
            let (first, part): (Vec<char>, Vec<char>) =
                (first.chars().collect(), part.chars().collect());
            matches_part(&first, &part) && matches(rest, others)
        }),
    }
}

/// Go's `filepath.Match` for one path component: `*`, `?`, `[a-z]`, `[^a]`, `\`.
fn matches_part(pattern: &[char], part: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return part.is_empty();
    };
    match first {
        '*' => (0..=part.len()).any(|skip| matches_part(rest, &part[skip..])),
        '?' => !part.is_empty() && matches_part(rest, &part[1..]),
        '[' => {
            let Some(end) = rest.iter().skip(1).position(|one| *one == ']') else {
                return false;
            };
            let (class, rest) = (&rest[..=end], &rest[end + 2..]);
            part.split_first()
                .is_some_and(|(one, others)| in_class(class, *one) && matches_part(rest, others))
        }
        '\\' if !rest.is_empty() => {
            part.first() == rest.first() && matches_part(&rest[1..], &part[1..])
        }
        first => part.first() == Some(first) && matches_part(rest, &part[1..]),
    }
}

fn in_class(class: &[char], one: char) -> bool {
    let (negated, class) = match class.split_first() {
        Some(('^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    let mut at = 0;
    while at < class.len() {
        if class.get(at + 1) == Some(&'-') && at + 2 < class.len() {
            found |= (class[at]..=class[at + 2]).contains(&one);
            at += 3;
        } else {
            found |= class[at] == one;
            at += 1;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_dockers_do() {
        let cases: [(&str, &str, bool); 27] = [
            (".git", ".git/config", true),
            ("/.git/", ".git/config", true),
            ("./.git", ".git", true),
            ("*.md", "README.md", true),
            ("*.md", "docs/README.md", false),
            ("**/*.md", "README.md", true),
            ("**/*.md", "docs/a/README.md", true),
            ("docs/**", "docs/a/b", true),
            ("docs/**", "docs", false),
            ("**", "a/b", true),
            ("*", "a/b", true),
            ("*\n!package.json", "package.json", false),
            ("*\n!src", "src/a.js", false),
            ("*\n!src\nsrc/*.test.js", "src/a.test.js", true),
            ("node_modules", "packages/a/node_modules/x", false),
            ("**/node_modules", "packages/a/node_modules/x", true),
            (".env*", ".env.local", true),
            ("# .env", ".env", false),
            (" # .env", ".env", false),
            ("a/../.env", ".env", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("te?t", "test", true),
            ("!.env\n.env", ".env", true),
            (".env\n! .env", ".env", false),
            (".git\r\n.env\r\n", ".env", true),
            ("\\*a", "ba", false),
        ];
        for (text, path, expected) in cases {
            assert_eq!(
                IgnoreFile::parse(text).excludes(path),
                expected,
                "{path} with {text:?}"
            );
        }
        assert!(IgnoreFile::parse(".env\n!.env").takes_back(".env"));
        assert!(!IgnoreFile::parse("x").takes_back(".env"));
        let list = IgnoreFile::parse("*\n!package.json\n!/src/").allow_list();
        assert_eq!(
            list,
            Some(vec!["package.json".to_owned(), "src".to_owned()])
        );
        assert_eq!(IgnoreFile::parse(".git\n!x").allow_list(), None);
    }
}
