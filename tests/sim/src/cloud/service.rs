//! The cloud's own side: what each request does to its objects.

use super::{Fields, Habit, Lags, Mark, Object};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// A request, as it arrives.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Create {
        habit: Habit,
        fields: Fields,
        tags: Option<Arc<Mark>>,
        maker: Arc<Mark>,
    },
    /// By id: always up to date.
    Read {
        id: String,
    },
    /// By name or key: always up to date.
    Describe {
        habit: Habit,
        place: String,
    },
    /// By the tag of an operation: lags.
    Search {
        habit: Habit,
        op: String,
    },
    /// By name, which any number of objects have.
    List {
        habit: Habit,
        name: String,
    },
    Update {
        id: String,
        fields: Fields,
    },
    Delete {
        id: String,
    },
    /// Whatever has this name or key.
    DeleteNamed {
        habit: Habit,
        place: String,
    },
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Object(Object),
    Objects(Vec<Object>),
    Gone,
    Missing,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The name or key is taken.
    Exists,
    /// The name is taken by an object with other settings.
    Differs,
    /// The token was used with other settings.
    TokenMismatch,
    /// An object that this one needs isn't there, or can't be seen yet.
    NotVisible(String),
    /// There is no such object.
    Missing,
}

/// A create that a service remembers.
struct Remembered {
    object: Object,
    until_ms: i64,
}

/// What a request happens at.
pub(super) struct Moment<'a> {
    pub now_ms: i64,
    pub lags: &'a Lags,
    /// Draws a number below another.
    pub below: &'a dyn Fn(u64) -> u64,
}

impl Moment<'_> {
    fn after(&self, most: std::time::Duration) -> i64 {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        let lag = if most == 0 { 0 } else { (self.below)(most) };
        self.now_ms + i64::try_from(lag).unwrap_or(0)
    }
}

/// All objects, and what the services remember.
#[derive(Default)]
pub(super) struct Service {
    pub objects: BTreeMap<String, Object>,
    places: HashMap<(Habit, String), String>,
    tokens: HashMap<String, Remembered>,
    numbered: u64,
    /// Who made the objects that are gone.
    gone: HashMap<String, Arc<Mark>>,
    /// How often a list lacked an object that was there.
    pub unlisted: u64,
    /// Objects that were deleted while others still needed them.
    pub broken: Vec<String>,
}

impl Service {
    pub(super) fn handle(&mut self, at: &Moment<'_>, request: Request) -> Result<Reply, Refusal> {
        match request {
            Request::Create { habit, fields, tags, maker } => self.create(at, habit, fields, tags, &maker),
            Request::Read { id } => Ok(self.objects.get(&id).cloned().map_or(Reply::Missing, Reply::Object)),
            Request::Describe { habit, place } => {
                let found = self.holder(habit, &place).and_then(|id| self.objects.get(id));
                Ok(found.cloned().map_or(Reply::Missing, Reply::Object))
            }
            Request::Search { habit, op } => {
                let mut found = self.all(habit, |object| object.tags.as_ref().is_some_and(|tags| tags.op == op));
                let there = found.len();
                found.retain(|object| object.listed_ms <= at.now_ms);
                self.unlisted += u64::from(found.len() < there);
                Ok(Reply::Objects(found))
            }
            Request::List { habit, name } => Ok(Reply::Objects(self.all(habit, |object| object.fields.name == name))),
            Request::Update { id, fields } => self.update(at, &id, fields),
            Request::Delete { id } => self.delete(&id),
            Request::DeleteNamed { habit, place } => {
                let id = self.holder(habit, &place).cloned().ok_or(Refusal::Missing)?;
                self.delete(&id)
            }
        }
    }

    /// Who made an object, also one that is gone.
    pub(super) fn maker(&self, id: &str) -> Option<&Arc<Mark>> {
        self.objects.get(id).map_or_else(|| self.gone.get(id), |object| object.maker.as_ref())
    }

    /// The object that has a name or key.
    pub(super) fn holder(&self, habit: Habit, place: &str) -> Option<&String> {
        self.places.get(&(habit, place.to_owned()))
    }

    fn all(&self, habit: Habit, shown: impl Fn(&Object) -> bool) -> Vec<Object> {
        self.objects.values().filter(|object| object.habit == habit && shown(object)).cloned().collect()
    }

    fn create(
        &mut self,
        at: &Moment<'_>,
        habit: Habit,
        fields: Fields,
        tags: Option<Arc<Mark>>,
        maker: &Arc<Mark>,
    ) -> Result<Reply, Refusal> {
        if habit == Habit::Token
            && let Some(known) = self.tokens.get(&maker.op).filter(|known| at.now_ms < known.until_ms)
        {
            // As the service has it in mind, whatever has become of the object.
            let same = known.object.fields == fields;
            return if same { Ok(Reply::Object(known.object.clone())) } else { Err(Refusal::TokenMismatch) };
        }
        let place = habit.place(&fields);
        if let Some(holder) = place.and_then(|place| self.holder(habit, &place)) {
            let object = self.objects.get(holder).filter(|object| habit == Habit::Returns && object.fields == fields);
            let refusal = if habit == Habit::Returns { Refusal::Differs } else { Refusal::Exists };
            return object.cloned().map(Reply::Object).ok_or(refusal);
        }
        self.needs(at, &fields)?;
        let object = self.add(at, habit, fields, tags, Some(maker.clone()));
        if habit == Habit::Token {
            let until_ms = at.now_ms + i64::try_from(super::TOKEN_WINDOW.as_millis()).unwrap_or(i64::MAX);
            self.tokens.insert(maker.op.clone(), Remembered { object: object.clone(), until_ms });
        }
        Ok(Reply::Object(object))
    }

    pub(super) fn add(
        &mut self,
        at: &Moment<'_>,
        habit: Habit,
        fields: Fields,
        tags: Option<Arc<Mark>>,
        maker: Option<Arc<Mark>>,
    ) -> Object {
        self.numbered += 1;
        let id = habit.id(self.numbered);
        let (listed_ms, visible_ms) = (at.after(at.lags.listed), at.after(at.lags.visible));
        let place = habit.place(&fields);
        let object = Object { id: id.clone(), habit, fields, tags, maker, revision: 1, listed_ms, visible_ms };
        if let Some(place) = place {
            self.places.insert((habit, place), id.clone());
        }
        self.objects.insert(id, object.clone());
        object
    }

    /// What an object needs has to be there for everybody to see.
    fn needs(&self, at: &Moment<'_>, fields: &Fields) -> Result<(), Refusal> {
        let unseen = |id: &&String| self.objects.get(*id).is_none_or(|object| object.visible_ms > at.now_ms);
        fields.upstream.iter().find(unseen).map_or(Ok(()), |id| Err(Refusal::NotVisible(id.clone())))
    }

    fn update(&mut self, at: &Moment<'_>, id: &str, fields: Fields) -> Result<Reply, Refusal> {
        if !self.objects.contains_key(id) {
            return Err(Refusal::Missing);
        }
        self.needs(at, &fields)?;
        let object = self.objects.get_mut(id).ok_or(Refusal::Missing)?;
        if object.fields != fields {
            (object.fields, object.revision) = (fields, object.revision + 1);
        }
        Ok(Reply::Object(object.clone()))
    }

    fn delete(&mut self, id: &str) -> Result<Reply, Refusal> {
        let object = self.objects.remove(id).ok_or(Refusal::Missing)?;
        self.gone.extend(object.maker.clone().map(|maker| (id.to_owned(), maker)));
        if let Some(place) = object.habit.place(&object.fields) {
            self.places.remove(&(object.habit, place));
        }
        if let Some(user) = self.objects.values().find(|user| user.fields.upstream.iter().any(|need| need == id)) {
            self.broken.push(format!("{id} was deleted while {} still needed it", user.id));
        }
        Ok(Reply::Gone)
    }
}
