//! Tenants on real databases.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::TenantTokenDigest;
use super::{NewTenantMember, TenantChange, TenantError, TenantMembers, TenantStatus, TenantTokens, Tenants};
use crate::audit::Origin;
use crate::crypto::MasterKey;
use crate::fleet::FleetIndex;
use crate::ids::TenantId;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{Page, sessions, users};
use crate::users::tests::{Bench, EMAIL, PASSWORD};
use crate::users::{
    AuthenticateError, LogInError, LoggedIn, MemberError, Members, Permission, Principal, ResetError, Role,
    SwitchError,
};

database_tests![
    the_index_follows_tenants_as_it_would_load_them,
    the_default_tenant_stays_as_it_is,
    a_user_works_in_one_of_its_tenants_at_a_time,
    nobody_elsewhere_takes_a_user_over,
    who_is_suspended_is_out_and_loses_nothing,
];

const OTHER: &str = "mate@example.com";

fn service(bench: &Bench) -> Tenants {
    let tokens = TenantTokens::new(&MasterKey::from_bytes(&[1; 32]));
    Tenants::new(bench.storage.scope(), tokens, bench.clock.clone())
}

async fn members(bench: &Bench, tenant: TenantId) -> TenantMembers {
    let (users, scope) = (bench.users.clone(), bench.storage.scope());
    TenantMembers::of(users, scope, bench.storage.database.clone(), tenant).await.unwrap()
}

fn someone(email: &str, password: Option<&str>, role: &str) -> NewTenantMember {
    let password = password.map(Into::into);
    NewTenantMember { email: email.to_owned(), password, roles: vec![role.to_owned()] }
}

async fn principal(bench: &Bench, login: &LoggedIn) -> Result<Principal, AuthenticateError> {
    bench.logins.authenticate(login.token.expose_secret()).await
}

fn status(status: TenantStatus) -> TenantChange {
    TenantChange { status: Some(status), ..TenantChange::default() }
}

async fn the_index_follows_tenants_as_it_would_load_them(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let tenants = service(&bench);
    let database = &bench.storage.database;
    let following = Arc::new(FleetIndex::load(database).await.unwrap());
    database.follow(Arc::<FleetIndex>::clone(&following));
    let one = tenants.add("one".to_owned(), TenantChange::default()).await.unwrap().id;
    let other = tenants.add("other".to_owned(), status(TenantStatus::Suspended)).await.unwrap().id;
    let old = tenants.token(one).await.unwrap();
    let new = tenants.renew_token(one).await.unwrap();
    assert_eq!(tenants.token(one).await.unwrap().expose_secret(), new.expose_secret());
    tenants.change(other, status(TenantStatus::Active)).await.unwrap();
    tenants.change(one, status(TenantStatus::Suspended)).await.unwrap();
    let loaded = FleetIndex::load(database).await.unwrap();
    for index in [&*following, &loaded] {
        let named = |text: &str| index.tenant_named_by(TenantTokenDigest::of(text));
        assert_eq!(named(new.expose_secret()), Some(one));
        assert_eq!(named(tenants.token(other).await.unwrap().expose_secret()), Some(other));
        assert_eq!([named(old.expose_secret()), named("ten_")], [None, None]);
        assert_eq!([TenantId::DEFAULT, one, other].map(|id| index.is_suspended(id)), [false, true, false]);
    }
    let page = Page { page: 1, per_page: 2 };
    let (list, total) = tenants.list(page).await.unwrap();
    let names: Vec<_> = list.iter().map(|tenant| tenant.name.as_str()).collect();
    assert_eq!((names, total), (vec!["default", "one"], 3));
    let taken = tenants.add("one".to_owned(), TenantChange::default()).await;
    assert!(matches!(taken, Err(TenantError::NameTaken(_))));
    for name in [String::new(), "a\nb".to_owned(), "x".repeat(129)] {
        assert!(matches!(tenants.add(name, TenantChange::default()).await, Err(TenantError::InvalidName)));
    }
}

async fn the_default_tenant_stays_as_it_is(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let tenants = service(&bench);
    let suspended = tenants.change(TenantId::DEFAULT, status(TenantStatus::Suspended)).await;
    assert!(matches!(suspended, Err(TenantError::Default)));
    let limit = TenantChange { device_limit: Some(3), ..TenantChange::default() };
    assert!(matches!(tenants.change(TenantId::DEFAULT, limit).await, Err(TenantError::DefaultLimit)));
    assert!(matches!(tenants.token(TenantId::DEFAULT).await, Err(TenantError::NoToken)));
    assert!(matches!(tenants.renew_token(TenantId::DEFAULT).await, Err(TenantError::NoToken)));
    let (users, scope) = (bench.users.clone(), bench.storage.scope());
    let database = bench.storage.database.clone();
    let own = TenantMembers::of(users, scope, database, TenantId::DEFAULT).await;
    assert!(matches!(own, Err(TenantError::DefaultMembers)));
}

async fn a_user_works_in_one_of_its_tenants_at_a_time(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let user = bench.users.add(EMAIL, PASSWORD.into(), Role::Viewer).await.unwrap();
    let tenants = service(&bench);
    let other = tenants.add("other".to_owned(), TenantChange::default()).await.unwrap().id;
    let login = bench.log_in(EMAIL, PASSWORD).await.unwrap();
    let caller = principal(&bench, &login).await.unwrap();
    let before = bench.logins.switch(&caller, other, Origin::default()).await;
    assert!(matches!(before, Err(SwitchError::NotFound(_))), "no member yet");

    let members = members(&bench, other).await;
    assert_eq!(members.add(someone(EMAIL, None, "admin")).await.unwrap(), user);
    let twice = members.add(someone(EMAIL, None, "admin")).await;
    assert!(matches!(twice, Err(TenantError::Member(MemberError::User(_)))));
    let none = members.add(someone(OTHER, None, "admin")).await;
    assert!(matches!(none, Err(TenantError::Member(MemberError::NoPassword))));
    let role = members.add(someone(OTHER, Some(PASSWORD), "captain")).await;
    assert!(matches!(role, Err(TenantError::Member(MemberError::NoSuchRole(_)))));

    let there = bench.logins.switch(&caller, other, Origin::default()).await.unwrap();
    assert_eq!((there.session.tenant, there.session.expires_at), (other, login.session.expires_at));
    let caller_there = principal(&bench, &there).await.unwrap();
    assert!(caller_there.may(Permission::UsersManage) && !caller_there.may(Permission::TenantsRead));
    assert!(!principal(&bench, &login).await.unwrap().may(Permission::UsersManage), "a viewer at home");
    let back = bench.logins.switch(&caller_there, TenantId::DEFAULT, Origin::default()).await.unwrap();
    assert_eq!(back.session.tenant, TenantId::DEFAULT);
    // A log-in still opens the first one.
    assert_eq!(bench.log_in(EMAIL, PASSWORD).await.unwrap().session.tenant, TenantId::DEFAULT);

    members.set_roles(user, &["viewer".to_owned()]).await.unwrap();
    assert!(principal(&bench, &there).await.is_err(), "other roles end the sessions there");
    assert!(bench.is_open(&login).await, "and none elsewhere");
    let there = bench.logins.switch(&caller, other, Origin::default()).await.unwrap();
    members.remove(user).await.unwrap();
    assert!(!bench.is_open(&there).await && bench.is_open(&login).await);
    assert!(users::find(&bench.storage.scope(), user).await.unwrap().is_some(), "still somebody here");
    let ended = sessions::find(&bench.storage.database.scope(other), there.session.id).await.unwrap();
    assert!(ended.is_none());
}

async fn nobody_elsewhere_takes_a_user_over(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let admin = bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
    let mate = bench.users.add(OTHER, PASSWORD.into(), Role::Viewer).await.unwrap();
    let caller = principal(&bench, &bench.log_in(EMAIL, PASSWORD).await.unwrap()).await.unwrap();
    assert_eq!(caller.user, admin);
    let own = Members::new(bench.users.clone(), bench.storage.scope(), caller);
    let handed = own.begin_reset(mate, bench.random.as_ref()).await.unwrap();

    let other = service(&bench).add("other".to_owned(), TenantChange::default()).await.unwrap().id;
    members(&bench, other).await.add(someone(OTHER, None, "admin")).await.unwrap();
    let email = "mine@example.com".parse().unwrap();
    let moved = own.change(mate, Some(&email), None).await;
    assert!(matches!(moved, Err(MemberError::Elsewhere)));
    let reset = own.begin_reset(mate, bench.random.as_ref()).await;
    assert!(matches!(reset, Err(ResetError::Member(MemberError::Elsewhere))));
    assert!(matches!(own.require_covered(mate).await, Err(MemberError::Elsewhere)), "the second factor");
    let late = crate::users::complete_reset(
        &bench.storage.database,
        |_| bench.users.clone(),
        &handed.secret,
        "nine lanterns on a quay".into(),
        Origin::default(),
    );
    assert!(
        matches!(late.await, Err(ResetError::Void)),
        "what was handed out before does not open the other"
    );
    // Roles here are the business of here.
    own.change(mate, None, Some(&["operator".to_owned()])).await.unwrap();
    own.remove(mate).await.unwrap();
    let login = bench.log_in(OTHER, PASSWORD).await.unwrap();
    assert_eq!(login.session.tenant, other);
}

async fn who_is_suspended_is_out_and_loses_nothing(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let tenants = service(&bench);
    let other = tenants.add("other".to_owned(), TenantChange::default()).await.unwrap().id;
    let user = members(&bench, other).await.add(someone(OTHER, Some(PASSWORD), "admin")).await.unwrap();
    let login = bench.log_in(OTHER, PASSWORD).await.unwrap();
    assert_eq!((login.session.user, login.session.tenant), (user, other));
    tenants.change(other, status(TenantStatus::Suspended)).await.unwrap();
    assert!(matches!(principal(&bench, &login).await, Err(AuthenticateError::Suspended)));
    assert!(matches!(bench.log_in(OTHER, PASSWORD).await, Err(LogInError::Suspended)));
    let wrong = bench.log_in(OTHER, "a foul wind to sail").await;
    assert!(matches!(wrong, Err(LogInError::Refused)), "nothing is told to who has no password");
    tenants.change(other, status(TenantStatus::Active)).await.unwrap();
    assert!(bench.is_open(&login).await);
    // All members may be asked for a second factor.
    let asked = TenantChange { require_2fa: Some(true), ..TenantChange::default() };
    tenants.change(other, asked).await.unwrap();
    assert!(principal(&bench, &login).await.unwrap().has_to_set_up_2fa());
}
