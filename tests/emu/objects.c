/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel refuses, with its errno: objects in use, memory that is not there, states out
 * of order, rules that contradict themselves.  Expected values: drivers/infiniband of the kernel.
 */
#include "tests/emu/verbs.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t mac[6] = {0x02, 0, 0, 0, 0, 0x42};

/* The errno of a call that must return NULL. */
#define REFUSED(call) (errno = 0, (call) ? 0 : errno)

static void in_use(struct rig *r)
{
	struct ibv_flow *flow = flow_to_mac(r->qp, mac, 0, 0);

	ok(flow, "a flow to the QP");
	is_u(ibv_destroy_qp(r->qp), EBUSY, "a QP with a flow stays");
	is_u(ibv_dealloc_pd(r->pd), EBUSY, "a PD with children stays");
	is_u(ibv_destroy_cq(r->recv_cq), EBUSY, "a CQ with a QP stays");
	is_u(ibv_destroy_flow(flow), 0, "the flow goes");
}

static void tables(struct rig *r)
{
	struct ibv_wq_init_attr wq_attr = {.wq_type = IBV_WQT_RQ,
	                                   .max_wr = 16,
	                                   .max_sge = 1,
	                                   .pd = r->pd,
	                                   .cq = r->recv_cq};
	struct ibv_wq_attr to_error = {.attr_mask = IBV_WQ_ATTR_STATE,
	                               .wq_state = IBV_WQS_ERR};
	struct ibv_wq *wq = ibv_create_wq(r->ctx, &wq_attr);
	struct ibv_rwq_ind_table_init_attr table_attr = {.ind_tbl = &wq};
	uint8_t key[40] = {1};
	struct ibv_qp_init_attr_ex rss = {
		.qp_type = IBV_QPT_RAW_PACKET,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_IND_TABLE |
	                     IBV_QP_INIT_ATTR_RX_HASH,
		.pd = r->pd,
		.rx_hash_conf = {.rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ,
	                         .rx_hash_key_len = sizeof key,
	                         .rx_hash_key = key,
	                         .rx_hash_fields_mask = IBV_RX_HASH_SRC_IPV4},
	};
	struct ibv_qp *qp;

	ok(wq, "a WQ");
	is_u(ibv_modify_wq(wq, &to_error), EINVAL,
	     "a WQ does not go from reset to error");
	rss.rwq_ind_tbl = ibv_create_rwq_ind_table(r->ctx, &table_attr);
	ok(rss.rwq_ind_tbl, "a table of it");
	is_u(ibv_destroy_wq(wq), EBUSY, "a WQ in a table stays");
	rss.rx_hash_conf.rx_hash_key_len = 39;
	is_u(REFUSED(ibv_create_qp_ex(r->ctx, &rss)), EINVAL, "a key of 39 bytes");
	rss.rx_hash_conf.rx_hash_key_len = 40;
	rss.rx_hash_conf.rx_hash_fields_mask |= IBV_RX_HASH_SRC_IPV6;
	is_u(REFUSED(ibv_create_qp_ex(r->ctx, &rss)), EINVAL, "IPv4 and IPv6 at once");
	rss.rx_hash_conf.rx_hash_fields_mask = IBV_RX_HASH_SRC_IPV4;
	qp = ibv_create_qp_ex(r->ctx, &rss);
	ok(qp, "a QP that hashes over it");
	is_u(ibv_destroy_rwq_ind_table(rss.rwq_ind_tbl), EBUSY,
	     "a table with a QP stays");
	is_u(ibv_destroy_qp(qp), 0, "the QP goes");
	is_u(ibv_destroy_rwq_ind_table(rss.rwq_ind_tbl), 0, "then the table");
	is_u(ibv_destroy_wq(wq), 0, "then the WQ");
}

static void memory(struct rig *r)
{
	uint8_t *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/exe", O_RDONLY);
	void *readable = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	struct ibv_mr *mr;

	munmap(pages + 4096, 4096);
	is_u(REFUSED(ibv_reg_mr(r->pd, pages, 3 * 4096, IBV_ACCESS_LOCAL_WRITE)), EFAULT,
	     "memory with a hole is not registered");
	is_u(REFUSED(ibv_reg_mr(r->pd, pages, 0, 0)), EINVAL, "nor none at all");
	is_u(REFUSED(ibv_reg_mr(r->pd, pages, 4096, IBV_ACCESS_REMOTE_WRITE)), EINVAL,
	     "nor for remote writes without local ones");
	mr = ibv_reg_mr(r->pd, readable, 4096, 0);
	ok(mr, "read-only memory is, for reading");
	is_u(ibv_dereg_mr(mr), 0, "and can be given back");
	munmap(readable, 4096);
	close(fd);
}

static void queue_pairs(struct rig *r)
{
	struct ibv_qp_init_attr rc = {.send_cq = r->send_cq,
	                              .recv_cq = r->recv_cq,
	                              .cap = {1, 1, 1, 1, 0},
	                              .qp_type = IBV_QPT_RC};
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_qp *qp;

	is_u(REFUSED(ibv_create_qp(r->pd, &rc)), EOPNOTSUPP, "RC is not modelled");
	ok(!rig_create_qp(r, 1u << 20, 1), "a queue of a million is refused");
	qp = rig_create_qp(r, 4, 4);
	ok(qp, "a QP");
	is_u(qp_to(qp, IBV_QPS_RTR, 0), EINVAL, "from reset not straight to RTR");
	is_u(qp_to(qp, IBV_QPS_INIT, 0), EINVAL, "to INIT not without a port");
	is_u(qp_to(qp, IBV_QPS_INIT, IBV_QP_PORT), 0, "to INIT");
	is_u(qp_to(qp, IBV_QPS_RTS, 0), EINVAL, "from INIT not to RTS");
	is_u(qp_to(qp, IBV_QPS_RTR, 0), 0, "to RTR");
	is_u(qp_to(qp, IBV_QPS_RTS, 0), 0, "to RTS");
	is_u(ibv_query_qp(qp, &attr, IBV_QP_STATE, &init), 0, "query");
	is_u(attr.qp_state, IBV_QPS_RTS, "says RTS");
	is_u(qp_to(qp, IBV_QPS_ERR, 0), 0, "to error");
	is_u(qp_to(qp, IBV_QPS_RTS, 0), EINVAL, "and not back without a reset");
	is_u(qp_to(qp, IBV_QPS_RESET, 0), 0, "to reset");
	is_u(ibv_destroy_qp(qp), 0, "gone");
}

static void rules(struct rig *r)
{
	struct {
		struct ibv_flow_attr attr;
		struct ibv_flow_spec_eth eth;
		struct ibv_flow_spec_ipv4 ipv4;
	} f = {
		.attr = {.size = sizeof f, .num_of_specs = 2, .port = 1},
		.eth = {.type = IBV_FLOW_SPEC_ETH, .size = sizeof f.eth},
		.ipv4 = {.type = IBV_FLOW_SPEC_IPV4, .size = sizeof f.ipv4},
	};
	struct ibv_flow *flow;

	is_u(REFUSED(flow_to_mac(r->qp, mac, 16, 0)), ENOMEM, "priority 16");
	flow = flow_to_mac(r->qp, mac, 15, 0);
	ok(flow && !ibv_destroy_flow(flow), "priority 15");
	f.attr.type = IBV_FLOW_ATTR_ALL_DEFAULT;
	f.attr.flags = IBV_FLOW_ATTR_FLAGS_DONT_TRAP;
	is_u(REFUSED(ibv_create_flow(r->qp, &f.attr)), EINVAL, "DONT_TRAP on leftovers");
	f.attr.type = IBV_FLOW_ATTR_NORMAL;
	f.attr.flags = 0;
	f.attr.port = 2;
	is_u(REFUSED(ibv_create_flow(r->qp, &f.attr)), EINVAL,
	     "a port that is not there");
	f.attr.port = 1;
	f.eth.val.dst_mac[0] = 2;
	is_u(REFUSED(ibv_create_flow(r->qp, &f.attr)), EINVAL,
	     "a value without its mask");
	f.eth.mask.dst_mac[0] = 2;
	f.eth.val.ether_type = 0xdd86; /* IPv6, big-endian */
	f.eth.mask.ether_type = 0xffff;
	is_u(REFUSED(ibv_create_flow(r->qp, &f.attr)), EINVAL,
	     "an IPv4 header behind IPv6's ethertype");
	f.eth.val.ether_type = 8;
	flow = ibv_create_flow(r->qp, &f.attr);
	ok(flow && !ibv_destroy_flow(flow), "and behind IPv4's it is a rule");
}

/* Opened twice, closed, opened again; handles of one context mean nothing in the other. */
static void contexts(void)
{
	struct ibv_context *a = verbs_open("mlx5_0"), *b = verbs_open("mlx5_0");
	struct ibv_pd *pa, *pb;

	ok(a && b && a != b, "a device opened twice");
	pa = ibv_alloc_pd(a);
	pb = ibv_alloc_pd(b);
	ok(pa && pb, "each has objects");
	is_u(ibv_dealloc_pd(pa), 0, "of its own");
	is_u(ibv_close_device(a), 0, "one is closed");
	is_u(ibv_dealloc_pd(pb), 0, "the other lives on");
	is_u(ibv_close_device(b), 0, "until it is closed too");
	a = verbs_open("mlx5_0");
	ok(a && !ibv_close_device(a), "and opened once more");
	ok(!verbs_open("mlx5_9"), "mlx5_9 is not there");
}

/* The list is got before the fork, the device opened after: in both. */
static void fork_first(void)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	ctx = ibv_open_device(list[0]);
	if (!pid)
		_exit(!ctx || !ibv_alloc_pd(ctx));
	waitpid(pid, &status, 0);
	is_u(status, 0, "a child opens the device");
	ok(ctx && !ibv_close_device(ctx), "and its parent");
	ibv_free_device_list(list);
}

int main(void)
{
	struct rig r;

	rig_open(&r, "mlx5_0");
	in_use(&r);
	tables(&r);
	memory(&r);
	queue_pairs(&r);
	rules(&r);
	is_u(rig_close(&r), 0, "everything can be destroyed in order");
	contexts();
	fork_first();
	return done();
}
