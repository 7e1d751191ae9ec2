/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Shared by the C peers: the headers, the SRH check and the SRH built from a map.
 * Their instructions are compared with those of the Rust programs of the same name: they make the same checks and the same
 * helper calls. They are not shipped.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IPPROTO_ROUTING 43
#define ROUTING_TYPE_SRH 4
#define MAX_SEGMENTS 16

/* include/uapi/linux/seg6_local.h */
enum { END_X = 2, END_T = 3, END_DT6 = 7, END_B6 = 9, END_B6_ENCAP = 10 };

struct ip6 {
	__u8 version_class_flow[4];
	__be16 payload_len;
	__u8 next_header;
	__u8 hop_limit;
	__u8 source[16];
	__u8 destination[16];
};

/* Two words, as in the Rust programs: BPF copies them with two instructions. */
struct segment {
	__u64 high, low;
};

struct srh {
	__u8 next_header;
	__u8 hdr_ext_len;
	__u8 routing_type;
	__u8 segments_left;
	__u8 last_entry;
	__u8 flags;
	__be16 tag;
	struct segment segments[];
};

struct tlv {
	__u8 type;
	__u8 len;
	__u8 value[];
};

/* The SRH, if it follows the IPv6 header directly. */
static __always_inline struct srh *srh_of(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct ip6 *ip6 = data;
	struct srh *srh = data + sizeof(*ip6);

	if ((void *)(srh + 1) > data_end)
		return NULL;
	if (ip6->next_header != IPPROTO_ROUTING || srh->routing_type != ROUTING_TYPE_SRH)
		return NULL;
	return srh;
}

/* Room for the fixed part, a placeholder and the map's segments. */
struct path {
	struct segment places[MAX_SEGMENTS + 2];
};

/* Writes the map's segments from the end of the room towards the front; returns their number. */
static __always_inline __u32 path_read(struct path *path, void *map)
{
	__u32 count = 0;

	while (count < MAX_SEGMENTS) {
		__u32 key = count;
		struct segment *segment = bpf_map_lookup_elem(map, &key);

		if (!segment || !(segment->high | segment->low))
			break;
		path->places[MAX_SEGMENTS + 1 - count] = *segment;
		count++;
	}
	return count;
}

/* Adds the empty segment into which the kernel puts the destination. */
static __always_inline __u32 path_placeholder(struct path *path, __u32 count)
{
	path->places[MAX_SEGMENTS + 1 - count] = (struct segment){};
	return count + 1;
}

/* Writes the fixed part before the segments. */
static __always_inline struct srh *path_finish(struct path *path, __u32 count)
{
	struct srh *srh = (void *)&path->places[MAX_SEGMENTS + 2 - count] - sizeof(*srh);

	*srh = (struct srh){
		.hdr_ext_len = 2 * count,
		.routing_type = ROUTING_TYPE_SRH,
		.segments_left = count - 1,
		.last_entry = count - 1,
	};
	return srh;
}

static __always_inline __u32 path_len(__u32 count)
{
	return sizeof(struct srh) + sizeof(struct segment) * count;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
