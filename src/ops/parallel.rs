//! Processes many items in parallel, started in order.

use std::sync::{Mutex, PoisonError};

use crate::error::{Failure, ResultExt as _};

/// Processes all items with this many in parallel, started in order. Returns the results in the
/// same order.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    at_once: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
) -> Result<Vec<R>, Failure> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(at_once.min(items.len()).max(1))
        .build()
        .context("can't start threads")?;
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let work = &work;
    pool.in_place_scope_fifo(|scope| {
        for (index, (item, result)) in items.iter().zip(&results).enumerate() {
            scope.spawn_fifo(move |_| {
                let done = work(index, item);
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            });
        }
    });
    Ok(results
        .into_iter()
        .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect())
}
