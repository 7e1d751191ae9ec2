/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

struct value {
	__u16 words[3];
};

const volatile __u8 tlv_type = 124;
const volatile struct value tlv_value = {};

SEC("lwt_seg6local/end_add_tlv")
int end_add_tlv(struct __sk_buff *skb)
{
	struct srh *srh = srh_of(skb);
	struct {
		__u8 type, len;
		struct value value;
	} tlv;
	__u32 end;

	if (!srh)
		return BPF_DROP;
	end = sizeof(struct ip6) + ((srh->hdr_ext_len + 1) << 3);
	tlv.type = tlv_type;
	tlv.len = sizeof(tlv.value);
	tlv.value = tlv_value;
	if (bpf_lwt_seg6_adjust_srh(skb, end, sizeof(tlv)))
		return BPF_DROP;
	if (bpf_lwt_seg6_store_bytes(skb, end, &tlv, sizeof(tlv)))
		return BPF_DROP;
	return BPF_OK;
}
