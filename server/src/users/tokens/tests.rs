//! Personal tokens against a real database.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;

use super::{Lifetime, NewToken, Overlap, PersonalTokens, Shown, TokenError, TokenLimits};
use crate::audit::{Actor, Origin};
use crate::clock::Clock as _;
use crate::ids::{TenantId, TokenId};
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{personal_tokens, roles};
use crate::throttle::Networks;
use crate::users::tests::Bench;
use crate::users::{Permission, Principal, Role, RoleName, SessionLife};

database_tests![
    a_jwt_is_its_user_until_it_ends,
    a_prefixed_token_never_may_more_than_its_user,
    a_token_is_good_in_its_networks_only,
    rotation_overlaps_for_as_long_as_was_said,
    tokens_are_named_once_and_bounded,
    what_is_asked_of_a_token_is_checked,
    tokens_make_no_tokens,
    strangers_tokens_are_not_there,
    tokens_end_when_their_user_changes,
    uses_are_told_and_stored,
];

const EMAIL: &str = "ops@example.com";
const PASSWORD: &str = "a fair wind to sail";

impl Bench {
    async fn user(&self, email: &str, role: Role) -> Principal {
        self.users.add(email, PASSWORD.into(), role).await.unwrap();
        let origin = Origin::default();
        let login =
            self.logins.log_in(email, PASSWORD.into(), None, SessionLife::Usual, origin).await.unwrap();
        self.logins.authenticate(login.token.expose_secret()).await.unwrap()
    }

    fn of<'a>(&self, caller: &'a Principal) -> PersonalTokens<'a> {
        let actor = Arc::new(Actor::caller(caller, Origin::default()));
        PersonalTokens {
            scope: self.storage.scope().acting(actor),
            caller,
            authority: Arc::clone(self.logins.authority()),
            random: self.random.clone(),
            uses: Arc::clone(self.logins.token_uses()),
            clock: self.clock.clone(),
            issuer: "Test".to_owned(),
        }
    }

    async fn made_token(&self, caller: &Principal, name: &str, limits: TokenLimits) -> Shown {
        let new = NewToken { name: name.to_owned(), limits, lifetime: Lifetime::Usual };
        self.of(caller).create(new).await.unwrap()
    }

    async fn holder(&self, shown: &Shown) -> Option<Principal> {
        self.logins.authenticate(shown.text.expose_secret()).await.ok()
    }
}

fn narrowed(scopes: &[Permission]) -> TokenLimits {
    TokenLimits { scopes: Some(scopes.to_vec()), networks: None }
}

async fn a_jwt_is_its_user_until_it_ends(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let caller = bench.user(EMAIL, Role::Operator).await;
    let for_ever = bench.of(&caller).create_jwt("for ever".to_owned(), Lifetime::Unlimited).await.unwrap();
    let hour = Lifetime::For(TimeDelta::hours(1));
    let short = bench.of(&caller).create_jwt("short".to_owned(), hour).await.unwrap();
    let holder = bench.holder(&for_ever).await.unwrap();
    assert_eq!((holder.user, holder.authentication), (caller.user, None), "no proof of a person");
    assert_eq!(holder.token.as_ref().map(|token| token.id), Some(for_ever.token.id));
    assert!(holder.may(Permission::DevicesDecide) && !holder.may(Permission::UsersManage));
    assert!(bench.holder(&short).await.is_some());
    bench.clock.advance(TimeDelta::hours(1));
    assert!(bench.holder(&short).await.is_none());
    bench.clock.advance(TimeDelta::days(4_000));
    assert!(bench.holder(&for_ever).await.is_some());
    bench.of(&caller).revoke_any(for_ever.token.id).await.unwrap();
    assert!(bench.holder(&for_ever).await.is_none());
}

async fn a_prefixed_token_never_may_more_than_its_user(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let caller = bench.user(EMAIL, Role::Ci).await;
    let all = bench.made_token(&caller, "all", TokenLimits::default()).await;
    let upload = bench.made_token(&caller, "upload", narrowed(&[Permission::ArtifactsUpload])).await;
    let holder = bench.holder(&upload).await.unwrap();
    assert!(holder.may(Permission::ArtifactsUpload) && !holder.may(Permission::ArtifactsRead));
    let holder = bench.holder(&all).await.unwrap();
    for permission in Permission::ALL {
        assert_eq!(holder.may(*permission), caller.may(*permission), "{permission}");
    }
    let greedy = NewToken {
        name: "greedy".to_owned(),
        limits: narrowed(&[Permission::ArtifactsUpload, Permission::UsersManage]),
        lifetime: Lifetime::Usual,
    };
    let refused = bench.of(&caller).create(greedy).await;
    assert!(matches!(refused, Err(TokenError::Scope(Permission::UsersManage))));

    // What was allowed when the token was made counts for nothing: the user's rights of now do.
    let tx = bench.storage.database.begin(TenantId::DEFAULT).await.unwrap();
    roles::assign(&tx.scope(), caller.user, &[RoleName::BuiltIn(Role::Viewer)]).await.unwrap();
    tx.commit(bench.clock.now()).await.unwrap();
    assert!(!bench.holder(&upload).await.unwrap().may(Permission::ArtifactsUpload));
    assert!(bench.holder(&all).await.unwrap().may(Permission::ArtifactsRead));
}

async fn a_token_is_good_in_its_networks_only(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let caller = bench.user(EMAIL, Role::Ci).await;
    let networks = Networks::try_from("192.0.2.0/24, 2001:db8::/32".to_owned()).unwrap();
    let limits = TokenLimits { scopes: None, networks: Some(networks) };
    let shown = bench.made_token(&caller, "ci", limits).await;
    for (address, is_inside) in [
        (Some("192.0.2.200"), true),
        (Some("::ffff:192.0.2.1"), true),
        (Some("2001:db8:1::1"), true),
        (Some("192.0.3.1"), false),
        (Some("2001:db9::1"), false),
        (None, false),
    ] {
        let from = address.map(|address| address.parse::<IpAddr>().unwrap());
        let found = bench.logins.authenticate_from(shown.text.expose_secret(), from).await;
        assert_eq!(found.is_ok(), is_inside, "{address:?}");
    }
}

async fn rotation_overlaps_for_as_long_as_was_said(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let caller = bench.user(EMAIL, Role::Ci).await;
    let first = bench.made_token(&caller, "ci", narrowed(&[Permission::ArtifactsRead])).await;
    bench.clock.advance(TimeDelta::days(80));
    let hour = Overlap(TimeDelta::minutes(60));
    let second = bench.of(&caller).rotate(first.token.id, hour).await.unwrap();
    assert_eq!((second.token.id, &second.token.limits), (first.token.id, &first.token.limits));
    assert_eq!(second.token.expires_at, first.token.expires_at.map(|end| end + TimeDelta::days(80)));
    bench.clock.advance(TimeDelta::minutes(59));
    assert!(bench.holder(&first).await.is_some() && bench.holder(&second).await.is_some());
    bench.clock.advance(TimeDelta::minutes(1));
    assert!(bench.holder(&first).await.is_none() && bench.holder(&second).await.is_some());
    bench.clock.advance(TimeDelta::days(20));
    assert!(bench.holder(&second).await.is_some(), "its life began anew");

    let none = Overlap(TimeDelta::zero());
    let third = bench.of(&caller).rotate(first.token.id, none).await.unwrap();
    assert!(bench.holder(&second).await.is_none() && bench.holder(&third).await.is_some());
    let long = Overlap(TimeDelta::minutes(61));
    assert!(matches!(bench.of(&caller).rotate(first.token.id, long).await, Err(TokenError::Overlap)));
    bench.clock.advance(TimeDelta::days(91));
    assert!(bench.holder(&third).await.is_none());
    let late = bench.of(&caller).rotate(first.token.id, none).await;
    assert!(matches!(late, Err(TokenError::NotFound(_))), "what has ended is not revived");
}

async fn tokens_are_named_once_and_bounded(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let caller = bench.user(EMAIL, Role::Viewer).await;
    let hour = Lifetime::For(TimeDelta::hours(1));
    for number in 0..10 {
        bench.of(&caller).create_jwt(format!("token {number}"), hour).await.unwrap();
    }
    let taken = bench.of(&caller).create_jwt("token 3".to_owned(), hour).await;
    assert!(matches!(taken, Err(TokenError::NameTaken)));
    let eleventh = bench.of(&caller).create_jwt("token 10".to_owned(), hour).await;
    assert!(matches!(eleventh, Err(TokenError::TooMany)));
    let other = bench.user("other@example.com", Role::Viewer).await;
    bench.of(&other).create_jwt("token 3".to_owned(), hour).await.unwrap();
    // What has expired takes neither a place nor a name.
    bench.clock.advance(TimeDelta::hours(2));
    assert_eq!(bench.of(&caller).list().await.unwrap(), []);
    bench.of(&caller).create_jwt("token 3".to_owned(), hour).await.unwrap();
    for number in 0..50 {
        bench.made_token(&caller, &format!("prefixed {number}"), TokenLimits::default()).await;
    }
    let new =
        NewToken { name: "one more".to_owned(), limits: TokenLimits::default(), lifetime: Lifetime::Usual };
    assert!(matches!(bench.of(&caller).create(new).await, Err(TokenError::TooMany)));
    assert_eq!(bench.of(&caller).list().await.unwrap().len(), 51);
}

async fn what_is_asked_of_a_token_is_checked(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (viewer, admin) =
        (bench.user(EMAIL, Role::Viewer).await, bench.user("a@example.com", Role::Admin).await);
    let create = async |caller: &Principal, lifetime, limits: TokenLimits, name: &str| {
        bench.of(caller).create(NewToken { name: name.to_owned(), limits, lifetime }).await.map(drop)
    };
    let all = TokenLimits::default;
    for name in ["", "a\nb", "a\0", &"ä".repeat(257)] {
        assert!(matches!(create(&viewer, Lifetime::Usual, all(), name).await, Err(TokenError::Name)));
    }
    let year = Lifetime::For(TimeDelta::days(365));
    let more = Lifetime::For(TimeDelta::days(366));
    create(&viewer, year, all(), &"ä".repeat(256)).await.unwrap();
    for (number, lifetime) in
        [more, Lifetime::Unlimited, Lifetime::For(TimeDelta::zero())].into_iter().enumerate()
    {
        let refused = create(&viewer, lifetime, all(), "x").await;
        assert!(matches!(refused, Err(TokenError::Lifetime)), "{number}");
    }
    create(&admin, more, all(), "more").await.unwrap();
    create(&admin, Lifetime::Unlimited, all(), "unlimited").await.unwrap();
    let endless = create(&admin, Lifetime::For(TimeDelta::MAX), all(), "x").await;
    assert!(matches!(endless, Err(TokenError::Lifetime)));
    let none = TokenLimits { scopes: None, networks: Some(Networks::default()) };
    assert!(matches!(create(&admin, year, none, "x").await, Err(TokenError::Networks)));
    assert!(matches!(create(&admin, year, narrowed(&[]), "x").await, Err(TokenError::NoScopes)));
    let jwt = bench.of(&admin).create_jwt("jwt".to_owned(), more).await;
    assert!(matches!(jwt, Err(TokenError::Lifetime)));
}

async fn tokens_make_no_tokens(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let caller = bench.user(EMAIL, Role::Admin).await;
    let shown = bench.made_token(&caller, "one", TokenLimits::default()).await;
    let holder = bench.holder(&shown).await.unwrap();
    let jwt = bench.of(&holder).create_jwt("two".to_owned(), Lifetime::Unlimited).await;
    assert!(matches!(jwt, Err(TokenError::ByToken)));
    let none = Overlap(TimeDelta::zero());
    assert!(matches!(bench.of(&holder).rotate(shown.token.id, none).await, Err(TokenError::ByToken)));
    // But one that was told to be leaked can be ended by who has it.
    bench.of(&holder).revoke(shown.token.id).await.unwrap();
    assert!(bench.holder(&shown).await.is_none());
}

async fn strangers_tokens_are_not_there(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (owner, other) =
        (bench.user(EMAIL, Role::Admin).await, bench.user("o@example.com", Role::Admin).await);
    let shown = bench.made_token(&owner, "one", TokenLimits::default()).await;
    let (id, none) = (shown.token.id, Overlap(TimeDelta::zero()));
    assert!(matches!(bench.of(&other).revoke(id).await, Err(TokenError::NotFound(_))));
    assert!(matches!(bench.of(&other).rotate(id, none).await, Err(TokenError::NotFound(_))));
    bench.of(&other).revoke_any(id).await.unwrap();
    bench.of(&other).revoke_any(owner.session.as_uuid().into()).await.unwrap();
    assert!(bench.holder(&shown).await.is_some());
    assert_eq!(bench.of(&other).list().await.unwrap(), []);
    bench.of(&owner).revoke_any(TokenId::generate()).await.unwrap();
    bench.of(&owner).revoke_any(owner.session.as_uuid().into()).await.unwrap();
    let session = crate::storage::sessions::find(&bench.storage.scope(), owner.session).await.unwrap();
    assert_eq!(session, None, "a plain session's id ends the session");
}

async fn tokens_end_when_their_user_changes(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let caller = bench.user(EMAIL, Role::Admin).await;
    let jwt = bench.of(&caller).create_jwt("jwt".to_owned(), Lifetime::Unlimited).await.unwrap();
    let prefixed = bench.made_token(&caller, "prefixed", TokenLimits::default()).await;
    let id = prefixed.token.id;
    bench.logins.log_out(&bench.holder(&prefixed).await.unwrap(), Origin::default()).await.unwrap();
    assert!(bench.holder(&prefixed).await.is_none(), "who logs out with a token ends the token");
    assert!(bench.logins.has_users().await.unwrap() && bench.holder(&jwt).await.is_some());
    bench.users.set_password(EMAIL, "another fair wind".into()).await.unwrap();
    assert!(bench.holder(&jwt).await.is_none());

    let caller = Principal { token: None, ..caller };
    let again = bench.made_token(&caller, "prefixed", TokenLimits::default()).await;
    assert_ne!(again.token.id, id);
    bench.users.disable(EMAIL).await.unwrap();
    assert!(bench.holder(&again).await.is_none());
    assert_eq!(personal_tokens::list(&bench.storage.scope(), caller.user).await.unwrap(), []);
}

async fn uses_are_told_and_stored(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let caller = bench.user(EMAIL, Role::Admin).await;
    let shown = bench.made_token(&caller, "one", TokenLimits::default()).await;
    assert_eq!(bench.of(&caller).list().await.unwrap()[0].last_used_at, None);
    bench.holder(&shown).await.unwrap();
    let told = bench.of(&caller).list().await.unwrap()[0].last_used_at;
    assert_eq!(told.map(|at| at.timestamp()), Some(1_000_000 / 60 * 60));
    let taken = bench.logins.token_uses().take();
    assert_eq!(taken.len(), 1);
    let tx = bench.storage.database.begin(TenantId::DEFAULT).await.unwrap();
    personal_tokens::store_uses(&tx.scope(), &taken).await.unwrap();
    tx.commit(told.unwrap()).await.unwrap();
    assert_eq!(bench.of(&caller).list().await.unwrap()[0].last_used_at, told);
    bench.holder(&shown).await.unwrap();
    assert_eq!(bench.logins.token_uses().take(), [], "the same minute is not written twice");
}
