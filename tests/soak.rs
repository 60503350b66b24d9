//! The same kills and races as in `kill` and `s3`, for as long as one likes: `cargo xtask soak` runs them, and prints how often the program
//! was killed where.

use crate::{
    kill::points::{self, Tally, Way},
    s3::{
        races,
        shop::{Server, Shop},
    },
    session::Session,
};
use std::env;

/// Who serves the bucket: a region of the local platform answers requests side by side, moto one after the other.
fn server() -> Server {
    match env::var("TERRANE_SOAK_STORE").as_deref() {
        Err(_) | Ok("embedded") => Server::Region,
        Ok("moto") => Server::Moto,
        Ok(other) => panic!("there is no store {other}"),
    }
}

/// A number that `cargo xtask soak` has set.
fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

fn seed() -> u64 {
    number("TERRANE_SOAK_SEED", 1)
}

#[test]
#[ignore = "takes as long as one likes: cargo xtask soak"]
fn kills_on_a_disk() {
    let mut tally = Tally::default();
    let kills = number("TERRANE_SOAK_KILLS", 2_000);
    points::at_random_points(&Session::new(), &Way::all(), seed(), kills, &mut tally);
    println!("{} kills with state on a disk, seed {}:\n{tally}", tally.total(), seed());
}

#[test]
#[ignore = "takes as long as one likes: cargo xtask soak"]
fn kills_on_s3() {
    let mut tally = Tally::default();
    let kills = number("TERRANE_SOAK_KILLS_S3", 1_000);
    let (ways, shop) = (Way::without_secrets(), Shop::on(server()));
    shop.kill_at_requests(&ways, seed(), kills / 2, &mut tally);
    points::at_random_points(&shop.session, &ways, seed(), kills / 2, &mut tally);
    shop.audit();
    println!("{} kills with state on S3 ({:?}), seed {}:\n{tally}", tally.total(), server(), seed());
}

#[test]
#[ignore = "takes as long as one likes: cargo xtask soak"]
fn races_on_s3() {
    let most = usize::try_from(number("TERRANE_SOAK_RACERS", 32)).unwrap();
    for racers in [2, 4, 8, 16, 32].into_iter().filter(|racers| *racers <= most) {
        let epochs = races::race(server(), racers, 2);
        println!("{racers} processes on one stack ({:?}): {epochs} epochs, one holder each", server());
    }
}
