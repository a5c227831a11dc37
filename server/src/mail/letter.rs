//! What users are told.

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::throttle::Site;
use crate::users::Email;

/// Something to tell a user.
#[derive(Debug)]
pub struct Letter {
    /// To whom.
    pub to: Email,
    /// What about.
    pub matter: Matter,
}

/// What a letter is about.
#[derive(Debug)]
pub enum Matter {
    /// A link by which the password can be replaced, once.
    PasswordReset {
        /// The link, which holds the secret.
        link: SecretString,
        /// Until when it works.
        until: DateTime<Utc>,
    },
    /// The password was replaced by such a link.
    PasswordReplaced,
    /// A session was opened from a network that the user did not come from before.
    SignIn {
        /// The network.
        site: Site,
        /// When.
        at: DateTime<Utc>,
    },
    /// A second factor was set up.
    FactorAdded,
    /// A second factor was taken away.
    FactorRemoved,
}

impl Matter {
    /// The name in the log.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::PasswordReset { .. } => "password-reset",
            Self::PasswordReplaced => "password-replaced",
            Self::SignIn { .. } => "sign-in",
            Self::FactorAdded => "factor-added",
            Self::FactorRemoved => "factor-removed",
        }
    }

    /// The subject.
    #[must_use]
    pub const fn subject(&self) -> &'static str {
        match self {
            Self::PasswordReset { .. } => "A new password for your account",
            Self::PasswordReplaced => "Your password was replaced",
            Self::SignIn { .. } => "A log-in from a new network",
            Self::FactorAdded => "A second factor was set up",
            Self::FactorRemoved => "Your second factor was taken away",
        }
    }

    /// The text. It may hold a secret.
    #[must_use]
    pub fn text(&self, server: &str) -> SecretString {
        const NOT_YOU: &str =
            "If that was not you, tell who looks after the server, and replace your password.\n";
        let moment = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let text = match self {
            Self::PasswordReset { link, until } => format!(
                "Somebody asked for a new password for your account at {server}. To choose one, open\n\n{}\n\n\
                 The link works once, until {}. If you did not ask for it, there is nothing to do.\n",
                link.expose_secret(),
                moment(until),
            ),
            Self::PasswordReplaced => format!(
                "The password of your account at {server} was replaced, and all sessions were ended.\n{NOT_YOU}"
            ),
            Self::SignIn { site, at } => format!(
                "Somebody logged in to your account at {server} from the network {site}, at {}. Nobody did from \
                 there in the last 90 days.\n{NOT_YOU}",
                moment(at),
            ),
            Self::FactorAdded => {
                format!("A second factor was set up for your account at {server}.\n{NOT_YOU}")
            }
            Self::FactorRemoved => {
                format!("The second factor of your account at {server} was taken away.\n{NOT_YOU}")
            }
        };
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use secrecy::ExposeSecret as _;

    use super::{Letter, Matter};

    #[test]
    fn a_link_is_in_the_text_and_nowhere_else() {
        let link = "https://updates.example.com/ui/password/SECRET";
        let until = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let letter = Letter {
            to: "ops@example.com".parse().unwrap(),
            matter: Matter::PasswordReset { link: link.into(), until },
        };
        let text = letter.matter.text("https://updates.example.com");
        assert!(text.expose_secret().contains(link) && text.expose_secret().contains("2027-01-15T08:00:00Z"));
        assert!(!letter.matter.subject().contains("SECRET"));
        assert!(!format!("{letter:?}").contains("SECRET"));
    }
}
