/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "segbox.h"

struct count_key {
	struct segment sid;
	__u64 protocol;
};

struct count_value {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct count_key);
	__type(value, struct count_value);
} counts SEC(".maps");

SEC("lwt_seg6local/end_count")
int end_count(struct __sk_buff *skb)
{
	struct srh *srh = srh_of(skb);
	struct count_value *value;
	struct count_key key = {};
	__u32 hit;

	if (!srh)
		return BPF_OK;
	key.protocol = srh->next_header;
	hit = srh->segments_left + 1;
	if (hit <= srh->last_entry) {
		struct segment *sid = &srh->segments[hit];

		if ((void *)(sid + 1) > (void *)(long)skb->data_end)
			return BPF_OK;
		key.sid = *sid;
	}
	value = bpf_map_lookup_elem(&counts, &key);
	if (value) {
		value->packets++;
		value->bytes += skb->len;
	} else {
		struct count_value first = { .packets = 1, .bytes = skb->len };

		bpf_map_update_elem(&counts, &key, &first, BPF_ANY);
	}
	return BPF_OK;
}
