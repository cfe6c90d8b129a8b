//! `mortar event send`: a callback to the edge, as a sender would make it.

use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use mortar_simulator::samples::{self, Overrides, SampleError};
use mortar_simulator::signing;
use rand::RngExt;
use reqwest::Url;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::http;
use super::output::{Output, Tone, clean};
use super::signing::{Header, Signer};
use super::target::Aim;

/// `mortar event send`
#[derive(Debug, Default, Args)]
pub(super) struct Send {
    /// A built-in sample (`order.fulfilled`; --samples lists them), or a file that is sent byte for byte
    #[arg(value_name = "TYPE|FILE", required_unless_present = "samples")]
    what: Option<String>,
    /// List the built-in samples
    #[arg(long, exclusive = true)]
    samples: bool,
    #[command(flatten)]
    aim: Aim,
    /// How often; a sample has a message id of its own each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// Send each once more, unchanged: a redelivery
    #[arg(long)]
    duplicate: bool,
    /// Sign with a wrong secret
    #[arg(long)]
    bad_signature: bool,
    /// Put this order, shipment or return number into the sample
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Put this tracking number into the sample
    #[arg(long, value_name = "NUMBER")]
    tracking_number: Option<String>,
    /// Put this SKU into the sample
    #[arg(long)]
    sku: Option<String>,
}

/// What was answered to one callback.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: serde_json::Value,
    /// The body as it came.
    #[serde(skip)]
    pub(super) text: String,
}

pub(super) async fn run(
    command: &Send,
    config: &Path,
    now: Timestamp,
    rng: &mut impl RngExt,
    output: &mut Output<'_>,
) -> Result<Exit, Failure> {
    let Some(what) = &command.what else { return list(output) };
    let target = command.aim.target(config)?;
    let signer = Signer::new(&target, command.bad_signature).map_err(Failure::Failed)?;
    let url = &target.url;
    let client = if url.scheme() == "https" { http::public()? } else { http::local()? };
    let mut answers = Vec::new();
    for _ in 0..command.times {
        let body = body(what, command, &signer, rng)?;
        for _ in 0..=u8::from(command.duplicate) {
            let delivery = uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string();
            let headers = headers(&signer, &body, &delivery, now).map_err(Failure::Failed)?;
            let answer = post(&client, url, headers, body.clone()).await?;
            if !output.is_json() {
                show(what, &answer, output)?;
            }
            answers.push(answer);
        }
    }
    if output.is_json() {
        output.json(&answers)?;
    }
    Ok(worst(&answers))
}

/// Sends a sample once, to the source of this configuration.
pub(super) async fn sample(name: &str, config: &Path, now: Timestamp, rng: &mut impl RngExt) -> Result<(), Failure> {
    let command = Send { what: Some(name.to_owned()), times: 1, ..Send::default() };
    let mut answered = Vec::new();
    match run(&command, config, now, rng, &mut Output::into_memory(&mut answered)).await? {
        Exit::Done => Ok(()),
        _ => Err(Failure::Refused(String::from_utf8_lossy(&answered).trim().to_owned())),
    }
}

fn list(output: &mut Output<'_>) -> Result<Exit, Failure> {
    let names: Vec<_> = samples::names().collect();
    if output.is_json() {
        output.json(&names)?
    } else {
        names.iter().try_for_each(|name| output.line(name))?
    }
    Ok(Exit::Done)
}

fn body(what: &str, command: &Send, signer: &Signer, rng: &mut impl RngExt) -> Result<Vec<u8>, Failure> {
    let overrides =
        Overrides { number: command.number.clone(), tracking_number: command.tracking_number.clone(), sku: command.sku.clone() };
    match samples::sample(what, &overrides, rng) {
        Ok(body) => Ok(signer.complete(body.to_vec())),
        Err(SampleError::Unknown { .. }) if Path::new(what).exists() => {
            if overrides != Overrides::default() {
                return Err(Failure::Usage("a file is sent byte for byte: numbers and SKUs can only be put into a sample".into()));
            }
            std::fs::read(what).map_err(|error| Failure::Failed(format!("{what} cannot be read: {error}")))
        }
        Err(error @ SampleError::Unknown { .. }) => Err(Failure::NotFound(format!("there is no file {what}, and {error}"))),
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

pub(super) fn headers(signer: &Signer, body: &[u8], delivery: &str, now: Timestamp) -> Result<Vec<Header>, String> {
    let mut headers = signer.headers(body, delivery, now)?;
    let envelope: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message_type = envelope.get(0).unwrap_or(&envelope).get("message_type").and_then(|m| m.as_str());
    headers.extend(message_type.map(|name| (signing::EVENT.to_owned(), name.to_owned())));
    headers.push((signing::DELIVERY.to_owned(), delivery.to_owned()));
    headers.push(("user-agent".to_owned(), "MasonHub-Webhook/1.0".to_owned()));
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    Ok(headers)
}

pub(super) async fn post(client: &reqwest::Client, url: &Url, headers: Vec<Header>, body: Vec<u8>) -> Result<Answer, Failure> {
    let request = headers.into_iter().fold(client.post(url.clone()).body(body), |request, (name, value)| request.header(name, value));
    let answered = async {
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    };
    let (status, text) = answered.await.map_err(|error: reqwest::Error| {
        let why = http::root_cause(&error);
        Failure::Unreachable(format!("no answer from {url} ({why}); is `mortar serve` running, and does its edge listen there?"))
    })?;
    let body = serde_json::from_str(&text).unwrap_or_else(|_| text.clone().into());
    Ok(Answer { status, body, text })
}

fn show(what: &str, answer: &Answer, output: &mut Output<'_>) -> Result<(), Failure> {
    let tone = if answer.status < 300 { Tone::Good } else { Tone::Bad };
    let status = output.paint(tone, answer.status);
    Ok(output.line(format_args!("{what} → {status} {}", clean(&answer.text)))?)
}

/// 4xx weighs more than 5xx: the sender would never come again.
fn worst(answers: &[Answer]) -> Exit {
    let any = |range: std::ops::Range<u16>| answers.iter().any(|answer| range.contains(&answer.status));
    match () {
        () if any(400..500) => Exit::Refused,
        () if answers.iter().all(|answer| (200..300).contains(&answer.status)) => Exit::Done,
        () => Exit::Failed,
    }
}

#[cfg(test)]
mod tests;
