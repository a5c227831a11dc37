//! nginx, serving a file over TLS.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use sealift::tls::PairPaths;

use crate::Outcome;
use crate::process::{Server, pinned};

/// Where it is, if it is there.
pub(crate) fn program() -> Option<PathBuf> {
    let places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"];
    places.into_iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Its version, as it says it.
pub(crate) fn version(program: &Path) -> String {
    let output = Command::new(program).arg("-v").output();
    output.map_or_else(
        |_| "nginx".to_owned(),
        |output| String::from_utf8_lossy(&output.stderr).trim().replace("nginx version: ", ""),
    )
}

/// Starts it on the servers' core with a file of this folder, and the product's certificate. One process, so that
/// its processor time is in one place; `sendfile` and buffers as they come.
pub(crate) fn start(program: &Path, root: &Path, pair: &PairPaths, scratch: &Path) -> Outcome<Server> {
    let address = free_address()?;
    let [root, certificate, key, scratch] =
        [root, &pair.certificate, &pair.key, scratch].map(|path| path.display().to_string());
    let config = format!(
        "daemon off;\nmaster_process off;\npid {scratch}/nginx.pid;\nerror_log stderr warn;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n\
         client_body_temp_path {scratch}/body;\n  proxy_temp_path {scratch}/proxy;\n\
         fastcgi_temp_path {scratch}/fastcgi;\n  uwsgi_temp_path {scratch}/uwsgi;\n  scgi_temp_path {scratch}/scgi;\n\
         server {{\n    listen {address} ssl;\n    root {root};\n    ssl_certificate {certificate};\n\
         ssl_certificate_key {key};\n    ssl_protocols TLSv1.3;\n  }}\n}}\n"
    );
    let file = Path::new(&scratch).join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = pinned(program);
    command.arg("-e").arg("stderr").arg("-p").arg(&scratch).arg("-c").arg(&file);
    Server::start_silent(command, &Path::new(&scratch).join("nginx.log"), address)
}

fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
