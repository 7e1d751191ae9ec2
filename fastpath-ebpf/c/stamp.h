/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Shared by the peers of the programs that measure and report: the timestamp TLV, the ring buffer and its counter.
 */
#pragma once

#include "segbox.h"

#include <stdbool.h>

struct stamp {
	__u8 type, len;
	__u16 reserved;
	__be32 session;
	__be64 tai_ns;
};

#define STAMP_LEN (sizeof(struct stamp) - sizeof(struct tlv))

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

static __always_inline void count_lost(void)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&lost, &key);

	if (count)
		++*count;
}

static __always_inline bool sampled(__u32 every)
{
	return every <= 1 || bpf_get_prandom_u32() % every == 0;
}

/* The local SID that the packet hit; zero if the packet does not carry it. False if the packet ends before it. */
static __always_inline bool local_sid(struct __sk_buff *skb, struct srh *srh, struct segment *sid)
{
	__u32 hit = srh->segments_left + 1;

	*sid = (struct segment){};
	if (hit <= srh->last_entry) {
		struct segment *at = &srh->segments[hit];

		if ((void *)(at + 1) > (void *)(long)skb->data_end)
			return false;
		*sid = *at;
	}
	return true;
}
