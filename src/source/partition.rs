//! One numbering for the partitions of both topics. Posts keep Kafka's numbers, 0, 1, 2; partitions of actions are numbered
//! -1, -2, -3 after Kafka's 0, 1, 2. So one set of clocks, one ledger and one manifest hold both, and what was written
//! before there were actions still says the same.

/// The number here of a partition of the actions topic.
pub fn of_actions(partition: i32) -> i32 {
    -1 - partition
}

/// Whether the partition is one of actions.
pub fn is_of_actions(number: i32) -> bool {
    number < 0
}

/// Kafka's number of a partition of either topic.
pub fn in_topic(number: i32) -> i32 {
    if is_of_actions(number) { -1 - number } else { number }
}

/// Its place in a list of all: the two topics take turns, so that the list stays short.
pub(super) fn index_of(number: i32) -> usize {
    let place = usize::try_from(in_topic(number)).expect("a partition's number is not negative");
    2 * place + usize::from(is_of_actions(number))
}

/// The partitions that a list by [`index_of`] has something on.
pub(super) fn numbered<T: Copy>(list: &[Option<T>]) -> impl Iterator<Item = (i32, T)> + '_ {
    let number = |index: usize| {
        let partition = i32::try_from(index / 2).expect("an index is made of a partition's number");
        if index.is_multiple_of(2) { partition } else { of_actions(partition) }
    };
    list.iter().enumerate().filter_map(move |(index, entry)| Some((number(index), (*entry)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_a_place_of_its_own() {
        let all: Vec<i32> = (0..50).chain((0..50).map(of_actions)).collect();
        let mut list = vec![None; 100];
        for number in &all {
            assert_eq!(list[index_of(*number)].replace(*number), None);
            assert!((0..50).contains(&in_topic(*number)));
        }
        assert!(numbered(&list).all(|(number, entry)| number == entry));
        assert_eq!(numbered(&list).count(), 100);
    }
}
