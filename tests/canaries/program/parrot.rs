//! The provider: it puts what it is told into every text that it may say.

use crate::words::canary;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};
use terrane::{Class, Creation, Error, Kinds, Live, Outputs, Problems, Progress, Provider, Resource, Result};

/// Its settings: none.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Parrot {}

impl Provider for Parrot {
    const NAME: &'static str = "parrot";
    const PLACE: &'static [&'static str] = &[];
    type Client = ();

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    fn kinds(kinds: &mut Kinds<Self>) {
        kinds.add::<Bird>();
    }
}

/// A bird that repeats what it hears.
#[derive(Resource, Serialize, Deserialize, Clone)]
#[resource(kind = "parrot:Bird", provider = Parrot, outputs = Heard)]
pub(crate) struct Bird {
    mood: String,
    #[input(secret)]
    word: String,
    perch: Option<String>,
    wires: Option<BTreeMap<String, Vec<String>>>,
}

/// What it tells.
#[derive(Outputs, Serialize, Deserialize, Clone)]
pub(crate) struct Heard {
    #[output(stable)]
    pub id: String,
    #[output(secret)]
    pub token: String,
    pub echo: String,
}

impl Bird {
    fn words(&self) -> Vec<&str> {
        let deep = self.wires.iter().flat_map(|wires| wires.values().flatten());
        [&self.word].into_iter().chain(&self.perch).chain(deep).map(String::as_str).collect()
    }

    /// All that it knows, in every form that a service's answer may have.
    fn squawk(&self) -> String {
        self.words().into_iter().map(squawk).collect::<Vec<_>>().join("; ")
    }

    fn answer(&self, progress: &Progress) -> Result<()> {
        progress.say(format!("waiting for {}", self.squawk()));
        match self.mood.as_str() {
            "failing" => Err(Error::new(format!("401 for {}", self.squawk())).help(self.squawk()).not_applied()),
            _ => Ok(()),
        }
    }

    fn heard(&self, id: &str) -> Heard {
        let number = id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(999);
        Heard { id: id.to_owned(), token: canary(2000 + number), echo: self.word.clone() }
    }
}

fn squawk(word: &str) -> String {
    let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let url: String = word.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let query: String = word
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let basic = STANDARD.encode(format!("ada:{word}"));
    let json = serde_json::json!({ "word": word });
    format!("{word} {word:?} {json} {hex} {query} Basic {basic} {} {}", STANDARD.encode(word), url.len())
}

/// The first creates are turned away.
static TURNED_AWAY: AtomicUsize = AtomicUsize::new(0);

impl Resource for Bird {
    fn check(&self, problems: &mut Problems) {
        if self.mood == "wrong" {
            problems.add("word", format!("must not be {}", self.squawk()));
        }
    }

    async fn read(_: &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        match was.inputs.mood.as_str() {
            "sulking" => {
                Err(Error::new(format!("403 for {} with {}", was.inputs.squawk(), squawk(&was.outputs.token))))
            }
            _ => {
                let outputs = Heard { token: format!("{}-new", was.outputs.token), ..was.outputs.clone() };
                Ok(Some(Live { inputs: was.inputs.clone(), outputs }))
            }
        }
    }

    async fn create(&self, (): &(), creation: &Creation) -> Result<Heard> {
        if TURNED_AWAY.fetch_add(1, Ordering::Relaxed) < 3 {
            return Err(Error::new(format!("429 for {}", self.squawk()))
                .class(Class::Throttled { after: None })
                .not_applied());
        }
        self.answer(creation.progress())?;
        Ok(self.heard(creation.urn().name()))
    }

    async fn update(&self, (): &(), was: &Live<Self>, progress: &Progress) -> Result<Heard> {
        progress.say(squawk(&was.outputs.token));
        self.answer(progress)?;
        Ok(self.heard(&was.outputs.id))
    }

    async fn delete((): &(), was: &Live<Self>, progress: &Progress) -> Result<()> {
        was.inputs.answer(progress)?;
        match was.inputs.mood.as_str() {
            "sulking" => Err(Error::new(format!("409 for {}", was.inputs.squawk()))),
            _ => Ok(()),
        }
    }

    async fn import((): &(), id: &str) -> Result<Option<Live<Self>>> {
        Err(Error::new(format!("there is no {id}, only {}", squawk(&canary(1)))).not_applied())
    }
}
