//! The host functions of `mortar:plugin`, handed on to the attempt's [`Host`](mortar_core::ports::Host).

use mortar_bindings::imports::mortar::plugin::connection::{CallError, Request, Response, Settlement};
use mortar_bindings::imports::mortar::plugin::log::Level;
use mortar_bindings::imports::mortar::plugin::mail::Message;
use mortar_bindings::imports::mortar::plugin::state::{Entry, PutError};
use mortar_bindings::imports::mortar::plugin::{config, connection, log, mail, state, types};
use mortar_bindings::imports_0_2::mortar::plugin::grants;
use mortar_core::call::{self, Mail};
use mortar_core::ports::{JournalError, StateWrite};
use wasmtime::Result;

use crate::context::Context;
use crate::convert;

/// The host could not do what a plugin has a right to: the run ends, without blame for the plugin.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HostFault(pub(crate) JournalError);

impl types::Host for Context {}

impl connection::Host for Context {
    async fn call(&mut self, step: String, request: Request) -> Result<Result<Response, CallError>> {
        let answer = self.host.call(step, convert::request(request)).await;
        Ok(answer.map(convert::response).map_err(convert::call_error))
    }

    async fn settle(&mut self, step: String, settlement: Settlement) -> Result<Result<(), String>> {
        Ok(self.host.settle(step, convert::settlement(settlement)).await.map_err(HostFault)?)
    }
}

impl mail::Host for Context {
    async fn send(&mut self, step: String, message: Message) -> Result<Result<(), CallError>> {
        let Message { connection, to, reply_to, subject, text, html } = message;
        let sent = self.host.mail(step, connection, Mail { to, reply_to, subject, text, html }).await;
        Ok(sent.map_err(convert::call_error))
    }
}

impl state::Host for Context {
    async fn get(&mut self, key: String) -> Result<Option<Entry>> {
        let entry = self.host.state_get(key).await.map_err(HostFault)?;
        Ok(entry.map(|entry| Entry { value: entry.value, version: entry.version }))
    }

    async fn put(&mut self, key: String, value: Vec<u8>, expected: u64) -> Result<Result<(), PutError>> {
        self.write(StateWrite { key, expected, value: Some(value) }).await
    }

    async fn delete(&mut self, key: String, expected: u64) -> Result<Result<(), PutError>> {
        self.write(StateWrite { key, expected, value: None }).await
    }
}

impl Context {
    async fn write(&mut self, write: StateWrite) -> Result<Result<(), PutError>> {
        let written = self.host.state_put(write).await.map_err(HostFault)?;
        Ok(written.map_err(convert::put_error))
    }
}

impl log::Host for Context {
    fn log(&mut self, level: Level, message: String) -> Result<()> {
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        self.log.add(level, message);
        Ok(())
    }
}

impl config::Host for Context {
    fn get(&mut self, key: String) -> Result<Option<String>> {
        Ok(self.config.get(&key))
    }

    fn json(&mut self) -> Result<String> {
        Ok(self.config.json().to_owned())
    }
}

impl grants::Host for Context {
    fn allows(&mut self, connection: String, method: String, path: String) -> Result<bool> {
        Ok(self.settings.grants(&call::Request { connection, method, path, headers: Vec::new(), body: None }).is_ok())
    }
}
