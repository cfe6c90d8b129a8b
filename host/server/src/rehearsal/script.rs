//! What is answered to which step.

use std::collections::BTreeMap;

use mortar_core::call::{Request, Response};

/// What comes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canned {
    /// The ERP answers so.
    Answer(Response),
    /// The ERP does what it is asked to, and the answer is lost on its way.
    Lost,
    /// The ERP cannot be reached.
    Unavailable,
}

/// A fault that the answers know nothing of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// For the request that leaves as this one, from 0, the ERP cannot be reached.
    Unavailable(usize),
    /// The answer to that request is lost.
    Lost(usize),
    /// The handler came to its end, and that could not be stored: it runs again.
    Again,
}

/// An ERP by its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// By step, with a trailing `*` for any ending: one after the other, and the last one from then on.
    pub answers: BTreeMap<String, Vec<Canned>>,
    /// What goes wrong besides.
    pub fault: Option<Fault>,
}

impl Script {
    /// The answer when a step is sent for the `nth` time, from 0. The pattern that fits best counts;
    /// where none fits, all is well.
    pub(super) fn answer(&self, step: &str, request: &Request, nth: usize) -> Canned {
        let fits = |pattern: &str| pattern.strip_suffix('*').map_or(pattern == step, |beginning| step.starts_with(beginning));
        let fitting = self.answers.iter().filter(|(pattern, answers)| fits(pattern) && !answers.is_empty());
        let best = fitting.max_by_key(|(pattern, _)| (!pattern.ends_with('*'), pattern.len()));
        best.map_or_else(|| well(request), |(_, answers)| answers[nth.min(answers.len() - 1)].clone())
    }
}

/// 200 and `{}`, or what a mail server says.
fn well(request: &Request) -> Canned {
    if request.method == Request::MAIL {
        return Canned::Answer(Response { status: 250, headers: Vec::new(), body: Vec::new() });
    }
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Canned::Answer(Response { status: 200, headers, body: b"{}".to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_that_fits_best_counts_and_its_last_answer_stays() {
        let answer = |status| Canned::Answer(Response { status, headers: Vec::new(), body: Vec::new() });
        let answers = [("*", vec![answer(1)]), ("ship/*", vec![answer(2), answer(3)]), ("ship/a", vec![Canned::Lost])];
        let script = Script { answers: answers.into_iter().map(|(name, answers)| (name.to_owned(), answers)).collect(), fault: None };
        let put = Request { connection: "erp".into(), method: "PUT".into(), path: "/".into(), headers: Vec::new(), body: None };
        let seen: Vec<_> = (0..3).map(|nth| script.answer("ship/b", &put, nth)).collect();
        assert_eq!(seen, [answer(2), answer(3), answer(3)]);
        assert_eq!((script.answer("ship/a", &put, 5), script.answer("order", &put, 0)), (Canned::Lost, answer(1)));
        assert!(matches!(Script::default().answer("x", &put, 0), Canned::Answer(Response { status: 200, .. })));
    }
}
