//! A mail server that keeps what it is given (RFC 5321), for one trial.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::wait::eventually;

/// How the mail server takes connections.
#[derive(Clone)]
pub enum MailSecurity {
    /// Without TLS.
    None,
    /// With TLS from the first byte on.
    Implicit(Arc<ServerConfig>),
    /// With TLS after `STARTTLS`; no mail is taken before.
    StartTls(Arc<ServerConfig>),
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Mail {
    /// To whom it was addressed.
    pub to: String,
    /// Who had logged in, and with which password.
    pub login: Option<(String, String)>,
    /// Whether it came over TLS.
    pub encrypted: bool,
    /// Its head.
    pub head: String,
    /// Its text.
    pub text: String,
}

/// The mail server. It ends with the process.
pub struct Mailbox {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    mails: Mutex<Vec<Mail>>,
    /// How many mails are still to be refused for now.
    refusals: AtomicUsize,
}

impl Mailbox {
    /// Starts a mail server on a free port of 127.0.0.1.
    pub fn start(security: &MailSecurity) -> Self {
        Self::refusing(security, 0)
    }

    /// Starts one that refuses the first mails with "try again later".
    pub fn refusing(security: &MailSecurity, mails: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State { refusals: AtomicUsize::new(mails), ..State::default() });
        let (shared, security) = (Arc::clone(&state), security.clone());
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (state, security) = (Arc::clone(&shared), security.clone());
                // Who goes away in the middle has sent nothing.
                thread::spawn(move || drop(serve(socket, &security, &state)));
            }
        });
        Self { port, state }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The mails that were taken.
    pub fn mails(&self) -> Vec<Mail> {
        self.state.mails.lock().expect("no panic").clone()
    }

    /// Waits for the first mail to an address with this subject.
    #[track_caller]
    pub fn await_mail(&self, to: &str, subject: &str) -> Mail {
        eventually(&format!("the mail {subject:?} to {to}"), Duration::from_mins(1), || {
            let subject = format!("Subject: {subject}\r\n");
            self.mails().into_iter().find(|mail| mail.to == to && mail.head.contains(&subject))
        })
    }
}

/// TLS with the pair of certificate and key that a server of ours made in this folder.
pub fn tls_of(folder: &Path) -> Arc<ServerConfig> {
    let read = |name: &str| fs::read(folder.join(name)).expect("a file");
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read("server.crt")).collect();
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth();
    Arc::new(config.with_single_cert(chain.expect("certificates"), key).expect("a pair"))
}

fn serve(mut socket: TcpStream, security: &MailSecurity, state: &State) -> io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_mins(1)))?;
    match security {
        MailSecurity::None => {
            socket.write_all(b"220 mail.test ESMTP\r\n")?;
            converse(socket, state, false)
        }
        MailSecurity::Implicit(config) => {
            let mut stream = secured(socket, config)?;
            stream.write_all(b"220 mail.test ESMTP\r\n")?;
            converse(stream, state, true)
        }
        MailSecurity::StartTls(config) => {
            socket.write_all(b"220 mail.test ESMTP\r\n")?;
            loop {
                // Byte by byte: what follows the line belongs to TLS.
                let line = line_of(&mut socket)?;
                match line.to_ascii_uppercase().as_str() {
                    "STARTTLS" => break socket.write_all(b"220 go on\r\n")?,
                    hello if hello.starts_with("EHLO") => {
                        socket.write_all(b"250-mail.test\r\n250 STARTTLS\r\n")?;
                    }
                    _ => socket.write_all(b"530 STARTTLS first\r\n")?,
                }
            }
            converse(secured(socket, config)?, state, true)
        }
    }
}

fn secured(
    socket: TcpStream,
    config: &Arc<ServerConfig>,
) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, socket))
}

fn line_of(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Takes mails after the greeting.
fn converse(stream: impl Read + Write, state: &State, encrypted: bool) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut to, mut login) = (String::new(), None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let answer = match line.split_once([' ', ':']).map_or(line, |(verb, _)| verb) {
            "EHLO" => "250-mail.test\r\n250 AUTH PLAIN",
            "AUTH" => {
                let encoded = line.rsplit(' ').next().unwrap_or_default();
                login = plain(encoded);
                "235 welcome"
            }
            "RCPT" => {
                line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to);
                "250 yes"
            }
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n")?;
                let (head, text) = message(&mut stream)?;
                let less = |left: usize| left.checked_sub(1);
                if state.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
                    "451 not now"
                } else {
                    let mail = Mail { to: to.clone(), login: login.clone(), encrypted, head, text };
                    state.mails.lock().expect("no panic").push(mail);
                    "250 taken"
                }
            }
            "QUIT" => return stream.get_mut().write_all(b"221 bye\r\n"),
            _ => "250 yes",
        };
        stream.get_mut().write_all(format!("{answer}\r\n").as_bytes())?;
        stream.get_mut().flush()?;
    }
}

/// Name and password of `AUTH PLAIN` (RFC 4616).
fn plain(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let mut parts = text.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

/// Head and text of a mail, up to the line with a single dot.
fn message(stream: &mut impl BufRead) -> io::Result<(String, String)> {
    let mut lines = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.strip_prefix('.') {
            Some("\r\n") => break,
            Some(stuffed) => lines += stuffed,
            None => lines += &line,
        }
    }
    let (head, text) = lines.split_once("\r\n\r\n").unwrap_or((&lines, ""));
    let head = format!("{head}\r\n");
    let text = if head.contains("quoted-printable") { unquoted(text) } else { text.to_owned() };
    Ok((head, text))
}

/// Text that was quoted-printable (RFC 2045 §6.7), as far as it is ASCII.
fn unquoted(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(part.len().min(2));
        text.push(u8::from_str_radix(code, 16).map_or('?', char::from));
        text += rest;
    }
    text
}
