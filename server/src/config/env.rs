//! The layer of environment variables.

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::server::Config;

const PREFIX: &str = "SEALIFT_";

/// Variables of ours that are not configuration.
const OTHERS: [&str; 3] = ["SEALIFT_CONFIG", "SEALIFT_TOKEN", "SEALIFT_REQUIRE_PEERS"];

/// One variable that is a setting.
pub(super) struct Setting {
    variable: String,
    path: String,
    value: Value,
}

impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("variable {}", self.variable))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(&self.path, self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

/// Sorts variables into settings and names that mean nothing to us. Those are not errors, because an
/// orchestrator sets variables named after its services (`SEALIFT_PORT`, `SEALIFT_SERVICE_HOST`).
pub(super) fn read(variables: &[(String, String)]) -> (Vec<Setting>, Vec<String>) {
    let mut settings = Vec::new();
    let mut ignored = Vec::new();
    for (name, text) in variables {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        let path = key.to_ascii_lowercase().replace("__", ".");
        let head = path.split('.').next().unwrap_or_default();
        if Config::KEYS.contains(&head) {
            settings.push(Setting { variable: name.clone(), path, value: value(text) });
        } else if !OTHERS.contains(&name.as_str()) {
            ignored.push(name.clone());
        }
    }
    (settings, ignored)
}

/// Numbers and booleans are taken as such, everything else as text.
fn value(text: &str) -> Value {
    if let Ok(flag) = text.parse::<bool>() {
        return Value::from(flag);
    }
    text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}
