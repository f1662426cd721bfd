/*
 * Process: facts about this process and host for metrics and pages, and the signals it waits for.
 *
 * Layer: os. Memory: none. Thread: any.
 */
#pragma once

#include "base/err.h"
#include "base/types.h"

typedef struct ProcessStats {
    f64 cpu_seconds; /* user and system */
    u64 resident_bytes;
    u64 virtual_bytes;
    u64 virtual_max_bytes; /* UINT64_MAX: unlimited */
    u64 open_fds;
    u64 max_fds;
    u64 threads;
    f64 start_unix_seconds;
} ProcessStats;

bool process_stats(ProcessStats *ret, Err *err) MUST_USE;

/* Bytes of IP traffic in this process's network namespace; 0 where it has none. On its own, because
 * the kernel takes longer to write that file than all the others. */
void process_network(u64 *ret_receive_bytes, u64 *ret_transmit_bytes);

enum {
    SIGNAL_NONE = 0, /* the wait timed out */
    SIGNAL_STOP,     /* SIGTERM or SIGINT */
    SIGNAL_RELOAD,   /* SIGHUP */
};

/*
 * Blocks SIGTERM, SIGINT and SIGHUP in every thread and ignores SIGPIPE; call first in main, before
 * any thread starts.
 */
void signals_block(void);

/* Waits for one of them, at most timeout_ms (<0: no bound); one of SIGNAL_…. Thread: main. */
int signals_wait(i64 timeout_ms);

/* Bytes for secrets and identifiers, from the kernel. */
void entropy_fill(void *to, size_t size);
