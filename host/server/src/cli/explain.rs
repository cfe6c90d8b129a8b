//! `mortar explain`: what an error code means, and what to do.

use clap::Args;
use mortar_core::code::known::{self, Known};

use super::exit::{Exit, Failure};
use super::output::{Output, Tone};

/// `mortar explain`
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The code: `step.in_doubt`. Without one, all are listed
    code: Option<String>,
}

pub(super) fn run(command: &Explain, output: &mut Output<'_>) -> Result<Exit, Failure> {
    match &command.code {
        Some(code) => one(code, output)?,
        None => all(output)?,
    }
    Ok(Exit::Done)
}

fn one(code: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    let known = known::explain(code)
        .map_err(|like| Failure::NotFound(format!("`{code}` is not an error code; is it `{}`? `mortar explain` lists all", like.code)))?;
    if output.is_json() {
        return Ok(output.json(&known)?);
    }
    let title = output.paint(Tone::Strong, known.code);
    output.line(title)?;
    output.line(format_args!("  means:      {}", output.paint(Tone::Plain, known.cause)))?;
    Ok(output.line(format_args!("  what to do: {}", output.paint(Tone::Plain, known.cure)))?)
}

fn all(output: &mut Output<'_>) -> Result<(), Failure> {
    let parts = known::parts();
    if output.is_json() {
        return Ok(output.json(&parts.iter().flat_map(|part| &part.codes).collect::<Vec<&Known>>())?);
    }
    for part in parts {
        let title = output.paint(Tone::Strong, part.title);
        output.line(title)?;
        for known in part.codes {
            output.line(format_args!("  {:<26}{}", known.code, known.cause))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(code: Option<&str>, json: bool) -> Result<String, Failure> {
        let mut printed = Vec::new();
        run(&Explain { code: code.map(str::to_owned) }, &mut Output::plain(&mut printed, json))?;
        Ok(String::from_utf8(printed).unwrap())
    }

    #[test]
    fn a_code_is_told_with_what_to_do() {
        let text = explained(Some("step.in_doubt"), false).unwrap();
        assert!(text.starts_with("step.in_doubt\n  means:      A write was sent and its answer was lost.\n"), "{text}");
        assert!(text.contains("mortar dead settle"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&explained(Some("plugin.gate"), true).unwrap()).unwrap();
        assert_eq!(json["code"], "plugin.gate");
    }

    #[test]
    fn without_a_code_all_are_listed() {
        let text = explained(None, false).unwrap();
        for code in ["attempts.exhausted", "plugin.untrusted", "journal.damaged"] {
            assert!(text.contains(code), "{text}");
        }
    }

    #[test]
    fn a_code_that_is_none_is_not_found() {
        let failure = explained(Some("plugin.gaet"), false).unwrap_err();
        assert_eq!(failure.exit(), Exit::NotFound);
        assert!(failure.to_string().contains("is it `plugin.gate`?"), "{failure}");
    }
}
