//! A kept generation's files take the place of the plugin's in the plugin directory.

use std::fs;
use std::io;
use std::path::Path;

use mortar_core::ports::Found;

use crate::kept::replace;

/// Copies the files of `kept` to where the plugin's are, or to a folder of its name where it has none.
pub(crate) fn install(kept: &Found, place: Option<Found>, directory: &Path) -> io::Result<()> {
    let component = match &place {
        Some(place) => place.component.clone(),
        None => {
            let folder = directory.join(&kept.name);
            fs::create_dir_all(&folder)?;
            folder.join("plugin.wasm")
        }
    };
    let beside = || {
        if component.parent() == Some(directory) { component.with_extension("toml") } else { component.with_file_name("plugin.toml") }
    };
    let settings = place.and_then(|place| place.settings).unwrap_or_else(beside);
    match &kept.settings {
        Some(new) => replace(&settings, &fs::read(new)?)?,
        None if settings.exists() => fs::remove_file(&settings)?,
        None => {}
    }
    replace(&component, &fs::read(&kept.component)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::discover;

    #[test]
    fn files_take_the_place_of_those_that_are_there() {
        let place = tempfile::tempdir().unwrap();
        let (kept, directory) = (place.path().join("kept"), place.path().join("plugins"));
        fs::create_dir_all(&kept).unwrap();
        fs::create_dir_all(&directory).unwrap();
        fs::write(kept.join("plugin.wasm"), "new").unwrap();
        fs::write(kept.join("plugin.toml"), "# new").unwrap();
        let of = |settings: bool| Found {
            name: "shop".into(),
            component: kept.join("plugin.wasm"),
            settings: settings.then(|| kept.join("plugin.toml")),
            stamp: 0,
            whole: true,
        };
        let found = || discover(&directory).unwrap().found.pop();
        let read = |file: &str| fs::read_to_string(directory.join(file)).ok();

        install(&of(true), None, &directory).unwrap();
        assert_eq!((read("shop/plugin.wasm").as_deref(), read("shop/plugin.toml").as_deref()), (Some("new"), Some("# new")));
        fs::write(directory.join("shop/plugin.wasm"), "old").unwrap();
        install(&of(false), found(), &directory).unwrap();
        assert_eq!((read("shop/plugin.wasm").as_deref(), read("shop/plugin.toml")), (Some("new"), None));

        fs::remove_dir_all(directory.join("shop")).unwrap();
        fs::write(directory.join("shop.wasm"), "old").unwrap();
        install(&of(true), found(), &directory).unwrap();
        assert_eq!((read("shop.wasm").as_deref(), read("shop.toml").as_deref()), (Some("new"), Some("# new")));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
    }
}
