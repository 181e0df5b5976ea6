//! Changes of a TOML text by its structure: keys and values that are known elsewhere come into it.

use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};

use super::mutation::{self, Numbers};

/// Keys and values of texts that are valid.
pub struct Stock {
    keys: Vec<String>,
    items: Vec<Item>,
}

/// Strings that are something else to somebody.
const STRINGS: [&str; 48] = [
    "",
    " ",
    "a b",
    "-",
    "--help",
    "-Fx",
    ".",
    "..",
    "../x",
    "a/../b",
    "/",
    "/x",
    "~",
    "~/x",
    ".git",
    ".env",
    "web/.GIT/hooks",
    "\n",
    "x\ny: z",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{9b}",
    "\u{202e}",
    "\u{feff}",
    "é",
    "${db.url}",
    "${web.port}",
    "${host.ip}",
    "${",
    "$",
    "$$",
    "$X",
    "${X:-y}",
    "0",
    "00",
    "65535",
    "65536",
    "1-65535:1-65535",
    "8000-8010:80",
    "[::1]:1:1/udp",
    "#",
    "a: b",
    "'\"`\\",
    "yes",
    "1e999",
];

impl Stock {
    /// What is in these texts. Those that are no TOML have nothing.
    pub fn of(texts: &[String]) -> Self {
        let mut stock = Stock {
            keys: Vec::new(),
            items: Vec::new(),
        };
        for text in texts {
            if let Ok(document) = text.parse::<DocumentMut>() {
                stock.take(document.as_table());
            }
        }
        stock.keys.sort();
        stock.keys.dedup();
        stock
    }

    fn take(&mut self, table: &dyn TableLike) {
        for (key, item) in table.iter() {
            self.keys.push(key.to_owned());
            self.items.push(item.clone());
            if let Some(below) = item.as_table_like() {
                self.take(below);
            }
        }
    }

    fn key(&self, numbers: &mut Numbers) -> String {
        match numbers.below(8) {
            0 => numbers.pick(&STRINGS).to_owned(),
            _ => self.keys[numbers.below(self.keys.len())].clone(),
        }
    }

    fn item(&self, numbers: &mut Numbers) -> Item {
        let value: Value = match numbers.below(10) {
            0 => numbers.pick(&STRINGS).into(),
            1 => i64::try_from(numbers.below(70_000)).unwrap().into(),
            2 => [-1, 0, i64::MAX, i64::MIN][numbers.below(4)].into(),
            3 => [f64::NAN, f64::INFINITY, -0.5, 1e300][numbers.below(4)].into(),
            4 => (numbers.below(2) == 0).into(),
            5 => Value::Array(numbers.pick(&STRINGS).lines().collect()),
            6 => InlineTable::from_iter([(self.key(numbers), numbers.pick(&STRINGS))]).into(),
            _ => return self.items[numbers.below(self.items.len())].clone(),
        };
        Item::Value(value)
    }
}

/// One to three changes of a text by its structure; of one that is no TOML, and of every third, by
/// its bytes.
pub fn mutate(bytes: &[u8], stock: &Stock, numbers: &mut Numbers) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).ok();
    let document = text.and_then(|text| text.parse::<DocumentMut>().ok());
    let Some(mut document) = document.filter(|_| numbers.below(3) > 0) else {
        let pieces = [
            "[[",
            "]]",
            "\"\"\"",
            "'''",
            "[services.",
            "[repos.",
            "{ ",
            " }",
            "[]",
        ];
        return mutation::text(bytes, &pieces, numbers);
    };
    for _ in 0..=numbers.below(3) {
        let mut place = numbers.below(count(document.as_table()));
        change(document.as_table_mut(), &mut place, stock, numbers);
    }
    let mut text = document.to_string().into_bytes();
    text.truncate(mutation::MOST);
    text
}

fn count(table: &dyn TableLike) -> usize {
    let below = |item: &Item| item.as_table_like().map_or(0, count);
    table.iter().map(|(_, item)| 1 + below(item)).sum()
}

/// Changes what is at this place, counted through all tables.
fn change(table: &mut dyn TableLike, place: &mut usize, stock: &Stock, numbers: &mut Numbers) {
    let keys: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
    if keys.is_empty() {
        table.insert(&stock.key(numbers), stock.item(numbers));
    }
    for key in keys {
        if *place == 0 {
            *place = usize::MAX;
            change_entry(table, &key, stock, numbers);
            return;
        }
        *place -= 1;
        if let Some(below) = table.get_mut(&key).and_then(Item::as_table_like_mut) {
            let before = below.iter().count();
            if before > 0 {
                change(below, place, stock, numbers);
            }
            if *place == usize::MAX {
                return;
            }
        }
    }
}

fn change_entry(table: &mut dyn TableLike, key: &str, stock: &Stock, numbers: &mut Numbers) {
    match numbers.below(8) {
        0 => {
            table.remove(key);
        }
        1 => {
            let item = table.remove(key).unwrap_or_default();
            table.insert(&stock.key(numbers), item);
        }
        2 => {
            let item = table.get(key).cloned().unwrap_or_default();
            table.insert(&stock.key(numbers), item);
        }
        3 => {
            let name = stock.key(numbers);
            table.insert(&name, stock.item(numbers));
        }
        4 | 5 => {
            let old = table.get(key).and_then(Item::as_str).unwrap_or_default();
            let mut text = old.as_bytes().to_vec();
            let at = numbers.below(text.len() + 1);
            text.splice(at..at, numbers.pick(&STRINGS).bytes());
            let text = String::from_utf8_lossy(&text).into_owned();
            table.insert(key, toml_edit::value(text));
        }
        6 => {
            let mut items = Array::new();
            for _ in 0..numbers.below(4) {
                let item = table.get(key).and_then(Item::as_value).cloned();
                let item = item.filter(|_| numbers.below(2) == 0);
                items.push(item.unwrap_or_else(|| numbers.pick(&STRINGS).into()));
            }
            table.insert(key, toml_edit::value(items));
        }
        _ => {
            table.insert(key, stock.item(numbers));
        }
    }
}
