//! Changing one key of a configuration file, with all else in it left as it is.

use super::files::parse;
use crate::error::{Error, Result};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
};
use terrane_core::failpoint::{Point, reach};
use toml_edit::{DocumentMut, Item, Key, Table, TableLike, Value, value};

/// Sets a dotted key; the file is made when there is none.
pub(crate) fn set(path: &Path, key: &str, text: &str) -> Result<()> {
    let mut document = read(path)?;
    // What isn't a value of TOML is text: `config set name web` needs no quotes.
    let new = text.parse::<Value>().unwrap_or_else(|_| Value::from(text));
    set_in(document.as_table_mut(), &keys(key)?, new).map_err(|taken| taken_by(&taken, key, path))?;
    write(path, &document)
}

/// Sets texts by dotted key, all in one write.
pub(crate) fn set_texts(path: &Path, texts: &serde_json::Map<String, serde_json::Value>) -> Result<()> {
    copy(path, path, texts)
}

/// Writes a file like another one, with some texts of its own.
pub(crate) fn copy(from: &Path, to: &Path, texts: &serde_json::Map<String, serde_json::Value>) -> Result<()> {
    let mut document = read(from)?;
    for (key, text) in texts {
        let new = Value::from(text.as_str().unwrap_or_default());
        set_in(document.as_table_mut(), &keys(key)?, new).map_err(|taken| taken_by(&taken, key, from))?;
    }
    write(to, &document)
}

fn taken_by(taken: &str, key: &str, path: &Path) -> Error {
    Error::usage(format!("`{taken}` in {} is a value, so `{key}` can't be in it", path.display()))
}

/// Removes a dotted key; whether it was there.
pub(crate) fn remove(path: &Path, key: &str) -> Result<bool> {
    let mut document = read(path)?;
    let keys = keys(key)?;
    let Some((last, above)) = keys.split_last() else { return Ok(false) };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in above {
        match table.get_mut(key.get()).and_then(Item::as_table_like_mut) {
            Some(inner) => table = inner,
            None => return Ok(false),
        }
    }
    let there = table.remove(last.get()).is_some();
    if there {
        write(path, &document)?;
    }
    Ok(there)
}

/// The parts of a dotted key.
pub(crate) fn keys(key: &str) -> Result<Vec<Key>> {
    Key::parse(key).map_err(|_| {
        Error::usage(format!("`{key}` is not a key"))
            .hint("keys are letters, digits, `-` and `_`, joined by dots; quote others: a.\"b c\"")
    })
}

/// A dotted key as it has to be written: a part that is more than letters, digits, `-` and `_` is quoted.
pub(crate) fn written<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |part| Key::new(part).display_repr().into_owned();
    parts.into_iter().map(quoted).collect::<Vec<_>>().join(".")
}

/// A key as [`written`] gives it, however it was typed.
pub(crate) fn canonical(key: &str) -> Result<String> {
    Ok(written(keys(key)?.iter().map(Key::get)))
}

/// The parts of a dotted key without quotes, joined by dots, as places and programs name it.
pub(crate) fn plain(key: &str) -> Result<String> {
    Ok(keys(key)?.iter().map(Key::get).collect::<Vec<_>>().join("."))
}

/// Fails with the key that stands in the way.
fn set_in(table: &mut dyn TableLike, keys: &[Key], mut new: Value) -> std::result::Result<(), String> {
    let [first, below @ ..] = keys else { return Ok(()) };
    if !below.is_empty() {
        let inner = table.entry(first.get()).or_insert_with(|| {
            let mut made = Table::new();
            made.set_implicit(true);
            Item::Table(made)
        });
        let inner = inner.as_table_like_mut().ok_or_else(|| first.get().to_owned())?;
        return set_in(inner, below, new);
    }
    // The comment behind a value stays.
    if let Some(old) = table.get(first.get()).and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    match table.get_mut(first.get()) {
        Some(item) => *item = value(new),
        None => drop(table.insert(first.get(), value(new))),
    }
    Ok(())
}

fn read(path: &Path) -> Result<DocumentMut> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::file("read", path, &error)),
    };
    parse(&path.display().to_string(), &text)?;
    text.parse().map_err(|error: toml_edit::TomlError| Error::usage(format!("{}: {error}", path.display())))
}

/// Writes beside the file and renames, so that no reader sees half of it. It is durable then: the key of what it replaces may go.
fn write(path: &Path, document: &DocumentMut) -> Result<()> {
    reach(Point::BeforeConfigWrite);
    let beside = path.with_extension("toml.new");
    let written = || {
        let mut file = File::create(&beside)?;
        file.write_all(document.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    written().map_err(|error| Error::file("write", path, &error))?;
    reach(Point::AfterConfigWrite);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_order_stay() {
        let path = std::env::temp_dir().join(format!("terrane-edit-{}.toml", std::process::id()));
        fs::write(&path, "# sizes\nnodes = 3 # per region\n\n[limits]\ncpu = 1\n").unwrap();
        set(&path, "nodes", "5").unwrap();
        set(&path, "limits.memory", "2 GiB").unwrap();
        set(&path, "new.deep.list", "[1, 2]").unwrap();
        assert!(remove(&path, "limits.cpu").unwrap() && !remove(&path, "limits.cpu").unwrap());
        let refused = set(&path, "nodes.x", "1").unwrap_err().message;
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(
            text,
            "# sizes\nnodes = 5 # per region\n\n[limits]\nmemory = \"2 GiB\"\n\n[new.deep]\nlist = [1, 2]\n"
        );
        assert!(refused.contains("`nodes`"), "{refused}");
    }
}
