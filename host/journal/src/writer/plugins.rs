//! Plugins get their numbers.

use mortar_core::delivery::PluginNo;
use mortar_core::ports::JournalError;

use super::Request;
use super::batch::Batch;
use crate::fault::Fault;
use crate::names::Kind;

/// Numbers plugins by name.
pub(crate) struct RegisterPlugins(pub(crate) Vec<String>);

impl Request for RegisterPlugins {
    type Answer = Vec<PluginNo>;

    fn apply(&self, batch: &mut Batch<'_>) -> Result<Vec<PluginNo>, Fault> {
        // Number 0 is not given, so there is one less than the limit.
        let most = usize::from(PluginNo::LIMIT) - 1;
        if batch.memory.names.len_with(&batch.staged.names, Kind::Plugin, &self.0) > most {
            let text =
                format!("a journal knows at most {most} plugin names in its life: start a new journal, or give a plugin an old name");
            return Err(JournalError::Refused(text).into());
        }
        self.0.iter().map(|name| Ok(PluginNo(batch.number(Kind::Plugin, name)? as u16))).collect()
    }
}
