//! Which calls changed their place among the others.

use std::collections::BTreeSet;

/// The values of a longest rising subsequence of different numbers: what is not in it was moved.
pub(super) fn longest_rising(numbers: &[usize]) -> BTreeSet<usize> {
    // ends[n] is where the lowest end of all rising subsequences of n + 1 numbers stands.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| numbers[*end] < *number);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    std::iter::successors(ends.last().copied(), |at| before[*at]).map(|at| numbers[at]).collect()
}
