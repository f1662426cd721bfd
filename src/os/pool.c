/*
 * Pool: see pool.h. One lock guards the queue and the list of loops; indexes of a loop are handed
 * out by an atomic counter, without the lock.
 *
 * A loop (pool_for) lives on its caller's stack and stands in the list while it has indexes left.
 * Its caller works on it too, so it always ends, however busy the workers are; then it waits for
 * the helpers that are still inside.
 *
 * Layer: os. Memory: pool_open/pool_close. Thread: any; jobs run on the pool's own.
 */
#include "os/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum {
    THREADS_MAX = 1024,
    THREAD_NAME_MAX = 16, /* bytes with the NUL, the kernel's limit */
};

typedef struct Job {
    void (*run)(void *self);
    void *self;
} Job;

typedef struct Loop {
    void (*run)(void *self, size_t index);
    void *self;
    size_t count;
    atomic_size_t next_index; /* may pass count */
    size_t helpers;           /* workers inside; under the pool's lock */
    size_t helpers_max;
    pthread_cond_t left; /* the last helper has left */
    struct Loop *next;   /* under the pool's lock */
} Loop;

struct Pool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job or a loop came, or the pool closes */
    Job *queue;          /* a ring; under lock */
    size_t queue_first;  /* under lock */
    size_t queue_count;  /* under lock */
    size_t queue_max;
    Loop *loops;  /* newest first, so that inner loops end before outer ones; under lock */
    bool closing; /* under lock */
    size_t thread_count;
    pthread_t threads[];
};

size_t cpu_count(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        return (size_t)MAX(CPU_COUNT(&allowed), 1);
    }
    return (size_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L); /* more CPUs than the set can name */
}

static void run_indexes(Loop *loop)
{
    for (;;) {
        size_t index = atomic_fetch_add_explicit(&loop->next_index, 1, memory_order_relaxed);
        if (index >= loop->count) {
            return;
        }
        loop->run(loop->self, index);
    }
}

/* The newest loop that has work and room for one more; under lock. */
static Loop *find_loop(const Pool *pool)
{
    for (Loop *loop = pool->loops; loop; loop = loop->next) {
        if (loop->helpers < loop->helpers_max &&
            atomic_load_explicit(&loop->next_index, memory_order_relaxed) < loop->count) {
            return loop;
        }
    }
    return NULL;
}

/* Called and left with the lock held. */
static void help(Pool *pool, Loop *loop)
{
    loop->helpers++;
    (void)pthread_mutex_unlock(&pool->lock);
    run_indexes(loop);
    (void)pthread_mutex_lock(&pool->lock);
    loop->helpers--;
    if (loop->helpers == 0) {
        (void)pthread_cond_signal(&loop->left);
    }
}

/* Called and left with the lock held. */
static void run_job(Pool *pool)
{
    Job job = pool->queue[pool->queue_first];
    pool->queue_first = (pool->queue_first + 1) % pool->queue_max;
    pool->queue_count--;
    (void)pthread_mutex_unlock(&pool->lock);
    job.run(job.self);
    (void)pthread_mutex_lock(&pool->lock);
}

static void *worker(void *self)
{
    Pool *pool = self;
    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        Loop *loop = find_loop(pool);
        if (loop) {
            help(pool, loop);
        } else if (pool->queue_count > 0) {
            run_job(pool);
        } else if (pool->closing) {
            break;
        } else {
            (void)pthread_cond_wait(&pool->work, &pool->lock);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

bool pool_open(size_t threads, size_t queue_max, const char *name, Pool **ret, Err *err)
{
    threads = threads > 0 ? threads : MIN(cpu_count(), (size_t)THREADS_MAX);
    if (threads > THREADS_MAX) {
        return err_set(err, ERR_LIMIT, "a pool has at most %d threads, not %zu", THREADS_MAX,
                       threads);
    }
    Pool *pool = mem_zero(1, sizeof(Pool) + threads * sizeof(pool->threads[0]));
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    pool->queue_max = MAX(queue_max, (size_t)1);
    pool->queue = MEM_ARRAY(Job, pool->queue_max);
    for (; pool->thread_count < threads; pool->thread_count++) {
        pthread_t *thread = &pool->threads[pool->thread_count];
        int failure = pthread_create(thread, NULL, worker, pool);
        if (failure != 0) {
            pool_close(pool);
            return err_set_errno(err, failure, "start thread of pool %s", name);
        }
        char thread_name[THREAD_NAME_MAX];
        (void)snprintf(thread_name, sizeof(thread_name), "%.10s-%zu", name, pool->thread_count);
        (void)pthread_setname_np(*thread, thread_name);
    }
    *ret = pool;
    return true;
}

Pool *pool_close(Pool *pool)
{
    if (!pool) {
        return NULL;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    (void)pthread_cond_broadcast(&pool->work);
    (void)pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_mutex_destroy(&pool->lock);
    mem_free(pool->queue);
    mem_free(pool);
    return NULL;
}

bool pool_submit(Pool *pool, void (*run)(void *self), void *self)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool taken = !pool->closing && pool->queue_count < pool->queue_max;
    if (taken) {
        size_t at = (pool->queue_first + pool->queue_count) % pool->queue_max;
        pool->queue[at] = (Job){.run = run, .self = self};
        pool->queue_count++;
        (void)pthread_cond_signal(&pool->work);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return taken;
}

static void add_loop(Pool *pool, Loop *loop)
{
    (void)pthread_mutex_lock(&pool->lock);
    loop->next = pool->loops;
    pool->loops = loop;
    for (size_t i = 0; i < loop->helpers_max; i++) {
        (void)pthread_cond_signal(&pool->work);
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

/* Nobody can come in any more; waits for those inside. */
static void remove_loop(Pool *pool, Loop *loop)
{
    (void)pthread_mutex_lock(&pool->lock);
    Loop **link = &pool->loops;
    while (*link != loop) {
        link = &(*link)->next;
    }
    *link = loop->next;
    while (loop->helpers > 0) {
        (void)pthread_cond_wait(&loop->left, &pool->lock);
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

void pool_for(Pool *pool, size_t count, size_t parallel, void (*run)(void *self, size_t index),
              void *self)
{
    size_t workers = pool ? pool->thread_count : 0;
    size_t at_once = parallel > 0 ? MIN(parallel, workers + 1) : MAX(workers, (size_t)1);
    at_once = MIN(at_once, count);
    Loop loop = {.run = run, .self = self, .count = count};
    if (at_once <= 1) {
        run_indexes(&loop);
        return;
    }
    loop.helpers_max = at_once - 1;
    (void)pthread_cond_init(&loop.left, NULL);
    add_loop(pool, &loop);
    run_indexes(&loop);
    remove_loop(pool, &loop);
    (void)pthread_cond_destroy(&loop.left);
}
