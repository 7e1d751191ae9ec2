// The least that counts: one program in a section without a name, one map.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct state {
	__u32 seen;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct state);
} state SEC(".maps");

SEC("lwt_seg6local")
int plain(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct state *value = bpf_map_lookup_elem(&state, &zero);

	if (value)
		value->seen++;
	return BPF_OK;
}

char LICENSE[] SEC("license") = "GPL";
