// Three End.BPF programs in a chain. Each one checks the result of the previous one, and drops the packet if it is wrong.
//
// The scenario is that of the kernel's tools/testing/selftests/bpf/test_lwt_seg6local.sh: the first program adds an egress node
// TLV and a flag, the second removes them and sets a tag, and the third forwards through a table.

#include <linux/bpf.h>
#include <linux/seg6_local.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IPV6 40
#define SEGMENTS 4
#define SRH_LEN (8 + 16 * SEGMENTS)
#define FLAG 0x10
#define TAG 2442

struct srh {
    __u8 next_header, ext_len, type, segments_left, last_entry, flags;
    __be16 tag;
};

// Egress node TLV of early SRH drafts, and padding to a multiple of 8.
struct egress {
    __u8 type, len, reserved[2], address[16];
    __u8 pad_type, pad_len, pad[2];
};

static const struct egress egress = {
    .type = 2,
    .len = 18,
    .address = {0xfd, [15] = 4},
    .pad_type = 4,
    .pad_len = 2,
};

static __always_inline int srh_of(struct __sk_buff *skb, struct srh *srh)
{
    __u8 next_header;
    if (bpf_skb_load_bytes(skb, 6, &next_header, 1) || next_header != 43) return -1;
    if (bpf_skb_load_bytes(skb, IPV6, srh, sizeof(*srh)) || srh->type != 4) return -1;
    return srh->last_entry == SEGMENTS - 1 ? 0 : -1;
}

static __always_inline long store(struct __sk_buff *skb, __u32 offset, const void *bytes, __u32 len)
{
    return bpf_lwt_seg6_store_bytes(skb, offset, bytes, len);
}

SEC("lwt_seg6local/add_egress_x")
int add_egress_x(struct __sk_buff *skb)
{
    struct srh srh;
    struct egress tlv = egress;
    __u8 flags = FLAG, next_hop[16] = {0xfc, 0x42, [15] = 1};

    if (srh_of(skb, &srh) || srh.ext_len != SRH_LEN / 8 - 1 || srh.flags) return BPF_DROP;
    if (bpf_lwt_seg6_adjust_srh(skb, IPV6 + SRH_LEN, sizeof(tlv))) return BPF_DROP;
    if (store(skb, IPV6 + SRH_LEN, &tlv, sizeof(tlv))) return BPF_DROP;
    if (store(skb, IPV6 + 5, &flags, 1)) return BPF_DROP;
    return bpf_lwt_seg6_action(skb, SEG6_LOCAL_ACTION_END_X, next_hop, sizeof(next_hop)) ? BPF_DROP : BPF_REDIRECT;
}

SEC("lwt_seg6local/pop_egress")
int pop_egress(struct __sk_buff *skb)
{
    struct srh srh;
    struct egress tlv;
    struct {
        __u8 flags;
        __be16 tag;
    } __attribute__((packed)) mark = {0, bpf_htons(TAG)};

    if (srh_of(skb, &srh) || srh.flags != FLAG) return BPF_DROP;
    if (srh.ext_len != (SRH_LEN + sizeof(tlv)) / 8 - 1) return BPF_DROP;
    if (bpf_skb_load_bytes(skb, IPV6 + SRH_LEN, &tlv, sizeof(tlv))) return BPF_DROP;
    if (tlv.type != egress.type || tlv.len != egress.len) return BPF_DROP;
    if (tlv.address[0] != 0xfd || tlv.address[15] != 4) return BPF_DROP;
    if (bpf_lwt_seg6_adjust_srh(skb, IPV6 + SRH_LEN, -(int)sizeof(tlv))) return BPF_DROP;
    return store(skb, IPV6 + 5, &mark, 3) ? BPF_DROP : BPF_OK;
}

// segbox.toml sets this.
const volatile __u32 table = 254;

SEC("lwt_seg6local/inspect_t")
int inspect_t(struct __sk_buff *skb)
{
    struct srh srh;
    __u32 wanted = table;

    if (srh_of(skb, &srh) || srh.flags || srh.tag != bpf_htons(TAG)) return BPF_DROP;
    if (srh.ext_len != SRH_LEN / 8 - 1) return BPF_DROP;
    return bpf_lwt_seg6_action(skb, SEG6_LOCAL_ACTION_END_T, &wanted, sizeof(wanted)) ? BPF_DROP : BPF_REDIRECT;
}

char _license[] SEC("license") = "Dual MIT/GPL";
