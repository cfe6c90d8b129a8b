use serde_json::json;

use super::*;

/// What a file in chunks of this size is read as.
fn read(file: &[u8], chunk: usize, end: Option<DownloadError>) -> (Vec<Value>, Result<(), String>) {
    let chunks: Vec<_> = file.chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).chain(end.map(Err)).collect();
    let (send, coming) = mpsc::channel(chunks.len().max(1));
    chunks.into_iter().for_each(|chunk| send.try_send(chunk).unwrap());
    drop(send);
    // Far fewer than there are lines: the reader waits for whoever takes them.
    let (lines, mut taken) = mpsc::channel(2);
    let parsing = std::thread::spawn(move || parse(Chunks { coming, current: Bytes::new() }, &lines));
    let read = std::iter::from_fn(|| taken.blocking_recv()).collect();
    (read, parsing.join().unwrap())
}

#[test]
fn twenty_thousand_lines_are_read_one_by_one_however_they_are_cut_and_wrapped() {
    let lines: Vec<_> = (0..20_000).map(|n| json!({ "customer_identifier": format!("SKU-{n}"), "total_units": n })).collect();
    let bare = serde_json::to_vec(&lines).unwrap();
    let wrapped = json!({ "limit": 1, "counts": [1, 2], "data": lines }).to_string().into_bytes();
    for (file, chunk) in [(&bare, 7), (&bare, 65_536), (&wrapped, 1000)] {
        let (read, end) = read(file, chunk, None);
        assert_eq!(end, Ok(()));
        assert!(read == lines, "{} lines", read.len());
    }
}

#[test]
fn of_a_file_that_is_cut_off_the_whole_lines_are_read_and_the_end_is_told() {
    let file = br#"[{"customer_identifier":"A"},{"customer_identifier":"B"},{"custo"#;
    let (lines, end) = read(file, 10, Some(DownloadError::Cut("reset".into())));
    assert_eq!(lines.len(), 2);
    assert!(end.unwrap_err().contains("the file was cut off: reset"));
    let (lines, end) = read(file, 10, None);
    assert!(lines.len() == 2 && end.unwrap_err().starts_with("EOF while parsing"));
    let (lines, end) = read(file, 30, Some(DownloadError::TooLarge(60)));
    assert!(!lines.is_empty() && end.unwrap_err().contains("over 60 bytes"));
}

#[test]
fn what_is_no_snapshot_is_told() {
    for (file, words) in
        [("{\"error\":\"gone\"}", "an object without `data`"), ("7", "a list of counts"), ("[{}] []", "trailing characters")]
    {
        let (_, end) = read(file.as_bytes(), 100, None);
        assert!(end.clone().unwrap_err().contains(words), "{end:?}");
    }
}
