//! Addresses: the partition of a value and its sort key, behind each other in one buffer.
//!
//! A place with ordered files takes the buffer as it is; one that keeps partitions apart takes it in two. It must not
//! know what the bytes stand for.

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition, and the sort key behind it.
    joined: Vec<u8>,
    split: usize,
}

impl Key {
    /// The key whose first `split` bytes are the partition, and the rest the sort key.
    pub fn split(joined: Vec<u8>, split: usize) -> Self {
        let split = split.min(joined.len());
        Self { joined, split }
    }

    /// The key with more bytes at the end of its sort key.
    pub fn then(mut self, more: &[u8]) -> Self {
        self.joined.extend_from_slice(more);
        self
    }

    /// Partition and sort key behind each other.
    pub fn joined(&self) -> &[u8] {
        &self.joined
    }

    /// As [`Key::joined`], without a copy.
    pub fn into_joined(self) -> Vec<u8> {
        self.joined
    }

    pub fn partition(&self) -> &[u8] {
        &self.joined[..self.split]
    }

    pub fn sort(&self) -> &[u8] {
        &self.joined[self.split..]
    }

    /// Bytes of partition and sort key.
    pub fn len(&self) -> usize {
        self.joined.len()
    }

    /// Whether there is neither a partition nor a sort key.
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty()
    }
}

/// The keys of one partition between two sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    first: Vec<u8>,
    behind: Vec<u8>,
    split: usize,
}

impl KeyRange {
    /// The keys whose sort keys begin with the one of `key`.
    pub fn below(key: Key) -> Self {
        let behind = after(&key.joined);
        Self { first: key.joined, behind, split: key.split }
    }

    /// The keys whose sort keys are the one of `key` with something behind it that is in `[from, to)`.
    pub fn between(key: Key, from: &[u8], to: &[u8]) -> Self {
        let mut behind = Vec::with_capacity(key.joined.len() + to.len());
        behind.extend_from_slice(&key.joined);
        behind.extend_from_slice(to);
        let Key { joined, split } = key.then(from);
        Self { first: joined, behind, split }
    }

    pub fn partition(&self) -> &[u8] {
        &self.first[..self.split]
    }

    pub fn first(&self) -> &[u8] {
        &self.first[self.split..]
    }

    /// The sort key that ends the range and is not in it; absent where the range ends with its partition.
    pub fn behind(&self) -> Option<&[u8]> {
        self.behind.strip_prefix(self.partition())
    }

    /// Both ends with the partition in front, as [`Key::joined`]: the first is in the range, the other is not.
    pub fn joined(&self) -> (&[u8], &[u8]) {
        (&self.first, &self.behind)
    }
}

/// The first bytes behind all that begin with `prefix`. Nothing but 0xff has none; prefixes here begin with an id.
pub(crate) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0xff; prefix.len() + 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_below_a_key_ends_where_its_sort_key_does_or_with_its_partition() {
        let key = |sort: &[u8]| Key::split(b"part".to_vec(), 4).then(sort);
        assert_eq!(KeyRange::below(key(b"a")).behind(), Some(b"b".as_slice()));
        assert_eq!(KeyRange::below(key(&[1, 0xff])).behind(), Some([2].as_slice()));
        for whole in [[].as_slice(), &[0xff], &[0xff, 0xff]] {
            let range = KeyRange::below(key(whole));
            assert_eq!((range.partition(), range.first(), range.behind()), (b"part".as_slice(), whole, None));
        }
        let between = KeyRange::between(key(b"a"), b"1", b"3");
        assert_eq!((between.first(), between.behind()), (b"a1".as_slice(), Some(b"a3".as_slice())));
        assert_eq!(between.joined(), (b"parta1".as_slice(), b"parta3".as_slice()));
    }
}
