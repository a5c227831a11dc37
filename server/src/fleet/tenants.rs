//! Which tenants are served, and what devices name them by.

use std::collections::{HashMap, HashSet};

use crate::ids::TenantId;
use crate::tenants::TenantTokenDigest;

/// What those who let devices in know of tenants.
#[derive(Debug, Default)]
pub(super) struct TenantTable {
    suspended: HashSet<TenantId>,
    by_token: HashMap<TenantTokenDigest, TenantId>,
    tokens: HashMap<TenantId, TenantTokenDigest>,
}

impl TenantTable {
    pub(super) fn put(&mut self, tenant: TenantId, is_suspended: bool, token: Option<TenantTokenDigest>) {
        if is_suspended {
            self.suspended.insert(tenant);
        } else {
            self.suspended.remove(&tenant);
        }
        if let Some(old) = self.tokens.remove(&tenant) {
            self.by_token.remove(&old);
        }
        if let Some(token) = token {
            self.tokens.insert(tenant, token);
            self.by_token.insert(token, tenant);
        }
    }

    pub(super) fn named_by(&self, token: TenantTokenDigest) -> Option<TenantId> {
        self.by_token.get(&token).copied()
    }

    pub(super) fn is_suspended(&self, tenant: TenantId) -> bool {
        self.suspended.contains(&tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::TenantTable;
    use crate::ids::TenantId;
    use crate::tenants::TenantTokenDigest;

    #[test]
    fn a_token_names_one_tenant_until_it_is_replaced() {
        let (one, other) = (TenantId::generate(), TenantId::generate());
        let [first, second, third] = [1, 2, 3].map(|byte| TenantTokenDigest([byte; 32]));
        let mut table = TenantTable::default();
        table.put(TenantId::DEFAULT, false, None);
        table.put(one, false, Some(first));
        table.put(other, true, Some(second));
        assert_eq!([first, second, third].map(|token| table.named_by(token)), [Some(one), Some(other), None]);
        assert_eq!([TenantId::DEFAULT, one, other].map(|id| table.is_suspended(id)), [false, false, true]);
        table.put(one, true, Some(third));
        table.put(other, false, Some(second));
        assert_eq!([first, second, third].map(|token| table.named_by(token)), [None, Some(other), Some(one)]);
        assert_eq!([one, other].map(|id| table.is_suspended(id)), [true, false]);
    }
}
