//! What the kinds do: the ownership tag in the first request, a comparison before anything is taken for one's own or deleted by name, and
//! the permit before each later request.

use super::{
    super::{
        Fields, Habit, Mark, Object,
        client::{Client, refused},
        service::{Refusal, Reply, Request},
    },
    Told,
};
use std::{collections::BTreeMap, sync::Arc};
use terrane::{Creation, Error, Found, Progress, Result};
use terrane_core::planted::{Bug, planted};

pub(super) async fn read(habit: Habit, client: &Client, id: &str, key: &str) -> Result<Option<(Fields, Told)>> {
    let reply = client.ask(habit, Request::Read { id: id.to_owned() }).await?.map_err(refused)?;
    Ok(object(reply).filter(|object| object.habit == habit).map(|object| {
        let outputs = told(&object);
        // The secret of an access key is shown once.
        let outputs = if habit == Habit::Unmarked { Told { key: key.to_owned(), ..outputs } } else { outputs };
        (object.fields, outputs)
    }))
}

pub(super) async fn create(habit: Habit, client: &Client, fields: Fields, creation: &Creation) -> Result<Told> {
    let maker = Mark::of(creation);
    let tags = (habit != Habit::Unmarked).then(|| maker.clone());
    let request = Request::Create { habit, fields: fields.clone(), tags, maker };
    let progress = creation.progress();
    let answer = match habit {
        Habit::Returns => {
            // Its create would return another's.
            if let Some(there) = describe(habit, client, &fields).await? {
                return own(&there, creation).map_err(|what| taken(&fields, &what));
            }
            client.next(habit, request, progress).await?
        }
        _ => client.first(habit, request, progress).await?,
    };
    let made = match answer {
        Err(Refusal::Exists) => describe(habit, client, &fields).await?,
        answer => object(answer.map_err(refused)?),
    };
    let made = made.ok_or_else(|| Error::new("409 AlreadyExists, and a moment later it is gone").not_applied())?;
    match habit {
        Habit::Name | Habit::Returns | Habit::Key => own(&made, creation).map_err(|what| taken(&fields, &what)),
        Habit::Token | Habit::Tags | Habit::Unmarked => Ok(told(&made)),
    }
}

pub(super) async fn update(
    habit: Habit,
    client: &Client,
    fields: Fields,
    was: &Told,
    progress: &Progress,
) -> Result<Told> {
    let id = was.id.clone();
    let reply = client.ask(habit, Request::Read { id: id.clone() }).await?.map_err(refused)?;
    let there = object(reply).ok_or_else(|| Error::new(format!("404 there is no {id}")).not_applied())?;
    let now = if there.fields == fields {
        there
    } else {
        let reply = client.next(habit, Request::Update { id, fields }, progress).await?.map_err(refused)?;
        object(reply).unwrap_or(there)
    };
    let outputs = told(&now);
    Ok(if habit == Habit::Unmarked { Told { key: was.key.clone(), ..outputs } } else { outputs })
}

pub(super) async fn delete(
    habit: Habit,
    client: &Client,
    fields: &Fields,
    id: &str,
    progress: &Progress,
) -> Result<()> {
    let answer = match habit.place(fields) {
        None => client.first(habit, Request::Delete { id: id.to_owned() }, progress).await?,
        Some(place) => {
            // Deletes go by name: what has the name by now may be somebody else's.
            let there = describe(habit, client, fields).await?;
            let ours = there.is_some_and(|there| there.id == id || planted(Bug::DeleteByNameWithoutTag));
            if !ours {
                return Ok(());
            }
            client.next(habit, Request::DeleteNamed { habit, place }, progress).await?
        }
    };
    match answer {
        Ok(_) | Err(Refusal::Missing) => Ok(()),
        Err(refusal) => Err(refused(refusal)),
    }
}

pub(super) async fn find(habit: Habit, client: &Client, fields: &Fields, creation: &Creation) -> Result<Found<Told>> {
    match habit {
        Habit::Token | Habit::Tags => {
            let request = Request::Search { habit, op: creation.token().to_owned() };
            let found = match client.ask(habit, request).await?.map_err(refused)? {
                Reply::Objects(found) => found,
                Reply::Object(_) | Reply::Gone | Reply::Missing => Vec::new(),
            };
            Ok(match found.as_slice() {
                [] => Found::Nothing,
                [one] => Found::Ours(told(one)),
                several => Found::Several(several.iter().map(|object| object.id.clone()).collect()),
            })
        }
        Habit::Name | Habit::Returns | Habit::Key => Ok(match describe(habit, client, fields).await? {
            None => Found::Nothing,
            Some(there) => own(&there, creation).map_or_else(Found::Another, Found::Ours),
        }),
        Habit::Unmarked => Ok(Found::CannotTell),
    }
}

pub(super) async fn list(habit: Habit, client: &Client, name: &str) -> Result<Option<BTreeMap<String, Told>>> {
    if habit != Habit::Unmarked {
        return Ok(None);
    }
    let reply = client.ask(habit, Request::List { habit, name: name.to_owned() }).await?.map_err(refused)?;
    let Reply::Objects(objects) = reply else { return Ok(None) };
    let listed = |object: &Object| (object.id.clone(), Told { key: String::new(), ..told(object) });
    Ok(Some(objects.iter().map(listed).collect()))
}

async fn describe(habit: Habit, client: &Client, fields: &Fields) -> Result<Option<Object>> {
    let place = habit.place(fields).unwrap_or_default();
    Ok(object(client.ask(habit, Request::Describe { habit, place }).await?.map_err(refused)?))
}

/// The outputs of an object that this very create has made; else, whose it is.
fn own(there: &Object, creation: &Creation) -> Result<Told, String> {
    let op = there.tags.as_ref().map(|tags: &Arc<Mark>| tags.op.as_str());
    if op == Some(creation.token()) || planted(Bug::AdoptWithoutComparingTag) {
        return Ok(told(there));
    }
    Err(match &there.tags {
        Some(tags) => format!("{}, which belongs to {}", there.id, tags.urn),
        None => format!("{}, which carries no tags", there.id),
    })
}

fn taken(fields: &Fields, what: &str) -> Error {
    let help = "give this one another name, or remove the other";
    Error::new(format!("409 `{}` is taken by {what}", fields.name)).help(help).not_applied()
}

fn object(reply: Reply) -> Option<Object> {
    match reply {
        Reply::Object(object) => Some(object),
        Reply::Objects(_) | Reply::Gone | Reply::Missing => None,
    }
}

fn told(object: &Object) -> Told {
    Told { id: object.id.clone(), revision: object.revision, key: format!("key-of-{}", object.id) }
}
