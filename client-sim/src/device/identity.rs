//! What a device claims to be.

use std::collections::BTreeMap;

/// Identity data: public attributes that never change (device protocol §1.6).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Identity(BTreeMap<String, String>);

impl Identity {
    /// An identity with these attributes.
    #[must_use]
    pub fn new(attributes: BTreeMap<String, String>) -> Self {
        Self(attributes)
    }

    /// The identity of the device with number `index` in the fleet `fleet`.
    ///
    /// A locally administered MAC address (IEEE 802, second bit of the first octet) with the low 24 bits
    /// of the number, and a serial number that tells fleets apart.
    #[must_use]
    pub fn numbered(fleet: u32, index: u32) -> Self {
        let [_, _, f2, f3] = fleet.to_be_bytes();
        let [_, i1, i2, i3] = index.to_be_bytes();
        let mac = format!("02:{f2:02x}:{f3:02x}:{i1:02x}:{i2:02x}:{i3:02x}");
        let sn = format!("SIM-{fleet:08X}-{index:07}");
        Self(BTreeMap::from([("mac".to_owned(), mac), ("sn".to_owned(), sn)]))
    }

    /// The attributes.
    #[must_use]
    pub fn attributes(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Compact JSON with sorted keys, as both client generations write it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members: serde_json::Map<String, serde_json::Value> =
            self.0.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        serde_json::Value::Object(members).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn json_is_compact_and_sorted() {
        let json = Identity::numbered(0xabcd_1234, 0x0001_0203).to_json();
        assert_eq!(json, r#"{"mac":"02:12:34:01:02:03","sn":"SIM-ABCD1234-0066051"}"#);
    }
}
