//! State on S3, by the real program over HTTP: on moto's S3 and on the one of a local region, with a proxy in between that counts, breaks
//! and kills.

mod buckets;
mod commands;
mod faults;
mod heads;
mod http;
mod kms;
mod moto;
mod proxy;
pub(crate) mod races;
pub(crate) mod shop;

use crate::kill::points::{self, Tally, Way};
use faults::Conduct;
use shop::{Server, Shop};
use std::cell::RefCell;
use terrane_core::failpoint::Point;

/// Two files, one after the other.
const PAIR: &str = "[file.a]\ncontent = 'one'\n[file.b]\nreads = 'a'\n";

#[test]
fn a_stack_comes_stays_and_goes() {
    for server in Server::ALL {
        let shop = Shop::on(server);
        shop.session.config(&format!("{PAIR}[file.c]\nsecret = 'hunter2'\n"));
        assert!(shop.session.data("preview").contains("3 to create"));
        assert_eq!(shop.writes(), 0, "a preview writes nothing");
        shop.session.data("up --yes");
        assert!(shop.writes() > 0);
        assert!(shop.session.data("preview").contains("no changes"));
        assert!(shop.session.data("up --yes").contains("no changes"));
        assert_eq!(shop.writes(), 0, "a run without changes writes nothing");
        shop.session.data("destroy --yes");
        assert!(crate::session::files(&shop.session.path("files")).is_empty());
        assert!(shop.session.data("destroy --yes").contains("nothing to destroy"));
    }
}

#[test]
fn a_store_that_ignores_conditions_is_refused() {
    for header in ["if-none-match", "if-match"] {
        let shop = Shop::on(Server::Moto);
        shop.session.config(PAIR);
        shop.proxy.conduct(Conduct::Without { header });
        let output = shop.session.output("up --yes");
        let shown = shop.session.shown(&output);
        assert!(!output.status.success() && shown.contains("can't keep state safely"), "{header}: {shown}");
        assert!(crate::session::files(&shop.session.path("files")).is_empty(), "{header}: nothing is made");
        assert!(!shop.has_head(), "{header}: no state is begun");
    }
}

#[test]
fn whatever_becomes_of_requests_the_program_gets_there() {
    let ways = Way::without_secrets();
    for (server, seed) in Server::ALL.into_iter().zip(1..) {
        let shop = Shop::on(server);
        for way in &ways {
            way.begin(&shop.session);
            shop.proxy.conduct(Conduct::Faulty { seed });
            shop.persist("up --yes");
            shop.proxy.conduct(Conduct::Faithful);
            way.finish(&shop.session, "behind a proxy with faults");
        }
        assert!(shop.proxy.done().values().sum::<u64>() >= 5, "{:?}", shop.proxy.done());
        shop.audit();
    }
}

#[test]
fn whatever_request_a_run_is_killed_at_the_next_one_ends_where_it_would_have() {
    let ways = Way::without_secrets();
    let mut tally = Tally::default();
    for server in Server::ALL {
        let shop = Shop::on(server);
        shop.kill_at_requests(&ways, 7, 10, &mut tally);
        shop.audit();
    }
    assert!(tally.total() >= 20, "only {} kills:\n{tally}", tally.total());
}

#[test]
fn whatever_point_a_run_is_killed_at_the_next_one_takes_over_at_once() {
    let ways = Way::without_secrets();
    kill_at_points(Server::Region, &ways);
    // Moto is slow, and one of the ways leads past all points, too.
    kill_at_points(Server::Moto, &ways[..1]);
}

fn kill_at_points(server: Server, ways: &[Way]) {
    let mut tally = Tally::default();
    let shops = RefCell::new(Vec::new());
    let fresh = || {
        let (session, rest) = Shop::on(server).parts();
        shops.borrow_mut().push(rest);
        session
    };
    points::at_every_point(fresh, ways, 1, &mut tally);
    // The key is kept in the head: it has no write of its own.
    let missing: Vec<Point> = points::missing(&tally).into_iter().filter(|point| *point != Point::KeyWritten).collect();
    assert!(missing.is_empty(), "{server:?}: never killed at {missing:?}");
}
