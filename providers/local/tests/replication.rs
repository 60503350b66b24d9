//! Replication between two regions: arrival, order, cuts, and that nothing bounces or gets lost.

use terrane_local::spec::{BucketSpec, ReplicationFault, ReplicationOrder, ReplicationRule};

use crate::s3::S3;
use crate::support::{Region, eventually};

const BUCKET: &str = "snapshots";

/// Two regions whose buckets replicate to each other.
async fn pair() -> [(Region, S3); 2] {
    let regions = [Region::start("east").await, Region::start("west").await];
    let [east, west] = regions;
    let s3 = [S3::of(&east).await, S3::of(&west).await];
    for (region, peer) in [(&east, &west), (&west, &east)] {
        let rule = ReplicationRule {
            peer: peer.name.to_owned(),
            peer_folder: peer.folder.clone(),
            bucket: BUCKET.to_owned(),
            existing_objects: false,
        };
        region.client().await.put_bucket(BUCKET, BucketSpec { replication: vec![rule] }).await.unwrap();
    }
    let [east_s3, west_s3] = s3;
    [(east, east_s3), (west, west_s3)]
}

async fn pending(region: &Region, peer: &Region) -> u64 {
    let mut status = region.status().await;
    status.buckets.remove(BUCKET).unwrap().replication.remove(peer.name).unwrap().pending
}

async fn set(region: &Region, peer: &Region, fault: ReplicationFault) {
    region.client().await.set_replication_fault(BUCKET, peer.name, fault).await.unwrap();
}

async fn arrives(s3: &S3, key: &str, body: &str) {
    let path = format!("{BUCKET}/{key}");
    eventually(&format!("{key} arrives"), async || s3.get(&path).text() == body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_arrive_on_both_sides_and_do_not_bounce() {
    let [(east, east_s3), (west, west_s3)] = pair().await;
    east_s3.put("snapshots/a", "from east");
    west_s3.put("snapshots/b", "from west");
    arrives(&west_s3, "a", "from east").await;
    arrives(&east_s3, "b", "from west").await;
    let tag = |s3: &S3| s3.get("snapshots/a").header("etag").unwrap().to_owned();
    assert_eq!(tag(&east_s3), tag(&west_s3));

    west_s3.put("snapshots/a", "changed by west");
    arrives(&east_s3, "a", "changed by west").await;
    eventually("both queues are empty", async || pending(&east, &west).await + pending(&west, &east).await == 0).await;
    // A replica that bounced would be queued by now: it is queued before it can be read.
    assert_eq!(west_s3.get("snapshots/a").text(), "changed by west");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_may_arrive_before_its_data() {
    let [(east, east_s3), (west, west_s3)] = pair().await;
    let order = ReplicationOrder::PointersFirst { names: vec!["latest.json".to_owned()] };
    set(&east, &west, ReplicationFault { lag_ms: 3_600_000, cut: false, order }).await;
    east_s3.put("snapshots/0/data", "data");
    east_s3.put("snapshots/0/latest.json", "pointer");
    arrives(&west_s3, "0/latest.json", "pointer").await;
    assert_eq!(west_s3.get("snapshots/0/data").status, 404);
    assert_eq!(pending(&east, &west).await, 1);
    set(&east, &west, ReplicationFault::default()).await;
    arrives(&west_s3, "0/data", "data").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_only_delays_also_when_the_agent_is_killed() {
    let [(east, east_s3), (west, west_s3)] = pair().await;
    set(&east, &west, ReplicationFault { cut: true, ..ReplicationFault::default() }).await;
    for key in ["a", "b", "c"] {
        east_s3.put(&format!("snapshots/{key}"), "first");
    }
    east_s3.put("snapshots/a", "second");
    assert_eq!(pending(&east, &west).await, 3);
    east.kill_agent().await;
    east.start_agent().await;
    assert_eq!(pending(&east, &west).await, 3);
    assert_eq!(west_s3.get("snapshots/a").status, 404);

    set(&east, &west, ReplicationFault::default()).await;
    arrives(&west_s3, "a", "second").await;
    arrives(&west_s3, "c", "first").await;

    west.kill_agent().await;
    east_s3.put("snapshots/d", "written while west was away");
    eventually("the error is told", async || {
        let status = east.status().await;
        status.buckets[BUCKET].replication["west"]
            .last_error
            .as_ref()
            .is_some_and(|error| error.contains("no region agent"))
    })
    .await;
    west.start_agent().await;
    arrives(&west_s3, "d", "written while west was away").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_between_regions_holds_in_both_directions() {
    let [(east, east_s3), (west, west_s3)] = pair().await;
    east.client().await.cut("west", &west.folder).await.unwrap();
    east_s3.put("snapshots/a", "from east");
    west_s3.put("snapshots/b", "from west");
    eventually("west is refused", async || {
        let status = west.status().await;
        status.buckets[BUCKET].replication["east"]
            .last_error
            .as_ref()
            .is_some_and(|error| error.contains("is cut from"))
    })
    .await;
    assert_eq!(west_s3.get("snapshots/a").status, 404);
    assert_eq!(east.status().await.cut_from, ["west"]);
    east.client().await.heal("west").await.unwrap();
    arrives(&west_s3, "a", "from east").await;
    arrives(&east_s3, "b", "from west").await;
}
