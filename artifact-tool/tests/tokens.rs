//! Keys in PKCS#11 tokens, with `SoftHSM` and the original tool.
//!
//! A test whose peer program is not installed counts as ignored, and its name says why; with
//! `SEALIFT_REQUIRE_PEERS=1` it fails.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;

const MODULES: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
const PIN: &str = "1234";
/// Set for the process that makes keys in a token.
const INSIDE: &str = "TOKENS_INSIDE";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for kind in ["rsa3072", "p256", "ed25519"] {
        trials.push(trial(format!("signs_and_verifies_with_{kind}"), move || signs_and_verifies(kind)));
    }
    for kind in ["rsa3072", "p256"] {
        trials.push(trial(format!("the_original_validates_{kind}"), move || the_original_validates(kind)));
    }
    let others: [(&str, fn()); 6] = [
        ("writes_and_modifies_with_a_token", writes_and_modifies),
        ("keys_made_in_the_token_sign", keys_made_in_the_token),
        ("pins_come_from_where_they_should", pins),
        ("the_module_comes_from_where_it_should", modules),
        ("what_does_not_fit_is_told", what_does_not_fit),
        ("several_tokens_and_keys_are_told_apart", several),
    ];
    for (name, runner) in others {
        trials.push(trial(name.to_owned(), runner));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: String, runner: impl FnOnce() + Send + 'static) -> Trial {
    let missing = if Command::new("softhsm2-util").arg("--version").output().is_err() || module().is_none() {
        Some("softhsm2 is not installed")
    } else if Command::new("mender-artifact").arg("--version").output().is_err() {
        Some("mender-artifact is not installed")
    } else {
        None
    };
    let is_required = std::env::var_os("SEALIFT_REQUIRE_PEERS").is_some_and(|value| value == "1");
    match (missing, is_required) {
        (None, _) => Trial::test(name, move || {
            runner();
            Ok(())
        }),
        (Some(why), true) => Trial::test(name, move || Err(why.into())),
        (Some(why), false) => {
            Trial::test(format!("{name} (skipped: {why})"), || Ok(())).with_ignored_flag(true)
        }
    }
}

fn module() -> Option<&'static str> {
    MODULES.into_iter().find(|path| Path::new(path).is_file())
}

/// A store of tokens of its own, with an artifact beside it.
struct Store(TempDir);

impl Store {
    /// Makes a store with one token, `Release keys`, that holds these keys of the fixtures under their names.
    fn new(keys: &[&str]) -> Self {
        let store = Self(tempfile::tempdir().unwrap());
        fs::create_dir(store.path("tokens")).unwrap();
        let tokens = store.path("tokens");
        let conf = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        fs::write(store.path("softhsm2.conf"), conf).unwrap();
        fs::copy(fixture("module-single.mender"), store.path("app.mender")).unwrap();
        store.token("Release keys");
        for (index, key) in keys.iter().enumerate() {
            store.import("Release keys", key, key, index + 1);
        }
        store
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn token(&self, label: &str) {
        self.softhsm(&["--init-token", "--free", "--label", label, "--so-pin", "5678", "--pin", PIN]);
    }

    fn import(&self, token: &str, key: &str, label: &str, id: usize) {
        let (file, id) = (fixture(&format!("keys/{key}.private.pkcs8.pem")), format!("{id:02}"));
        let file = file.to_str().unwrap();
        self.softhsm(&["--import", file, "--token", token, "--label", label, "--id", &id, "--pin", PIN]);
    }

    fn softhsm(&self, args: &[&str]) {
        let mut command = Command::new("softhsm2-util");
        let output = command.args(args).env("SOFTHSM2_CONF", self.path("softhsm2.conf")).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    }

    /// A command that knows the module; PINs are given by whoever needs them.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.without_module(args);
        command.env("SEALIFT_PKCS11_MODULE", module().unwrap());
        command
    }

    fn without_module(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_artifact-tool"));
        command
            .current_dir(self.0.path())
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .env_remove("SEALIFT_PKCS11_MODULE")
            .env_remove("SEALIFT_PKCS11_PIN")
            .stdin(Stdio::null())
            .args(args);
        command
    }

    fn ok(&self, args: &[&str]) -> String {
        ok(&mut self.command(args))
    }

    /// Runs what must fail with this status; what it says.
    fn fails(&self, status: i32, args: &[&str]) -> String {
        fails(status, &mut self.command(args))
    }
}

fn ok(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn fails(status: i32, command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{command:?}: {said}");
    assert!(!said.contains(PIN), "{said}");
    said
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn public_key(kind: &str) -> String {
    fixture(&format!("keys/{kind}.public.pem")).to_str().unwrap().to_owned()
}

/// The URI of a key, with the PIN.
fn uri(key: &str) -> String {
    format!("pkcs11:token=Release%20keys;object={key}?pin-value={PIN}")
}

fn signs_and_verifies(kind: &str) {
    let store = Store::new(&[kind]);
    store.ok(&["sign", "-k", &uri(kind), "app.mender"]);
    store.ok(&["validate", "-k", &public_key(kind), "app.mender"]);
    // The public half is read without logging in, and verifies, too.
    let without_pin = format!("pkcs11:object={kind}");
    store.ok(&["validate", "-k", &without_pin, "app.mender"]);
    store.ok(&["read", "--key-pkcs11", &without_pin, "app.mender"]);
    assert_eq!(store.ok(&["pubkey", "-k", &without_pin]), fs::read_to_string(public_key(kind)).unwrap());
    store.fails(1, &["validate", "-k", &public_key(&format!("{kind}-other")), "app.mender"]);
    if kind != "p256" {
        // RSA and Ed25519 have one signature for a text, wherever it is made; tokens make ECDSA with randomness.
        let file = fixture(&format!("keys/{kind}.private.pkcs8.pem"));
        fs::copy(fixture("module-single.mender"), store.path("by-file.mender")).unwrap();
        store.ok(&["sign", "-k", file.to_str().unwrap(), "by-file.mender"]);
        let read = |name: &str| fs::read(store.path(name)).unwrap();
        assert!(read("by-file.mender") == read("app.mender"), "the signatures differ");
    }
}

fn the_original_validates(kind: &str) {
    let store = Store::new(&[kind]);
    // The nonce of ECDSA is random: a short r or s comes once in 128 signatures, so one try shows little.
    for _ in 0..if kind == "p256" { 20 } else { 1 } {
        store.ok(&["sign", "--force", "--key-pkcs11", &uri(kind), "-o", "signed.mender", "app.mender"]);
        let file = store.path("signed.mender");
        ok(Command::new("mender-artifact").args(["validate", "-k", &public_key(kind)]).arg(file));
    }
}

fn writes_and_modifies() {
    let store = Store::new(&["p256"]);
    fs::write(store.path("app.bin"), "contents").unwrap();
    let key = uri("p256");
    let write =
        ["write", "module-image", "-n", "a", "-t", "d", "-T", "m", "-f", "app.bin", "-o", "new.mender", "-k"];
    store.ok(&[&write[..], &[&key]].concat());
    store.ok(&["validate", "-k", &public_key("p256"), "new.mender"]);
    store.ok(&["modify", "-n", "b", "-k", &key, "new.mender"]);
    store.ok(&["validate", "-k", &public_key("p256"), "new.mender"]);
    assert!(store.ok(&["read", "new.mender"]).contains("Name: b"));
    // A key that signs has to fit the one that is asked for.
    let other = public_key("p256-other");
    store.fails(1, &["sign", "--force", "-k", &key, "--verify-key", &other, "new.mender"]);
}

/// Not imported: the key never was outside of the token.
fn keys_made_in_the_token() {
    use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
    use cryptoki::mechanism::Mechanism;
    use cryptoki::object::Attribute;
    use cryptoki::session::UserType;

    if std::env::var_os(INSIDE).is_some() {
        let pkcs11 = Pkcs11::new(module().unwrap()).unwrap();
        pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let slot = pkcs11.get_slots_with_initialized_token().unwrap()[0];
        let session = pkcs11.open_rw_session(slot).unwrap();
        session.login(UserType::User, Some(&PIN.to_owned().into())).unwrap();
        let named = |label: &str| {
            vec![Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(label.into())]
        };
        let p256 = vec![0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        let secret = [Attribute::Sign(true), Attribute::Sensitive(true), Attribute::Extractable(false)];
        let public = [&named("made")[..], &[Attribute::EcParams(p256), Attribute::Verify(true)]].concat();
        let private = [&named("made")[..], &secret].concat();
        session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
        let size = [Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1])];
        let public = [&named("made-rsa")[..], &size].concat();
        let private = [&named("made-rsa")[..], &secret].concat();
        session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).unwrap();
        return;
    }
    let store = Store::new(&[]);
    // The module takes its configuration from the environment of the process that loads it: another one.
    let mut inside = Command::new(std::env::current_exe().unwrap());
    inside.args(["--exact", "keys_made_in_the_token_sign"]).env(INSIDE, "1");
    ok(inside.env("SOFTHSM2_CONF", store.path("softhsm2.conf")));
    for key in ["made", "made-rsa"] {
        let public = store.ok(&["pubkey", "-k", &uri(key)]);
        fs::write(store.path("public.pem"), public).unwrap();
        store.ok(&["sign", "--force", "-k", &uri(key), "app.mender"]);
        store.ok(&["validate", "-k", "public.pem", "app.mender"]);
        ok(Command::new("mender-artifact").current_dir(store.0.path()).args([
            "validate",
            "-k",
            "public.pem",
            "app.mender",
        ]));
    }
}

fn pins() {
    let store = Store::new(&["p256"]);
    let sign = |uri: &str| store.command(&["sign", "--force", "-k", uri, "app.mender"]);
    fs::write(store.path("pin"), format!("{PIN}\n")).unwrap();
    ok(&mut sign("pkcs11:object=p256?pin-source=pin"));
    ok(&mut sign(&format!("pkcs11:object=p256?pin-source=file:{}", store.path("pin").display())));
    ok(sign("pkcs11:object=p256").env("SEALIFT_PKCS11_PIN", PIN));
    let said = fails(2, &mut sign("pkcs11:object=p256"));
    assert!(said.contains("the PIN is needed: give pin-source in the URI, or SEALIFT_PKCS11_PIN"), "{said}");
    let said = fails(2, &mut sign("pkcs11:object=p256?pin-value=0000"));
    assert!(said.contains("pkcs11:object=p256: the PIN is wrong") && !said.contains("0000"), "{said}");
    fails(3, &mut sign("pkcs11:object=p256?pin-source=nowhere"));
    let said = fails(2, &mut sign("pkcs11:object=p256?pin-source=|cat%20pin"));
    assert!(said.contains("programs as pin-source are not run"), "{said}");
}

fn modules() {
    let store = Store::new(&["p256"]);
    let module = module().unwrap();
    let pubkey = |args: &[&str]| store.without_module(&[&["pubkey"], args].concat());
    ok(&mut pubkey(&["-k", &format!("pkcs11:object=p256?module-path={module}")]));
    ok(&mut pubkey(&["--pkcs11-module", module, "-k", "pkcs11:object=p256"]));
    let said = fails(2, &mut pubkey(&["-k", "pkcs11:object=p256"]));
    assert!(said.contains("no PKCS#11 module is given: use --pkcs11-module FILE"), "{said}");
    let said = fails(3, &mut pubkey(&["--pkcs11-module", "/no/such.so", "-k", "pkcs11:object=p256"]));
    assert!(said.contains("the PKCS#11 module /no/such.so cannot be used"), "{said}");
    let no_module = fixture("module-single.mender");
    fails(3, &mut pubkey(&["--pkcs11-module", no_module.to_str().unwrap(), "-k", "pkcs11:object=p256"]));
}

fn what_does_not_fit() {
    let store = Store::new(&["p256"]);
    let said = store.fails(3, &["sign", "-k", "pkcs11:token=other;object=p256", "app.mender"]);
    assert!(said.contains(r#"no token fits; there are "Release keys""#), "{said}");
    let said = store.fails(2, &["sign", "-k", &uri("nothing"), "app.mender"]);
    assert!(said.contains(r#"the token "Release keys" has no such private key"#), "{said}");
    let said = store.fails(2, &["validate", "-k", "pkcs11:object=nothing", "app.mender"]);
    assert!(said.contains("has no such public key"), "{said}");
    let said = store.fails(2, &["sign", "-k", "pkcs11:colour=red", "app.mender"]);
    assert!(said.contains(r#"the attribute "colour" is not supported"#), "{said}");
    // Nothing was signed meanwhile.
    assert!(
        fs::read(store.path("app.mender")).unwrap() == fs::read(fixture("module-single.mender")).unwrap()
    );
    fs::remove_dir_all(store.path("tokens")).unwrap();
    fs::create_dir(store.path("tokens")).unwrap();
    let said = store.fails(3, &["sign", "-k", &uri("p256"), "app.mender"]);
    assert!(said.contains("the module has no token"), "{said}");
}

fn several() {
    let store = Store::new(&["p256", "rsa3072"]);
    let said = store.fails(2, &["sign", "-k", &format!("pkcs11:?pin-value={PIN}"), "app.mender"]);
    assert!(said.contains("several keys fit, add object or id to the URI"), "{said}");
    assert!(said.contains("object=p256;id=%01") && said.contains("object=rsa3072;id=%02"), "{said}");
    store.ok(&["sign", "-k", &format!("pkcs11:id=%02?pin-value={PIN}"), "app.mender"]);
    store.ok(&["validate", "-k", &public_key("rsa3072"), "app.mender"]);
    store.token("Spare keys");
    let said = store.fails(2, &["pubkey", "-k", "pkcs11:object=p256"]);
    assert!(said.contains("several tokens fit") && said.contains(r#""Spare keys""#), "{said}");
    store.ok(&["pubkey", "-k", "pkcs11:token=Release%20keys;object=p256"]);
}
