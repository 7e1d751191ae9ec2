// Every type that a global, a key or a value may have, and maps of every kind that a file may fill or not.
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum color { RED, GREEN = 7 };
typedef __u8 address[16];

struct pair {
	__u16 low;
	__u32 high;
	address via;
};

volatile const __u8 byte = 1;
volatile const __s16 negative = -2;
volatile const bool flag = true;
volatile const enum color color = GREEN;
volatile const struct pair pair = {};
volatile const __u64 words[3] = { 1, 2, 3 };
volatile const __u32 limit SEC(".rodata.limits") = 9;
__u64 seen;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct pair);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u64);
	__type(value, __u32);
} hash SEC(".maps");

struct prefix {
	__u32 bits;
	address address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u8);
} lpm SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} each SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__uint(key_size, 6);
	__uint(value_size, 10);
} untyped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__type(key, __u32);
		__type(value, __u32);
	});
} outer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

static __noinline int weigh(const struct pair *pair)
{
	return pair->low > limit ? (int)byte : negative;
}

SEC("lwt_in/typed")
int typed(struct __sk_buff *skb)
{
	struct prefix prefix = { 128 };
	__u32 zero = 0;
	__u64 one = words[0];
	__u64 bytes[2] = { 1, pair.high };

	struct pair *row = bpf_map_lookup_elem(&array, &zero);
	bpf_map_lookup_elem(&hash, &one);
	bpf_map_lookup_elem(&lpm, &prefix);
	bpf_map_lookup_elem(&each, &zero);
	bpf_map_lookup_elem(&untyped, bytes);
	bpf_map_lookup_elem(&outer, &zero);
	bpf_ringbuf_output(&events, bytes, sizeof(bytes), 0);
	seen++;
	if (row && flag && color == GREEN && weigh(row) > 100)
		return BPF_DROP;
	return BPF_OK;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
