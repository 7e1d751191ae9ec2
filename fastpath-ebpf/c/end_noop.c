/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

SEC("lwt_seg6local/end_noop")
int end_noop(struct __sk_buff *skb)
{
	return BPF_OK;
}
