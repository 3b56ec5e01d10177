//! File descriptors: as many as the process may have, and which share of them connections get.

/// The share of descriptors that connections may take; files, logs that are read and requests to stores need the rest.
const SHARE: u64 = 2;
/// Connections at most, unless somebody asks for more: each costs memory, too.
const MOST: u64 = 2048;
/// What systems give where nobody can tell.
const USUAL: u64 = 1024;

/// Raises the number of descriptors to what the system lets the process have; gives the number.
pub fn raise() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or(USUAL)
}

/// How many connections there may be of so many descriptors; `wanted` of 0 leaves it to us.
pub fn connections(wanted: usize, files: u64) -> usize {
    let some = (files / SHARE).max(1);
    let wanted = if wanted == 0 { MOST } else { wanted as u64 };
    usize::try_from(wanted.min(some)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_all_else() {
        assert_eq!(connections(0, 1024), 512);
        assert_eq!(connections(0, 1 << 20), 2048);
        assert_eq!(connections(100, 1024), 100);
        assert_eq!(connections(5000, 1 << 20), 5000);
        assert_eq!(connections(5000, 1024), 512);
    }
}
