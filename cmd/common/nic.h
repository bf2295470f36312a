/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports as verbs use them: opened with a sentence on failure, told of in words and in JSON. */
#ifndef CMD_COMMON_NIC_H
#define CMD_COMMON_NIC_H

#include "options.h"
#include "tap.h"

#include "rawq.h"

#include <jansson.h>

/* Choices of --backend, in the order of enum rawq_backend. */
extern const char *const backend_names[];

struct nic {
	struct rawq_port *port;
	struct tap *tap; /* NULL: the port cannot be tapped */
	struct rawq_port_info info;
};

/* What --backend and its narrowing options ask for. */
struct nic_choice {
	unsigned backend; /* enum rawq_backend */
	bool copy, generic;
};

#define NIC_OPTION_ROWS(choice)                                                          \
	ROW_ENUM("backend", "NAME", &(choice).backend, backend_names,                    \
	         "auto, mlx5, verbs or xdp (default: auto)"),                            \
		ROW_FLAG("xdp-copy", &(choice).copy,                                     \
	                 "xdp: never zero copy, a way round a faulty driver"),           \
		ROW_FLAG("xdp-generic", &(choice).generic,                               \
	                 "xdp: the steering program after the skb is made")

/* A queue's descriptors; usual: the default, in words. */
#define DEPTH_ROW(value, usual)                                                          \
	ROW_COUNT("depth", "N", value, 2, 1 << 20,                                       \
	          "descriptors of a queue, a power of two" usual)

/* Descriptors a burst; done: what becomes of them, in a word. */
#define BURST_ROW(value, max, done)                                                      \
	ROW_COUNT("burst", "N", value, 1, max, "packets " done " at once (default: 64)")

#define BUSY_POLL_ROW(value)                                                             \
	ROW_COUNT("busy-poll", "N", value, 1, 65535,                                     \
	          "let the driver handle up to N packets inside our calls")

/* Open a port.  Returns an exit_code, the reason having been printed; the nic is the caller's
 * until nic_close(). */
int nic_open(const struct verb *verb, const char *netdev, const struct nic_choice *choice,
             struct nic *nic);
void nic_close(struct nic *nic);

/* rawq.h's calls, with `rawq cap --tap` able to see what passes; NULL may be destroyed. */
int nic_rxq_create(const struct nic *nic, struct rawq_region *region,
                   const struct rawq_queue_opts *opts, struct rawq_rxq **out,
                   struct rawq_error *err);
int nic_txq_create(const struct nic *nic, struct rawq_region *region,
                   const struct rawq_queue_opts *opts, struct rawq_txq **out,
                   struct rawq_error *err);
void nic_rxq_destroy(const struct nic *nic, struct rawq_rxq *q);
void nic_txq_destroy(const struct nic *nic, struct rawq_txq *q);

/* Only the name and the MAC, without a port; no privilege is needed. */
int nic_read_mac(const struct verb *verb, const char *netdev, struct nic *nic);

/* The queues to open: asked, or if that is 0 all; 0 with the reason printed if there are
 * fewer. */
unsigned nic_queues(const struct verb *verb, const struct nic *nic, uint64_t asked,
                    bool receive);

/* The region frame that suits the MTU, and whether packets may need several. */
uint32_t nic_frame_size(const struct nic *nic, bool *segments);

/* A queue's depth: asked, or if that is 0 room for 512 packets of the MTU's length. */
uint32_t nic_depth(const struct nic *nic, uint64_t asked);

/* Have the port take frames to any MAC, for as long as the returned socket is open: the kernel
 * counts such wishes, so that others' are not disturbed.  -1 with the reason printed. */
int nic_promiscuous(const struct verb *verb, const struct nic *nic);

/* "xdp, native, zero copy" */
void nic_describe(const struct nic *nic, uint32_t mode, char *text, size_t size);

/* Its name, driver, backend and what was obtained; mode: of its queues, RAWQ_ZERO_COPY.. */
json_t *nic_json(const struct nic *nic, uint32_t mode);

#endif
