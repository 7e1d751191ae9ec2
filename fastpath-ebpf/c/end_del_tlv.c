/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

#define PADN 4

const volatile __u8 tlv_type = 124;

/* The TLV at an offset from the IPv6 header, if the packet has it. */
static __always_inline struct tlv *tlv_at(struct __sk_buff *skb, __u64 at)
{
	struct tlv *tlv = (void *)(long)skb->data + at;

	return (void *)(tlv + 1) > (void *)(long)skb->data_end ? NULL : tlv;
}

static __always_inline int remove(struct __sk_buff *skb, __u64 at, __u64 behind, __u64 end)
{
	__u64 hole, rest;

	if (behind < end) {
		struct tlv *next = tlv_at(skb, behind);

		if (!next)
			return BPF_DROP;
		if (next->type == PADN)
			behind += sizeof(*next) + next->len;
	}
	hole = behind - at;
	rest = hole % 8;
	if (rest == 1)
		rest = 9;
	if (hole != rest && bpf_lwt_seg6_adjust_srh(skb, at, rest - hole))
		return BPF_DROP;
	if (rest) {
		__u8 padding[9] = { PADN, rest - sizeof(struct tlv) };

		if (bpf_lwt_seg6_store_bytes(skb, at, padding, rest))
			return BPF_DROP;
	}
	return BPF_OK;
}

SEC("lwt_seg6local/end_del_tlv")
int end_del_tlv(struct __sk_buff *skb)
{
	struct srh *srh = srh_of(skb);
	__u64 at, end;
	__u8 wanted;

	if (!srh)
		return BPF_DROP;
	end = sizeof(struct ip6) + ((srh->hdr_ext_len + 1) << 3);
	at = sizeof(struct ip6) + sizeof(*srh) + sizeof(struct segment) * (srh->last_entry + 1);
	wanted = tlv_type;
	while (at < end) {
		struct tlv *tlv = tlv_at(skb, at);
		__u64 behind;

		if (!tlv)
			return BPF_DROP;
		behind = at + sizeof(*tlv) + tlv->len;
		if (tlv->type == wanted)
			return remove(skb, at, behind, end);
		at = behind;
	}
	return BPF_OK;
}
