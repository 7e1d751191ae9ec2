//! Faults while a file is read. So many are held; the rest is counted, and where nobody needs the count, reading ends. So a file of garbage takes
//! no more memory than itself. Not here: their print.

use super::Fault;

/// So many faults are held, and as many warnings.
pub(crate) const MOST: usize = 1000;

/// Faults and warnings, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    held: Vec<Fault>,
    faults: usize,
    warnings: usize,
}

impl Found {
    pub(crate) fn push(&mut self, fault: Fault) {
        let count = if fault.is_warning() { &mut self.warnings } else { &mut self.faults };
        *count += 1;
        if *count <= MOST {
            self.held.push(fault);
        }
    }

    pub(crate) fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        faults.into_iter().for_each(|fault| self.push(fault));
    }

    /// How many there are, held or not.
    pub(crate) fn len(&self) -> usize {
        self.faults + self.warnings
    }

    /// How many faults there are, without the warnings.
    pub(crate) fn faults(&self) -> usize {
        self.faults
    }

    /// Whether the file cannot be used.
    pub(crate) fn has_faults(&self) -> bool {
        self.faults > 0
    }

    /// Whether a further fault would only be counted: then none needs to be found.
    pub(crate) fn is_full(&self) -> bool {
        self.faults >= MOST
    }

    /// Those that are held, and whether there are more.
    pub(crate) fn into_held(self) -> (Vec<Fault>, bool) {
        (self.held, self.faults >= MOST || self.warnings > MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Span, SurroundingsFault, SyntaxFault};

    #[test]
    fn a_thousand_of_each_kind_are_held_and_a_fault_after_many_warnings_counts() {
        let mut found = Found::default();
        let left_out = SurroundingsFault::FilterLeftOut { key: "dscp", option: "NF_TABLES" };
        found.extend((0..5000).map(|_| Fault::new(Span::default(), left_out.clone())));
        assert!(!found.has_faults());
        found.extend((0..MOST + 7).map(|_| Fault::new(Span::default(), SyntaxFault::NoValue)));
        assert!(found.has_faults());
        assert_eq!(found.len(), 5000 + MOST + 7);
        let (held, more) = found.into_held();
        assert_eq!((held.len(), more), (2 * MOST, true));
    }
}
