//! Programs: small graphs that are drawn at random, and the versions that one becomes.

use crate::cloud::{Fields, Habit, Settings, Sky, ToldHandle, declare};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Write, sync::Arc};
use terrane::{On, Output, Result, Stack, text};
use terrane_core::Program as Declares;

/// The cloud that every simulated program uses.
pub const CLOUD: &str = "one";

/// One resource of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its kind, as a position in [`Habit::ALL`].
    pub kind: usize,
    /// What it holds.
    pub value: u32,
    /// What can't be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<u32>,
    /// The resources whose ids it needs, by number; each smaller than its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
    /// The resource whose id its value names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<usize>,
    /// How often it has got another name.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub renamed: u32,
    /// Whether it is declared only when the value that the program waits for is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub later: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A program: resources by number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Program(pub BTreeMap<usize, Item>);

impl Item {
    /// A resource of a kind, with nothing but a value.
    pub fn new(habit: Habit, value: u32) -> Self {
        let kind = Habit::ALL.iter().position(|other| *other == habit).unwrap_or(0);
        Self { kind, value, shape: None, needs: Vec::new(), reads: None, renamed: 0, later: false }
    }

    /// The same, needing others.
    #[must_use]
    pub fn needing(self, needs: &[usize]) -> Self {
        Self { needs: needs.to_vec(), ..self }
    }

    /// The same with a shape.
    #[must_use]
    pub fn shaped(self, shape: u32) -> Self {
        Self { shape: Some(shape), ..self }
    }

    /// The same, declared later.
    #[must_use]
    pub fn later(self) -> Self {
        Self { later: true, ..self }
    }

    /// What stands for one that somebody has made by hand.
    pub fn fields(&self, number: usize) -> Fields {
        let (name, value) = (self.name(number), format!("v{}", self.value));
        Fields { name, value, shape: self.shape.map(|shape| format!("s{shape}")), ..Fields::default() }
    }

    /// The habit of its kind.
    pub fn habit(&self) -> Habit {
        Habit::ALL[self.kind % Habit::ALL.len()]
    }

    /// Its name as the resource of this number.
    pub fn name(&self, number: usize) -> String {
        self.former_name(number, self.renamed)
    }

    /// The name before a rename. What is declared later is called otherwise: a resource that changes its scope is another one, and two can't
    /// have the same physical name at once.
    fn former_name(&self, number: usize, renamed: u32) -> String {
        let letter = if self.later { 'x' } else { 'r' };
        if renamed == 0 { format!("{letter}{number}") } else { format!("{letter}{number}-{renamed}") }
    }
}

/// What programs are drawn from.
#[derive(Debug, Clone)]
pub struct Taste {
    /// How many resources there are at most.
    pub most: usize,
    /// How many resources each one needs, in percent of those before it, and at most.
    pub density: u32,
    /// The kinds there are, as positions in [`Habit::ALL`].
    pub kinds: Vec<usize>,
    /// Whether a part of the program waits for a value.
    pub expands: bool,
}

impl Taste {
    /// A taste from a seed: most programs are small.
    pub fn drawn(rng: &mut Rng) -> Self {
        let most = match rng.u32(0..1000) {
            0..750 => rng.usize(1..=6),
            750..990 => rng.usize(6..=14),
            990..999 => rng.usize(15..=40),
            _ => rng.usize(41..=200),
        };
        let mut kinds: Vec<usize> = (0..Habit::ALL.len()).filter(|_| rng.u32(0..3) > 0).collect();
        if kinds.is_empty() {
            kinds = (0..Habit::ALL.len()).collect();
        }
        let density = if most > 14 { 200 / u32::try_from(most).unwrap_or(u32::MAX) } else { rng.u32(0..60) };
        Self { most, density, kinds, expands: rng.u32(0..5) == 0 }
    }

    fn item(&self, rng: &mut Rng, number: usize, others: &Program) -> Item {
        let before: Vec<usize> = others.0.range(..number).map(|(other, _)| *other).collect();
        let needs = before.iter().copied().filter(|_| rng.u32(0..100) < self.density).take(4).collect();
        let reads = rng.choice(&before).copied().filter(|_| rng.u32(0..100) < 30);
        let shape = rng.bool().then(|| rng.u32(0..3));
        let kind = self.kinds[rng.usize(0..self.kinds.len())];
        let later = self.expands && number > 0 && rng.u32(0..3) == 0;
        Item { kind, value: rng.u32(0..4), shape, needs, reads, renamed: 0, later }
    }

    /// A new program.
    pub fn first(&self, rng: &mut Rng) -> Program {
        let mut program = Program::default();
        for number in 0..self.most {
            if rng.u32(0..10) < 8 {
                let item = self.item(rng, number, &program);
                program.0.insert(number, item);
            }
        }
        program.mend();
        program
    }

    /// The next version of a program.
    pub fn next(&self, rng: &mut Rng, program: &Program) -> Program {
        let mut next = program.clone();
        for number in 0..self.most {
            match (rng.u32(0..12), next.0.get_mut(&number)) {
                (0..2, Some(_)) => drop(next.0.remove(&number)),
                (2..5, Some(item)) => item.value = rng.u32(0..4),
                (5..7, Some(item)) => item.shape = rng.bool().then(|| rng.u32(0..3)),
                (7, Some(item)) => item.renamed += 1,
                (0..6, None) => {
                    let item = self.item(rng, number, &next);
                    next.0.insert(number, item);
                }
                _ => {}
            }
        }
        next.mend();
        next
    }
}

impl Program {
    /// A program of these resources, numbered from 0.
    pub fn of(items: impl IntoIterator<Item = Item>) -> Self {
        Self(items.into_iter().enumerate().collect())
    }

    /// The resource, by number, that has this name or had it before a rename.
    pub fn number_of(name: &str) -> Option<usize> {
        name.get(1..)?.split('-').next()?.parse().ok()
    }

    /// What is gone can't be used, and what is declared first can't use what is declared later.
    pub fn mend(&mut self) {
        let numbers: BTreeMap<usize, bool> = self.0.iter().map(|(number, item)| (*number, item.later)).collect();
        let waits = self.waits_for();
        for (number, item) in &mut self.0 {
            item.later &= waits.is_some_and(|waits| waits < *number);
            let later = item.later;
            let fits = |other: &usize| numbers.get(other).is_some_and(|other_later| later || !other_later);
            item.needs.retain(fits);
            item.reads = item.reads.filter(|read| fits(read));
        }
    }

    /// The resource whose id the later part waits for.
    fn waits_for(&self) -> Option<usize> {
        self.0.iter().find(|(_, item)| !item.later).map(|(number, _)| *number)
    }

    /// The program as the engine takes it.
    pub fn declares(&self, secret: Option<&str>) -> Arc<Declares> {
        let (program, secret) = (self.clone(), secret.map(str::to_owned));
        Arc::new(move |stack: &Stack| {
            let sky = stack.provider(Sky::named(CLOUD));
            let mut made = Made { handles: BTreeMap::new(), secret: secret.clone() };
            made.declare(stack, &sky, program.0.iter().filter(|(_, item)| !item.later))?;
            let later: BTreeMap<usize, Item> =
                program.0.iter().filter(|(_, item)| item.later).map(|(number, item)| (*number, item.clone())).collect();
            let waits = program.waits_for().and_then(|number| made.handles.get(&number));
            if let Some(waits) = waits.filter(|_| !later.is_empty()) {
                let before = made.clone();
                stack.expand("later", &waits.id, move |stack, _| before.clone().declare(stack, &sky, later.iter()));
            }
            Ok(())
        })
    }

    /// The program in a few words.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for (number, item) in &self.0 {
            let separator = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{separator}{} {} v{}", item.habit().kind(), item.name(*number), item.value);
            if let Some(shape) = item.shape {
                let _ = write!(text, " s{shape}");
            }
            if !item.needs.is_empty() {
                let _ = write!(text, " needs {:?}", item.needs);
            }
            if let Some(reads) = item.reads {
                let _ = write!(text, " reads {reads}");
            }
            text.push_str(if item.later { " later" } else { "" });
        }
        if text.is_empty() { "nothing".to_owned() } else { text }
    }
}

/// What is declared so far.
#[derive(Clone)]
struct Made {
    handles: BTreeMap<usize, ToldHandle>,
    secret: Option<String>,
}

impl Made {
    fn declare<'a>(
        &mut self,
        stack: &Stack,
        sky: &On<Sky>,
        items: impl Iterator<Item = (&'a usize, &'a Item)>,
    ) -> Result<()> {
        for (number, item) in items {
            let id = |other: &usize| self.handles.get(other).map(|handle| handle.id.clone());
            let value = match item.reads.as_ref().and_then(id) {
                Some(id) => text!("v{} {}", item.value, id),
                None => Output::known(format!("v{}", item.value)),
            };
            let settings = Settings {
                value,
                upstream: item.needs.iter().filter_map(id).collect(),
                shape: item.shape.map(|shape| format!("s{shape}")),
                password: self.secret.clone(),
                renamed_from: item.renamed.checked_sub(1).map(|former| item.former_name(*number, former)),
            };
            let handle = declare(stack, sky, item.habit(), &item.name(*number), settings);
            self.handles.insert(*number, handle);
        }
        Ok(())
    }
}
