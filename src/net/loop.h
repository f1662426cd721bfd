/*
 * Loop: one event loop (libevent) a core, each with its thread. A connection or scrape target
 * belongs to one loop for life; everything about it happens on that thread, so it needs no lock.
 *
 * Layer: net. Memory: loops_open/loops_close; timers are freed by loop_timer_free on their loop.
 * Thread: loop_call from anywhere; the rest on the loop itself unless said otherwise.
 */
#pragma once

#include "base/err.h"
#include "base/types.h"

typedef struct Loop Loop;
typedef struct LoopSet LoopSet;
typedef struct LoopTimer LoopTimer;
struct event_base;

bool loops_open(size_t count, LoopSet **ret, Err *err) MUST_USE; /* 0: one a core, at most 16 */
LoopSet *
loops_close(LoopSet *set); /* stops, joins, frees; call after everything on them has gone; NULL */
size_t loops_count(const LoopSet *set);
Loop *loops_get(LoopSet *set, size_t index);
Loop *loops_next(LoopSet *set); /* round robin, for new connections and targets; any thread */

struct event_base *loop_base(Loop *loop);
bool loop_is_current(const Loop *loop);

/* Runs run(self) on the loop soon, in call order. Never fails; any thread. */
void loop_call(Loop *loop, void (*run)(void *self), void *self);
/* The same, and waits until it has run. Not from a loop's own thread. */
void loop_call_wait(Loop *loop, void (*run)(void *self), void *self);

/* Fires once after delay_ms on the loop; arm it again for a period. Loop thread. */
LoopTimer *loop_timer_new(Loop *loop, void (*fire)(void *self), void *self);
void loop_timer_arm_ns(LoopTimer *timer, i64 delay_ns); /* replaces an earlier arming */
void loop_timer_stop(LoopTimer *timer);
void loop_timer_free(LoopTimer *timer);
