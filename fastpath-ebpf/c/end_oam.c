/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "stamp.h"

#define FLAG_O 0x20

const volatile __u32 every = 1;

struct marked {
	__u64 tai_ns;
	struct segment sid, source, next;
	__u32 flow_label, bytes, tag;
	__u8 segments_left, protocol, hop_limit, flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 << 10);
	__type(value, struct marked);
} events SEC(".maps");

SEC("lwt_seg6local/end_oam")
int end_oam(struct __sk_buff *skb)
{
	struct ip6 *ip6 = (void *)(long)skb->data;
	struct srh *srh = srh_of(skb);
	struct marked *marked;
	struct segment sid;

	if (!srh)
		return BPF_OK;
	if (!(srh->flags & FLAG_O) || !sampled(every))
		return BPF_OK;
	if (!local_sid(skb, srh, &sid))
		return BPF_OK;
	marked = bpf_ringbuf_reserve(&events, sizeof(*marked), 0);
	if (!marked) {
		count_lost();
		return BPF_OK;
	}
	marked->tai_ns = bpf_ktime_get_tai_ns();
	marked->sid = sid;
	marked->source = *(struct segment *)ip6->source;
	marked->next = *(struct segment *)ip6->destination;
	marked->flow_label = bpf_ntohl(*(__be32 *)ip6->version_class_flow) & 0xfffff;
	marked->bytes = skb->len;
	marked->tag = bpf_ntohs(srh->tag);
	marked->segments_left = srh->segments_left;
	marked->protocol = srh->next_header;
	marked->hop_limit = ip6->hop_limit;
	marked->flags = srh->flags;
	bpf_ringbuf_submit(marked, 0);
	return BPF_OK;
}
