//! `mortar plugin keygen`, `sign` and `verify`: who stands for a component.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use mortar_core::config::PublicKey;
use mortar_sandbox::signature::{SigningKey, signers};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output::{Output, Tone};
use crate::config;

/// The commands that need no host.
#[derive(Debug, Subcommand)]
pub(super) enum Signing {
    /// Make a key that signs components; prints its public part, for `plugins.trusted_keys`
    Keygen {
        /// Where the private key is put, readable by you only; no file may be there
        file: PathBuf,
    },
    /// Sign a component: a section behind it holds the signature, and the file is replaced whole
    Sign {
        /// The component
        component: PathBuf,
        /// The private key's file
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Say who signed a component, and whether one of the trusted keys did
    Verify {
        /// The component
        component: PathBuf,
        /// A key that is trusted, as `keygen` prints it; without any, those of the configuration
        #[arg(long = "key", value_name = "ed25519:…")]
        keys: Vec<PublicKey>,
    },
}

pub(super) fn run(command: &Signing, config: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match command {
        Signing::Keygen { file } => keygen(file, output),
        Signing::Sign { component, key } => sign(component, key, output),
        Signing::Verify { component, keys } => {
            let trusted = if keys.is_empty() { configured(config)? } else { keys.clone() };
            verify(component, &trusted, output)
        }
    }
}

fn keygen(file: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let (key, pem) = SigningKey::generate().map_err(Failure::Failed)?;
    let made = File::options().write(true).create_new(true).mode(0o600).open(file);
    made.and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all())).map_err(|error| at(file, &error))?;
    let public = key.public().to_string();
    if output.is_json() {
        output.json(&json!({ "private_key": file, "public_key": public }))?;
    } else {
        output.line(format_args!("{public}"))?;
        output.line(format_args!("the private key is in {}: keep it where plugins are built, and not where they run", file.display()))?;
    }
    Ok(Exit::Done)
}

fn sign(component: &Path, key: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let pem = fs::read_to_string(key).map_err(|error| at(key, &error))?;
    let key = SigningKey::read(&pem).map_err(|why| Failure::Failed(format!("{}: {why}", key.display())))?;
    let bytes = read(component)?;
    let public = key.public().to_string();
    let known = signers(&bytes).0.contains(&key.public());
    if !known {
        replace(component, &[&bytes[..], &key.sign(&bytes)].concat()).map_err(|error| at(component, &error))?;
    }
    if output.is_json() {
        output.json(&json!({ "component": component, "signed_by": public, "was_signed": known }))?;
    } else {
        let already = if known { " already" } else { "" };
        output.line(format_args!("{} is{already} signed by {public}", component.display()))?;
    }
    Ok(Exit::Done)
}

fn verify(component: &Path, trusted: &[PublicKey], output: &mut Output<'_>) -> Result<Exit, Failure> {
    let (signers, wrong) = signers(&read(component)?);
    let good = signers.iter().any(|signer| trusted.contains(signer));
    if output.is_json() {
        let signed_by: Vec<_> = signers.iter().map(ToString::to_string).collect();
        output.json(&json!({ "component": component, "signed_by": signed_by, "wrong_signatures": wrong, "trusted": good }))?;
        return Ok(if good { Exit::Done } else { Exit::Failed });
    }
    for signer in &signers {
        let (tone, word) = if trusted.contains(signer) { (Tone::Good, "trusted") } else { (Tone::Wait, "not trusted") };
        let word = output.paint(tone, word);
        output.line(format_args!("signed by {signer}: {word}"))?;
    }
    let name = component.display();
    match (good, signers.is_empty(), wrong) {
        (true, ..) => Ok(Exit::Done),
        (_, true, 0) => Err(Failure::Failed(format!("{name} is not signed"))),
        (_, true, _) => Err(Failure::Failed(format!("{name} was changed after it was signed"))),
        _ => Err(Failure::Failed(format!("{name} is signed by nobody who is trusted; see `plugins.trusted_keys`, or --key"))),
    }
}

/// Replaces a file by one with the same mode, so that it is there whole at any time.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_added_extension("new");
    let mut new = File::create(&beside)?;
    new.set_permissions(fs::metadata(file)?.permissions())?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&beside, file)
}

fn configured(config: &Path) -> Result<Vec<PublicKey>, Failure> {
    Ok(config::read(config).map_err(Failure::Configuration)?.config.plugins.trusted_keys)
}

/// The bytes of a component; of what is none, why.
fn read(component: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = fs::read(component).map_err(|error| at(component, &error))?;
    if bytes.starts_with(b"\0asm\x0d\0\x01\0") {
        return Ok(bytes);
    }
    Err(Failure::Failed(format!("{} is no component (*.wasm, built for wasm32-wasip2 or the like)", component.display())))
}

fn at(file: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn said(command: &Signing) -> (Result<Exit, Failure>, String) {
        let mut buffer = Vec::new();
        let end = run(command, Path::new("/nowhere/mortar.toml"), &mut Output::plain(&mut buffer, false));
        (end, String::from_utf8(buffer).unwrap())
    }

    #[test]
    fn a_key_signs_and_a_signature_is_verified() {
        let folder = tempfile::tempdir().unwrap();
        let (key, component) = (folder.path().join("key.pem"), folder.path().join("plugin.wasm"));
        let (end, printed) = said(&Signing::Keygen { file: key.clone() });
        let public: PublicKey = printed.lines().next().unwrap().parse().unwrap();
        let pem = fs::read_to_string(&key).unwrap();
        assert!(end.is_ok() && !printed.contains(pem.lines().nth(1).unwrap()), "the private key is never printed");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(said(&Signing::Keygen { file: key.clone() }).0.is_err(), "a key is never written over");

        fs::write(&component, b"\0asm\x0d\0\x01\0").unwrap();
        fs::set_permissions(&component, fs::Permissions::from_mode(0o644)).unwrap();
        let verify = |keys: &[PublicKey]| said(&Signing::Verify { component: component.clone(), keys: keys.to_vec() });
        assert!(verify(&[public]).0.is_err_and(|failure| failure.to_string().ends_with("is not signed")));
        for already in ["is signed by", "is already signed by"] {
            let (end, printed) = said(&Signing::Sign { component: component.clone(), key: key.clone() });
            assert!(end.is_ok() && printed.contains(&format!("{already} {public}")), "{printed}");
        }
        assert_eq!(fs::metadata(&component).unwrap().permissions().mode() & 0o777, 0o644, "as it was");
        let (end, printed) = verify(&[public]);
        assert_eq!((end.unwrap(), printed), (Exit::Done, format!("signed by {public}: trusted\n")));
        assert!(verify(&[PublicKey([7; 32])]).0.is_err_and(|failure| failure.to_string().contains("nobody who is trusted")));
        let mut changed = fs::read(&component).unwrap();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&component, changed).unwrap();
        assert!(verify(&[public]).0.is_err_and(|failure| failure.to_string().contains("was changed after it was signed")));
    }

    #[test]
    fn what_is_no_component_is_not_signed() {
        let folder = tempfile::tempdir().unwrap();
        let (key, file) = (folder.path().join("key.pem"), folder.path().join("plugin.wasm"));
        said(&Signing::Keygen { file: key.clone() }).0.unwrap();
        fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
        let (end, _) = said(&Signing::Sign { component: file, key });
        assert!(end.is_err_and(|failure| failure.to_string().contains("is no component")));
    }
}
