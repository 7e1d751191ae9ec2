// Programs of several kinds, each with a map of its own; one that no kernel takes, one of a kind that segbox has not.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct counts {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};

struct counts first_counts SEC(".maps");
struct counts second_counts SEC(".maps");
struct counts third_counts SEC(".maps");

static __noinline int count(void *map)
{
	__u32 zero = 0;
	__u64 *value = bpf_map_lookup_elem(map, &zero);

	if (value)
		__sync_fetch_and_add(value, 1);
	return BPF_OK;
}

SEC("lwt_seg6local/first")
int first(struct __sk_buff *skb)
{
	return count(&first_counts);
}

SEC("lwt_seg6local/second")
int second(struct __sk_buff *skb)
{
	return count(&second_counts);
}

SEC("lwt_in")
int third(struct __sk_buff *skb)
{
	return count(&third_counts);
}

SEC("lwt_in")
int fourth(struct __sk_buff *skb)
{
	return BPF_LWT_REROUTE;
}

SEC("lwt_in/broken")
int broken(struct __sk_buff *skb)
{
	return *(int *)(long)skb->mark;
}

SEC("action")
int other(struct __sk_buff *skb)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
