//! Where each target begins: what genuine senders and operators write, and edits of a journal.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What is given to `check`, and the seeds that it starts from.
pub struct Target {
    /// Its name: that of its module.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub check: fn(&[u8]),
    /// Its seeds.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 5] = [
    Target { name: "signature", check: crate::signature::check, seeds: signatures },
    Target { name: "callback", check: crate::callback::check, seeds: callbacks },
    Target { name: "config", check: crate::config::check, seeds: configs },
    Target { name: "plugin", check: crate::plugin::check, seeds: plugins },
    Target { name: "journal", check: crate::journal::check, seeds: journals },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder that end so, by name.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

/// The signature vectors, each as the headers of its scheme and its body.
fn signatures() -> Vec<Vec<u8>> {
    let file: Value = serde_json::from_slice(&fs::read(root().join("tests/fixtures/signature-vectors.json")).unwrap()).unwrap();
    let text = |vector: &Value, name: &str| vector.get(name).unwrap_or(&file[name]).as_str().unwrap().to_owned();
    let seed = |vector: &Value| {
        let scheme = text(vector, "scheme");
        let header = match text(vector, "header").as_str() {
            "X-MasonHub-Signature" => 0,
            "webhook-signature" => 5,
            _ => 1,
        };
        let mut lines = vec![(header, text(vector, "expect"))];
        if scheme.starts_with("v0") {
            lines.push((2, text(vector, "timestamp")));
        }
        if scheme.starts_with("Standard") {
            lines.extend([(3, text(vector, "message_id")), (4, text(vector, "timestamp"))]);
        }
        request(&lines, &text(vector, "body"))
    };
    let mut seeds: Vec<_> = file["vectors"].as_array().unwrap().iter().map(seed).collect();
    seeds.push(request(&[(6, "Bearer a token of many letters".into())], "{}"));
    seeds.push(request(&[], "{\"token\":\"a token of many letters\",\"data\":[{\"id\":1}]}"));
    seeds
}

fn request(lines: &[(u8, String)], body: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (header, value) in lines {
        bytes.extend([&[*header], value.as_bytes(), b"\n"].concat());
    }
    bytes.push(b'\n');
    bytes.extend(body.as_bytes());
    bytes
}

fn callbacks() -> Vec<Vec<u8>> {
    let files = [files("tests/fixtures/masonhub", ".json"), files("host/simulator/samples", ".json")].concat();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The template as it is written, with every default in force, and in parts.
fn configs() -> Vec<Vec<u8>> {
    let template = fs::read_to_string(root().join("host/server/src/config/mortar.toml.template")).unwrap();
    let line = |line: &str| {
        line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase())).unwrap_or(line).to_owned()
    };
    let in_force = template.lines().map(line).collect::<Vec<_>>().join("\n");
    let parts: Vec<_> = in_force.split("\n[").skip(1).map(|part| format!("[{part}").into_bytes()).collect();
    let quickstart = fs::read(root().join("examples/quickstart/mortar.toml")).unwrap();
    [vec![template.into_bytes(), in_force.into_bytes(), quickstart], parts].concat()
}

fn plugins() -> Vec<Vec<u8>> {
    let files = ["plugins/rest/plugin.toml", "examples/hello/rust/plugin.toml", "examples/quickstart/plugins/rest/plugin.toml"];
    let mut seeds: Vec<_> = files.iter().map(|file| fs::read(root().join(file)).unwrap()).collect();
    seeds.push(b"events = [\"order.*\", \"\xc3\xa9\"]\ngap = \"hold\"\nconcurrency = 2\n[retry]\nattempts = 3\n[limits]\nmemory = \"1MiB\"\ncpu = \"1s\"\n".to_vec());
    seeds
}

fn journals() -> Vec<Vec<u8>> {
    [crate::journal::every_column(), crate::journal::pages()].concat()
}
