//! Services as a table: how each is, and where.

use std::io;

use super::Ui;
use super::style;
use super::table::{Cell, Table};
use crate::running::{Condition, Row};

/// Prints a table of them.
pub(crate) fn print(ui: &Ui, rows: &[Row]) -> io::Result<()> {
    ui.data(table(rows))
}

/// One row per service: what it is called, how it is, where it is.
fn table(rows: &[Row]) -> Table {
    let mut table = Table::with_heading(&["service", "state", "address"]);
    for row in rows {
        let look = match row.condition {
            Condition::Ready | Condition::Done | Condition::OnHost => style::PASS,
            Condition::Starting => style::WARN,
            Condition::Broken => style::FAIL,
            Condition::Stopped => style::DIM,
        };
        table.push(vec![
            row.service.as_str().into(),
            Cell::styled(row.state.as_str(), look),
            row.urls.join(" ").into(),
        ]);
    }
    table
}
