//! From a URI to a session with a token.

use std::path::{Path, PathBuf};

use artifact::VerifyingKey;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::public;
use super::uri::Uri;
use crate::cli::{Failure, files};

/// Longest PIN in a file.
const MAX_PIN: u64 = 1024;
/// The variable with the PIN.
const PIN: &str = "SEALIFT_PKCS11_PIN";

/// Where the shared library is.
#[derive(Debug, clap::Args)]
#[group(id = "pkcs11")]
pub(in crate::cli) struct Module {
    /// Shared library of the PKCS#11 module, for keys that are given as pkcs11: URI; `module-path` in the URI wins
    #[arg(long, value_name = "FILE", env = "SEALIFT_PKCS11_MODULE")]
    pkcs11_module: Option<PathBuf>,
}

/// A session with the token that a URI names.
pub(super) struct Opened {
    pub(super) uri: Uri,
    pub(super) session: Session,
    pub(super) module: Pkcs11,
    pub(super) slot: Slot,
    info: TokenInfo,
}

/// Reads the public half of a key in a token; nobody has to log in for that.
pub(in crate::cli) fn public_key(argument: &Path, module: &Module) -> Result<VerifyingKey, Failure> {
    let opened = Opened::open(argument, module)?;
    let key = opened.find(ObjectClass::PUBLIC_KEY, "public key")?;
    public::read(&opened.session, key).map_err(|why| opened.failure(why))
}

impl Opened {
    pub(super) fn open(argument: &Path, module: &Module) -> Result<Self, Failure> {
        let uri = Uri::parse(argument)?;
        let path = uri.module.as_ref().or(module.pkcs11_module.as_ref()).ok_or_else(|| {
            Failure::usage(format!(
                "{}: no PKCS#11 module is given: use --pkcs11-module FILE, SEALIFT_PKCS11_MODULE, or module-path in the URI",
                uri.text
            ))
        })?;
        let unusable = |error: Error| Failure {
            status: 3,
            message: format!("the PKCS#11 module {} cannot be used: {error}", path.display()),
        };
        let module = Pkcs11::new(path).map_err(unusable)?;
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(unusable)?;
        let (slot, info) = token(&module, &uri)?;
        let session = module.open_ro_session(slot).map_err(unusable)?;
        Ok(Self { uri, session, module, slot, info })
    }

    /// Logs in, if the token wants that.
    pub(super) fn log_in(&self) -> Result<(), Failure> {
        if !self.info.login_required() {
            return Ok(());
        }
        let pin = if self.info.protected_authentication_path() {
            None
        } else {
            Some(AuthPin::from(self.pin()?.to_string()))
        };
        match self.session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                Err(self.failure("the PIN is wrong; a token locks itself after a few of them"))
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(self.failure("the PIN is locked")),
            Err(error) => Err(self.failure(format!("the token refused to log in: {error}"))),
        }
    }

    fn pin(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(pin) = &self.uri.pin {
            return Ok(pin.clone());
        }
        if let Some(path) = &self.uri.pin_source {
            let bytes = Zeroizing::new(files::bytes(path, MAX_PIN)?);
            let text = str::from_utf8(&bytes).map_err(|_| self.failure("the PIN is not UTF-8"))?;
            return Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()));
        }
        files::secret(PIN, &format!("PIN of the token {:?}", self.info.label()), || {
            self.failure(format!("the PIN is needed: give pin-source in the URI, or {PIN}"))
        })
    }

    /// Finds the only key of a class that fits the URI.
    pub(super) fn find(&self, class: ObjectClass, what: &str) -> Result<ObjectHandle, Failure> {
        let mut template = vec![Attribute::Class(class)];
        template.extend(self.uri.object.iter().map(|label| Attribute::Label(label.clone().into_bytes())));
        template.extend(self.uri.id.iter().map(|id| Attribute::Id(id.clone())));
        let found = self.session.find_objects(&template).map_err(|error| self.failure(error))?;
        match found.as_slice() {
            [key] => Ok(*key),
            [] => Err(self.failure(format!("the token {:?} has no such {what}", self.info.label()))),
            several => {
                let names: Vec<String> = several.iter().map(|key| self.describe(*key)).collect();
                let names = names.join(", ");
                Err(self.failure(format!("several keys fit, add object or id to the URI: {names}")))
            }
        }
    }

    /// Names an object by label and id, as a URI does.
    fn describe(&self, object: ObjectHandle) -> String {
        let attributes = self.session.get_attributes(object, &[AttributeType::Label, AttributeType::Id]);
        let mut text = String::new();
        for attribute in attributes.unwrap_or_default() {
            if let Attribute::Label(label) = &attribute {
                text = format!("object={}", String::from_utf8_lossy(label));
            }
            if let Attribute::Id(id) = &attribute {
                text = id.iter().fold(text + ";id=", |text, byte| text + &format!("%{byte:02x}"));
            }
        }
        text
    }

    /// The token or the URI is not as it has to be.
    pub(super) fn failure(&self, why: impl std::fmt::Display) -> Failure {
        Failure::usage(format!("{}: {why}", self.uri.text))
    }
}

/// Finds the only token that fits.
fn token(module: &Pkcs11, uri: &Uri) -> Result<(Slot, TokenInfo), Failure> {
    let unreachable = |why: String| Failure { status: 3, message: format!("{}: {why}", uri.text) };
    let slots = module.get_slots_with_initialized_token();
    let slots = slots.map_err(|error| unreachable(format!("the module lists no tokens: {error}")))?;
    let (mut fitting, mut labels) = (Vec::new(), Vec::new());
    for slot in slots {
        let Ok(info) = module.get_token_info(slot) else { continue };
        labels.push(format!("{:?}", info.label()));
        let fits =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        if fits(&uri.token, info.label())
            && fits(&uri.manufacturer, info.manufacturer_id())
            && fits(&uri.model, info.model())
            && fits(&uri.serial, info.serial_number())
            && uri.slot.is_none_or(|wanted| wanted == slot.id())
        {
            fitting.push((slot, info));
        }
    }
    let labels = labels.join(", ");
    match (fitting.pop(), fitting.is_empty()) {
        (Some(token), true) => Ok(token),
        (Some(_), false) => Err(Failure::usage(format!(
            "{}: several tokens fit, add token or serial to the URI; there are {labels}",
            uri.text
        ))),
        (None, _) if labels.is_empty() => Err(unreachable("the module has no token".to_owned())),
        (None, _) => Err(unreachable(format!("no token fits; there are {labels}"))),
    }
}
