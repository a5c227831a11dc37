//! Who may name whom.

use libtest_mimic::Trial;

use crate::source::{expect_none, place, rust_files};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        only_http_names_actix,
        only_storage_and_migrations_name_sea_orm,
        only_artifact_tool_knows_the_format,
        the_library_of_artifacts_comes_alone,
        domain_does_not_name_http,
        storage_does_not_name_what_lies_above,
        web_data_is_for_extractors,
        artifact_knows_no_server,
        client_sim_knows_no_server,
        manifests_point_one_way,
    ]
}

/// The folders of the domain.
const DOMAIN: [&str; 9] =
    ["devices", "inventory", "releases", "deployments", "rehearsal", "users", "audit", "fleet", "crypto"];
/// The one place that builds everything, and what starts it.
const WIRING: [&str; 1] = ["server/src/app"];
/// What the bench compares the product with: the frameworks, and nothing of the product's around them.
const BARE_FLOORS: &str = "server/benches/fleet/floor";

fn only_http_names_actix() {
    keep(
        &["actix_web", "actix_http", "actix_multipart", "actix_service", "actix_rt", "actix_files"],
        &|path| {
            WIRING.contains(&path)
                || below(path, "server/src/http")
                || below(path, "server/src/app")
                || below(path, BARE_FLOORS)
        },
    );
}

fn only_storage_and_migrations_name_sea_orm() {
    keep(&["sea_orm", "sea_orm_migration", "sqlx"], &|path| {
        below(path, "server/src/storage") || below(path, "migrations") || below(path, BARE_FLOORS)
    });
}

fn only_artifact_tool_knows_the_format() {
    // Formats inside an artifact are read and written by its own crate only.
    keep(&["tar", "liblzma", "zstd"], &|path| below(path, "artifact-tool"));
    // Pictures of QR codes are packed too, and unpacked by who scans them.
    let pictures = ["server/src/crypto/second_factor/picture.rs", "tests/harness/authenticator.rs"];
    keep(&["flate2"], &|path| below(path, "artifact-tool") || pictures.contains(&path));
}

fn the_library_of_artifacts_comes_alone() {
    // The program's HTTP client and its like are for nobody else: they hang on a feature that only it turns on.
    let mut complaints = Vec::new();
    for file in crate::source::files().iter().filter(|file| file.path.ends_with("Cargo.toml")) {
        for (at, line) in file.text.lines().enumerate() {
            let names_it = line.starts_with("artifact = ") || line.starts_with("artifact.");
            let (is_root, turns_off) = (file.path == "Cargo.toml", line.contains("default-features = false"));
            if names_it && (is_root != turns_off || line.contains("features = [")) {
                complaints.push(place(file, at + 1, line));
            }
        }
    }
    expect_none("the library of artifacts comes without its program", &complaints);
    keep(&["cryptoki"], &|path| {
        below(path, "artifact-tool/src/cli/pkcs11") || path == "artifact-tool/tests/tokens.rs"
    });
}

fn domain_does_not_name_http() {
    let mut complaints = Vec::new();
    for file in rust_files() {
        if DOMAIN.iter().any(|module| module_is(&file.path, module)) {
            for word in ["crate::http", "sealift::http"] {
                complaints.extend(file.naming(word).map(|(line, text)| place(&file, line, text)));
            }
        }
    }
    expect_none("the domain does not know HTTP", &complaints);
}

fn storage_does_not_name_what_lies_above() {
    let mut complaints = Vec::new();
    for file in rust_files().iter().filter(|file| module_is(&file.path, "storage")) {
        for (line, text) in file.code() {
            let above = ["crate::http", "crate::app", "crate::cli"].iter().any(|word| text.contains(word))
                // Types of the domain go in and out; its services stay outside.
                || (text.contains("crate::") && (text.contains("::service") || text.contains("Service")));
            if above {
                complaints.push(place(file, line, text));
            }
        }
    }
    expect_none("storage knows neither HTTP nor services", &complaints);
}

fn web_data_is_for_extractors() {
    let mut complaints = Vec::new();
    for file in rust_files().iter().filter(|file| file.is_below("server/src")) {
        if file.is_below("server/src/http/extract") {
            continue;
        }
        for (line, text) in file.code() {
            // Wiring puts the services in; taking them out is for extractors.
            let puts_in = text.contains("web::Data::new") || text.contains("web::Data::from");
            if (text.contains("web::Data") || text.contains("app_data::<")) && !puts_in {
                complaints.push(place(file, line, text));
            }
        }
    }
    expect_none("services are reached through an extractor only", &complaints);
}

fn artifact_knows_no_server() {
    // What speaks to one is in a corner of the program, not of the library.
    keep(&["ureq"], &|path| below(path, "artifact-tool/src/cli/server"));
    keep_out("artifact-tool/src", &["sealift", "client_sim", "migrations", "actix_web", "sea_orm", "hyper"]);
}

fn client_sim_knows_no_server() {
    keep_out("client-sim/src", &["sealift", "migrations", "actix_web", "sea_orm"]);
}

fn manifests_point_one_way() {
    let forbidden = [
        ("artifact-tool", &["sealift", "client-sim", "migrations"][..]),
        ("client-sim", &["sealift", "migrations"]),
        ("migrations", &["sealift", "client-sim", "artifact"]),
    ];
    let mut complaints = Vec::new();
    for file in crate::source::files().iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        for (name, others) in &forbidden {
            for (at, line) in file.text.lines().enumerate() {
                let key = line.split(['.', '=', ' ']).next().unwrap_or_default();
                if file.path == format!("{name}/Cargo.toml") && others.contains(&key) {
                    complaints.push(place(file, at + 1, line));
                }
            }
        }
    }
    expect_none("dependencies point one way", &complaints);
}

/// Whether a path belongs to a module of the server, as a folder or as a file.
fn module_is(path: &str, module: &str) -> bool {
    let rest = path.strip_prefix("server/src/").and_then(|rest| rest.strip_prefix(module));
    rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Complains about each use of a crate outside the places where it is at home. The tests may do what
/// they like.
#[track_caller]
fn keep(crates: &[&str], home: &dyn Fn(&str) -> bool) {
    let mut complaints = Vec::new();
    for file in rust_files().iter().filter(|file| !file.is_below("tests") && !home(&file.path)) {
        for name in crates {
            let used = file.naming(name).filter(|(_, line)| is_path(line, name));
            complaints.extend(used.map(|(line, text)| place(file, line, text)));
        }
    }
    expect_none(&format!("{crates:?} have a home"), &complaints);
}

/// Complains about each use of these crates below a folder.
#[track_caller]
fn keep_out(folder: &str, crates: &[&str]) {
    let mut complaints = Vec::new();
    for file in rust_files().iter().filter(|file| file.is_below(folder)) {
        for name in crates {
            let used = file.naming(name).filter(|(_, line)| is_path(line, name));
            complaints.extend(used.map(|(line, text)| place(file, line, text)));
        }
    }
    expect_none(&format!("{folder} knows none of {crates:?}"), &complaints);
}

/// Whether a line uses a name as a crate: at the start of a path, not as a module of ours.
fn is_path(line: &str, name: &str) -> bool {
    let imported = [format!("use {name};"), format!("use {name} "), format!("extern crate {name}")];
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
    }) || imported.iter().any(|text| line.contains(text))
}
