/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

#define ETH_P_IPV6 0x86dd

const volatile __u32 mode = BPF_LWT_ENCAP_SEG6;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SEGMENTS);
	__type(key, __u32);
	__type(value, struct segment);
} segments SEC(".maps");

SEC("lwt_in/headend_push")
int headend_push(struct __sk_buff *skb)
{
	struct path path;
	__u32 count, encap;

	if ((__be16)skb->protocol != bpf_htons(ETH_P_IPV6))
		return BPF_DROP;
	count = path_read(&path, &segments);
	if (!count)
		return BPF_DROP;
	encap = mode;
	if (encap == BPF_LWT_ENCAP_SEG6_INLINE)
		count = path_placeholder(&path, count);
	if (bpf_lwt_push_encap(skb, encap, path_finish(&path, count), path_len(count)))
		return BPF_DROP;
	return BPF_LWT_REROUTE;
}
