//! From the manifest's tables to a [`Workspace`]: fills in defaults and checks what the tables mean
//! together. Reports everything that is wrong, in one go.

mod personal;
mod repos;
mod scope;
mod services;

pub use personal::resolve as personal;

use std::ops::Range;

use super::Workspace;
use super::syntax::{self, Invalid};
use crate::manifest::{Diagnostic, Manifest, Spanned};

/// Resolves the manifest. The workspace is complete only where no problem is reported.
pub fn workspace(manifest: &Manifest) -> (Workspace, Vec<Diagnostic>) {
    let mut problems = Problems::default();
    let name = manifest
        .workspace
        .name
        .as_ref()
        .filter(|name| problems.check(name, "workspace.name", syntax::name(&name.value)));
    let (repos_dir, repos) = repos::resolve(manifest, &mut problems);
    let services = services::resolve(manifest, &repos, &mut problems);
    let workspace = Workspace {
        name: name.map(|name| name.value.clone()),
        repos_dir,
        repos,
        services,
    };
    (workspace, problems.0)
}

/// Collects what is wrong.
#[derive(Default)]
struct Problems(Vec<Diagnostic>);

impl Problems {
    fn push(&mut self, problem: Diagnostic) {
        self.0.push(problem);
    }

    /// Reports that the key `name` has an invalid value. Returns the value where it is valid.
    fn valid<T, V>(
        &mut self,
        at: &Spanned<T>,
        name: &str,
        result: Result<V, Invalid>,
    ) -> Option<V> {
        result
            .map_err(|invalid| self.invalid(at.span.clone(), name, invalid))
            .ok()
    }

    /// As `valid`, for a check without a result.
    fn check<T>(&mut self, at: &Spanned<T>, name: &str, result: Result<(), Invalid>) -> bool {
        self.valid(at, name, result).is_some()
    }

    fn invalid(&mut self, span: Range<usize>, name: &str, invalid: Invalid) {
        let mut problem = Diagnostic::new(span, format!("`{name}` {}", invalid.problem));
        problem.help = invalid.help;
        self.push(problem);
    }
}
