//! The steps of one attempt.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::{Delivery, Failure, Request, Response, Settlement, call_or_settle, fresh};

/// Names the steps of one attempt of a delivery.
pub struct Steps<'a> {
    delivery: &'a Delivery,
    /// How often each name was given.
    names: RefCell<BTreeMap<String, u32>>,
}

impl<'a> Steps<'a> {
    /// Of this delivery's attempt.
    #[must_use]
    pub fn new(delivery: &'a Delivery) -> Self {
        Self { delivery, names: RefCell::default() }
    }

    /// A name of this attempt alone, another one each time: for reads, and for writes that do no harm
    /// when they are done twice.
    #[must_use]
    pub fn fresh(&self, step: &str) -> String {
        let mut names = self.names.borrow_mut();
        let times = names.entry(step.to_owned()).or_default();
        *times += 1;
        let step = if *times == 1 { step.to_owned() } else { format!("{step} ({times})") };
        fresh(self.delivery, &step)
    }

    /// Makes a call that must not be done twice. Where its answer was lost, `look` says whether it was
    /// done, by the answer that it then has. For the rest see [`first`](Self::first).
    ///
    /// # Errors
    /// No answer, or what `look` could not decide.
    pub fn once(
        &self,
        step: &str,
        request: &Request,
        look: impl Fn() -> Result<Option<Response>, Failure>,
        not_yet: impl Fn(&Response) -> bool,
    ) -> Result<Response, Failure> {
        self.first(step, |name| call_or_settle(name, request, |_| Ok(look()?.map_or(Settlement::Resend, Settlement::Answered))), not_yet)
    }

    /// The first answer that does not only say `not_yet`, or the last one of this attempt.
    ///
    /// An answer stands under its step's name for ever. One that only says `not_yet` is followed by
    /// one more call, under one more name, in each later attempt.
    ///
    /// # Errors
    /// What `ask` ends with.
    pub fn first(
        &self,
        step: &str,
        ask: impl Fn(&str) -> Result<Response, Failure>,
        not_yet: impl Fn(&Response) -> bool,
    ) -> Result<Response, Failure> {
        let mut number = 1;
        loop {
            let name = if number == 1 { step.to_owned() } else { format!("{step} ({number})") };
            let answer = ask(&name)?;
            if number >= self.delivery.attempt || !not_yet(&answer) {
                return Ok(answer);
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_asks_under_one_more_name_until_the_answer_stands() {
        let asked = RefCell::new(Vec::new());
        let ask = |name: &str| {
            asked.borrow_mut().push(name.to_owned());
            Ok(Response { status: if name == "write (2)" { 201 } else { 500 }, headers: Vec::new(), body: Vec::new() })
        };
        let first = |attempt| {
            let delivery = Delivery { attempt, ..Delivery::default() };
            Steps::new(&delivery).first("write", ask, |answer| !answer.is_success()).unwrap().status
        };
        assert_eq!((first(1), first(2), first(3)), (500, 201, 201));
        assert_eq!(*asked.borrow(), ["write", "write", "write (2)", "write", "write (2)"]);
    }

    #[test]
    fn a_fresh_name_is_another_one_each_time_and_each_attempt() {
        let delivery = Delivery { attempt: 3, ..Delivery::default() };
        let steps = Steps::new(&delivery);
        assert_eq!([steps.fresh("look"), steps.fresh("look"), steps.fresh("x")], ["look#3", "look (2)#3", "x#3"]);
    }
}
