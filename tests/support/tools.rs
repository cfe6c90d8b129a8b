//! Programs of others, which a test fetches by name where they are not installed.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use crate::paths;

/// A program out of a Debian package; none, and said why, where it cannot be had.
pub fn debian(package: &str, program: &str) -> Option<PathBuf> {
    // Tests run at once, and one fetches.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let installed = PathBuf::from("/usr/bin").join(program);
    let place = paths::root().join("target/tools").join(package);
    let fetched = place.join("usr/bin").join(program);
    if let Some(there) = [installed, fetched.clone()].into_iter().find(|file| file.exists()) {
        return Some(there);
    }
    std::fs::create_dir_all(&place).unwrap();
    let fetch = format!("apt-get download {package} && dpkg-deb -x {package}_*.deb . && rm {package}_*.deb");
    let output = Command::new("sh").args(["-c", &fetch]).current_dir(&place).output().unwrap();
    if !fetched.exists() {
        println!("skipped: {program} of Debian's package {package} cannot be had: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    Some(fetched)
}
