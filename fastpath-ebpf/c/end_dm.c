/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "stamp.h"

const volatile __u8 tlv_type = 125;

struct delay {
	__u64 tai_ns;
	struct segment sid, source;
	__u32 session, bytes;
	__s64 delay_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 << 10);
	__type(value, struct delay);
} events SEC(".maps");

static __always_inline void measure(struct __sk_buff *skb, struct srh *srh, struct stamp *stamp)
{
	struct ip6 *ip6 = (void *)(long)skb->data;
	__u64 now = bpf_ktime_get_tai_ns();
	__u64 sent = bpf_be64_to_cpu(stamp->tai_ns);
	__u32 session = bpf_ntohl(stamp->session);
	struct segment sid;
	struct delay *delay;

	if (!local_sid(skb, srh, &sid))
		return;
	delay = bpf_ringbuf_reserve(&events, sizeof(*delay), 0);
	if (!delay) {
		count_lost();
		return;
	}
	delay->tai_ns = now;
	delay->sid = sid;
	delay->source = *(struct segment *)ip6->source;
	delay->session = session;
	delay->bytes = skb->len;
	delay->delay_ns = now - sent;
	bpf_ringbuf_submit(delay, 0);
}

SEC("lwt_seg6local/end_dm")
int end_dm(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct srh *srh = srh_of(skb);
	__u32 at, end;

	if (!srh)
		return BPF_OK;
	end = sizeof(struct ip6) + ((srh->hdr_ext_len + 1) << 3);
	at = sizeof(struct ip6) + sizeof(*srh) + ((srh->last_entry + 1) << 4);
	while (at < end) {
		struct tlv *tlv = data + at;

		if ((void *)(tlv + 1) > data_end)
			return BPF_OK;
		if (tlv->type == tlv_type) {
			struct stamp *stamp = (void *)tlv;

			if ((void *)(stamp + 1) <= data_end && tlv->len == STAMP_LEN)
				measure(skb, srh, stamp);
			return BPF_OK;
		}
		at += sizeof(*tlv) + tlv->len;
	}
	return BPF_OK;
}
