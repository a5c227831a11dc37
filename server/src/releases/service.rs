//! What can be asked of releases and artifacts.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::description::check_description;
use super::{
    Artifact, ArtifactFilter, ArtifactOrder, Content, InvalidDescription, MAX_TAGS, Notes, Release,
    ReleaseFilter, ReleaseOrder, Tags,
};
use crate::audit::{Action, Event, Object};
use crate::clock::Clock;
use crate::ids::{ArtifactId, DeploymentId};
use crate::storage::blobs::{BlobError, BlobGate, BlobStore};
use crate::storage::releases::ReleaseRow;
use crate::storage::{
    Access, Change, Page, Scope, StorageError, WriteScope, artifacts, deployments, release_tags, releases,
};
use crate::telemetry::chain;

/// Why something could not be done with a release or an artifact.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// No artifact of the tenant has this id.
    #[error("artifact {0} does not exist")]
    ArtifactNotFound(ArtifactId),
    /// The tenant has no release of this name.
    #[error("release {0:?} does not exist")]
    ReleaseNotFound(String),
    /// Unfinished deployments roll it out.
    #[error("artifact is used in active deployment")]
    InUse {
        /// The deployments.
        deployments: Vec<DeploymentId>,
    },
    /// A device was offered it, or is about to be: it does not change any more.
    #[error("artifact {0} is used in a deployment")]
    Used(ArtifactId),
    /// The release would come into, or go out of, what the caller may change.
    #[error("only these tags can be given and taken, and one of them stays: {0}")]
    BeyondTags(String),
    /// The tenant would have more different tags than it may.
    #[error("releases can have {MAX_TAGS} different tags together")]
    TooManyTags,
    /// The text cannot describe an artifact.
    #[error(transparent)]
    Description(#[from] InvalidDescription),
    /// The work did not come to its end because the server is stopping.
    #[error("the server stopped while working on artifacts")]
    Interrupted,
    /// The blob store failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The database failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The releases of one tenant.
#[derive(Clone)]
pub struct Releases {
    pub(super) scope: Scope,
    pub(super) blobs: BlobStore,
    pub(super) clock: Arc<dyn Clock>,
}

impl Releases {
    /// Binds the releases to the tenant of a scope.
    #[must_use]
    pub const fn new(scope: Scope, blobs: BlobStore, clock: Arc<dyn Clock>) -> Self {
        Self { scope, blobs, clock }
    }

    /// The artifacts that match, or a part of them, and how many match.
    pub async fn artifacts(
        &self,
        filter: &ArtifactFilter,
        order: ArtifactOrder,
        page: Option<Page>,
    ) -> Result<(Vec<Artifact>, u64), ReleaseError> {
        Ok(artifacts::list(&self.scope, filter, order, page).await?)
    }

    /// One artifact.
    pub async fn artifact(&self, id: ArtifactId) -> Result<Artifact, ReleaseError> {
        find(&self.scope, id).await
    }

    /// How many bytes all artifacts have together.
    pub async fn total_size(&self) -> Result<u64, ReleaseError> {
        Ok(artifacts::total_size(&self.scope).await?)
    }

    /// Opens the content of an artifact.
    pub async fn content(&self, id: ArtifactId) -> Result<Content, ReleaseError> {
        let artifact = self.artifact(id).await?;
        let (file, size) = self.blobs.read(artifact.sha256).await?;
        let file_name = format!("{}.mender", artifact.name);
        Ok(Content { file, size, sha256: artifact.sha256, file_name })
    }

    /// Changes the description of an artifact that no deployment used yet.
    pub async fn describe(&self, id: ArtifactId, description: &str) -> Result<(), ReleaseError> {
        check_description(description)?;
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let artifact = find(&tx, id).await?;
        let is_used = artifacts::was_offered(&tx, id).await?
            || !deployments::unfinished_of_release(&tx, &artifact.name).await?.is_empty();
        if is_used {
            return Err(ReleaseError::Used(id));
        }
        let now = self.clock.now();
        artifacts::set_description(&tx, id, description, now).await?;
        let event = Event::new(Action::Update, Object::artifact(id, &artifact.name)).change("description");
        tx.audit(event.states(Some(artifact.description.as_bytes()), Some(description.as_bytes())));
        Ok(transaction.commit(now).await?)
    }

    /// Deletes an artifact that no unfinished deployment may offer; its release goes with the last one.
    pub async fn delete(&self, id: ArtifactId) -> Result<(), ReleaseError> {
        let this = self.clone();
        // In a task of its own, so that a caller who goes away does not leave it half done.
        tokio::spawn(async move { this.delete_artifact(id).await })
            .await
            .map_err(|_| ReleaseError::Interrupted)?
    }

    /// Deletes releases with all their artifacts, or none of them; names that do not exist are ignored.
    pub async fn delete_releases(&self, names: Vec<String>) -> Result<(), ReleaseError> {
        let this = self.clone();
        tokio::spawn(async move { this.delete_whole(&names).await })
            .await
            .map_err(|_| ReleaseError::Interrupted)?
    }

    /// A part of the list of releases with their artifacts, and how many match.
    pub async fn list(
        &self,
        filter: &ReleaseFilter,
        order: ReleaseOrder,
        page: Option<Page>,
    ) -> Result<(Vec<Release>, u64), ReleaseError> {
        let (rows, total) = releases::list(&self.scope, filter, order, page).await?;
        Ok((self.with_artifacts(rows).await?, total))
    }

    /// One release with its artifacts.
    pub async fn get(&self, name: &str) -> Result<Release, ReleaseError> {
        let row = find_release(&self.scope, name).await?;
        let found = self.with_artifacts(vec![row]).await?.pop();
        found.ok_or_else(|| ReleaseError::ReleaseNotFound(name.to_owned()))
    }

    /// Changes what is noted about a release.
    pub async fn set_notes(&self, name: &str, notes: &Notes) -> Result<(), ReleaseError> {
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let now = self.clock.now();
        let was = find_release(&tx, name).await?.notes;
        releases::set_notes(&tx, name, notes.as_str(), now).await?;
        let event = Event::new(Action::Update, Object::release(name)).change("notes");
        tx.audit(event.states(Some(was.as_bytes()), Some(notes.as_str().as_bytes())));
        Ok(transaction.commit(now).await?)
    }

    /// Replaces the tags of a release.
    pub async fn set_tags(&self, name: &str, tags: &Tags) -> Result<(), ReleaseError> {
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let now = self.clock.now();
        find_release(&tx, name).await?;
        require_tags(&tx, name, tags).await?;
        release_tags::replace(&tx, name, tags.as_set()).await?;
        if release_tags::all(&tx.unlimited()).await?.len() > MAX_TAGS {
            return Err(ReleaseError::TooManyTags);
        }
        releases::touch(&tx, name, now).await?;
        let list: Vec<&str> = tags.as_set().iter().map(AsRef::as_ref).collect();
        let change = format!("tags: {}", list.join(", "));
        tx.audit(Event::new(Action::Update, Object::release(name)).change(change));
        Ok(transaction.commit(now).await?)
    }

    /// The tags of all releases, each once, in the order of the alphabet.
    pub async fn all_tags(&self) -> Result<BTreeSet<String>, ReleaseError> {
        Ok(release_tags::all(&self.scope).await?)
    }

    /// The types of the payloads of all releases, each once, in the order of the alphabet.
    pub async fn all_payload_types(&self) -> Result<BTreeSet<String>, ReleaseError> {
        Ok(releases::payload_types(&self.scope).await?)
    }

    async fn with_artifacts(&self, rows: Vec<ReleaseRow>) -> Result<Vec<Release>, ReleaseError> {
        let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
        let mut tags = release_tags::of_releases(&self.scope, &names).await?;
        let mut list: Vec<Release> = rows
            .into_iter()
            .map(|ReleaseRow { name, notes, updated_at }| Release {
                tags: tags.remove(&name).unwrap_or_default(),
                name,
                notes,
                updated_at,
                artifacts: Vec::new(),
            })
            .collect();
        for artifact in artifacts::of_releases(&self.scope, &names).await? {
            if let Some(release) = list.iter_mut().find(|release| release.name == artifact.name) {
                release.artifacts.push(artifact);
            }
        }
        Ok(list)
    }

    async fn delete_artifact(&self, id: ArtifactId) -> Result<(), ReleaseError> {
        let gate = self.blobs.gate().await;
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let artifact = find(&tx, id).await?;
        refuse_in_use(&tx, &artifact.name).await?;
        let now = self.clock.now();
        remove(&tx, &artifact).await?;
        if artifacts::count_of_release(&tx, &artifact.name).await? == 0 {
            releases::delete(&tx, &artifact.name).await?;
            tx.audit(Event::new(Action::Delete, Object::release(&artifact.name)));
        } else {
            releases::touch(&tx, &artifact.name, now).await?;
        }
        gate.doubt(artifact.sha256);
        transaction.commit(now).await?;
        self.unlink_unreferenced(&gate, artifact.sha256).await;
        Ok(())
    }

    async fn delete_whole(&self, names: &[String]) -> Result<(), ReleaseError> {
        let gate = self.blobs.gate().await;
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let names = &seen(&tx, names).await?;
        let mut in_use = Vec::new();
        for name in names {
            in_use.extend(deployments::unfinished_of_release(&tx, name).await?);
        }
        if !in_use.is_empty() {
            return Err(ReleaseError::InUse { deployments: in_use });
        }
        let doomed = artifacts::of_releases(&tx, names).await?;
        if doomed.is_empty() {
            return Ok(());
        }
        for artifact in &doomed {
            remove(&tx, artifact).await?;
        }
        for name in names {
            releases::delete(&tx, name).await?;
            if doomed.iter().any(|artifact| artifact.name == *name) {
                tx.audit(Event::new(Action::Delete, Object::release(name)));
            }
        }
        for artifact in &doomed {
            gate.doubt(artifact.sha256);
        }
        transaction.commit(self.clock.now()).await?;
        for artifact in doomed {
            self.unlink_unreferenced(&gate, artifact.sha256).await;
        }
        Ok(())
    }

    /// Removes a doubtful blob after a commit, or after a commit that failed, unless a row references it. What the
    /// rows say is done: a file that cannot be judged or removed now stays doubtful, and fails nobody.
    pub(super) async fn unlink_unreferenced(&self, gate: &BlobGate, sha256: [u8; 32]) {
        if let Err(err) = self.try_unlink(gate, sha256).await {
            tracing::warn!(error = chain(&err), "the blob of an artifact that is gone stays for now");
        }
    }

    async fn try_unlink(&self, gate: &BlobGate, sha256: [u8; 32]) -> Result<(), ReleaseError> {
        if artifacts::blob_is_referenced(&self.scope, &sha256).await? {
            gate.keep(sha256);
        } else {
            gate.remove(sha256).await?;
        }
        Ok(())
    }
}

async fn find(scope: &impl Access, id: ArtifactId) -> Result<Artifact, ReleaseError> {
    artifacts::find(scope, id).await?.ok_or(ReleaseError::ArtifactNotFound(id))
}

async fn find_release(scope: &impl Access, name: &str) -> Result<ReleaseRow, ReleaseError> {
    let not_found = || ReleaseError::ReleaseNotFound(name.to_owned());
    if name.contains('\0') {
        // PostgreSQL fails instead of finding nothing.
        return Err(not_found());
    }
    releases::find(scope, name).await?.ok_or_else(not_found)
}

/// Who may change releases with some tags only gives and takes these, and keeps the release in sight.
async fn require_tags(tx: &WriteScope<'_>, name: &str, tags: &Tags) -> Result<(), ReleaseError> {
    let Some(own) = tx.sight().tags() else { return Ok(()) };
    let before = release_tags::of_releases(tx, &[name.to_owned()]).await?.remove(name).unwrap_or_default();
    let before: BTreeSet<String> = before.into_iter().collect();
    let is_own = before.symmetric_difference(tags.as_set()).all(|tag| own.contains(tag));
    if is_own && !own.is_disjoint(tags.as_set()) {
        return Ok(());
    }
    Err(ReleaseError::BeyondTags(own.iter().map(String::as_str).collect::<Vec<_>>().join(", ")))
}

/// Those of these releases that are in sight.
async fn seen(tx: &WriteScope<'_>, names: &[String]) -> Result<Vec<String>, StorageError> {
    if tx.sight().tags().is_none() {
        return Ok(names.to_vec());
    }
    let mut seen = Vec::new();
    for name in names {
        seen.extend(releases::find(tx, name).await?.map(|release| release.name));
    }
    Ok(seen)
}

async fn refuse_in_use(tx: &WriteScope<'_>, name: &str) -> Result<(), ReleaseError> {
    let deployments = deployments::unfinished_of_release(tx, name).await?;
    if deployments.is_empty() { Ok(()) } else { Err(ReleaseError::InUse { deployments }) }
}

async fn remove(tx: &WriteScope<'_>, artifact: &Artifact) -> Result<(), StorageError> {
    artifacts::delete(tx, artifact.id).await?;
    tx.audit(Event::new(Action::Delete, Object::artifact(artifact.id, &artifact.name)));
    tx.record(Change::ArtifactRemoved { artifact_name: artifact.name.clone(), id: artifact.id });
    Ok(())
}
