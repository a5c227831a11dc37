//! A bare server: the framework and TLS as the product has them, and nothing behind them.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealift::clock::{Clock as _, SystemClock};
use sealift::config::TlsVersion;
use sealift::crypto::random::SystemRandom;
use sealift::crypto::session_token::{Claims as _, DeviceClaims, SigningKey, SigningKeySet, TokenAuthority};
use sealift::tls::{CertificateSlot, LocalCa, PairPaths, ensure_server_pair, server_config, server_names};
use uuid::Uuid;

use crate::Outcome;
use crate::product::KEEP_ALIVE;
use crate::seed::KeyPool;

/// Names the key that signed a login: the floor has them all parsed already.
pub(crate) const KEY_HEADER: &str = "x-key";

/// Where devices log in.
pub(crate) const LOGIN_PATH: &str = "/api/devices/v1/authentication/auth_requests";

struct Logins {
    keys: Vec<ParsedPublicKey>,
    authority: TokenAuthority<DeviceClaims>,
}

/// Serves until it is killed.
pub(crate) fn serve(directory: &Path) -> Outcome<()> {
    let now = SystemClock.now();
    let ca = LocalCa::generate(now)?;
    let paths = PairPaths::generated(directory);
    ensure_server_pair(&paths, &ca, &server_names(None, None), now)?;
    let tls = server_config(Arc::new(CertificateSlot::load(paths)?), TlsVersion::V1_2)?;
    let socket = TcpListener::bind("127.0.0.1:0")?;
    let port = socket.local_addr()?.port();
    let mut keys = Vec::new();
    for spki in KeyPool::public_keys(directory)? {
        keys.push(ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki)?);
    }
    let key = SigningKey::generate(&SystemRandom::new())?;
    let logins =
        web::Data::new(Logins { keys, authority: TokenAuthority::new(SigningKeySet::new(key, Vec::new())) });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(logins.clone())
                .route(LOGIN_PATH, web::post().to(log_in))
                .default_service(web::to(nothing))
        })
        .workers(workers)
        .tcp_nodelay(true)
        .keep_alive(KEEP_ALIVE)
        .tls_handshake_timeout(Duration::from_secs(15))
        .disable_signals()
        .listen_rustls_0_23(socket, tls)?
        .run();
        writeln!(std::io::stdout(), "ready https://localhost:{port}")?;
        server.await?;
        Ok(())
    })
}

/// The body is read, as the framework closes connections on which some is left.
async fn nothing(_: web::Bytes) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// One verification and one signature.
async fn log_in(logins: web::Data<Logins>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    match check(&logins, &request, &body) {
        Some(token) => HttpResponse::Ok().content_type("application/jwt").body(token),
        None => HttpResponse::Unauthorized().finish(),
    }
}

fn check(logins: &Logins, request: &HttpRequest, body: &[u8]) -> Option<String> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    let signature = STANDARD.decode(header("x-men-signature")?).ok()?;
    let key = logins.keys.get(header(KEY_HEADER)?.parse::<usize>().ok()?)?;
    key.verify_sig(body, &signature).ok()?;
    let now = SystemClock.now().timestamp();
    let claims = DeviceClaims {
        jti: Uuid::from_u128(1),
        sub: Uuid::from_u128(2),
        iss: "Sealift".to_owned(),
        aud: DeviceClaims::AUDIENCE.to_owned(),
        iat: now,
        exp: now + 604_800,
        generation: 0,
        tenant: Uuid::nil(),
        is_device: true,
    };
    logins.authority.sign(&claims).ok()
}
