//! A cluster that is reached over TLS.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process;

use super::programs::Account;
use super::{Cluster, PASSWORD};

/// Whoever comes over the network needs TLS and the password.
const HBA: &str = "local all all trust\nhostssl all all 127.0.0.0/8 scram-sha-256\n";

impl Cluster {
    /// Two addresses that no other process of the machine listens on; clusters may listen there.
    pub fn own_addresses() -> [Ipv4Addr; 2] {
        let [.., high, low] = process::id().to_be_bytes();
        // All of 127.0.0.0/8 is this machine; by other addresses the usual port is free.
        [Ipv4Addr::new(127, 83, high, low), Ipv4Addr::new(127, 84, high, low)]
    }

    /// Starts it again, with this certificate, listening on [`own_addresses`](Self::own_addresses) too.
    pub fn restart_with_tls(&self, certificate: &Path, key: &Path) {
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = self.data_dir().join(name);
            fs::copy(from, &to).expect("both can be read and written");
            // It refuses a key that others may read.
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("its owner may");
            if let Some(account) = Account::instead_of_root() {
                chown(&to, Some(account.uid), Some(account.gid)).expect("root may");
            }
        }
        fs::write(self.data_dir().join("pg_hba.conf"), HBA).expect("the cluster's files are writable");
        self.alter(&format!("ALTER USER CURRENT_USER PASSWORD '{PASSWORD}'"));
        self.alter("ALTER SYSTEM SET ssl = on");
        self.kill();
        let addresses = Self::own_addresses().map(|address| address.to_string()).join(",");
        self.listen(&addresses);
        self.start_again();
    }
}

/// Returns the URL of a database by an address instead of the socket, with these parameters.
pub fn url_over_tls(url: &str, address: Ipv4Addr, parameters: &str) -> String {
    let (before, _) = url.split_once('?').expect("the socket is in the query");
    format!("{}?{parameters}", before.replacen("@localhost/", &format!("@{address}/"), 1))
}
