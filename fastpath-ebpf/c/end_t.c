/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

const volatile __u32 table = 254;

SEC("lwt_seg6local/end_t")
int end_t(struct __sk_buff *skb)
{
	if (bpf_lwt_seg6_action(skb, END_T, (void *)&table, sizeof(table)))
		return BPF_DROP;
	return BPF_REDIRECT;
}
