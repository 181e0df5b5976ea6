//! Progress of many tasks: a few updating lines on a terminal, nothing in a pipe.
//!
//! indicatif keeps the lines in place; their text is formatted here, so that colors follow
//! `--color` like everything else.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Ui;
use crate::markup::{shown, style};

/// Maximum number of task lines; more would only flicker.
const SHOWN: usize = 8;
const NAME_WIDTH: usize = 20;
const BAR_WIDTH: usize = 20;

/// A running task.
#[derive(Clone, Debug)]
pub struct TaskLine {
    /// Its name.
    pub name: String,
    /// Its current phase: `receiving`.
    pub phase: &'static str,
    /// Progress of the phase, from 0 to 1; none if unknown.
    pub fraction: Option<f64>,
    /// Bytes received.
    pub bytes: usize,
}

/// The updating lines. Does nothing if progress is not drawn.
#[derive(Debug)]
pub struct Progress {
    ui: Ui,
    total: usize,
    started: Instant,
    drawn: Option<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    multi: MultiProgress,
    lines: Vec<ProgressBar>,
    overall: ProgressBar,
}

impl Progress {
    /// Progress of `total` tasks.
    pub fn new(ui: Ui, total: usize) -> Self {
        let drawn = ui.draws_progress().then(|| {
            let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15));
            let overall = multi.add(line());
            Drawn {
                multi,
                lines: Vec::new(),
                overall,
            }
        });
        Progress {
            ui,
            total,
            started: Instant::now(),
            drawn,
        }
    }

    /// Whether [`Progress::draw`] shows anything.
    pub fn is_drawn(&self) -> bool {
        self.drawn.is_some()
    }

    /// Shows the running tasks, and how many are done.
    pub fn draw(&mut self, tasks: &[TaskLine], done: usize, bytes: usize) {
        let width = self.ui.width().unwrap_or(80);
        let Some(drawn) = &mut self.drawn else {
            return;
        };
        let shown = tasks.len().min(SHOWN);
        while drawn.lines.len() < shown {
            let bar = drawn.multi.insert_before(&drawn.overall, line());
            drawn.lines.push(bar);
        }
        while drawn.lines.len() > shown {
            if let Some(bar) = drawn.lines.pop() {
                bar.finish_and_clear();
                drawn.multi.remove(&bar);
            }
        }
        for (bar, task) in drawn.lines.iter().zip(tasks) {
            bar.set_message(colored(&task_text(task, width)));
        }
        let elapsed = self.started.elapsed();
        let text = overall_text(done, self.total, tasks.len(), bytes, elapsed);
        drawn.overall.set_message(colored(&text));
        drawn.overall.tick();
    }

    /// Removes the updating lines.
    pub fn clear(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            for bar in drawn.lines {
                bar.finish_and_clear();
            }
            drawn.overall.finish_and_clear();
            let _ = drawn.multi.clear();
        }
    }
}

/// Runs `work`, and calls a function every 80 ms in the meantime.
pub fn meanwhile<T>(mut tick: impl FnMut() + Send, work: impl FnOnce() -> T) -> T {
    const TICK: Duration = Duration::from_millis(80);
    std::thread::scope(|scope| {
        let (stop, stopped) = mpsc::channel::<()>();
        scope.spawn(move || {
            while stopped.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                tick();
            }
        });
        let done = work();
        drop(stop);
        done
    })
}

fn line() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

fn task_text(task: &TaskLine, width: usize) -> String {
    let dim = style::DIM;
    let name: String = shown::part(&task.name).chars().take(NAME_WIDTH).collect();
    let bar = bar(task.fraction.unwrap_or(0.0));
    let bytes = if task.bytes > 0 {
        self::bytes(task.bytes)
    } else {
        String::new()
    };
    // Short terminals lose the bar first.
    if width < NAME_WIDTH + BAR_WIDTH + 32 {
        return format!(
            "  {name:NAME_WIDTH$} {dim}{:<12}{dim:#} {bytes}",
            task.phase
        );
    }
    format!(
        "  {name:NAME_WIDTH$} {bar} {dim}{:<12}{dim:#} {bytes:>10}",
        task.phase
    )
}

fn overall_text(
    done: usize,
    total: usize,
    running: usize,
    bytes: usize,
    elapsed: Duration,
) -> String {
    let (strong, dim) = (style::STRONG, style::DIM);
    let more = if running > SHOWN {
        format!(", {running} running")
    } else {
        String::new()
    };
    format!(
        "{strong}{done}/{total} repos{strong:#}{dim}{more}  {}  {:.1} s{dim:#}",
        self::bytes(bytes),
        elapsed.as_secs_f64()
    )
}

fn bar(fraction: f64) -> String {
    let (full, dim) = (style::HINT, style::DIM);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and the width of the bar"
    )]
    let filled = (fraction.clamp(0.0, 1.0) * BAR_WIDTH as f64).round() as usize;
    format!(
        "{full}{}{full:#}{dim}{}{dim:#}",
        "━".repeat(filled),
        "━".repeat(BAR_WIDTH - filled)
    )
}

/// `512 B`, `1.5 kB`, `12.3 MB`.
pub fn bytes(number: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let number_f = number as f64;
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", number_f / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number_f / 1e6),
        _ => format!("{:.2} GB", number_f / 1e9),
    }
}

fn colored(text: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stderr()) {
        anstream::ColorChoice::Never => shown::text(&style::plain(text)),
        _ => shown::text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_line_loses_its_bar_on_a_narrow_terminal() {
        let task = TaskLine {
            name: "auth-server".to_owned(),
            phase: "receiving",
            fraction: Some(0.5),
            bytes: 1_234_567,
        };
        let plain = |width| style::plain(&task_text(&task, width));
        assert_eq!(
            plain(100),
            "  auth-server          ━━━━━━━━━━━━━━━━━━━━ receiving        1.2 MB"
        );
        assert_eq!(plain(60), "  auth-server          receiving    1.2 MB");
    }
}
