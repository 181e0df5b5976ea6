//! How Linux inside of Windows is connected to it, by WSL's own words and files.

/// `wsl2.networkingMode` (learn.microsoft.com, "Advanced settings configuration in WSL").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A network of its own behind Windows: the default.
    Nat,
    /// The interfaces of Windows are Linux's own.
    Mirrored,
    /// Another one, or WSL 1.
    Other,
}

/// Whether this Linux runs in WSL: the text of `/proc/version`.
pub fn is_wsl(kernel: &str) -> bool {
    kernel.to_lowercase().contains("microsoft")
}

/// The answer of `wslinfo --networking-mode`: the mode that is in force, which differs from the
/// configured one where mirroring did not work.
pub fn mode_in_force(answer: &str) -> Option<Mode> {
    match answer.trim().to_lowercase().as_str() {
        "" => None,
        mode => Some(mode_named(mode)),
    }
}

/// The mode that a `.wslconfig` asks for.
pub fn mode_in_config(config: &str) -> Mode {
    // Before WSL 2.0.5 the key was in the section `experimental`.
    ["wsl2", "experimental"]
        .iter()
        .find_map(|section| value(config, section, "networkingMode"))
        .map_or(Mode::Nat, |mode| mode_named(&mode.to_lowercase()))
}

/// Where the drives of Windows are, by the text of `/etc/wsl.conf`.
pub fn drives(config: &str) -> String {
    let root = value(config, "automount", "root").unwrap_or_else(|| "/mnt".to_owned());
    root.trim_end_matches('/').to_owned()
}

fn mode_named(mode: &str) -> Mode {
    match mode {
        "nat" => Mode::Nat,
        "mirrored" => Mode::Mirrored,
        _ => Mode::Other,
    }
}

/// A value of an INI file; sections and keys are in any case.
fn value(config: &str, section: &str, key: &str) -> Option<String> {
    let mut is_here = false;
    for line in config.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            is_here = name.trim_end_matches(']').eq_ignore_ascii_case(section);
        } else if let Some((name, value)) = line.split_once('=')
            && is_here
            && name.trim().eq_ignore_ascii_case(key)
        {
            let value = value.split('#').next().unwrap_or_default();
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}
