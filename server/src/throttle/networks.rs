//! Lists of networks, as operators write them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

/// Why a text is no list of networks.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a network: write 10.0.0.0/8 or 2001:db8::/32, several with commas between")]
pub struct NetworkError(String);

/// Addresses and networks in CIDR notation (RFC 4632), commas between them.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    prefix: u128,
    mask: u128,
}

impl Networks {
    /// The machine itself: a proxy in front of the server, or a tool of its operator.
    #[must_use]
    pub fn loopback() -> Self {
        let loopback_v6 = Network { prefix: 1, mask: u128::MAX };
        let loopback_v4 = Network { prefix: bits(Ipv4Addr::new(127, 0, 0, 0).into()), mask: mask(96 + 8) };
        Self(vec![loopback_v4, loopback_v6])
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether an address lies in one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.0.iter().any(|network| bits & network.mask == network.prefix)
    }
}

impl TryFrom<String> for Networks {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| parse(part).ok_or_else(|| NetworkError(part.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, network) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{network}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Ipv6Addr::from_bits(self.prefix);
        let length = self.mask.leading_ones();
        match address.to_ipv4_mapped().filter(|_| length >= 96) {
            Some(address) => write!(f, "{address}/{}", length - 96),
            None => write!(f, "{address}/{length}"),
        }
    }
}

fn parse(text: &str) -> Option<Network> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address.parse::<IpAddr>().ok()?, Some(length.parse::<u32>().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let (before, width) = if address.is_ipv4() { (96, 32) } else { (0, 128) };
    let length = length.unwrap_or(width);
    if length > width {
        return None;
    }
    let mask = mask(before + length);
    Some(Network { prefix: bits(address) & mask, mask })
}

/// An address among those of IPv6, IPv4 mapped into them (RFC 4291 §2.5.5.2).
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn mask(length: u32) -> u128 {
    u128::MAX.checked_shl(128 - length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Networks;

    fn contain(networks: &str, address: &str) -> bool {
        Networks::try_from(networks.to_owned()).unwrap().contain(address.parse().unwrap())
    }

    #[test]
    fn addresses_are_found_in_their_networks() {
        let networks = "10.0.0.0/8, 192.0.2.7,2001:db8::/32, fe80::1/64";
        for inside in ["10.255.0.1", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8:9::1", "fe80::99"] {
            assert!(contain(networks, inside), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::10.0.0.1", "fe80:0:0:1::1"] {
            assert!(!contain(networks, outside), "{outside}");
        }
        assert!(contain("0.0.0.0/0", "203.0.113.9") && !contain("0.0.0.0/0", "2001:db8::1"));
        assert!(contain("::/0", "203.0.113.9"));
        assert!(!contain("", "127.0.0.1"));
    }

    #[test]
    fn lists_are_written_as_they_are_read() {
        for (text, written) in [
            ("", ""),
            ("10.1.2.3/8, 192.0.2.7", "10.0.0.0/8,192.0.2.7/32"),
            ("0.0.0.0/0,::/0,2001:db8::1/32", "0.0.0.0/0,::/0,2001:db8::/32"),
        ] {
            let networks = Networks::try_from(text.to_owned()).unwrap();
            assert_eq!(networks.to_string(), written);
            assert_eq!(Networks::try_from(written.to_owned()), Ok(networks));
        }
    }

    #[test]
    fn loopback_is_the_machine_itself() {
        let loopback = Networks::loopback();
        for (address, is_inside) in
            [("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("128.0.0.1", false)]
        {
            assert_eq!(loopback.contain(address.parse().unwrap()), is_inside, "{address}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["10.0.0.0/33", "::/129", "example.com", "10.0.0.0/-1", "10.0.0/8", "/8"] {
            assert!(Networks::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
