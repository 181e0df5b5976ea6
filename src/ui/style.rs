//! The few styles that fitout prints in, so that one meaning has one look.
//!
//! Write `{FAIL}text{FAIL:#}`; anstream drops the codes where colour is not wanted.

use anstyle::{AnsiColor, Style};

/// Something is wrong.
pub const FAIL: Style = AnsiColor::Red.on_default().bold();
/// Something may need a look.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Something is as it should be.
pub const PASS: Style = AnsiColor::Green.on_default().bold();
/// What to do next.
pub const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// A heading or a name.
pub const STRONG: Style = Style::new().bold();
/// Of little weight.
pub const DIM: Style = Style::new().dimmed();
