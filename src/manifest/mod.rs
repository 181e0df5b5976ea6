//! Reads `workspace.toml` and `workspace.local.toml`.

/// Everything that is wrong with a manifest.
#[derive(Debug)]
pub struct Report;

impl Report {
    /// With colours.
    pub fn styled(&self) -> String {
        String::new()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Report {}
