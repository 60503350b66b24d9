//! `terrane.toml` and `terrane.<stack>.toml`: finding and reading them, with the place of each key.

use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    ops::Range,
    path::{Path, PathBuf},
};
use toml_edit::{Document, Item, TableLike};

const BASE: &str = "terrane.toml";
/// The key that is not the program's: where state is kept.
pub(crate) const STATE: &str = "state";

/// The folder with the configuration: the nearest above the working folder, else the program's own.
pub(super) fn find(working: &Path, manifest: &Path) -> PathBuf {
    let configured = |folder: &&Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).any(|name| {
            name.to_str().is_some_and(|name| name == BASE || (name.starts_with("terrane.") && name.ends_with(".toml")))
        })
    };
    let nearest = working.ancestors().find(configured);
    nearest.unwrap_or(if manifest.is_dir() { manifest } else { working }).to_owned()
}

/// The configuration of a stack, as the files have it.
#[derive(Debug, Default)]
pub(crate) struct Files {
    folder: PathBuf,
    working: PathBuf,
    read: Vec<PathBuf>,
    values: Map<String, Value>,
    places: BTreeMap<String, String>,
    state: Option<String>,
}

impl Files {
    /// Reads `terrane.toml`, if there is one.
    pub(super) fn read(folder: &Path, working: &Path) -> Result<Self> {
        let mut files = Self { folder: folder.to_owned(), working: working.to_owned(), ..Self::default() };
        files.take(&folder.join(BASE))?;
        match files.values.remove(STATE) {
            None => {}
            Some(Value::String(state)) => files.state = Some(state),
            Some(other) => {
                let place = files.places.get(STATE).cloned().unwrap_or_default();
                return Err(Error::usage(format!("{place}: `{STATE}` is the URL of a place, not {other}"))
                    .hint(format!("{STATE} = \"file:///some/folder\"")));
            }
        }
        Ok(files)
    }

    /// Adds a stack's own file, which wins.
    pub(super) fn read_stack(&mut self, stack: &str) -> Result<()> {
        self.take(&self.stack_file(stack))?;
        if self.values.contains_key(STATE) {
            let place = self.places.get(STATE).cloned().unwrap_or_default();
            return Err(Error::usage(format!(
                "{place}: `{STATE}` belongs into {BASE}: it is the same for every stack"
            )));
        }
        Ok(())
    }

    /// The file of a stack, whether it exists or not.
    pub(crate) fn stack_file(&self, stack: &str) -> PathBuf {
        self.folder.join(format!("terrane.{stack}.toml"))
    }

    /// The files that were read.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.read
    }

    /// The program's configuration.
    pub(crate) fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// Where each key stands: `terrane.dev.toml:3:1`.
    pub(crate) fn places(&self) -> &BTreeMap<String, String> {
        &self.places
    }

    /// What stands in the stack's own file.
    pub(super) fn own_values(&self, stack: &str) -> Result<Map<String, Value>> {
        let mut own = Self { folder: self.folder.clone(), working: self.working.clone(), ..Self::default() };
        own.take(&self.stack_file(stack))?;
        Ok(own.values)
    }

    pub(super) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    fn take(&mut self, path: &Path) -> Result<()> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::file("read", path, &error)),
        };
        let name = path.strip_prefix(&self.working).unwrap_or(path).display().to_string();
        let document = parse(&name, &text)?;
        let mut reading = Reading { name: &name, text: &text, places: &mut self.places };
        let values = reading.table(document.as_table(), "");
        merge(&mut self.values, values);
        self.read.push(path.to_owned());
        Ok(())
    }
}

/// Parses a file; the error has line and column.
pub(super) fn parse<'a>(name: &str, text: &'a str) -> Result<Document<&'a str>> {
    Document::parse(text).map_err(|error| {
        let place = error.span().map_or_else(|| name.to_owned(), |span| place(name, text, &span));
        Error::usage(format!("{place}: {}", error.message().trim_end()))
    })
}

fn place(name: &str, text: &str, span: &Range<usize>) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{name}:{line}:{column}")
}

struct Reading<'a> {
    name: &'a str,
    text: &'a str,
    places: &'a mut BTreeMap<String, String>,
}

impl Reading<'_> {
    fn table(&mut self, table: &dyn TableLike, above: &str) -> Map<String, Value> {
        let mut values = Map::new();
        for (key, item) in table.iter() {
            let path = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
            if let Some(span) = table.key(key).and_then(toml_edit::Key::span) {
                self.places.insert(path.clone(), place(self.name, self.text, &span));
            }
            values.insert(key.to_owned(), self.item(item, &path));
        }
        values
    }

    fn item(&mut self, item: &Item, path: &str) -> Value {
        if let Some(table) = item.as_table_like() {
            return Value::Object(self.table(table, path));
        }
        if let Some(tables) = item.as_array_of_tables() {
            let each = tables.iter().enumerate().map(|(index, table)| self.table(table, &format!("{path}[{index}]")));
            return Value::Array(each.map(Value::Object).collect());
        }
        item.as_value().map_or(Value::Null, |value| self.value(value, path))
    }

    fn value(&mut self, value: &toml_edit::Value, path: &str) -> Value {
        match value {
            toml_edit::Value::String(text) => Value::String(text.value().clone()),
            toml_edit::Value::Integer(number) => Value::from(*number.value()),
            // A number that JSON doesn't have stays what it was written as.
            toml_edit::Value::Float(number) => serde_json::Number::from_f64(*number.value())
                .map_or_else(|| Value::String(number.value().to_string()), Value::Number),
            toml_edit::Value::Boolean(flag) => Value::Bool(*flag.value()),
            toml_edit::Value::Datetime(time) => Value::String(time.value().to_string()),
            toml_edit::Value::Array(items) => {
                let each = items.iter().enumerate().map(|(index, item)| self.value(item, &format!("{path}[{index}]")));
                Value::Array(each.collect())
            }
            toml_edit::Value::InlineTable(table) => Value::Object(self.table(table, path)),
        }
    }
}

/// Adds values; a table is merged with the one there is, anything else takes its place.
fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn files(base: &str, stack: &str) -> Result<Files> {
        let folder = std::env::temp_dir().join(format!(
            "terrane-files-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(BASE), base).unwrap();
        fs::write(folder.join("terrane.dev.toml"), stack).unwrap();
        let files = Files::read(&folder, &folder).and_then(|mut files| files.read_stack("dev").map(|()| files));
        fs::remove_dir_all(&folder).unwrap();
        files
    }

    #[test]
    fn a_stack_wins_key_by_key_and_each_key_has_its_place() {
        let base = "state = \"file:///s\"\nnodes = 3\n[limits]\ncpu = 1\nmemory = 2\n";
        let files = files(base, "# of dev\nlimits.cpu = 4\n[[regions]]\nname = 'eu'\n").unwrap();
        let expected = json!({"nodes": 3, "limits": {"cpu": 4, "memory": 2}, "regions": [{"name": "eu"}]});
        assert_eq!(Value::Object(files.values().clone()), expected);
        assert_eq!(files.state(), Some("file:///s"));
        let place = |key: &str| files.places().get(key).cloned().unwrap_or_default();
        assert_eq!(
            [place("nodes"), place("limits.cpu"), place("limits.memory"), place("regions[0].name")],
            ["terrane.toml:2:1", "terrane.dev.toml:2:8", "terrane.toml:5:1", "terrane.dev.toml:4:1"]
        );
    }

    #[test]
    fn mistakes_have_line_and_column() {
        let message = |base: &str, stack: &str| files(base, stack).unwrap_err().message;
        assert!(message("a = 1\nb = \n", "").starts_with("terrane.toml:2:5: "), "{}", message("a = 1\nb = \n", ""));
        assert_eq!(
            message("", "state = 'x'"),
            "terrane.dev.toml:1:1: `state` belongs into terrane.toml: it is the same for every stack"
        );
    }
}
