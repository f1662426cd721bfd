/* Tests of net/loop.h. */
#include "net/loop.h"

#include "base/test.h"
#include "base/time.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct Order {
    Loop *loop;
    u32 seen;
    bool in_order;
    bool on_loop;
} Order;

typedef struct Step {
    Order *order;
    u32 index;
} Step;

static void take_step(void *self)
{
    Step *step = self;
    step->order->in_order &= step->order->seen == step->index;
    step->order->on_loop &= loop_is_current(step->order->loop);
    step->order->seen++;
}

static void nothing(void *self)
{
    (void)self;
}

TEST(loop, calls_run_on_the_loop_in_the_order_they_were_made)
{
    enum { STEPS = 5000 };
    static Step steps[STEPS];
    LoopSet *loops;
    Err err;
    CHECK_OK(loops_open(1, &loops, &err), &err);
    Order order = {.loop = loops_get(loops, 0), .in_order = true, .on_loop = true};
    for (u32 i = 0; i < STEPS; i++) {
        steps[i] = (Step){.order = &order, .index = i};
        loop_call(order.loop, take_step, &steps[i]);
    }
    loop_call_wait(order.loop, nothing, NULL);
    CHECK_U64(order.seen, STEPS);
    CHECK(order.in_order);
    CHECK(order.on_loop);
    CHECK(!loop_is_current(order.loop));
    loops_close(loops);
}

TEST(loop, calls_made_before_closing_still_run)
{
    LoopSet *loops;
    Err err;
    CHECK_OK(loops_open(2, &loops, &err), &err);
    Order order = {.loop = loops_get(loops, 1), .in_order = true, .on_loop = true};
    Step step = {.order = &order};
    loop_call(order.loop, take_step, &step);
    loops_close(loops);
    CHECK_U64(order.seen, 1);
}

TEST(loop, loops_come_round_in_turn)
{
    LoopSet *loops;
    Err err;
    CHECK_OK(loops_open(3, &loops, &err), &err);
    CHECK_U64(loops_count(loops), 3);
    Loop *first = loops_next(loops);
    CHECK(loops_next(loops) != first);
    CHECK(loops_next(loops) != first);
    CHECK(loops_next(loops) == first);
    loops_close(loops);
}

typedef struct Alarm {
    LoopTimer *timer;
    Loop *loop;
    i64 armed_ns;
    _Atomic i64 fired_ns;
    atomic_uint fires;
} Alarm;

static void ring(void *self)
{
    Alarm *alarm = self;
    atomic_store(&alarm->fired_ns, time_monotonic_ns());
    atomic_fetch_add(&alarm->fires, 1);
}

static void alarm_arm(void *self)
{
    Alarm *alarm = self;
    alarm->timer = loop_timer_new(alarm->loop, ring, alarm);
    alarm->armed_ns = time_monotonic_ns();
    loop_timer_arm_ns(alarm->timer, 3600 * NS_PER_SECOND);
    loop_timer_arm_ns(alarm->timer, 20 * NS_PER_MS);
}

static void alarm_free(void *self)
{
    loop_timer_free(((Alarm *)self)->timer);
}

static void sleep_ms(i64 ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

TEST(loop, a_timer_fires_once_after_its_last_arming)
{
    LoopSet *loops;
    Err err;
    CHECK_OK(loops_open(1, &loops, &err), &err);
    Alarm alarm = {.loop = loops_get(loops, 0)};
    loop_call_wait(alarm.loop, alarm_arm, &alarm);
    for (int i = 0; i < 500 && atomic_load(&alarm.fires) == 0; i++) {
        sleep_ms(10);
    }
    sleep_ms(50);
    CHECK_U64(atomic_load(&alarm.fires), 1);
    CHECK(atomic_load(&alarm.fired_ns) - alarm.armed_ns >= 20 * NS_PER_MS);
    loop_call_wait(alarm.loop, alarm_free, &alarm);
    loops_close(loops);
}
