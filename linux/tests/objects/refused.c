// What the verifier refuses: a map's value used without looking whether there is one, if `careless` is not 0.
// A type has the name of the section: the two are one string in .BTF.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct lwt_seg6local {
	__u32 size;
};

volatile const __u32 careless = 1;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lwt_seg6local);
} sizes SEC(".maps");

SEC("lwt_seg6local")
int refused(struct __sk_buff *skb)
{
	__u32 key = skb->len;
	struct lwt_seg6local *found = bpf_map_lookup_elem(&sizes, &key);

	if (careless)
		return found->size + 1;
	return BPF_OK;
}

char LICENSE[] SEC("license") = "GPL";
