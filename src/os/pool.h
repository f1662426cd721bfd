/*
 * Pool: a fixed number of worker threads and one bounded queue, for what may block or take long
 * (queries, compaction, files), so that loops never do.
 *
 * Layer: os. Memory: pool_open/pool_close. Thread: pool_submit from any thread; jobs run on
 * workers.
 */
#pragma once

#include "base/err.h"
#include "base/types.h"

typedef struct Pool Pool;

/* `threads` 0: one a core. `queue_max`: jobs waiting, not counting those that run. */
bool pool_open(size_t threads, size_t queue_max, const char *name, Pool **ret, Err *err) MUST_USE;
Pool *pool_close(Pool *pool); /* runs what is queued, joins, returns NULL; NULL-safe */

/* False when the queue is full or the pool closes: the caller says "overloaded". */
bool pool_submit(Pool *pool, void (*run)(void *self), void *self) MUST_USE;

/*
 * Runs run(self, 0) … run(self, count-1) on the workers and this thread, and returns when all are
 * done. At most `parallel` at a time (0: as many as there are workers). Safe to call from a worker,
 * also nested; takes no place in the queue. Free workers help here before they take a queued job.
 * pool  NULL: everything runs on this thread
 */
void pool_for(Pool *pool, size_t count, size_t parallel, void (*run)(void *self, size_t index),
              void *self);

size_t cpu_count(void); /* cores this process may use */
