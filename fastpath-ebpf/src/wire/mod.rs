//! Wire formats, read in place and written: the Segment Routing Header of RFC 8754 and its TLVs. Nothing here knows a
//! program or a map.

pub mod compose;
pub mod srh;
pub mod tlv;
