//! Text for a terminal, as plain data: styles are marks in it, and what others wrote has no character that a terminal
//! obeys. Pure, so that a report can be made and compared anywhere; [`ui`](crate::ui) prints it.

pub mod shown;
pub mod style;
