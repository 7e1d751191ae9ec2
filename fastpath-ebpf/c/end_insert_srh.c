/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SEGMENTS);
	__type(key, __u32);
	__type(value, struct segment);
} segments SEC(".maps");

SEC("lwt_seg6local/end_insert_srh")
int end_insert_srh(struct __sk_buff *skb)
{
	struct path path;
	__u32 count = path_read(&path, &segments);

	if (!count)
		return BPF_DROP;
	count = path_placeholder(&path, count);
	if (bpf_lwt_seg6_action(skb, END_B6, path_finish(&path, count), path_len(count)))
		return BPF_DROP;
	return BPF_REDIRECT;
}
