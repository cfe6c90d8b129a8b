//! An expectation as text, to be put into a case's file.

use std::fmt::Write as _;

use mortar_core::diff::OfflineRun;
use serde_json::Value;

use super::judge::Made;

/// The table that an expectation begins with: it is the last of a case, so that it can be written anew.
const HEAD: &str = "[expect]";

/// A case's text with another expectation. What stands before it stays as it is, comments too.
#[must_use]
pub fn replace(text: &str, made: &Made) -> String {
    let before: String = text.split_inclusive('\n').take_while(|line| line.trim_end() != HEAD).collect();
    format!("{}\n\n{}", before.trim_end(), expectation(made))
}

/// What happened, as it would be expected.
#[must_use]
pub fn expectation(made: &Made) -> String {
    let OfflineRun { end, calls, state, .. } = &made.run;
    let mut text = format!("{HEAD}\noutcome = {}\n", quoted(&end.what));
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name} = {value}\n"));
    if let Some(code) = end.code {
        line("code", &quoted(code.as_str()));
    }
    if let Some(reason) = end.reason.as_ref().filter(|_| end.what == "ignored") {
        line("reason", &quoted(reason));
    }
    if made.attempts > 1 {
        line("attempts", &made.attempts.to_string());
    }
    for call in calls {
        let request = &call.request;
        let _ = write!(text, "\n[[expect.calls]]\nstep = {}\n", quoted(&call.step));
        let parts = [("connection", &request.connection), ("method", &request.method), ("path", &request.path)];
        parts.into_iter().for_each(|(name, value)| text.push_str(&format!("{name} = {}\n", quoted(value))));
        if let Some(body) = &request.body {
            let _ = writeln!(text, "body = {}", body_text(body));
        }
    }
    if !state.is_empty() {
        text.push_str("\n[expect.state]\n");
        for made in state {
            let _ = writeln!(text, "{} = {}", quoted(&made.key), body_text(made.value.as_deref().unwrap_or_default()));
        }
    }
    text
}

/// JSON over several lines, anything else as a text.
#[must_use]
pub fn body_text(bytes: &[u8]) -> String {
    let pretty = serde_json::from_slice::<Value>(bytes).and_then(|value| serde_json::to_string_pretty(&value)).ok();
    match pretty.filter(|pretty| !pretty.contains("'''")) {
        Some(json) if json.contains('\n') => format!("'''\n{json}\n'''"),
        _ => quoted(&String::from_utf8_lossy(bytes)),
    }
}

/// A text as TOML.
#[must_use]
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
