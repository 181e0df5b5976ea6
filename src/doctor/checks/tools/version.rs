//! Versions as printed by programs, compared by number. Not a check.

/// Whether a printed version is older; false if it has no numbers.
pub fn is_older(version: &str, than: [u64; 3]) -> bool {
    numbers(version).is_some_and(|version| version < than)
}

/// The numbers of `2.40.3-desktop.1`, `20.10.24+dfsg1` or `2.51`.
pub fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split(['.', '-', '+', ' ']);
    let mut next = || parts.next().and_then(|part| part.parse::<u64>().ok());
    Some([next()?, next()?, next().unwrap_or(0)])
}

/// As it is printed.
pub fn dotted(version: [u64; 3]) -> String {
    version.map(|number| number.to_string()).join(".")
}
