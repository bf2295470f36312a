/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each file of the kernel's part answers.  A method takes a call and returns 0 or the
 * kernel's -errno; it runs under the lock of context.c.
 */
#ifndef EMU_UVERBS_METHODS_H
#define EMU_UVERBS_METHODS_H

struct call;

/* write.c: the commands that used to come by write(), now through INVOKE_WRITE */
int write_command(struct call *c);

/* query.c */
int get_context(struct call *c);
int query_port(struct call *c);
int query_device(struct call *c);
int query_device_ex(struct call *c);

/* mr.c */
int pd_alloc(struct call *c);
int pd_dealloc(struct call *c);
int pd_query(struct call *c);
int mr_register(struct call *c);
int mr_reregister(struct call *c);
int mr_deregister(struct call *c);

/* cq.c */
int comp_channel_create(struct call *c);
int cq_create(struct call *c);
int cq_create_ex(struct call *c);
int cq_modify(struct call *c);
int cq_destroy(struct call *c);

/* qp.c, rss.c */
int qp_create(struct call *c);
int qp_create_ex(struct call *c);
int qp_query(struct call *c);
int qp_modify(struct call *c);
int qp_modify_ex(struct call *c);
int qp_destroy(struct call *c);

/* wq.c */
int wq_create(struct call *c);
int wq_modify(struct call *c);
int wq_destroy(struct call *c);
int ind_table_create(struct call *c);
int ind_table_destroy(struct call *c);

/* uar.c */
int uar_alloc(struct call *c);
int uar_destroy(struct call *c);

/* flow.c, flow_dv.c */
int flow_create(struct call *c);
int flow_destroy(struct call *c);
int flow_method_destroy(struct call *c);
int matcher_create(struct call *c);
int matcher_destroy(struct call *c);
int dv_flow_create(struct call *c);
int dv_flow_destroy(struct call *c);

/* counters.c */
int counters_create(struct call *c);
int counters_destroy(struct call *c);
int counters_read(struct call *c);

#endif
