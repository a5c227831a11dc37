//! Where people are: coarser than where a connection comes from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 network of 24 bits, or an IPv6 network of 56, which is what a household or an office has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Site {
    /// The first 24 bits.
    V4(u32),
    /// The first 56 bits.
    V6(u64),
}

impl From<IpAddr> for Site {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits() >> 8),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d].iter().fold(0, |prefix, part| (prefix << 16) | u64::from(*part)) >> 8)
            }
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(prefix) => write!(f, "{}/24", Ipv4Addr::from_bits(prefix << 8)),
            Self::V6(prefix) => write!(f, "{}/56", Ipv6Addr::from_bits(u128::from(*prefix) << 72)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::Site;

    #[test]
    fn a_network_is_one_site_however_it_is_written() {
        let site = |text: &str| Site::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(site("192.0.2.1"), site("::ffff:192.0.2.255"));
        assert_ne!(site("192.0.2.1"), site("192.0.3.1"));
        assert_eq!(site("2001:db8:1:200::1"), site("2001:db8:1:2ff:ffff::1"));
        assert_ne!(site("2001:db8:1:200::1"), site("2001:db8:1:300::1"));
        assert_eq!(site("192.0.2.77").to_string(), "192.0.2.0/24");
        assert_eq!(site("2001:db8:1:2ab::5").to_string(), "2001:db8:1:200::/56");
    }
}
