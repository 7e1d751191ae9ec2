//! A quick look at an address: it lies in one of the spans, or near it. The kernel compares four bytes without a call
//! (net/netfilter/nf_tables_core.c, nft_payload_fast_eval, nft_bitwise_fast_eval, nft_cmp_fast_eval), so packets that no filter is about cost
//! little. Not here: what becomes of those that pass.

use std::net::{IpAddr, Ipv6Addr};

use segbox_plan::filter::Span;

use super::parts::{Field, field};
use crate::netlink::nft::expression::*;

/// The most comparisons of one address.
const MOST: usize = 4;
/// Bits of an address that are looked at: two words.
const LOOKED_AT: u32 = 64;
const WORD: u32 = 32;

/// The first bits of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    value: u64,
    bits: u32,
}

impl Head {
    fn new(value: u64, bits: u32) -> Self {
        Self { value: value & mask(bits), bits }
    }

    fn of(span: &Span) -> Self {
        let [first, last] = [span.first, span.last].map(|address| match address {
            IpAddr::V6(address) => (u128::from(address) >> LOOKED_AT) as u64,
            IpAddr::V4(_) => unreachable!("the spans are of IPv6"),
        });
        Self::new(first, (first ^ last).leading_zeros())
    }

    /// The head of both.
    fn and(self, other: Self) -> Self {
        Self::new(self.value, (self.value ^ other.value).leading_zeros().min(self.bits).min(other.bits))
    }

    fn holds(self, other: Self) -> bool {
        self.and(other) == self
    }

    fn compared(self, (offset, _): Field) -> Vec<Expression> {
        let mut all = Vec::new();
        for (place, begin) in [(0, 0), (4, WORD)] {
            let compared = self.bits.saturating_sub(begin).min(WORD);
            if compared == 0 {
                break;
            }
            all.push(field((offset + place, 4)));
            let word = |bytes: u64| ((bytes >> (WORD - begin)) as u32).to_be_bytes();
            if compared < WORD {
                all.push(bits(&word(mask(self.bits)), &[0; 4]));
            }
            all.push(equals(&word(self.value)));
        }
        all
    }
}

fn mask(bits: u32) -> u64 {
    u64::MAX.checked_shl(LOOKED_AT - bits).unwrap_or(0)
}

/// The alternatives of an address being near one of the spans.
pub(super) fn near<'a>(of: Field, spans: impl IntoIterator<Item = &'a Span>) -> Vec<Vec<Expression>> {
    heads(spans.into_iter().map(Head::of).collect()).into_iter().map(|head| head.compared(of)).collect()
}

/// As few heads as hold all of these: where there are many, one for all that begin with the same word, or a single one.
fn heads(mut all: Vec<Head>) -> Vec<Head> {
    all.sort_unstable();
    let join = |all: Vec<Head>, joins: &dyn Fn(Head, Head) -> bool| {
        all.into_iter().fold(Vec::<Head>::new(), |mut out, head| {
            match out.last_mut() {
                Some(last) if joins(*last, head) => *last = last.and(head),
                _ => out.push(head),
            }
            out
        })
    };
    // Sorted by value and length, a head comes before those that it holds.
    all = join(all, &Head::holds);
    if all.len() > MOST {
        all = join(all, &|one, other| one.and(other).bits >= WORD);
    }
    if all.len() > MOST {
        all = join(all, &|_, _| true);
    }
    all
}

/// An address is almost certainly this one: the two words in which the box's differ from others'.
pub(super) fn looks_like((offset, _): Field, address: Ipv6Addr) -> Vec<Expression> {
    let octets = address.octets();
    [4, 12]
        .into_iter()
        .flat_map(|place| {
            let at = usize::try_from(place).unwrap_or_default();
            [field((offset + place, 4)), equals(&octets[at..at + 4])]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(nets: &[&str]) -> Vec<String> {
        let spans = nets.iter().map(|net| Span::of(net.parse().expect("a prefix")));
        let heads = heads(spans.map(|span| Head::of(&span)).collect());
        heads
            .into_iter()
            .map(|head| format!("{}/{}", Ipv6Addr::from(u128::from(head.value) << LOOKED_AT), head.bits))
            .collect()
    }

    #[test]
    fn few_spans_have_a_head_each() {
        assert_eq!(shown(&["fc00:0:2::/48", "5f00::7/128"]), ["5f00::/64", "fc00:0:2::/48"]);
        assert_eq!(shown(&["fc00:0:2:1::/128", "fc00:0:2:1::9/128", "fc00:0:2::/63"]), ["fc00:0:2::/63"]);
        assert_eq!(shown(&["::/0", "fc00::/16"]), ["::/0"]);
        assert_eq!(shown(&[]), [""; 0]);
    }

    #[test]
    fn many_share_the_head_of_their_first_word_or_all_share_one() {
        let sids = ["fc00:0:2:1::/64", "fc00:0:2:2::/64", "fc00:0:2:3::/64", "fc00:0:2:4::/64", "fc00:0:2:5::/64"];
        assert_eq!(shown(&sids), ["fc00:0:2::/61"]);
        assert_eq!(shown(&[&sids[..], &["5f00::7/128"]].concat()), ["5f00::/64", "fc00:0:2::/61"]);
        let apart = ["fc00:1::/32", "fc00:2::/32", "fc00:3::/32", "fc00:4::/32", "fc00:5::/32"];
        assert_eq!(shown(&apart), ["fc00::/29"]);
        assert_eq!(shown(&[&apart[..], &["2000::/3"]].concat()), ["::/0"]);
    }

    /// What the expressions compare: offset, mask, value.
    #[test]
    fn no_bits_are_no_comparison_and_two_words_are_two() {
        let count = |net: &str| near((24, 16), &[Span::of(net.parse().expect("a prefix"))])[0].len();
        assert_eq!(["::/0", "fc00::/16", "fc00::/32", "fc00:0:2::/48", "fc00:0:2:1::/128"].map(count), [0, 3, 2, 5, 4]);
    }
}
