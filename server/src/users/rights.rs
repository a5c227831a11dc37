//! Rights: what somebody may do, and to what.

use std::collections::{BTreeMap, BTreeSet};

use super::{Grant, Permission, PermissionSet, Within};
use crate::ids::TenantId;

/// What a permission reaches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Everything in the tenant.
    Everything,
    /// What is in one of these device groups, or has one of these release tags: which of them, the permission
    /// tells ([`Permission::object`]).
    Only(BTreeSet<String>),
}

impl Reach {
    /// Answers whether a group or tag is within.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(names) => names.contains(name),
        }
    }

    fn united(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut names), Self::Only(more)) => {
                names.extend(more);
                Self::Only(names)
            }
            (Self::Everything, _) | (_, Self::Everything) => Self::Everything,
        }
    }

    fn narrowed(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(names), Self::Only(others)) => {
                Self::Only(names.intersection(others).cloned().collect())
            }
            (Self::Everything, narrow) | (narrow, Self::Everything) => narrow.clone(),
        }
    }

    /// Answers whether this reaches all that another one does.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (Self::Only(_), Self::Everything) => false,
            (Self::Only(names), Self::Only(others)) => names.is_superset(others),
        }
    }
}

/// What somebody may do: permissions, each with what it reaches. What is not there is denied.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rights(BTreeMap<Permission, Reach>);

impl Rights {
    /// These permissions, over everything.
    #[must_use]
    pub fn over_everything(permissions: &[Permission]) -> Self {
        Self(permissions.iter().map(|permission| (*permission, Reach::Everything)).collect())
    }

    /// What everybody may who can log in.
    #[must_use]
    pub fn own_account() -> Self {
        Self::over_everything(&[Permission::AccountOwn])
    }

    /// What grants allow together. A grant that names an unknown set of permissions allows nothing, and one within
    /// groups or tags nothing that is not about devices, or releases.
    #[must_use]
    pub fn granted(grants: &[Grant], sets: &[PermissionSet]) -> Self {
        let mut rights = Self::default();
        for grant in grants {
            for permission in grant.what.permissions(sets) {
                let reach = match &grant.within {
                    None => Reach::Everything,
                    Some(within) if permission.object() == within.object() => {
                        Reach::Only(within.names().clone())
                    }
                    Some(Within::Groups(_) | Within::Tags(_)) => continue,
                };
                rights.grant(*permission, reach);
            }
        }
        rights
    }

    /// Adds a permission.
    pub fn grant(&mut self, permission: Permission, reach: Reach) {
        let held = self.0.remove(&permission);
        self.0.insert(permission, held.map_or(reach.clone(), |held| held.united(reach)));
    }

    /// Adds what others allow.
    pub fn extend(&mut self, others: Self) {
        for (permission, reach) in others.0 {
            self.grant(permission, reach);
        }
    }

    /// What is left of these in a tenant: other tenants are the default one's business.
    #[must_use]
    pub fn in_tenant(mut self, tenant: TenantId) -> Self {
        if tenant != TenantId::DEFAULT {
            self.0.remove(&Permission::TenantsManage);
            self.0.remove(&Permission::TenantsRead);
        }
        self
    }

    /// What both of these allow.
    #[must_use]
    pub fn narrowed_to(&self, others: &Self) -> Self {
        let both = self.0.iter().filter_map(|(permission, reach)| {
            others.0.get(permission).map(|other| (*permission, reach.narrowed(other)))
        });
        Self(both.collect())
    }

    /// Answers whether something may be done, be it to a part of what there is.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.0.contains_key(&permission)
    }

    /// What a permission reaches, if it is held.
    #[must_use]
    pub fn reach(&self, permission: Permission) -> Option<&Reach> {
        self.0.get(&permission)
    }

    /// Answers whether these allow all that others do.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        others
            .0
            .iter()
            .all(|(permission, reach)| self.0.get(permission).is_some_and(|held| held.covers(reach)))
    }

    /// The permissions, in order.
    pub fn permissions(&self) -> impl Iterator<Item = Permission> {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{Strategy, any, prop};
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{Reach, Rights};
    use crate::users::{Grant, Granted, Permission, Within};

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn groups(granted: Granted, within: &[&str]) -> Grant {
        Grant { what: granted, within: Some(Within::Groups(names(within))) }
    }

    #[test]
    fn rights_add_up_and_what_is_not_granted_is_denied() {
        let set = |name: &str| Granted::Set(name.to_owned());
        let rights = Rights::granted(
            &[
                groups(set("ReadDevices"), &["a"]),
                groups(set("ReadDevices"), &["b"]),
                Grant { what: Granted::Permission(Permission::InventoryRead), within: None },
                groups(set("NoSuchSet"), &["a"]),
            ],
            &[],
        );
        assert_eq!(rights.reach(Permission::DevicesRead), Some(&Reach::Only(names(&["a", "b"]))));
        assert_eq!(rights.reach(Permission::InventoryRead), Some(&Reach::Everything));
        assert!(!rights.may(Permission::DevicesDecide));
    }

    #[test]
    fn a_grant_within_groups_gives_nothing_that_is_not_about_devices() {
        let rights = Rights::granted(&[groups(Granted::Set("SuperUser".to_owned()), &["a"])], &[]);
        assert!(rights.may(Permission::DevicesRead));
        for permission in [Permission::UsersManage, Permission::ArtifactsRead, Permission::SettingsWrite] {
            assert!(!rights.may(permission), "{permission}");
        }
        let rights = Rights::granted(
            &[Grant {
                what: Granted::Set("ManageReleases".to_owned()),
                within: Some(Within::Tags(names(&["eu"]))),
            }],
            &[],
        );
        assert_eq!(rights.reach(Permission::ArtifactsRead), Some(&Reach::Only(names(&["eu"]))));
        // A release that is new has no tag.
        assert!(!rights.may(Permission::ArtifactsUpload));
    }

    fn reach() -> impl Strategy<Value = Reach> {
        let only = prop::collection::btree_set("[a-d]", 0..4).prop_map(Reach::Only);
        prop::option::weighted(0.7, only).prop_map(|only| only.unwrap_or(Reach::Everything))
    }

    fn rights() -> impl Strategy<Value = Rights> {
        let one = (any::<prop::sample::Index>(), reach());
        prop::collection::vec(one, 0..6).prop_map(|grants| {
            let mut rights = Rights::default();
            for (index, reach) in grants {
                rights.grant(*index.get(Permission::ALL), reach);
            }
            rights
        })
    }

    proptest! {
        #[test]
        fn narrowing_never_widens_and_uniting_never_narrows(a in rights(), b in rights()) {
            let narrow = a.narrowed_to(&b);
            prop_assert!(a.cover(&narrow) && b.cover(&narrow));
            prop_assert_eq!(&narrow, &b.narrowed_to(&a));
            let mut wide = a.clone();
            wide.extend(b.clone());
            prop_assert!(wide.cover(&a) && wide.cover(&b));
            prop_assert_eq!(wide.narrowed_to(&a), a);
        }
    }
}
