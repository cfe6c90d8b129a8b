//! Reading a callback's body within its limits.

use bytes::{Buf, BufMut, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::CONTENT_ENCODING;
use mortar_core::config::EdgeConfig;

use super::answer::Answer;

/// Reads the whole body; its size and its time are bounded, chunked or not.
pub(super) async fn read(body: Incoming, headers: &HeaderMap, config: &EdgeConfig) -> Result<Bytes, Answer> {
    if headers.get(CONTENT_ENCODING).is_some_and(|e| e != "identity") {
        return Err(Answer::Broken("the body is compressed; callbacks are sent as they were signed".into()));
    }
    let limit = usize::try_from(config.body_limit.as_u64()).unwrap_or(usize::MAX);
    if body.size_hint().lower() > limit as u64 {
        return Err(Answer::TooLarge);
    }
    match tokio::time::timeout(config.body_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(copied(body.aggregate())),
        Ok(Err(fault)) if fault.is::<LengthLimitError>() => Err(Answer::TooLarge),
        Ok(Err(fault)) => Err(Answer::Broken(format!("the body could not be read: {fault}"))),
        Err(_) => Err(Answer::TooSlow),
    }
}

/// The body in memory of its own. What hyper hands out is a part of its read buffer: kept, it would
/// hold several times its size, and the next request could not use the buffer again.
fn copied(body: impl Buf) -> Bytes {
    let mut bytes = Vec::with_capacity(body.remaining());
    bytes.put(body);
    bytes.into()
}
