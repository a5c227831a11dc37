use crate::{augment, bombs, compression, container, data, header, manifest, members, signature};

/// The public key that [`Trust::Key`] means, in PEM form.
pub const PUBLIC_KEY: &str = include_str!("../../fixtures/keys/p256.public.pem");

/// One artifact that has to be refused.
pub struct Case {
    /// Name of the file without `.mender`.
    pub name: &'static str,
    /// Section of the artifact format with the rule.
    pub section: &'static str,
    /// What is wrong with the file.
    pub breaks: &'static str,
    /// Code of the broken rule.
    pub rule: &'static str,
    /// Outer member in which it is noticed; empty between members.
    pub member: &'static str,
    /// What the reader has to be told.
    pub trust: Trust,
    pub(crate) build: fn() -> Vec<u8>,
}

/// Whose signatures the reader is to take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Nobody's: signatures do not matter.
    Nothing,
    /// That of [`PUBLIC_KEY`] only.
    Key,
}

impl Case {
    /// Makes the file.
    pub fn bytes(&self) -> Vec<u8> {
        (self.build)()
    }

    pub(crate) const fn with_key(self) -> Self {
        Self { trust: Trust::Key, ..self }
    }
}

/// Makes a case: file, section, what is wrong; rule and member that the reader names.
pub(crate) const fn case(
    name: &'static str,
    section: &'static str,
    breaks: &'static str,
    (rule, member): (&'static str, &'static str),
    build: fn() -> Vec<u8>,
) -> Case {
    Case { name, section, breaks, rule, member, trust: Trust::Nothing, build }
}

/// Returns the whole collection, in the order of the sections.
pub fn cases() -> Vec<Case> {
    [
        container::cases(),
        members::cases(),
        manifest::cases(),
        signature::cases(),
        header::cases(),
        data::cases(),
        augment::cases(),
        compression::cases(),
        bombs::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
