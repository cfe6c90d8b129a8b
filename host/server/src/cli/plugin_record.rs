//! `mortar plugin record`: real deliveries become cases.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use mortar_core::delivery::DeliveryId;
use serde_json::json;

use super::client_of;
use super::exit::{Exit, Failure};
use super::output::{Output, counted};
use crate::cases::record;

/// `mortar plugin record`
#[derive(Debug, Args)]
pub(super) struct Record {
    /// Deliveries of the running host that are over (`1042-1`; `mortar event show` names them)
    #[arg(required = true, value_name = "DELIVERY")]
    deliveries: Vec<DeliveryId>,
    /// Where the cases are put; no file there is written over
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) async fn run(command: &Record, config: &Path, output: &mut Output<'_>) -> Result<Exit, Failure> {
    let client = client_of(config)?;
    let mut written = Vec::new();
    for id in &command.deliveries {
        let story = client.story(&id.event.to_string()).await?;
        let delivery = story.deliveries.iter().find(|story| story.delivery.id == *id);
        let delivery = delivery.ok_or_else(|| Failure::NotFound(format!("there is no delivery {id}")))?;
        let (text, masked) = record::case(&story, delivery).map_err(Failure::Failed)?;
        fs::create_dir_all(&command.out)?;
        let file = command.out.join(format!("{}-{id}.toml", story.event.event_type.replace('.', "-")));
        put(&file, &text)?;
        if !output.is_json() {
            let masked = counted(masked as u64, "value");
            output.line(format_args!("{}: {masked} masked; look it through before you share it", file.display()))?;
        }
        written.push(json!({ "delivery": id, "file": file, "masked": masked }));
    }
    if output.is_json() {
        output.json(&written)?;
    }
    Ok(Exit::Done)
}

fn put(file: &Path, text: &str) -> Result<(), Failure> {
    let made = fs::File::options().write(true).create_new(true).open(file);
    let written = made.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))
}
