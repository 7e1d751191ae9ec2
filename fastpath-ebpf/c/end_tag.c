/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

#include <stddef.h>

const volatile __u16 tag = 0;
const volatile __u8 flags = 0;

SEC("lwt_seg6local/end_tag")
int end_tag(struct __sk_buff *skb)
{
	struct {
		__u8 flags;
		__be16 tag;
	} __attribute__((packed)) both;

	if (!srh_of(skb))
		return BPF_DROP;
	both.flags = flags;
	both.tag = bpf_htons(tag);
	if (bpf_lwt_seg6_store_bytes(skb, sizeof(struct ip6) + offsetof(struct srh, flags), &both, sizeof(both)))
		return BPF_DROP;
	return BPF_OK;
}
