//! What new projects are made of, as text: the hello plugins (`hello/`), the kits (`kit/`) and the contract
//! (`wit/`), as the repository has them.

/// Every file, by its place.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The files of a folder, by their place below it.
pub fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let prefix = format!("{folder}/");
    FILES.iter().filter_map(move |(name, text)| Some((name.strip_prefix(&prefix)?, *text)))
}
