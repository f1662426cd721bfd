/*
 * Bench of the pool: what a job and an index of a loop cost when they do nothing.
 *
 * Layer: os, tests only. Thread: main.
 */
#include "base/time.h"
#include "os/pool.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { JOBS = 200000, LOOPS = 20000, INDEXES = 2000000 };

static void count(void *self)
{
    atomic_fetch_add_explicit((atomic_size_t *)self, 1, memory_order_relaxed);
}

static void nothing(void *self, size_t index)
{
    (void)self;
    (void)index;
}

static void print(const char *what, i64 start_ns, i64 times)
{
    (void)printf("%-40s %8.1f ns\n", what, (f64)(time_monotonic_ns() - start_ns) / (f64)times);
}

int main(void)
{
    Pool *pool;
    ASSERT(pool_open(0, 1024, "bench", &pool, NULL));
    (void)printf("%zu cores\n", cpu_count());

    atomic_size_t done = 0;
    i64 start_ns = time_monotonic_ns();
    for (size_t i = 0; i < JOBS; i++) {
        while (!pool_submit(pool, count, &done)) {
            (void)sched_yield();
        }
    }
    while (atomic_load(&done) < JOBS) {
        (void)sched_yield();
    }
    print("pool_submit to run, each", start_ns, JOBS);

    start_ns = time_monotonic_ns();
    for (size_t i = 0; i < LOOPS; i++) {
        pool_for(pool, 2, 0, nothing, NULL);
    }
    print("pool_for of 2 indexes, each loop", start_ns, LOOPS);

    start_ns = time_monotonic_ns();
    pool_for(pool, INDEXES, 0, nothing, NULL);
    print("pool_for of many indexes, each index", start_ns, INDEXES);
    pool_close(pool);
    return 0;
}
