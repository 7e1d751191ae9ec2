// Says nothing of its licence, and asks for a helper that the kernel lends to GPL programs only.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("lwt_seg6local")
int unlicensed(struct __sk_buff *skb)
{
	bpf_printk("%u bytes", skb->len);
	return BPF_OK;
}
