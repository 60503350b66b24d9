//! A program's configuration, as the command line or a test hands it over. Files are read elsewhere.

use crate::{Error, Result, properties::MASK, secret};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

/// Values by key, where each stands in its file, and which keys the program has asked for.
#[derive(Default)]
pub struct Config {
    values: Map<String, Value>,
    secrets: BTreeMap<String, Value>,
    places: BTreeMap<String, String>,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    accepted: BTreeSet<String>,
    ignored: BTreeSet<String>,
    used: BTreeSet<String>,
}

impl Config {
    /// Values and, by dotted key, where they stand: `terrane.dev.toml:3:1`.
    pub fn new(values: Map<String, Value>, places: BTreeMap<String, String>) -> Self {
        Self { values, secrets: BTreeMap::new(), places, asked: Mutex::default() }
    }

    /// Adds decrypted values by their dotted key. A program gets them as [`Secret`](crate::Secret)s only.
    #[must_use]
    pub fn with_secrets(mut self, secrets: BTreeMap<String, Value>) -> Self {
        for (key, value) in &secrets {
            secret::remember(value);
            if let Some(place) = at_mut(&mut self.values, key) {
                *place = Value::from(MASK);
            }
        }
        Self { secrets, ..self }
    }

    /// The values; `[secret]` stands for each that is one.
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// Reads the keys at `section` (empty for the top) into a struct.
    ///
    /// # Errors
    /// Which key has which wrong value, and where it stands.
    pub fn read<T: DeserializeOwned>(&self, section: &str) -> Result<T> {
        let values = match section {
            "" => Value::Object(self.values.clone()),
            section => self.values.get(section).cloned().unwrap_or_else(|| Value::Object(Map::new())),
        };
        let (values, secrets) = self.ticketed(section, values);
        let mut ignored = Vec::new();
        let result = secret::behind_tickets(secrets, || {
            let mut note = |path: serde_ignored::Path<'_>| ignored.push(path.to_string());
            let mut track = serde_path_to_error::Track::new();
            let inner = serde_path_to_error::Deserializer::new(values.clone(), &mut track);
            T::deserialize(serde_ignored::Deserializer::new(inner, &mut note))
                .map_err(|e| (track.path().to_string(), e))
        });
        let accepted = fields::of::<T>();
        self.remember(section, &values, accepted, &ignored);
        result.map_err(|(path, error)| self.wrong(section, &path, &error.to_string()))
    }

    /// The values with a ticket in the place of each secret.
    fn ticketed(&self, section: &str, mut values: Value) -> (Value, Vec<Value>) {
        let mut secrets = Vec::new();
        let above = if section.is_empty() { String::new() } else { format!("{section}.") };
        for (key, secret) in &self.secrets {
            let map = values.as_object_mut();
            let place = map.zip(key.strip_prefix(&above)).and_then(|(map, key)| at_mut(map, key));
            if let Some(place) = place {
                *place = secret::ticket(secrets.len());
                secrets.push(secret.clone());
            }
        }
        (values, secrets)
    }

    fn remember(&self, section: &str, values: &Value, accepted: &[&str], ignored: &[String]) {
        let key = |name: &str| if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.accepted.extend(accepted.iter().map(|name| key(name)));
        let ignored: BTreeSet<String> = ignored.iter().map(|path| key(path)).collect();
        let present = values.as_object().into_iter().flat_map(|map| map.keys()).map(|name| key(name));
        asked.used.extend(present.filter(|name| !ignored.contains(name)));
        asked.ignored.extend(ignored);
        if !section.is_empty() {
            asked.used.insert(section.to_owned());
        }
    }

    fn wrong(&self, section: &str, path: &str, message: &str) -> Error {
        let key = match (section, path) {
            ("", path) => path.to_owned(),
            (section, "." | "") => section.to_owned(),
            (section, path) => format!("{section}.{path}"),
        };
        let missing = message.strip_prefix("missing field ").map(|name| name.trim_matches('`').to_owned());
        if let Some(name) = missing {
            let name = if section.is_empty() { name } else { format!("{section}.{name}") };
            return Error::new(format!("the configuration lacks `{name}`"))
                .code("T0107")
                .help(format!("set it with `config set {name} VALUE`"));
        }
        let place = self.place(&key).map(|place| format!("{place}: ")).unwrap_or_default();
        let error = Error::new(format!("{place}configuration `{key}`: {message}")).code("T0107");
        if self.secrets.contains_key(&key) {
            return error
                .help(format!("`{key}` is a secret: the program reads it into a field of type `Secret<String>`"));
        }
        error
    }

    fn place(&self, key: &str) -> Option<&str> {
        self.places.get(key).map(String::as_str)
    }

    /// Keys that stand in the files and that nobody asked for, each with its place and the nearest key that somebody did ask for.
    pub fn unknown(&self, similar: impl Fn(&str, &str) -> f64) -> Vec<Error> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let unasked = self.values.keys().filter(|key| !asked.used.contains(*key) && !asked.ignored.contains(*key));
        let strangers = asked.ignored.iter().filter(|key| !asked.used.contains(*key)).chain(unasked);
        let nearest = |key: &str| {
            let scored = asked.accepted.iter().map(|known| (similar(key, known), known));
            scored.filter(|(score, _)| *score > 0.6).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known.clone())
        };
        let report = |key: &String| {
            let place = self.place(key).map(|place| format!("{place}: ")).unwrap_or_default();
            let error = Error::new(format!("{place}unknown configuration key `{key}`")).code("T0108");
            match nearest(key) {
                Some(known) => error.help(format!("did you mean `{known}`?")),
                None => error.help("remove it, or read it in the program"),
            }
        };
        strangers.map(report).collect()
    }
}

/// The value at a dotted key.
fn at_mut<'a>(values: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Value> {
    if values.contains_key(key) {
        return values.get_mut(key);
    }
    let (first, rest) = key.split_once('.')?;
    at_mut(values.get_mut(first)?.as_object_mut()?, rest)
}

mod fields {
    //! The field names that a struct's derived `Deserialize` asks for.

    use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};

    struct Probe<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Probe<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("only the names are wanted"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    pub(super) fn of<T: DeserializeOwned>() -> &'static [&'static str] {
        let mut found: &'static [&'static str] = &[];
        // The probe always fails: what it learned on the way is the result.
        let _ = T::deserialize(Probe(&mut found));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize, Debug)]
    struct Settings {
        nodes: u32,
        #[serde(default)]
        inner: Inner,
    }
    #[derive(Deserialize, Debug, Default)]
    struct Inner {
        #[serde(default)]
        width: u32,
    }
    #[derive(Deserialize, Debug, Default)]
    struct Platform {
        #[serde(default)]
        kind: String,
    }

    fn config(values: &Value) -> Config {
        let places = [("nodez", 3), ("nodes", 4), ("platform.kin", 9)];
        let places = places.map(|(key, line)| (key.to_owned(), format!("terrane.toml:{line}:1")));
        Config::new(values.as_object().unwrap().clone(), places.into())
    }

    fn alike(a: &str, b: &str) -> f64 {
        let same = a.chars().zip(b.chars()).filter(|(a, b)| a == b).count();
        same as f64 / a.len().max(b.len()) as f64
    }

    #[test]
    fn keys_that_nobody_reads_are_named_with_the_nearest() {
        let config = config(&json!({"nodes": 3, "nodez": 4, "platform": {"kind": "local", "kin": 1}}));
        let settings: Settings = config.read("").unwrap();
        assert_eq!((settings.nodes, settings.inner.width), (3, 0));
        let platform: Platform = config.read("platform").unwrap();
        assert_eq!(platform.kind, "local");
        let errors: Vec<String> = config.unknown(alike).iter().map(|e| format!("{e:?}")).collect();
        assert_eq!(
            errors,
            [
                "terrane.toml:3:1: unknown configuration key `nodez`\n  try: did you mean `nodes`?",
                "terrane.toml:9:1: unknown configuration key `platform.kin`\n  try: did you mean `platform.kind`?"
            ]
        );
    }

    #[test]
    fn a_secret_reaches_fields_for_secrets_only() {
        #[derive(Deserialize, Debug)]
        struct Held {
            nodes: crate::Secret<String>,
            platform: Option<Value>,
        }
        let secret = |key: &str| [(key.to_owned(), Value::from("hunter2-config"))].into();
        let sealed = || config(&json!({"nodes": "sealed", "platform": {"kind": "sealed"}}));
        let held: Held = sealed().with_secrets(secret("nodes")).read("").unwrap();
        assert_eq!(held.nodes.expose(), "hunter2-config");
        // A field that takes anything gets a ticket, which is worth nothing.
        let held: Held = sealed().with_secrets(secret("platform.kind")).read("").unwrap();
        assert!(!format!("{:?}", held.platform).contains("hunter2"));
        let refused = sealed().with_secrets(secret("platform.kind")).read::<Platform>("platform").unwrap_err();
        let shown = format!("{refused:?}");
        assert!(shown.contains("`Secret<String>`") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn wrong_and_missing_values_name_the_key() {
        let error = config(&json!({"nodes": "three"})).read::<Settings>("").unwrap_err().to_string();
        assert!(
            error.starts_with("terrane.toml:4:1: configuration `nodes`: invalid type: string \"three\""),
            "{error}"
        );
        let error = config(&json!({})).read::<Settings>("").unwrap_err();
        assert_eq!(error.to_string(), "the configuration lacks `nodes`");
    }
}
