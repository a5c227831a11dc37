//! Whose signatures count, from the upload to what devices are offered.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;

use super::super::{
    KeyRefusal, NewKey, ReleaseTrust, SignatureError, SignaturePolicy, SignatureState, UploadError,
    VerificationKey, compare_rest,
};
use super::{Bench, fixture, request};
use crate::clock::Clock;
use crate::deployments::DeviceFacts;
use crate::deployments::offer::{Decision, Reason};
use crate::deployments::service::{DeploymentError, Deployments, Plan, Target};
use crate::devices::{DeviceStatus, Identity};
use crate::fleet::FleetIndex;
use crate::ids::{ArtifactId, DeviceId, KeyId, TenantId, UserId};
use crate::storage::devices::NewDevice;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{Page, devices, verification_keys};

database_tests![
    a_policy_that_requires_refuses_what_no_valid_key_signed,
    what_changes_while_an_artifact_arrives_counts,
    a_revoked_key_stops_what_only_it_signed,
    the_end_of_a_validity_needs_no_request,
    a_new_key_finds_what_it_signed_even_after_a_stop,
    keys_that_cannot_be_are_refused,
    the_policy_of_the_configuration_is_for_the_first_start,
];

fn pem(name: &str) -> String {
    let folder =
        std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../artifact-tool/tests/fixtures/keys");
    std::fs::read_to_string(folder.join(format!("{name}.public.pem"))).unwrap()
}

fn new_key(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), pem: pem(name), not_before: None, not_after: None }
}

struct TrustBench {
    bench: Bench,
    trust: ReleaseTrust,
    fleet: Arc<FleetIndex>,
    user: UserId,
}

impl TrustBench {
    async fn new(storage: TestDatabase) -> Self {
        let bench = Bench::new(storage);
        let fleet = Arc::new(FleetIndex::load(&bench.storage.database).await.unwrap());
        bench.storage.database.follow(Arc::<FleetIndex>::clone(&fleet));
        let trust =
            ReleaseTrust::new(bench.storage.scope(), bench.releases.blobs.clone(), bench.clock.clone());
        Self { bench, trust, fleet, user: UserId::generate() }
    }

    async fn require(&self) {
        self.trust.set_policy(SignaturePolicy::Require, self.user).await.unwrap();
    }

    async fn add(&self, name: &str) -> VerificationKey {
        self.trust.add(&new_key(name), self.user).await.unwrap()
    }

    /// Rolls the release of an artifact out to one device, whose facts come back.
    async fn roll_out(&self, id: ArtifactId) -> Result<DeviceFacts, DeploymentError> {
        let artifact = self.bench.releases.artifact(id).await.unwrap();
        let scope = self.bench.storage.scope();
        let tx = scope.begin().await.unwrap();
        let device = DeviceId::generate();
        let identity = Identity::parse(&format!(r#"{{"sn":"{device}"}}"#)).unwrap();
        let new = NewDevice { id: device, identity, status: DeviceStatus::Accepted };
        let now = self.bench.clock.now();
        let number = devices::insert_many(&tx.scope(), &[new], now).await.unwrap()[0];
        tx.commit(now).await.unwrap();
        let plan = Plan {
            name: "rollout".to_owned(),
            artifact_name: artifact.name.clone(),
            target: Target::Devices(vec![device]),
            forced: false,
            phases: Vec::new(),
            retries: 0,
        };
        Deployments::new(scope, Arc::clone(&self.fleet), self.bench.clock.clone()).create(&plan).await?;
        Ok(DeviceFacts {
            number,
            device_type: artifact.contents.device_types[0].clone(),
            artifact_name: String::new(),
            provides: BTreeMap::new(),
            provides_known: false,
        })
    }

    /// What the index decides that followed every change, which is what one decides that is loaded now.
    async fn decide(&self, facts: &DeviceFacts) -> (Decision, Vec<Reason>) {
        let now = self.bench.clock.now();
        let followed = self.fleet.explain(TenantId::DEFAULT, facts, now);
        let loaded = FleetIndex::load(&self.bench.storage.database).await.unwrap();
        assert_eq!(loaded.explain(TenantId::DEFAULT, facts, now), followed);
        (followed.0, followed.1.into_iter().map(|(_, reason)| reason).collect())
    }

    async fn state(&self, id: ArtifactId) -> SignatureState {
        self.bench.releases.artifact(id).await.unwrap().signature(self.bench.clock.now())
    }
}

async fn a_policy_that_requires_refuses_what_no_valid_key_signed(storage: TestDatabase) {
    let one = TrustBench::new(storage).await;
    one.require().await;
    let refused = |outcome: Result<ArtifactId, UploadError>| match outcome {
        Err(UploadError::Signature(refused)) => refused,
        other => panic!("not refused by its signature: {other:?}"),
    };
    let unsigned = one.bench.upload(&fixture("module-single"), request()).await;
    assert_eq!(refused(unsigned), SignatureError::Missing);
    let signed = fixture("signed-p256");
    let untrusted = one.bench.upload(&signed, request()).await;
    assert_eq!(refused(untrusted), SignatureError::Untrusted { tried: vec![] });
    one.add("p256-other").await;
    let tried = vec!["p256-other".to_owned()];
    let untrusted = one.bench.upload(&signed, request()).await;
    assert_eq!(refused(untrusted), SignatureError::Untrusted { tried: tried.clone() });
    // Refused as soon as the signature is read, whatever would follow.
    let head = signed.windows(12).position(|bytes| bytes == b"manifest.sig").unwrap() + 2048;
    let mut cut = one.bench.releases.upload(request()).await.unwrap();
    let mut early = cut.write(Bytes::copy_from_slice(&signed[..head])).await;
    for _ in 0..100 {
        if early.is_err() {
            break;
        }
        tokio::task::yield_now().await;
        early = cut.write(Bytes::from_static(b"x")).await;
    }
    assert!(matches!(early, Err(UploadError::Signature(SignatureError::Untrusted { .. }))), "{early:?}");
    let key = one.add("p256").await;
    one.trust.revoke(key.id, one.user).await.unwrap();
    let revoked = one.bench.upload(&signed, request()).await;
    assert_eq!(refused(revoked), SignatureError::Revoked { name: "p256".to_owned(), tried });
    assert!(one.bench.files().is_empty(), "nothing refused is left");
    // Revoked is for good, but the same key can be trusted anew.
    let again = one.add("p256").await;
    assert_ne!(again.id, key.id);
    let id = one.bench.upload(&signed, request()).await.unwrap();
    let signers: Vec<KeyId> = one.bench.releases.artifact(id).await.unwrap().signer_ids();
    assert_eq!(signers, [key.id, again.id], "all keys that fit are recorded");
    assert_eq!(one.state(id).await, SignatureState::Trusted);
}

async fn what_changes_while_an_artifact_arrives_counts(storage: TestDatabase) {
    let one = TrustBench::new(storage).await;
    let signed = fixture("signed-rsa3072");
    let begin = || async {
        let mut upload = one.bench.releases.upload(request()).await.unwrap();
        upload.write(Bytes::copy_from_slice(&signed[..signed.len() - 1])).await.unwrap();
        upload
    };
    let end = |mut upload: super::super::Upload| async {
        upload.write(Bytes::copy_from_slice(&signed[signed.len() - 1..])).await?;
        upload.finish().await
    };
    let upload = begin().await;
    one.require().await;
    let refused = end(upload).await;
    assert!(matches!(refused, Err(UploadError::Signature(SignatureError::Untrusted { .. }))), "{refused:?}");
    let key = one.add("rsa3072").await;
    let upload = begin().await;
    one.trust.revoke(key.id, one.user).await.unwrap();
    let refused = end(upload).await;
    assert!(matches!(refused, Err(UploadError::Signature(SignatureError::Revoked { .. }))), "{refused:?}");
    assert!(one.bench.files().is_empty());
    one.trust.set_policy(SignaturePolicy::Warn, one.user).await.unwrap();
    let upload = begin().await;
    let late = one.add("rsa3072").await;
    let id = end(upload).await.unwrap();
    assert_eq!(one.bench.releases.artifact(id).await.unwrap().signer_ids(), [key.id, late.id]);
}

async fn a_revoked_key_stops_what_only_it_signed(storage: TestDatabase) {
    let one = TrustBench::new(storage).await;
    let key = one.add("ed25519").await;
    let id = one.bench.upload_fixture("signed-ed25519").await;
    let facts = one.roll_out(id).await.unwrap();
    let (offered, _) = one.decide(&facts).await;
    assert!(matches!(offered, Decision::Offer { artifact, .. } if artifact == id), "{offered:?}");
    one.require().await;
    assert_eq!(one.decide(&facts).await.0, offered);
    let revoked = one.trust.revoke(key.id, one.user).await.unwrap();
    assert_eq!(revoked.revocation.unwrap().1, one.user);
    let (withheld, reasons) = one.decide(&facts).await;
    assert!(matches!(withheld, Decision::Withheld { .. }), "{withheld:?}");
    assert_eq!(reasons, [Reason::SignatureUntrusted(id)]);
    assert_eq!(one.state(id).await, SignatureState::Revoked);
    let refused = one.roll_out(id).await;
    assert!(matches!(refused, Err(DeploymentError::Untrusted(_))), "{refused:?}");
    // The policy acts at once, in both directions, and so does a key.
    one.trust.set_policy(SignaturePolicy::Warn, one.user).await.unwrap();
    assert_eq!(one.decide(&facts).await.0, offered);
    one.require().await;
    assert!(matches!(one.decide(&facts).await.0, Decision::Withheld { .. }));
    one.add("ed25519").await;
    assert_eq!(one.decide(&facts).await.0, offered);
    // A second revocation changes nothing of the first.
    let later = one.trust.revoke(key.id, UserId::generate()).await.unwrap();
    assert_eq!(later.revocation, revoked.revocation);
}

async fn the_end_of_a_validity_needs_no_request(storage: TestDatabase) {
    let one = TrustBench::new(storage).await;
    let now = one.bench.clock.now();
    let (start, end) = (now + TimeDelta::minutes(1), now + TimeDelta::hours(1));
    let new = NewKey { not_before: Some(start), not_after: Some(end), ..new_key("p256") };
    one.trust.add(&new, one.user).await.unwrap();
    let id = one.bench.upload_fixture("signed-p256").await;
    assert_eq!(one.state(id).await, SignatureState::NotYetValid);
    let facts = one.roll_out(id).await.unwrap();
    one.require().await;
    assert!(matches!(one.decide(&facts).await.0, Decision::Withheld { .. }));
    one.bench.clock.advance(TimeDelta::minutes(2));
    assert!(matches!(one.decide(&facts).await.0, Decision::Offer { .. }));
    one.bench.clock.advance(TimeDelta::hours(1));
    assert!(matches!(one.decide(&facts).await.0, Decision::Withheld { .. }));
    assert_eq!(one.state(id).await, SignatureState::Expired);
    let refused = one.bench.upload(&fixture("signed-p256"), request()).await;
    assert!(
        matches!(&refused, Err(UploadError::Signature(SignatureError::OutsideValidity { name, .. })) if name == "p256"),
        "{refused:?}"
    );
}

async fn a_new_key_finds_what_it_signed_even_after_a_stop(storage: TestDatabase) {
    let one = TrustBench::new(storage).await;
    let by_rsa = one.bench.upload_fixture("signed-rsa3072").await;
    let by_p256 = one.bench.upload_fixture("signed-p256").await;
    let unsigned = one.bench.upload_fixture("module-multi").await;
    let facts = one.roll_out(by_rsa).await.unwrap();
    one.require().await;
    assert!(matches!(one.decide(&facts).await.0, Decision::Withheld { .. }));
    // A stop after the key was stored, before artifacts were compared with it.
    let key = VerificationKey { compared: false, ..one.add("p256-other").await };
    let key = VerificationKey {
        id: KeyId::generate(),
        key: artifact::VerifyingKey::from_pem(&pem("rsa3072")).unwrap(),
        ..key
    };
    let tx = one.bench.storage.scope().begin().await.unwrap();
    verification_keys::insert(&tx.scope(), &key).await.unwrap();
    let appeared = crate::storage::Change::VerificationKey { id: key.id, validity: key.validity };
    tx.scope().record(appeared);
    tx.commit(one.bench.clock.now()).await.unwrap();
    assert_eq!(one.state(by_rsa).await, SignatureState::Untrusted);
    let clock: Arc<dyn Clock> = one.bench.clock.clone();
    compare_rest(&one.bench.storage.database, &one.bench.releases.blobs, &clock).await.unwrap();
    assert_eq!(one.state(by_rsa).await, SignatureState::Trusted);
    assert_eq!(one.state(by_p256).await, SignatureState::Untrusted);
    assert_eq!(one.state(unsigned).await, SignatureState::Unsigned);
    assert!(matches!(one.decide(&facts).await.0, Decision::Offer { .. }));
    assert!(one.trust.key(key.id).await.unwrap().compared);
}

async fn keys_that_cannot_be_are_refused(storage: TestDatabase) {
    let one = TrustBench::new(storage).await;
    let key = one.add("p256").await;
    let add = async |new: NewKey| one.trust.add(&new, one.user).await;
    assert!(matches!(add(new_key("p256")).await, Err(KeyRefusal::Known(name)) if name == "p256"));
    for name in [String::new(), "x".repeat(257), "a\nb".to_owned(), "a\0".to_owned()] {
        assert!(matches!(add(NewKey { name, ..new_key("rsa3072") }).await, Err(KeyRefusal::Name)));
    }
    let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned();
    assert!(matches!(add(NewKey { pem, ..new_key("rsa3072") }).await, Err(KeyRefusal::Key(_))));
    let now = one.bench.clock.now();
    let (not_before, not_after) = (Some(now), Some(now - TimeDelta::seconds(1)));
    let backwards = NewKey { not_before, not_after, ..new_key("rsa3072") };
    assert!(matches!(add(backwards).await, Err(KeyRefusal::Window)));
    let unknown = KeyId::generate();
    assert!(matches!(one.trust.revoke(unknown, one.user).await, Err(KeyRefusal::NotFound(_))));
    let (listed, total) = one.trust.keys(Page { page: 1, per_page: 10 }).await.unwrap();
    assert_eq!((listed, total), (vec![key], 1));
}

async fn the_policy_of_the_configuration_is_for_the_first_start(storage: TestDatabase) {
    let one = TrustBench::new(storage).await;
    assert_eq!(one.trust.policy().await.unwrap(), SignaturePolicy::Off);
    one.trust.set_first_policy(SignaturePolicy::Require).await.unwrap();
    assert_eq!(one.trust.policy().await.unwrap(), SignaturePolicy::Require);
    one.trust.set_policy(SignaturePolicy::Warn, one.user).await.unwrap();
    one.trust.set_first_policy(SignaturePolicy::Require).await.unwrap();
    assert_eq!(one.trust.policy().await.unwrap(), SignaturePolicy::Warn);
}
