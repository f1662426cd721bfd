/*
 * Engine fixture: random stores, answers as text, for the tests of the engine.
 *
 * Layer: promql, tests only. Memory: the caller frees. Thread: one.
 */
#pragma once

#include "base/random.h"
#include "promql/array_source.h"
#include "promql/engine.h"

/* Counters, gauges, classic and native histograms with gaps, resets, NaN, infinities and stale
 * markers: `hosts` of each, an hour at 15 s. */
ArraySource *fixture_store(Random *random, size_t hosts);

/* Every sample of the answer, floats by their bits; the error when there is none. Sorted series. */
void fixture_answer(Engine *engine, Source *source, const QuerySpec *spec, Buf *out);

/*
 * Holds (by assertions) that a query answered at one time is answered the same, to the bit, as the
 * middle of a range query; that asked again it says the same; that a refusal has a code and words;
 * and that budgets hold. Returns whether there was an answer.
 */
bool fixture_check_query(Engine *engine, Source *source, Str query);
