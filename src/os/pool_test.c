/* Tests of os/pool.h. */
#include "os/pool.h"

#include "base/mem.h"
#include "base/test.h"
#include "base/time.h"

#include <pthread.h>
#include <stdatomic.h>

/* A door that jobs wait at until the test opens it. */
typedef struct Door {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    size_t waiting;
} Door;

static void door_init(Door *door)
{
    *door = (Door){0};
    (void)pthread_mutex_init(&door->lock, NULL);
    (void)pthread_cond_init(&door->changed, NULL);
}

static void door_done(Door *door)
{
    (void)pthread_cond_destroy(&door->changed);
    (void)pthread_mutex_destroy(&door->lock);
}

static void wait_at_door(void *self)
{
    Door *door = self;
    (void)pthread_mutex_lock(&door->lock);
    door->waiting++;
    (void)pthread_cond_broadcast(&door->changed);
    while (!door->open) {
        (void)pthread_cond_wait(&door->changed, &door->lock);
    }
    (void)pthread_mutex_unlock(&door->lock);
}

static void door_await(Door *door, size_t waiting)
{
    (void)pthread_mutex_lock(&door->lock);
    while (door->waiting < waiting) {
        (void)pthread_cond_wait(&door->changed, &door->lock);
    }
    (void)pthread_mutex_unlock(&door->lock);
}

static void door_open(Door *door)
{
    (void)pthread_mutex_lock(&door->lock);
    door->open = true;
    (void)pthread_cond_broadcast(&door->changed);
    (void)pthread_mutex_unlock(&door->lock);
}

static void count_job(void *self)
{
    atomic_fetch_add((atomic_size_t *)self, 1);
}

TEST(pool, runs_every_job_that_it_took_before_it_closes)
{
    Pool *pool;
    Err err;
    atomic_size_t done = 0;
    size_t taken = 0;
    CHECK_OK(pool_open(4, 64, "test", &pool, &err), &err);
    for (size_t i = 0; i < 10000; i++) {
        taken += pool_submit(pool, count_job, &done);
    }
    CHECK(pool_close(pool) == NULL);
    CHECK(taken > 0);
    CHECK_U64(atomic_load(&done), taken);
}

TEST(pool, refuses_when_the_queue_is_full_and_takes_again_when_it_is_not)
{
    Pool *pool;
    Err err;
    Door door;
    door_init(&door);
    atomic_size_t done = 0;
    CHECK_OK(pool_open(2, 3, "test", &pool, &err), &err);
    CHECK(pool_submit(pool, wait_at_door, &door));
    CHECK(pool_submit(pool, wait_at_door, &door));
    door_await(&door, 2); /* both workers are busy, the queue is empty */
    for (size_t i = 0; i < 3; i++) {
        CHECK(pool_submit(pool, count_job, &done));
    }
    CHECK(!pool_submit(pool, count_job, &done));
    CHECK(!pool_submit(pool, count_job, &done));
    door_open(&door);
    i64 end_ns = time_monotonic_ns() + 10 * NS_PER_SECOND;
    while (atomic_load(&done) < 3 && time_monotonic_ns() < end_ns) {
        (void)sched_yield();
    }
    CHECK(pool_submit(pool, count_job, &done));
    pool_close(pool);
    CHECK_U64(atomic_load(&done), 4);
    door_done(&door);
}

enum { LOOP_COUNT = 5000 };

typedef struct Marks {
    atomic_uchar seen[LOOP_COUNT];
    atomic_size_t inside;
    atomic_size_t most_inside;
    u64 work; /* rounds of busy work an index */
} Marks;

static void mark_index(void *self, size_t index)
{
    Marks *marks = self;
    size_t inside = atomic_fetch_add(&marks->inside, 1) + 1;
    size_t most = atomic_load(&marks->most_inside);
    while (inside > most && !atomic_compare_exchange_weak(&marks->most_inside, &most, inside)) {
    }
    for (volatile u64 i = 0; i < marks->work; i = i + 1) {
    }
    atomic_fetch_add(&marks->seen[index], 1);
    atomic_fetch_sub(&marks->inside, 1);
}

static void check_each_seen_once(const Marks *marks, size_t count)
{
    for (size_t i = 0; i < LOOP_COUNT; i++) {
        CHECK_U64(marks->seen[i], i < count);
    }
}

TEST(pool, for_runs_each_index_once_and_keeps_to_its_parallelism)
{
    static const struct {
        size_t threads, count, parallel, most;
    } cases[] = {{4, LOOP_COUNT, 0, 4},  {4, LOOP_COUNT, 2, 2}, {4, LOOP_COUNT, 1, 1},
                 {4, LOOP_COUNT, 99, 5}, {1, LOOP_COUNT, 0, 1}, {4, 0, 0, 0},
                 {4, 1, 0, 1},           {4, 3, 0, 3}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Marks *marks = MEM_NEW(Marks);
        marks->work = 50;
        Pool *pool;
        Err err;
        CHECK_OK(pool_open(cases[i].threads, 1, "test", &pool, &err), &err);
        pool_for(pool, cases[i].count, cases[i].parallel, mark_index, marks);
        check_each_seen_once(marks, cases[i].count);
        CHECK(atomic_load(&marks->most_inside) <= cases[i].most);
        pool_close(pool);
        mem_free(marks);
    }
}

TEST(pool, for_ends_though_all_workers_are_busy_and_the_queue_is_full)
{
    Pool *pool;
    Err err;
    Door door;
    door_init(&door);
    CHECK_OK(pool_open(2, 1, "test", &pool, &err), &err);
    CHECK(pool_submit(pool, wait_at_door, &door));
    door_await(&door, 1);
    CHECK(pool_submit(pool, wait_at_door, &door));
    door_await(&door, 2);
    CHECK(pool_submit(pool, wait_at_door, &door));
    CHECK(!pool_submit(pool, wait_at_door, &door));

    Marks *marks = MEM_NEW(Marks);
    pool_for(pool, LOOP_COUNT, 0, mark_index, marks);
    check_each_seen_once(marks, LOOP_COUNT);
    mem_free(marks);
    door_open(&door);
    pool_close(pool);
    door_done(&door);
}

TEST(pool, for_works_without_a_pool)
{
    Marks *marks = MEM_NEW(Marks);
    pool_for(NULL, 7, 0, mark_index, marks);
    check_each_seen_once(marks, 7);
    mem_free(marks);
}

typedef struct Nest {
    Pool *pool;
    atomic_size_t sum;
} Nest;

static void add_one(void *self, size_t index)
{
    Nest *nest = self;
    atomic_fetch_add(&nest->sum, index);
}

static void inner_for(void *self, size_t index)
{
    Nest *nest = self;
    (void)index;
    pool_for(nest->pool, 100, 0, add_one, nest);
}

static void outer_for(void *self)
{
    Nest *nest = self;
    pool_for(nest->pool, 20, 0, inner_for, nest);
}

TEST(pool, loops_nest_and_run_from_many_threads_at_once)
{
    Nest nest = {0};
    Err err;
    size_t taken = 0;
    CHECK_OK(pool_open(3, 100, "test", &nest.pool, &err), &err);
    for (size_t i = 0; i < 50; i++) {
        taken += pool_submit(nest.pool, outer_for, &nest);
        outer_for(&nest);
    }
    pool_close(nest.pool);
    CHECK_U64(atomic_load(&nest.sum), (taken + 50) * 20 * 4950);
}

TEST(pool, too_many_threads_are_refused)
{
    Pool *pool = NULL;
    Err err;
    CHECK(!pool_open(100000, 1, "test", &pool, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(pool == NULL);
    CHECK(pool_close(NULL) == NULL);
    CHECK(cpu_count() >= 1);
}
