//! The admin token: what the configuration says, or one that is made at the first start.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::Rng;

/// The file that keeps the token that the host made, beside the journal.
#[must_use]
pub fn path(journal: &Path) -> PathBuf {
    journal.with_file_name("admin-token")
}

/// Reads the token that was made at the first start, or makes it now, readable by the owner only.
///
/// # Errors
/// The file can be neither read nor made.
pub fn read_or_make(journal: &Path, rng: &mut impl Rng) -> io::Result<String> {
    let path = path(journal);
    match std::fs::read_to_string(&path) {
        Ok(token) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
        Ok(_) => {}
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
        Err(fault) => return Err(fault),
    }
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    let token = hex::encode(bytes);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    Ok(token)
}
