//! What is said of a bucket's settings.

use super::{Place, store::Effect};
use crate::{
    Store,
    objects::{BucketSettings, Fault},
};

async fn said(
    versioned: Option<bool>,
    lets_old_versions_go: Option<bool>,
    blocks_public_access: Option<bool>,
) -> String {
    let place = Place::new();
    let settings = BucketSettings { versioned, lets_old_versions_go, blocks_public_access };
    *place.objects.settings.lock().unwrap() = settings;
    place.store().advice("shop", "dev").await.unwrap().join("\n")
}

#[tokio::test]
async fn a_bucket_is_told_what_it_lacks_and_nothing_else() {
    assert_eq!(said(None, None, None).await, "", "a store that doesn't tell is not blamed");
    assert_eq!(said(Some(true), Some(true), Some(true)).await, "");
    let forever = said(Some(true), Some(false), Some(true)).await;
    assert!(
        forever.contains("keeps all versions of its objects for ever") && forever.lines().count() == 1,
        "{forever}"
    );
    let bare = said(Some(false), Some(false), Some(false)).await;
    assert!(bare.contains("keeps no versions") && bare.contains("does not block public access"), "{bare}");
    assert_eq!(bare.lines().count(), 2, "{bare}");
}

#[tokio::test]
async fn who_may_not_list_is_told_what_stays() {
    let place = Place::new();
    place.objects.on("list", "shop/dev/", Effect::Refused(Fault::Denied("AccessDenied".to_owned())));
    let said = place.store().advice("shop", "dev").await.unwrap().join("\n");
    assert!(said.contains("never swept up") && said.contains("s3:ListBucket"), "{said}");
}
