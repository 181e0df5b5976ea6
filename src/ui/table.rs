//! Human-readable tables: columns as wide as their widest cell, separated by two spaces, without
//! lines.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use super::shown;
use super::style::{PLAIN, Style};

/// A cell: text and style.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in the given style.
    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Cell {
            text: shown::part(&text.into()),
            style,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::styled(text, PLAIN)
    }
}

/// Rows of cells; `Display` prints it without a final line break.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with a dimmed heading.
    pub fn with_heading(columns: &[&str]) -> Self {
        let heading = columns
            .iter()
            .map(|name| Cell::styled(*name, super::style::DIM))
            .collect();
        Table {
            rows: vec![heading],
        }
    }

    /// Adds a row. A row may be shorter than the others.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let width = cell.text.width();
                match widths.get_mut(column) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            // Cells after the last non-empty one would only print spaces.
            let used = row
                .iter()
                .rposition(|cell| !cell.text.is_empty())
                .map_or(0, |last| last + 1);
            for (column, cell) in row[..used].iter().enumerate() {
                let Cell { text, style } = cell;
                write!(f, "{style}{text}{style:#}")?;
                if column + 1 < used {
                    let padding = widths[column] - text.width() + 2;
                    write!(f, "{:padding$}", "")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_display_width_and_no_line_ends_in_spaces() {
        let mut table = Table::default();
        table.push(vec!["größe".into(), "x".into(), "".into()]);
        table.push(vec!["a".into(), "日本".into(), "end".into()]);
        table.push(vec!["only".into()]);
        assert_eq!(table.to_string(), "größe  x\na      日本  end\nonly");
    }
}
