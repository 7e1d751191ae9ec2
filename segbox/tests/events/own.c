// A user's program that reports events: with types, with the clock of old kernels, and a ring buffer of one page.
#include <linux/bpf.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>

struct note {
	__u64 ktime_ns;
	struct in6_addr who;
	__s32 level;
	__u8 words[2];
	__u16 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, struct note);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

SEC("lwt_seg6local/own")
int own(struct __sk_buff *skb)
{
	struct note *note = bpf_ringbuf_reserve(&events, sizeof(*note), 0);
	__u32 zero = 0;

	if (note) {
		note->ktime_ns = bpf_ktime_get_ns();
		bpf_skb_load_bytes(skb, 8, &note->who, sizeof(note->who));
		note->level = -3;
		note->words[0] = 0xab;
		note->words[1] = 0xcd;
		note->length = skb->len;
		bpf_ringbuf_submit(note, 0);
	} else {
		__u64 *count = bpf_map_lookup_elem(&lost, &zero);

		if (count)
			__sync_fetch_and_add(count, 1);
	}
	return BPF_OK;
}

char _license[] SEC("license") = "GPL";
