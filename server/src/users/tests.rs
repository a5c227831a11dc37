//! Users and log-ins against a real database.

use std::sync::Arc;

use argon2::PasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};

use super::{
    AuthenticateError, LogInError, LoggedIn, Logins, Permission, Role, SecondFactors, SessionLife, Setup,
    SetupError, UserError, UserFilter, Users,
};
use crate::audit::Origin;
use crate::clock::Clock;
use crate::clock::manual::ManualClock;
use crate::crypto::password::{HashCost, HashScheme, PasswordLengths, PasswordPolicy, PasswordPool};
use crate::crypto::random::SystemRandom;
use crate::crypto::seal::MasterKey;
use crate::crypto::second_factor::FactorKeys;
use crate::crypto::session_token::{SigningKey, SigningKeySet, TokenAuthority};
use crate::ids::TenantId;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::users as stored;

database_tests![
    who_knows_the_password_gets_a_session_with_the_roles_permissions,
    all_others_are_refused_alike,
    sessions_end_by_time_number_password_and_disabling,
    users_are_checked_listed_and_unique,
    a_password_of_before_the_pepper_goes_on_and_gets_it,
    the_setup_token_makes_one_admin,
    the_setup_token_is_void_after_five_misses_or_with_a_user,
    once_there_is_a_user_the_database_is_not_asked_again,
];

pub(crate) const EMAIL: &str = "Ops@Example.com";
pub(crate) const PASSWORD: &str = "a fair wind to sail";

pub(crate) struct Bench {
    pub(crate) storage: TestDatabase,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) users: Users,
    pub(crate) logins: Logins,
    pub(crate) second_factors: SecondFactors,
    pub(crate) keys: FactorKeys,
    pub(crate) random: Arc<SystemRandom>,
}

impl Bench {
    pub(crate) fn new(storage: TestDatabase) -> Self {
        let clock = Arc::new(ManualClock::at(1_000_000));
        let random = Arc::new(SystemRandom::new());
        let master = MasterKey::from_bytes(&[1; 32]);
        let scheme = HashScheme::new(HashCost::default(), &master).unwrap();
        let lengths = PasswordLengths { alone: 15, with_second_factor: 12 };
        let passwords = PasswordPool::new(2, scheme, random.clone()).unwrap();
        let keys = SigningKeySet::new(SigningKey::generate(random.as_ref()).unwrap(), Vec::new());
        let users =
            Users::new(storage.scope(), passwords.clone(), PasswordPolicy::new(lengths, &[]), clock.clone());
        let factor_keys = FactorKeys::new(master, random.clone());
        let second_factors = SecondFactors::new(factor_keys.clone(), clock.clone(), "Test".to_owned());
        let logins = Logins::new(
            storage.database.clone(),
            passwords,
            Arc::new(TokenAuthority::new(keys)),
            second_factors.clone(),
            clock.clone(),
            "Test".to_owned(),
            TimeDelta::days(7),
        );
        Self { storage, clock, random, users, logins, second_factors, keys: factor_keys }
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Result<LoggedIn, LogInError> {
        self.clock.advance(TimeDelta::seconds(1));
        self.logins.log_in(email, password.into(), None, SessionLife::Usual, Origin::default()).await
    }

    pub(crate) async fn is_open(&self, login: &LoggedIn) -> bool {
        self.logins.authenticate(login.token.expose_secret()).await.is_ok()
    }
}

async fn who_knows_the_password_gets_a_session_with_the_roles_permissions(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let id = bench.users.add(EMAIL, PASSWORD.into(), Role::Viewer).await.unwrap();
    let login = bench.log_in("OPS@example.com", PASSWORD).await.unwrap();
    let principal = bench.logins.authenticate(login.token.expose_secret()).await.unwrap();
    assert_eq!(
        (principal.user, principal.tenant, principal.session),
        (id, TenantId::DEFAULT, login.session.id)
    );
    assert!(principal.may(Permission::DevicesRead));
    assert!(!principal.may(Permission::DevicesDecide));
    let me = bench.users.get(id).await.unwrap();
    assert_eq!(
        (me.email.as_str(), me.roles, me.enabled),
        ("ops@example.com", vec![Role::Viewer.into()], true)
    );
    assert_eq!(me.login_at, Some(login.session.created_at));

    bench.logins.log_out(&principal, Origin::default()).await.unwrap();
    assert!(matches!(
        bench.logins.authenticate(login.token.expose_secret()).await,
        Err(AuthenticateError::Ended)
    ));
}

async fn all_others_are_refused_alike(storage: TestDatabase) {
    let bench = Bench::new(storage);
    bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
    let long = "x".repeat(2000);
    for (email, password) in [
        (EMAIL, "a fair wind to sink"),
        (EMAIL, ""),
        (EMAIL, long.as_str()),
        ("nobody@example.com", PASSWORD),
        ("no address", PASSWORD),
    ] {
        assert!(matches!(bench.log_in(email, password).await, Err(LogInError::Refused)), "{email}");
    }
    assert!(bench.logins.authenticate("no token").await.is_err());
}

async fn sessions_end_by_time_number_password_and_disabling(storage: TestDatabase) {
    let bench = Bench::new(storage);
    bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
    let first = bench.log_in(EMAIL, PASSWORD).await.unwrap();
    let endless =
        bench.logins.log_in(EMAIL, PASSWORD.into(), None, SessionLife::Unlimited, Origin::default());
    let endless = endless.await.unwrap();
    assert!(endless.session.expires_at.is_none());
    for _ in 0..8 {
        bench.log_in(EMAIL, PASSWORD).await.unwrap();
    }
    assert!(bench.is_open(&first).await);
    let eleventh = bench.log_in(EMAIL, PASSWORD).await.unwrap();
    assert!(!bench.is_open(&first).await, "the oldest gives way");
    assert!(bench.is_open(&endless).await);
    bench.clock.advance(TimeDelta::days(8));
    assert!(!bench.is_open(&eleventh).await);
    assert!(bench.is_open(&endless).await);

    bench.users.set_password(EMAIL, "another fair wind".into()).await.unwrap();
    assert!(!bench.is_open(&endless).await);
    assert!(matches!(bench.log_in(EMAIL, PASSWORD).await, Err(LogInError::Refused)));
    let renewed = bench.log_in(EMAIL, "another fair wind").await.unwrap();
    bench.users.disable(EMAIL).await.unwrap();
    assert!(!bench.is_open(&renewed).await);
    assert!(matches!(bench.log_in(EMAIL, "another fair wind").await, Err(LogInError::Refused)));
}

async fn users_are_checked_listed_and_unique(storage: TestDatabase) {
    let bench = Bench::new(storage);
    assert!(!bench.logins.has_users().await.unwrap());
    bench.users.add(EMAIL, PASSWORD.into(), Role::Ci).await.unwrap();
    let again = bench.users.add("ops@EXAMPLE.com", PASSWORD.into(), Role::Ci).await;
    assert!(matches!(again, Err(UserError::EmailTaken)));
    assert!(matches!(bench.users.add("x", PASSWORD.into(), Role::Ci).await, Err(UserError::InvalidEmail(_))));
    let weak = bench.users.add("b@example.com", "short".into(), Role::Ci).await;
    assert!(matches!(weak, Err(UserError::PasswordRefused(_))));
    assert!(matches!(bench.users.disable("b@example.com").await, Err(UserError::NotFound(_))));
    bench.users.add("a@example.com", PASSWORD.into(), Role::Admin).await.unwrap();
    let all = bench.users.list(&UserFilter::default()).await.unwrap();
    let emails: Vec<_> = all.iter().map(|user| (user.email.as_str(), user.roles.clone())).collect();
    assert_eq!(
        emails,
        [("a@example.com", vec![Role::Admin.into()]), ("ops@example.com", vec![Role::Ci.into()])]
    );
    let one = UserFilter { ids: vec![all[1].id], ..UserFilter::default() };
    assert_eq!(bench.users.list(&one).await.unwrap(), [all[1].clone()]);
    let none =
        UserFilter { created_before: Some(all[0].created_at - TimeDelta::hours(1)), ..UserFilter::default() };
    assert!(bench.users.list(&none).await.unwrap().is_empty());
}

async fn a_password_of_before_the_pepper_goes_on_and_gets_it(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let user = bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
    // As they were made then: without a key.
    let params = argon2::Params::new(19_456, 2, 1, None).unwrap();
    let plain = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let old: PasswordHash = plain.hash_password_with_salt(PASSWORD.as_bytes(), b"some salt of ours").unwrap();
    let scope = bench.storage.scope();
    let transaction = scope.begin().await.unwrap();
    stored::replace_hash(&transaction.scope(), user, &old.to_string().into()).await.unwrap();
    transaction.commit(bench.clock.now()).await.unwrap();

    assert!(matches!(bench.log_in(EMAIL, "a fair wind to sink").await, Err(LogInError::Refused)));
    let first = bench.log_in(EMAIL, PASSWORD).await.unwrap();
    let now = stored::password_hash(&scope, user).await.unwrap().unwrap();
    assert!(now.expose_secret().contains(",keyid="), "the log-in has replaced it");
    bench.log_in(EMAIL, PASSWORD).await.unwrap();
    let same = stored::password_hash(&scope, user).await.unwrap().unwrap();
    assert_eq!(same.expose_secret(), now.expose_secret());
    assert!(bench.is_open(&first).await, "for the user nothing has changed");
}

async fn the_setup_token_makes_one_admin(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let setup = Setup::generate(&SystemRandom::new()).unwrap();
    let token = setup.take_token().unwrap();
    assert!(setup.take_token().is_none());
    assert_eq!(token.expose_secret().len(), 26);
    let wrong = setup.create_admin(&bench.users, &"AAAA".into(), EMAIL, PASSWORD.into()).await;
    assert!(matches!(wrong, Err(SetupError::WrongToken)));
    let weak = setup.create_admin(&bench.users, &token, EMAIL, "short".into()).await;
    assert!(matches!(weak, Err(SetupError::User(UserError::PasswordRefused(_)))));
    let lower: SecretString = format!(" {} ", token.expose_secret().to_lowercase()).into();
    let id = setup.create_admin(&bench.users, &lower, EMAIL, PASSWORD.into()).await.unwrap();
    assert_eq!(bench.users.get(id).await.unwrap().roles, [Role::Admin.into()]);
    let again = setup.create_admin(&bench.users, &token, "b@example.com", PASSWORD.into()).await;
    assert!(matches!(again, Err(SetupError::Void)));
}

async fn the_setup_token_is_void_after_five_misses_or_with_a_user(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let setup = Setup::generate(&SystemRandom::new()).unwrap();
    let token = setup.take_token().unwrap();
    for _ in 0..5 {
        let wrong = setup.create_admin(&bench.users, &"x".into(), EMAIL, PASSWORD.into()).await;
        assert!(matches!(wrong, Err(SetupError::WrongToken)));
    }
    let right = setup.create_admin(&bench.users, &token, EMAIL, PASSWORD.into()).await;
    assert!(matches!(right, Err(SetupError::Void)));

    let setup = Setup::generate(&SystemRandom::new()).unwrap();
    let token = setup.take_token().unwrap();
    bench.users.add(EMAIL, PASSWORD.into(), Role::Viewer).await.unwrap();
    let late = setup.create_admin(&bench.users, &token, "b@example.com", PASSWORD.into()).await;
    assert!(matches!(late, Err(SetupError::User(UserError::NotFirst))));
}

async fn once_there_is_a_user_the_database_is_not_asked_again(storage: TestDatabase) {
    let bench = Bench::new(storage);
    assert!(!bench.logins.has_users().await.unwrap());
    bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
    assert!(bench.logins.has_users().await.unwrap());
    bench.storage.database.clone().close().await.unwrap();
    assert!(bench.logins.has_users().await.unwrap());
}
