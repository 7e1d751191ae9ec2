/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

const volatile __u8 next_hop[16] = {};

SEC("lwt_seg6local/end_x")
int end_x(struct __sk_buff *skb)
{
	if (bpf_lwt_seg6_action(skb, END_X, (void *)next_hop, sizeof(next_hop)))
		return BPF_DROP;
	return BPF_REDIRECT;
}
