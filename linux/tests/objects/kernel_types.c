// Built against the kernel's types (CO-RE), as programs that include vmlinux.h are: skb->len is found by its name.
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct __sk_buff {
	__u32 mark;
	__u32 len;
};
#pragma clang attribute pop

SEC("lwt_in/kernel_types")
int kernel_types(struct __sk_buff *skb)
{
	return skb->len > 9000 ? 2 : 0;
}

char LICENSE[] SEC("license") = "GPL";
