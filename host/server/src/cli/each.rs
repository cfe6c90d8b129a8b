//! One command on several things: each gets its own outcome, and one failure does not stop the rest.

use std::fmt::Display;

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{Output, clean};

#[derive(Serialize)]
struct Outcome<T> {
    id: String,
    #[serde(flatten)]
    result: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Does something to each id and prints what became of it, `say` putting a success in words. The
/// exit code is that of the first failure. A single id fails as if it were alone, and a host that
/// does not answer ends it.
pub(super) async fn each<I: Copy + Display, T: Serialize>(
    ids: &[I],
    output: &mut Output<'_>,
    act: impl AsyncFn(I) -> Result<T, Failure>,
    say: impl Fn(&T) -> String,
) -> Result<Exit, Failure> {
    let mut outcomes = Vec::new();
    let mut exit = Exit::Done;
    let mut end = None;
    for id in ids {
        let (words, outcome) = match act(*id).await {
            Ok(result) => (say(&result), Outcome { id: id.to_string(), result: Some(result), error: None }),
            Err(failure) if ids.len() == 1 || matches!(failure, Failure::Unreachable(_)) => {
                end = Some(failure);
                break;
            }
            Err(failure) => {
                exit = if exit == Exit::Done { failure.exit() } else { exit };
                (failure.to_string(), Outcome { id: id.to_string(), result: None, error: Some(failure.to_string()) })
            }
        };
        if !output.is_json() {
            output.line(format_args!("{id}: {}", clean(&words)))?;
        }
        outcomes.push(outcome);
    }
    if output.is_json() && (end.is_none() || !outcomes.is_empty()) {
        output.json(&outcomes)?;
    }
    end.map_or(Ok(exit), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(ids: &[u64], json: bool) -> (Result<Exit, Failure>, String) {
        let mut buffer = Vec::new();
        let act = async |id: u64| match id {
            1 => Ok(serde_json::json!({ "stored": 3 })),
            2 => Err(Failure::NotFound("there is no 2".into())),
            _ => Err(Failure::Unreachable("gone".into())),
        };
        let end = each(ids, &mut Output::plain(&mut buffer, json), act, |_| "3 events".into()).await;
        (end, String::from_utf8(buffer).unwrap())
    }

    #[tokio::test]
    async fn one_failure_does_not_stop_the_rest() {
        let (end, printed) = run(&[2, 1], false).await;
        assert_eq!((end.unwrap(), printed.as_str()), (Exit::NotFound, "2: there is no 2\n1: 3 events\n"));
        let (end, printed) = run(&[2, 1], true).await;
        let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(end.unwrap(), Exit::NotFound);
        assert_eq!(json, serde_json::json!([{ "id": "2", "error": "there is no 2" }, { "id": "1", "stored": 3 }]));
    }

    #[tokio::test]
    async fn a_success_without_words_of_its_own_and_nothing_at_all_are_json_too() {
        for (ids, expected) in [(&[7][..], serde_json::json!([{ "id": "7" }])), (&[], serde_json::json!([]))] {
            let mut buffer = Vec::new();
            each(ids, &mut Output::plain(&mut buffer, true), async |_: u64| Ok(()), |()| "done".into()).await.unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&buffer).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_single_failure_and_an_unreachable_host_end_it() {
        assert!(matches!(run(&[2], false).await, (Err(Failure::NotFound(_)), printed) if printed.is_empty()));
        assert!(matches!(run(&[1, 3, 1], false).await, (Err(Failure::Unreachable(_)), printed) if printed == "1: 3 events\n"));
    }
}
