/* Loop: see loop.h. Layer: net (libevent). Memory: loops_close frees. Thread: as the header says.
 */
#include "net/loop.h"

#include "base/mem.h"
#include "base/vec.h"
#include "os/pool.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    LOOPS_MAX = 16,
    CALLS_KEEP = 256, /* queued calls whose memory a loop keeps after a burst */
};

typedef struct Call {
    void (*run)(void *self);
    void *self;
} Call;

typedef VEC(Call) Calls;

struct Loop {
    struct event_base *base;
    struct event *wake; /* fires when wake_fd is readable */
    int wake_fd;
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* guards the next two */
    Calls calls;
    bool stopping;
};

struct LoopSet {
    size_t count;
    atomic_size_t next;
    Loop loops[];
};

struct LoopTimer {
    struct event *event;
    void (*fire)(void *self);
    void *self;
};

static _Thread_local Loop *current;

static void calls_run(Loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    Calls calls = loop->calls;
    loop->calls = (Calls){0};
    bool stopping = loop->stopping;
    (void)pthread_mutex_unlock(&loop->lock);

    for (size_t i = 0; i < calls.count; i++) {
        calls.at[i].run(calls.at[i].self);
    }

    /* Give the memory back for the next burst unless somebody queued in the meantime. */
    (void)pthread_mutex_lock(&loop->lock);
    if (!loop->calls.at && calls.capacity <= CALLS_KEEP) {
        calls.count = 0;
        loop->calls = calls;
        calls = (Calls){0};
    }
    (void)pthread_mutex_unlock(&loop->lock);
    vec_done(&calls);
    if (stopping) {
        (void)event_base_loopbreak(loop->base);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *self)
{
    (void)what;
    u64 count;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got; /* nothing to read means that an earlier turn took it */
    calls_run(self);
}

static void loop_wake(Loop *loop)
{
    u64 one = 1;
    ssize_t sent;
    do {
        sent = write(loop->wake_fd, &one, sizeof(one));
    } while (sent < 0 && errno == EINTR);
}

static void *loop_main(void *self)
{
    Loop *loop = self;
    current = loop;
    /* A peer that has gone is an error from write, never a signal. */
    sigset_t pipe_signal;
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    (void)event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    calls_run(loop); /* what was queued behind the order to stop */
    return NULL;
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (!config) {
        return NULL;
    }
    /* A base belongs to one thread. Precise: the coarse clock errs by up to 4 ms, which would show
     * in every scrape's timestamp. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool loop_open(Loop *loop, size_t index, Err *err)
{
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        return err_set_errno(err, errno, "event loop: eventfd");
    }
    loop->base = base_new();
    loop->wake = loop->base
                     ? event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop)
                     : NULL;
    if (!loop->wake || event_add(loop->wake, NULL) != 0) {
        return err_set(err, ERR_UNAVAILABLE, "event loop: libevent cannot start");
    }
    int failure = pthread_create(&loop->thread, NULL, loop_main, loop);
    if (failure != 0) {
        return err_set_errno(err, failure, "event loop: start a thread");
    }
    loop->started = true;
    char name[16];
    (void)snprintf(name, sizeof(name), "loop-%zu", index);
    (void)pthread_setname_np(loop->thread, name);
    return true;
}

static void loop_close(Loop *loop)
{
    if (loop->started) {
        (void)pthread_mutex_lock(&loop->lock);
        loop->stopping = true;
        (void)pthread_mutex_unlock(&loop->lock);
        loop_wake(loop);
        (void)pthread_join(loop->thread, NULL);
    }
    if (loop->wake) {
        event_free(loop->wake);
    }
    if (loop->base) {
        event_base_free(loop->base);
    }
    if (loop->wake_fd >= 0) {
        (void)close(loop->wake_fd);
    }
    vec_done(&loop->calls);
    (void)pthread_mutex_destroy(&loop->lock);
}

bool loops_open(size_t count, LoopSet **ret, Err *err)
{
    if (count == 0) {
        count = cpu_count();
    }
    count = MIN(count, (size_t)LOOPS_MAX);
    LoopSet *set = mem_zero(1, sizeof(*set) + count * sizeof(Loop));
    set->count = count;
    for (size_t i = 0; i < count; i++) {
        set->loops[i].wake_fd = -1;
        (void)pthread_mutex_init(&set->loops[i].lock, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        if (!loop_open(&set->loops[i], i, err)) {
            loops_close(set);
            return false;
        }
    }
    *ret = set;
    return true;
}

LoopSet *loops_close(LoopSet *set)
{
    if (set) {
        for (size_t i = 0; i < set->count; i++) {
            loop_close(&set->loops[i]);
        }
        mem_free(set);
    }
    return NULL;
}

size_t loops_count(const LoopSet *set)
{
    return set->count;
}

Loop *loops_get(LoopSet *set, size_t index)
{
    ASSERT(index < set->count);
    return &set->loops[index];
}

Loop *loops_next(LoopSet *set)
{
    return &set->loops[atomic_fetch_add_explicit(&set->next, 1, memory_order_relaxed) % set->count];
}

struct event_base *loop_base(Loop *loop)
{
    return loop->base;
}

bool loop_is_current(const Loop *loop)
{
    return current == loop;
}

void loop_call(Loop *loop, void (*run)(void *self), void *self)
{
    (void)pthread_mutex_lock(&loop->lock);
    bool first = loop->calls.count == 0;
    *vec_push(&loop->calls) = (Call){.run = run, .self = self};
    (void)pthread_mutex_unlock(&loop->lock);
    if (first) {
        loop_wake(loop);
    }
}

/* A call that somebody waits for; on that thread's stack. */
typedef struct Waited {
    void (*run)(void *self);
    void *self;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
} Waited;

static void waited_run(void *self)
{
    Waited *waited = self;
    waited->run(waited->self);
    (void)pthread_mutex_lock(&waited->lock);
    waited->done = true;
    (void)pthread_cond_signal(&waited->ended);
    (void)pthread_mutex_unlock(&waited->lock);
}

void loop_call_wait(Loop *loop, void (*run)(void *self), void *self)
{
    ASSERT(!current); /* two loops that wait for each other would never end */
    Waited waited = {.run = run, .self = self};
    (void)pthread_mutex_init(&waited.lock, NULL);
    (void)pthread_cond_init(&waited.ended, NULL);
    loop_call(loop, waited_run, &waited);
    (void)pthread_mutex_lock(&waited.lock);
    while (!waited.done) {
        (void)pthread_cond_wait(&waited.ended, &waited.lock);
    }
    (void)pthread_mutex_unlock(&waited.lock);
    (void)pthread_cond_destroy(&waited.ended);
    (void)pthread_mutex_destroy(&waited.lock);
}

static void on_timer(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    LoopTimer *timer = self;
    timer->fire(timer->self);
}

LoopTimer *loop_timer_new(Loop *loop, void (*fire)(void *self), void *self)
{
    LoopTimer *timer = MEM_NEW(LoopTimer);
    timer->fire = fire;
    timer->self = self;
    timer->event = event_new(loop->base, -1, 0, on_timer, timer);
    ASSERT(timer->event); /* fails only for want of a few bytes, as mem_alloc never does */
    return timer;
}

void loop_timer_arm_ns(LoopTimer *timer, i64 delay_ns)
{
    i64 delay_us = delay_ns > 0 ? (delay_ns + 999) / 1000 : 0;
    struct timeval delay = {.tv_sec = delay_us / 1000000, .tv_usec = delay_us % 1000000};
    int failure = event_add(timer->event, &delay);
    ASSERT(failure == 0);
}

void loop_timer_stop(LoopTimer *timer)
{
    (void)event_del(timer->event);
}

void loop_timer_free(LoopTimer *timer)
{
    if (timer) {
        event_free(timer->event);
        mem_free(timer);
    }
}
