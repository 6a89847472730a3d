//! A stream in memory with several partitions, for tests: proof that the trait is all that readers need.
