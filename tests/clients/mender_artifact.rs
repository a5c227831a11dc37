//! Artifacts that `mender-artifact` wrote and signed.

use std::process::Command;

use harness::artifacts::KeyFiles;
use harness::device::link_target;
use harness::process::run_ok;
use harness::{ArtifactSpec, Peer, management, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::MenderArtifact];
        signed_module_image_is_accepted,
        every_compression_is_accepted,
        rootfs_image_is_accepted,
        our_artifact_is_valid_there_after_a_download,
    ]
}

fn signed_module_image_is_accepted() {
    let server = shared_server();
    for kind in ["rsa3072", "p256"] {
        let key = KeyFiles::generate(kind);
        let artifact = ArtifactSpec::new("peer-type").write_with_peer();
        artifact.sign_with_peer(&key);
        let id = server.admin().upload(&artifact);
        let shown = server.admin().get(&format!("{}/{id}", management::ARTIFACTS)).expect(200).json();
        assert_eq!(shown["name"], artifact.name);
        assert_eq!(shown["signed"], true);
        assert_eq!(shown["device_types_compatible"], json!(["peer-type"]));
        assert_eq!(shown["info"], json!({"format": "mender", "version": 3}));
        assert_eq!(shown["updates"][0]["type_info"]["type"], "e2e");
        assert_eq!(shown["updates"][0]["files"][0]["name"], "payload.txt");
        assert_eq!(shown["size"], artifact.bytes().len());
    }
}

fn every_compression_is_accepted() {
    for compression in ["none", "gzip", "lzma"] {
        let spec = ArtifactSpec::new("peer-type").incompressible(100_000);
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (payload, out) = (dir.path().join("payload"), dir.path().join("out.mender"));
        std::fs::write(&payload, &spec.payload).expect("writable");
        run_ok(
            Command::new("mender-artifact")
                .args(["--compression", compression, "write", "module-image", "-T", "e2e", "-t", "peer-type"])
                .args(["-n", &spec.name, "-f"])
                .arg(&payload)
                .arg("-o")
                .arg(&out),
        );
        eprintln!("case: {compression}");
        shared_server().admin().try_upload(&std::fs::read(&out).expect("the artifact")).expect(201);
    }
}

fn rootfs_image_is_accepted() {
    let server = shared_server();
    let name = harness::names::unique("rootfs");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (image, out) = (dir.path().join("image.ext4"), dir.path().join("out.mender"));
    std::fs::write(&image, vec![7; 300_000]).expect("writable");
    run_ok(
        Command::new("mender-artifact")
            .args(["write", "rootfs-image", "-t", "type-a", "-t", "type-b", "-n", &name, "-f"])
            .arg(&image)
            .arg("-o")
            .arg(&out),
    );
    server.admin().try_upload(&std::fs::read(&out).expect("the artifact")).expect(201);
    let shown = server.admin().get(&format!("{}?name={name}", management::ARTIFACTS)).expect(200).json();
    assert_eq!(shown[0]["device_types_compatible"], json!(["type-a", "type-b"]));
    assert_eq!(shown[0]["artifact_depends"]["device_type"], json!(["type-a", "type-b"]));
    assert_eq!(shown[0]["updates"][0]["type_info"]["type"], "rootfs-image");
    assert_eq!(shown[0]["artifact_provides"]["artifact_name"], name);
    assert_eq!(shown[0]["signed"], false);
}

fn our_artifact_is_valid_there_after_a_download() {
    let server = shared_server();
    let key = KeyFiles::generate("p256");
    let artifact = ArtifactSpec::new("peer-type").write();
    artifact.sign(&key);
    let id = server.admin().upload(&artifact);
    let link = server.admin().get(&format!("{}/{id}/download", management::ARTIFACTS)).expect(200).json();
    let bytes = server.http().get(&link_target(link["uri"].as_str().expect("a link"))).expect(200).body;
    let copy = artifact.dir().join("copy.mender");
    std::fs::write(&copy, bytes).expect("writable");
    run_ok(Command::new("mender-artifact").arg("validate").arg("-k").arg(&key.public).arg(&copy));
}
