/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "stamp.h"

const volatile __u8 tlv_type = 125;
const volatile __u32 session = 0;
const volatile __u32 every = 1;

SEC("lwt_seg6local/end_timestamp")
int end_timestamp(struct __sk_buff *skb)
{
	struct stamp stamp;
	struct srh *srh;
	__u32 end;

	if (!sampled(every))
		return BPF_OK;
	srh = srh_of(skb);
	if (!srh)
		return BPF_OK;
	end = sizeof(struct ip6) + ((srh->hdr_ext_len + 1) << 3);
	if (bpf_lwt_seg6_adjust_srh(skb, end, sizeof(stamp)))
		return BPF_OK;
	stamp.type = tlv_type;
	stamp.len = STAMP_LEN;
	stamp.reserved = 0;
	stamp.session = bpf_htonl(session);
	stamp.tai_ns = bpf_cpu_to_be64(bpf_ktime_get_tai_ns());
	if (bpf_lwt_seg6_store_bytes(skb, end, &stamp, sizeof(stamp)))
		return BPF_DROP;
	return BPF_OK;
}
