/*
 * OpenMetrics check: is a page all that OpenMetrics 1.0 demands? A scraper takes more (see
 * codec/exposition.h); this is for `promtool check metrics` and for exporters under test: metadata
 * before its samples, families and metrics in one piece, names that do not clash, suffixes and
 * labels and values as each type allows them, whole histograms, exemplars only where they may be.
 *
 * Layer: codec. Memory: an arena for what must be remembered of a page. Thread: any. Source:
 * OpenMetrics 1.0.0 specification.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum {
    OPENMETRICS_EXEMPLAR_MAX = 128, /* code points in the names and values of an exemplar */
};

/*
 * True when the page keeps every rule; else the first broken one, with line and column.
 * page    EXPOSITION_SLACK readable bytes must follow it
 * Errors  ERR_INVALID; ERR_LIMIT from the arena
 */
bool openmetrics_check(Str page, Arena *arena, Err *err) MUST_USE;
