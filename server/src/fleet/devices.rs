//! What is kept in memory for each device, in dense arrays by device number.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use uuid::Uuid;

use super::slot::Slot;
use crate::devices::{AuthSetStatus, CredentialDigest, DeviceStatus};
use crate::ids::{AuthSetId, DeviceId, DeviceNumber, TenantId};

/// Devices in one allocation: small enough to grow smoothly, large enough to stay dense.
const CHUNK: usize = 1_024;

/// So much later than now a device may have been seen by another thread; what is later is of a clock that was wrong.
const SEEN_OUT_OF_ORDER_SECS: u32 = 60;

/// The first 128 bits of a token's SHA-256.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenDigest(pub u128);

/// A device as the index knows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KnownDevice {
    /// Its place in arrays.
    pub number: DeviceNumber,
    /// Its id.
    pub id: DeviceId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its status.
    pub status: DeviceStatus,
    /// Sessions of older generations are void.
    pub generation: u32,
}

/// What a session is opened with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Login {
    /// The device.
    pub device: KnownDevice,
    /// The authentication set that it proved.
    pub auth_set: AuthSetId,
}

/// What is known of a pair of identity and key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KnownCredential {
    /// It may open sessions.
    Accepted(Login),
    /// It waits for an operator, or was rejected.
    Refused(AuthSetStatus),
    /// It never came, or is preauthorized: only the database knows.
    Unknown,
}

/// All devices of all tenants.
#[derive(Debug, Default)]
pub(super) struct DeviceTable {
    chunks: Vec<Box<[Slot]>>,
    tenants: Vec<TenantId>,
    /// Numbers of the accepted devices of each of these tenants.
    accepted: Vec<RoaringBitmap>,
    by_id: HashTable<u32>,
    by_credential: HashTable<u32>,
    hasher: DefaultHashBuilder,
    refused: HashMap<u128, AuthSetStatus>,
    /// Devices seen since sightings were taken: looking for them would mean reading the whole table.
    sightings: Mutex<Vec<DeviceNumber>>,
    pending: u64,
}

impl DeviceTable {
    pub(super) fn find(&self, id: DeviceId) -> Option<KnownDevice> {
        let id = id.as_uuid();
        let number = self.by_id.find(self.hasher.hash_one(id), |number| self.has_id(*number, id))?;
        self.known(*number)
    }

    pub(super) fn credential(&self, digest: CredentialDigest) -> KnownCredential {
        let halves = split(digest.as_u128());
        let hash = self.hasher.hash_one(halves);
        let number = self.by_credential.find(hash, |number| self.has_credential(*number, halves));
        let accepted = number.and_then(|number| {
            let auth_set = self.slot(*number)?.auth_set.into();
            Some(KnownCredential::Accepted(Login { device: self.known(*number)?, auth_set }))
        });
        accepted.unwrap_or_else(|| match self.refused.get(&digest.as_u128()) {
            Some(status) => KnownCredential::Refused(*status),
            None => KnownCredential::Unknown,
        })
    }

    pub(super) fn accepted_auth_set(&self, number: DeviceNumber) -> Option<AuthSetId> {
        let slot = self.slot(number.as_u32()).filter(|slot| slot.credential != [0; 2])?;
        Some(slot.auth_set.into())
    }

    /// The accepted devices of a tenant.
    pub(super) fn accepted(&self, tenant: TenantId) -> RoaringBitmap {
        let at = self.tenants.iter().position(|known| *known == tenant);
        at.and_then(|at| self.accepted.get(at)).cloned().unwrap_or_default()
    }

    /// Authentication sets that wait for an operator.
    pub(super) const fn pending(&self) -> u64 {
        self.pending
    }

    pub(super) fn put(&mut self, device: KnownDevice) {
        let number = device.number.as_u32();
        let tenant = self.tenant_index(device.tenant);
        let is_new = self.slot(number).is_none_or(|slot| slot.status.is_none());
        if let Some(accepted) = self.accepted.get_mut(index(tenant)) {
            if device.status == DeviceStatus::Accepted {
                accepted.insert(number);
            } else {
                accepted.remove(number);
            }
        }
        let Some(slot) = self.slot_mut(number) else { return };
        slot.id = device.id.as_uuid();
        slot.tenant = tenant;
        slot.status = Some(device.status);
        if slot.generation != device.generation {
            slot.generation = device.generation;
            slot.forget_token();
        }
        if is_new {
            let Self { by_id, chunks, hasher, .. } = self;
            let id = device.id.as_uuid();
            by_id.insert_unique(hasher.hash_one(id), number, |other| {
                hasher.hash_one(slot_in(chunks, *other).map_or(Uuid::nil(), |slot| slot.id))
            });
        }
    }

    pub(super) fn remove(&mut self, number: DeviceNumber) {
        let number = number.as_u32();
        self.drop_credential(number);
        let Some(id) = self.slot(number).filter(|slot| slot.status.is_some()).map(|slot| slot.id) else {
            return;
        };
        let hash = self.hasher.hash_one(id);
        if let Ok(entry) = self.by_id.find_entry(hash, |other| *other == number) {
            entry.remove();
        }
        for accepted in &mut self.accepted {
            accepted.remove(number);
        }
        if let Some(slot) = self.slot_mut(number) {
            *slot = Slot::vacant();
        }
    }

    pub(super) fn put_auth_set(
        &mut self,
        number: DeviceNumber,
        id: AuthSetId,
        digest: CredentialDigest,
        status: AuthSetStatus,
    ) {
        self.remove_auth_set(number, digest);
        match status {
            AuthSetStatus::Accepted => {
                let number = number.as_u32();
                self.drop_credential(number);
                let halves = split(digest.as_u128());
                let Some(slot) = self.slot_mut(number) else { return };
                slot.credential = halves;
                slot.auth_set = id.as_uuid();
                let Self { by_credential, chunks, hasher, .. } = self;
                by_credential.insert_unique(hasher.hash_one(halves), number, |other| {
                    hasher.hash_one(slot_in(chunks, *other).map_or([0; 2], |slot| slot.credential))
                });
            }
            AuthSetStatus::Pending | AuthSetStatus::Rejected => {
                self.refused.insert(digest.as_u128(), status);
                self.pending += u64::from(status == AuthSetStatus::Pending);
            }
            AuthSetStatus::Preauthorized => {}
        }
    }

    pub(super) fn remove_auth_set(&mut self, number: DeviceNumber, digest: CredentialDigest) {
        if self.refused.remove(&digest.as_u128()) == Some(AuthSetStatus::Pending) {
            self.pending = self.pending.saturating_sub(1);
        }
        if self.slot(number.as_u32()).is_some_and(|slot| slot.credential == split(digest.as_u128())) {
            self.drop_credential(number.as_u32());
        }
    }

    /// Answers whether this very token was verified before and has not expired.
    pub(super) fn is_verified(&self, number: DeviceNumber, token: TokenDigest, now: u32) -> bool {
        let [high, low] = split(token.0);
        self.slot(number.as_u32()).is_some_and(|slot| {
            now < slot.token_expires.load(Ordering::Acquire)
                && slot.token.each_ref().map(|half| half.load(Ordering::Relaxed)) == [high, low]
        })
    }

    /// Remembers a verified token of a generation, so that the next request with it needs no signature check. A
    /// token of an older generation than the device has by now is not remembered.
    pub(super) fn note_verified(
        &self,
        number: DeviceNumber,
        generation: u32,
        token: TokenDigest,
        expires: u32,
    ) {
        let [high, low] = split(token.0);
        if let Some(slot) = self.slot(number.as_u32()).filter(|slot| slot.generation == generation) {
            let [slot_high, slot_low] = &slot.token;
            slot.forget_token();
            slot_high.store(high, Ordering::Relaxed);
            slot_low.store(low, Ordering::Relaxed);
            slot.token_expires.store(expires, Ordering::Release);
        }
    }

    pub(super) fn saw(&self, number: DeviceNumber, now: u32) {
        let Some(slot) = self.slot(number.as_u32()) else { return };
        let seen = slot.seen.load(Ordering::Relaxed);
        if seen < now || seen - now > SEEN_OUT_OF_ORDER_SECS {
            slot.seen.store(now, Ordering::Relaxed);
            self.list_sighting(slot, number);
        }
    }

    /// When a device was last seen, in seconds since 1970; 0 for never.
    pub(super) fn seen(&self, number: DeviceNumber) -> u32 {
        self.slot(number.as_u32()).map_or(0, |slot| slot.seen.load(Ordering::Relaxed))
    }

    /// When the devices of a tenant were last seen, in seconds since 1970; 0 for never.
    pub(super) fn seen_of(&self, tenant: TenantId) -> Vec<(DeviceNumber, u32)> {
        let Some(tenant) = self.tenants.iter().position(|known| *known == tenant) else { return Vec::new() };
        let slots = self.chunks.iter().flat_map(|chunk| chunk.iter());
        (0_u32..)
            .zip(slots)
            .filter(|(_, slot)| slot.status.is_some() && index(slot.tenant) == tenant)
            .map(|(number, slot)| (number.into(), slot.seen.load(Ordering::Relaxed)))
            .collect()
    }

    pub(super) fn restore_seen(&self, number: DeviceNumber, seen: u32) {
        if let Some(slot) = self.slot(number.as_u32()) {
            slot.seen.store(seen, Ordering::Relaxed);
        }
    }

    /// The devices seen since the last call, by number.
    pub(super) fn take_sightings(&self) -> Vec<(DeviceNumber, u32)> {
        let mut listed = std::mem::take(&mut *self.sightings.lock());
        // In the order of the table that they are written to.
        listed.sort_unstable();
        let seen = |number: &DeviceNumber| {
            let slot = self.slot(number.as_u32())?;
            let is_listed = slot.is_listed.swap(false, Ordering::AcqRel);
            is_listed.then(|| (*number, slot.seen.load(Ordering::Relaxed)))
        };
        listed.iter().filter_map(seen).collect()
    }

    fn list_sighting(&self, slot: &Slot, number: DeviceNumber) {
        if !slot.is_listed.load(Ordering::Relaxed) && !slot.is_listed.swap(true, Ordering::AcqRel) {
            self.sightings.lock().push(number);
        }
    }

    /// Gives sightings back that could not be stored.
    pub(super) fn restore_sighting(&self, number: DeviceNumber) {
        if let Some(slot) = self.slot(number.as_u32()).filter(|slot| slot.status.is_some()) {
            self.list_sighting(slot, number);
        }
    }

    pub(super) fn told_nothing(&self, number: DeviceNumber) -> u32 {
        self.slot(number.as_u32()).map_or(0, |slot| slot.told_nothing.load(Ordering::Relaxed))
    }

    pub(super) fn tell_nothing(&self, number: DeviceNumber, revision: u32) {
        if let Some(slot) = self.slot(number.as_u32()) {
            slot.told_nothing.store(revision, Ordering::Relaxed);
        }
    }

    pub(super) fn inventory(&self, number: DeviceNumber) -> u64 {
        self.slot(number.as_u32()).map_or(0, |slot| slot.inventory.load(Ordering::Relaxed))
    }

    pub(super) fn put_inventory(&self, number: DeviceNumber, digest: u64) {
        if let Some(slot) = self.slot(number.as_u32()) {
            slot.inventory.store(digest, Ordering::Relaxed);
        }
    }

    pub(super) fn provides(&self, number: DeviceNumber) -> u64 {
        self.slot(number.as_u32()).map_or(0, |slot| slot.provides.load(Ordering::Relaxed))
    }

    /// Notes what recognises a device's reported provides; tells whether it changed.
    pub(super) fn swap_provides(&self, number: DeviceNumber, digest: u64) -> bool {
        self.slot(number.as_u32()).is_some_and(|slot| slot.provides.swap(digest, Ordering::Relaxed) != digest)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    fn tenant_index(&mut self, tenant: TenantId) -> u32 {
        let at = self.tenants.iter().position(|known| *known == tenant).unwrap_or_else(|| {
            self.tenants.push(tenant);
            self.accepted.push(RoaringBitmap::new());
            self.tenants.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    fn drop_credential(&mut self, number: u32) {
        let Some(halves) = self.slot(number).map(|slot| slot.credential).filter(|halves| *halves != [0; 2])
        else {
            return;
        };
        let hash = self.hasher.hash_one(halves);
        if let Ok(entry) = self.by_credential.find_entry(hash, |other| *other == number) {
            entry.remove();
        }
        if let Some(slot) = self.slot_mut(number) {
            slot.credential = [0; 2];
            slot.auth_set = Uuid::nil();
            slot.forget_token();
        }
    }

    fn known(&self, number: u32) -> Option<KnownDevice> {
        let slot = self.slot(number)?;
        Some(KnownDevice {
            number: number.into(),
            id: slot.id.into(),
            tenant: *self.tenants.get(index(slot.tenant))?,
            status: slot.status?,
            generation: slot.generation,
        })
    }

    fn has_id(&self, number: u32, id: Uuid) -> bool {
        self.slot(number).is_some_and(|slot| slot.id == id)
    }

    fn has_credential(&self, number: u32, halves: [u64; 2]) -> bool {
        self.slot(number).is_some_and(|slot| slot.credential == halves)
    }

    fn slot(&self, number: u32) -> Option<&Slot> {
        slot_in(&self.chunks, number)
    }

    fn slot_mut(&mut self, number: u32) -> Option<&mut Slot> {
        let at = index(number);
        while self.chunks.len() <= at / CHUNK {
            self.chunks.push((0..CHUNK).map(|_| Slot::vacant()).collect());
        }
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }
}

fn slot_in(chunks: &[Box<[Slot]>], number: u32) -> Option<&Slot> {
    let at = index(number);
    chunks.get(at / CHUNK)?.get(at % CHUNK)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn split(bits: u128) -> [u64; 2] {
    let bytes = bits.to_be_bytes();
    let (high, low) = bytes.split_at(8);
    let half = |bytes: &[u8]| bytes.iter().fold(0_u64, |half, byte| (half << 8) | u64::from(*byte));
    [half(high), half(low)]
}

#[cfg(test)]
mod tests {
    use super::{DeviceTable, KnownCredential, KnownDevice, Slot, TokenDigest};
    use crate::devices::{AuthSetStatus, CredentialDigest, DeviceStatus};
    use crate::ids::{AuthSetId, DeviceId, TenantId};

    fn device(number: u32, generation: u32) -> KnownDevice {
        KnownDevice {
            number: number.into(),
            id: DeviceId::from(uuid::Uuid::from_u128(u128::from(number) + 1)),
            tenant: TenantId::DEFAULT,
            status: DeviceStatus::Accepted,
            generation,
        }
    }

    fn digest(of: u8) -> CredentialDigest {
        CredentialDigest::new(TenantId::DEFAULT, &[of; 32], &[of; 32])
    }

    #[test]
    fn a_slot_stays_small() {
        assert!(size_of::<Slot>() <= 112, "{}", size_of::<Slot>());
    }

    #[test]
    fn devices_are_found_until_removed() {
        let mut table = DeviceTable::default();
        for number in 1..3_000 {
            table.put(device(number, 0));
        }
        assert_eq!(table.find(device(2_500, 0).id), Some(device(2_500, 0)));
        table.remove(2_500.into());
        assert_eq!(table.find(device(2_500, 0).id), None);
        assert_eq!(table.find(device(2_501, 0).id), Some(device(2_501, 0)));
        assert_eq!(table.len(), 2_998);
    }

    #[test]
    fn credentials_follow_decisions() {
        let mut table = DeviceTable::default();
        let (one, two) = (AuthSetId::generate(), AuthSetId::generate());
        table.put(device(1, 0));
        table.put_auth_set(1.into(), one, digest(1), AuthSetStatus::Accepted);
        table.put_auth_set(1.into(), two, digest(2), AuthSetStatus::Pending);
        assert!(
            matches!(table.credential(digest(1)), KnownCredential::Accepted(login) if login.auth_set == one)
        );
        assert_eq!(table.credential(digest(2)), KnownCredential::Refused(AuthSetStatus::Pending));
        assert_eq!(table.pending(), 1);
        table.put_auth_set(1.into(), one, digest(1), AuthSetStatus::Rejected);
        table.put_auth_set(1.into(), two, digest(2), AuthSetStatus::Accepted);
        assert_eq!(table.credential(digest(1)), KnownCredential::Refused(AuthSetStatus::Rejected));
        assert!(
            matches!(table.credential(digest(2)), KnownCredential::Accepted(login) if login.auth_set == two)
        );
        assert_eq!(table.pending(), 0);
        table.remove_auth_set(1.into(), digest(2));
        assert_eq!(table.credential(digest(2)), KnownCredential::Unknown);
    }

    #[test]
    fn a_new_generation_voids_verified_tokens() {
        let mut table = DeviceTable::default();
        table.put(device(1, 0));
        table.note_verified(1.into(), 0, TokenDigest(77), 100);
        assert!(table.is_verified(1.into(), TokenDigest(77), 99));
        assert!(!table.is_verified(1.into(), TokenDigest(77), 100));
        assert!(!table.is_verified(1.into(), TokenDigest(78), 99));
        table.put(device(1, 1));
        assert!(!table.is_verified(1.into(), TokenDigest(77), 99));
        table.note_verified(1.into(), 0, TokenDigest(77), 100);
        assert!(!table.is_verified(1.into(), TokenDigest(77), 99));
    }

    #[test]
    fn accepted_devices_are_counted_by_their_last_status() {
        let mut table = DeviceTable::default();
        for number in [1, 2, 70_000] {
            table.put(device(number, 0));
        }
        table.put(KnownDevice { status: DeviceStatus::Rejected, ..device(2, 1) });
        let accepted =
            |table: &DeviceTable| table.accepted(TenantId::DEFAULT).into_iter().collect::<Vec<_>>();
        assert_eq!(accepted(&table), [1, 70_000]);
        table.put(device(2, 2));
        table.remove(1.into());
        assert_eq!(accepted(&table), [2, 70_000]);
        assert!(table.accepted(TenantId::from(uuid::Uuid::from_u128(1))).is_empty());
    }

    #[test]
    fn sightings_are_taken_once() {
        let mut table = DeviceTable::default();
        table.put(device(7, 0));
        table.saw(7.into(), 50);
        table.saw(7.into(), 49);
        assert_eq!(table.take_sightings(), [(7.into(), 50)]);
        table.saw(7.into(), 50);
        assert!(table.take_sightings().is_empty());
        assert_eq!(table.seen(7.into()), 50);
        // The clock was a year ahead, and is set right.
        table.saw(7.into(), 31_536_050);
        table.saw(7.into(), 50);
        assert_eq!(table.take_sightings(), [(7.into(), 50)]);
        table.put(device(3, 0));
        table.saw(7.into(), 60);
        table.saw(3.into(), 61);
        table.saw(7.into(), 62);
        table.restore_sighting(7.into());
        assert_eq!(table.take_sightings(), [(3.into(), 61), (7.into(), 62)]);
        table.restore_sighting(7.into());
        table.remove(7.into());
        table.restore_sighting(7.into());
        assert!(table.take_sightings().is_empty());
    }
}
