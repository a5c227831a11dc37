//! What can be done with uploads that come in parts.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::follower::Follower;
use super::leases::Lease;
use super::part::{Part, Sink};
use super::{Checksum, PartialUpload, PartialUploadError, UploadLeases, UploadMetadata};
use crate::audit::{Action, Event, Object, ObjectKind};
use crate::ids::{UploadId, UserId};
use crate::releases::description::check_description;
use crate::releases::upload::judges;
use crate::releases::{Releases, UploadError};
use crate::storage::upload_files::UploadFiles;
use crate::storage::uploads;

/// How much unfinished uploads may be.
#[derive(Clone, Copy, Debug)]
pub struct UploadBounds {
    /// Bytes of one upload.
    pub max_bytes: u64,
    /// Unfinished uploads of all users.
    pub max_count: u64,
    /// Unfinished uploads of one user.
    pub max_count_per_user: u64,
    /// Bytes of all unfinished uploads together, those included that have not come yet.
    pub max_bytes_together: u64,
    /// How long an upload is kept after its last byte, and what is known of it after its end.
    pub ttl: TimeDelta,
}

impl UploadBounds {
    /// The largest upload that can be begun.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.max_bytes.min(self.max_bytes_together)
    }
}

/// What an upload begins with.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Bytes that it will have.
    pub length: u64,
    /// What comes with it, as it was sent.
    pub metadata: String,
}

/// The uploads of one tenant, as one user may see them.
#[derive(Clone)]
pub struct Uploads {
    pub(super) releases: Releases,
    pub(super) files: UploadFiles,
    leases: Arc<UploadLeases>,
    bounds: UploadBounds,
    user: UserId,
    oversees: bool,
}

impl Uploads {
    /// Binds the uploads to a user; one who `oversees` may go on with those of others too.
    #[must_use]
    pub fn new(
        releases: Releases,
        leases: Arc<UploadLeases>,
        bounds: UploadBounds,
        user: UserId,
        oversees: bool,
    ) -> Self {
        let files = UploadFiles::new(&releases.blobs);
        Self { releases, files, leases, bounds, user, oversees }
    }

    /// How much there may be.
    #[must_use]
    pub const fn bounds(&self) -> &UploadBounds {
        &self.bounds
    }

    /// Begins an upload. Durable when this returns.
    pub async fn create(&self, new: NewUpload) -> Result<PartialUpload, PartialUploadError> {
        if new.length == 0 {
            return Err(PartialUploadError::Empty);
        }
        let limit = self.bounds.largest();
        if new.length > limit {
            return Err(UploadError::TooLarge { limit }.into());
        }
        check_description(&UploadMetadata::parse(&new.metadata)?.description)?;
        let now = self.releases.clock.now();
        let upload = PartialUpload {
            id: UploadId::generate(),
            user: self.user,
            length: new.length,
            received: 0,
            metadata: new.metadata,
            artifact: None,
            expires_at: self.expiry(now),
        };
        let transaction = self.releases.scope.begin().await?;
        let tx = transaction.scope();
        let lengths = uploads::all_unfinished_lengths(&tx).await?;
        let own = uploads::unfinished_of(&tx, self.user).await?;
        self.refuse_excess(&lengths, own.len(), new.length)?;
        uploads::insert(&tx, &upload).await?;
        let event = Event::new(Action::Create, Object::new(ObjectKind::Upload, upload.id));
        tx.audit(event.change(format!("bytes: {}", upload.length)));
        transaction.commit(now).await?;
        Ok(upload)
    }

    /// An upload as it is now.
    pub async fn find(&self, id: UploadId) -> Result<PartialUpload, PartialUploadError> {
        let upload = uploads::find(&self.releases.scope, id).await?;
        let upload = upload.filter(|upload| upload.user == self.user || self.oversees);
        let upload = upload.ok_or(PartialUploadError::NotFound(id))?;
        if upload.expires_at <= self.releases.clock.now() {
            return Err(PartialUploadError::Gone(id));
        }
        Ok(upload)
    }

    /// The user's unfinished uploads, oldest first.
    pub async fn unfinished(&self) -> Result<Vec<PartialUpload>, PartialUploadError> {
        let now = self.releases.clock.now();
        let all = uploads::unfinished_of(&self.releases.scope, self.user).await?;
        Ok(all.into_iter().filter(|upload| upload.expires_at > now).collect())
    }

    /// Goes on with an upload at `offset`, with a part of `announced` bytes if that was said.
    pub async fn go_on(
        &self,
        id: UploadId,
        offset: u64,
        announced: Option<u64>,
        checksum: Option<Checksum>,
    ) -> Result<Part, PartialUploadError> {
        self.find(id).await?;
        let (lease, follower) = self.leases.take(id).await.ok_or(PartialUploadError::Locked(id))?;
        // Under the lease it stays as it is.
        let upload = self.find(id).await?;
        if offset != upload.received || upload.artifact.is_some() {
            return Err(PartialUploadError::WrongOffset {
                said: offset,
                expected: upload.received,
                artifact: upload.artifact,
            });
        }
        if announced.is_some_and(|bytes| bytes > upload.length - offset) {
            return Err(PartialUploadError::TooLong { length: upload.length });
        }
        let Some(file) = self.files.open(id, offset).await? else {
            self.forget(lease).await?;
            return Err(PartialUploadError::Gone(id));
        };
        let follower = if let Some(follower) = follower.filter(|one| one.available() <= offset) {
            follower
        } else {
            let (judges, clock) = (judges(&self.releases.scope).await?, Arc::clone(&self.releases.clock));
            Follower::start(file.reader().await?, upload.length, judges, clock)?
        };
        follower.advance(offset);
        let uploads = self.clone();
        Ok(Part::begin(Sink { uploads, upload, lease, file, follower, checksum }))
    }

    /// Ends an upload and forgets it; an artifact that it became stays.
    pub async fn end(&self, id: UploadId) -> Result<(), PartialUploadError> {
        self.find(id).await?;
        let (lease, _) = self.leases.take(id).await.ok_or(PartialUploadError::Locked(id))?;
        let transaction = self.releases.scope.begin().await?;
        let tx = transaction.scope();
        uploads::delete(&tx, id).await?;
        tx.audit(Event::new(Action::Delete, Object::new(ObjectKind::Upload, id)));
        transaction.commit(self.releases.clock.now()).await?;
        Ok(self.files.remove(lease.id()).await?)
    }

    /// Forgets an upload of which nothing can become: the row first, so that no row is without its file.
    pub(super) async fn forget(&self, lease: Lease) -> Result<(), PartialUploadError> {
        let transaction = self.releases.scope.unattended().begin().await?;
        uploads::delete(&transaction.scope(), lease.id()).await?;
        transaction.commit(self.releases.clock.now()).await?;
        Ok(self.files.remove(lease.id()).await?)
    }

    /// Ends an upload that cannot become an artifact; nothing of it stays.
    pub(super) async fn discard(&self, lease: Lease) {
        if let Err(left) = self.forget(lease).await {
            // It is refused again when it goes on, and expires.
            tracing::warn!(error = %left, "a refused upload stays until it expires");
        }
    }

    /// Stores how far an upload is; returns when it expires now.
    pub(super) async fn save(
        &self,
        upload: &PartialUpload,
        received: u64,
    ) -> Result<DateTime<Utc>, PartialUploadError> {
        let now = self.releases.clock.now();
        let expires_at = self.expiry(now);
        let transaction = self.releases.scope.unattended().begin().await?;
        let is_there = uploads::set_received(&transaction.scope(), upload.id, received, expires_at).await?;
        transaction.commit(now).await?;
        if is_there { Ok(expires_at) } else { Err(PartialUploadError::Gone(upload.id)) }
    }

    fn refuse_excess(&self, lengths: &[u64], own: usize, length: u64) -> Result<(), PartialUploadError> {
        let bounds = &self.bounds;
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        if count(own) >= bounds.max_count_per_user {
            return Err(PartialUploadError::TooMany { whose: "you have", limit: bounds.max_count_per_user });
        }
        if count(lengths.len()) >= bounds.max_count {
            return Err(PartialUploadError::TooMany { whose: "the server has", limit: bounds.max_count });
        }
        let together = lengths.iter().fold(length, |sum, length| sum.saturating_add(*length));
        if together > bounds.max_bytes_together {
            return Err(PartialUploadError::TooManyBytes { limit: bounds.max_bytes_together });
        }
        Ok(())
    }

    fn expiry(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now.checked_add_signed(self.bounds.ttl).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}
